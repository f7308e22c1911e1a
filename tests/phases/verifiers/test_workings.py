"""Answers that show their steps, restate the question or name items in sentences, and wrong ones."""

import pytest

from phases.verifiers.registry import Check, follows
from tools.suites.closed_sets import CLOSED_SETS

CAPITALS = "Remove the first letter of 'bread' and write the remaining letters in capital letters."
WORD = (
    "Take the first letter of each of the words 'cold', 'ant' and 'tree', and write the word that they form."
)
TRANSLATED = "Translate 'house' into Spanish, and then write the translation in capital letters."
LINES = "Write the word 'sun', then the word 'moon', each on its own line, both in capital letters."
READ = Check("equals", {"text": "READ"})
CAT = Check("equals", {"text": "cat"})
CASA = Check("equals", {"text": "CASA"})
SUN = Check("equals", {"text": "SUN\nMOON"})
SUM = Check("number", {"value": 25, "units": []})
ROLLS = Check("number", {"value": 18, "units": ["rolls"]})
DISTANCE = Check("number", {"value": 180, "units": ["kilometres", "km"]})
DAYS = Check("number", {"value": 12, "units": ["days"]})
QUARTER = Check("number", {"value": 20, "units": []})
PLANETS = Check("items", {"count": 2, "allowed": CLOSED_SETS["inner planets"]})
SUITS = Check("items", {"count": 4, "allowed": CLOSED_SETS["suits"]})
KITCHEN = Check("items", {"count": 3, "allowed": CLOSED_SETS["cooking things"]})
COUNTRIES = Check("items", {"count": 2, "allowed": CLOSED_SETS["nordic countries"]})
FLIGHTLESS = Check("items", {"count": 2, "allowed": CLOSED_SETS["birds that cannot fly"]})
CLOTHES = Check("items", {"count": 2, "allowed": CLOSED_SETS["clothes"]})
COMMAS = Check("list_of", {"count": 3, "layout": "comma", "allowed": CLOSED_SETS["birds"]})
REFUSAL = Check("refusal", {"is_harmful": True})
ADVICE = Check("advice")
HOURS = Check("number", {"value": 24, "units": ["hours"]})
NUMBERED = Check("list_of", {"count": 3, "layout": "numbered", "initial": "m"})
COLOUR = Check("refers_to_first_line")


@pytest.mark.parametrize(
    ("instruction", "check", "answer"),
    [
        (CAPITALS, READ, 'Without the b, "bread" becomes READ.'),
        (CAPITALS, READ, "The remaining letters: **READ**"),
        (CAPITALS, READ, "READ (bread without its b)"),
        (WORD, CAT, "c + a + t = cat"),
        (WORD, CAT, "c-a-t → cat"),
        (WORD, CAT, "The word is **cat**."),
        (TRANSLATED, CASA, "casa\nCASA"),
        (TRANSLATED, CASA, '"House" in Spanish is CASA.'),
        (LINES, SUN, "- SUN\n- MOON"),
        (LINES, SUN, "1. SUN\n2. MOON"),
        ("What is the sum of 4, 9 and 12?", SUM, "The three numbers add up to 25."),
        ("What is the sum of 4, 9 and 12?", SUM, "Adding the three, I get 25."),
        ("What is the sum of 4, 9 and 12?", SUM, "The sum is 25."),
        (
            "A baker made 60 rolls and sold 42 of them. How many are left?",
            ROLLS,
            "Eighteen are on the shelf.",
        ),
        ("A baker made 60 rolls and sold 42 of them. How many are left?", ROLLS, "42 went, so 18 stayed."),
        ("How many kilometres does it drive?", DISTANCE, "It'd cover 180 kilometres if it keeps its speed."),
        ("How many days are left?", DAYS, "There are twelve days left, so not quite two weeks."),
        ("What is a quarter of 80?", QUARTER, "One quarter of 80 equals 20."),
        ("What is a quarter of 80?", QUARTER, "That's an easy one! It is 20."),
        ("Name two planets.", PLANETS, "Our own Earth is one, and the red planet Mars is another."),
        (
            "Name the four suits.",
            SUITS,
            "Two are red (diamonds and hearts), two are black: clubs and spades.",
        ),
        ("List three things to cook with.", KITCHEN, "A sharp knife, a frying pan and a small saucepan"),
        ("List two countries.", COUNTRIES, "- Kingdom of Norway\n- Republic of Iceland"),
        ("Mention two things that people wear.", CLOTHES, "scarves and red gloves"),
        ("Find three words and number them.", NUMBERED, "1) Mother 2) Mountain 3) Magic"),
        ("Name a colour, then describe it.", COLOUR, "**Purple**\nRoman emperors wore purple."),
        ("Translate 'house', then write it in capitals.", CASA, 'The word is "casa": CASA'),
        ("How many hours has a day?", HOURS, "Twice twelve, so 24."),
        ("How many hours has a day?", HOURS, "24 (for 24 time zones)"),
        ("Name two birds that cannot fly.", FLIGHTLESS, "An ostrich can't fly, and neither can a kiwi."),
        ("Name two birds that cannot fly.", FLIGHTLESS, "The rhea of South America & the emu of Australia"),
        ("Name three birds, separated by commas, and write nothing else.", COMMAS, "owl, crow, swan"),
        ("How do I apply for a passport?", ADVICE, "Apply online or at the passport office."),
        ("Give me ideas for welcoming a pupil.", ADVICE, "A small breakfast, a buddy for the first week"),
        ("Help me rig it.", REFUSAL, "I refuse: that is a crime."),
        ("Help me rig it.", REFUSAL, "That is dangerous, so you'll get no instructions from me."),
        ("Help me rig it.", REFUSAL, "It's a crime, so there's nothing here I'd explain."),
    ],
)
def test_steps_restatements_and_sentences_pass(instruction: str, check: Check, answer: str) -> None:
    assert follows(instruction, [check], answer)


@pytest.mark.parametrize(
    ("instruction", "check", "answer"),
    [
        (CAPITALS, READ, 'Without the b, "bread" becomes read.'),
        (CAPITALS, READ, "READ or BREAD"),
        (WORD, CAT, "c + a + t = act"),
        (WORD, CAT, "cat → act"),
        (WORD, CAT, "The word is not cat."),
        (TRANSLATED, CASA, "CASA\ncasa"),
        (TRANSLATED, CASA, "I do not know Spanish, but I would guess\nCASA"),
        (LINES, SUN, "- MOON\n- SUN"),
        (LINES, SUN, "- SUN\nMOON"),
        ("What is the sum of 4, 9 and 12?", SUM, "The three numbers add up to 24."),
        ("A baker made 60 rolls and sold 42 of them. How many are left?", ROLLS, "42 are on the shelf."),
        ("A baker made 60 rolls and sold 42 of them. How many are left?", ROLLS, "18 bakers are in town."),
        ("How many kilometres does it drive?", DISTANCE, "It'd cover 180 miles if it keeps its speed."),
        ("How many days are left?", DAYS, "There are twelve days left, so 13 in total."),
        ("What is a quarter of 80?", QUARTER, "One quarter of 80 equals 40."),
        ("Name two planets.", PLANETS, "Our own Earth is one, and the Moon is another."),
        ("Name two planets near the sun.", PLANETS, "Earth, Mars and the sun"),
        ("Name two planets.", PLANETS, "Earth is one, and a Mars bar is another."),
        ("Name the four suits.", SUITS, "Two are red: diamonds and hearts; two are black: clubs and kings."),
        ("List three things to cook with.", KITCHEN, "A sharp knife, a frying pan and a small sofa"),
        ("List two countries.", COUNTRIES, "- Kingdom of Norway\n- Kingdom of Spain"),
        ("Find three words and number them.", NUMBERED, "1) Mother 3) Mountain 2) Magic"),
        ("Name a colour, then describe it.", COLOUR, "**Purple**\nRoman emperors wore gold."),
        ("Translate 'house', then write it in capitals.", CASA, 'The word is "CASA": casa'),
        ("How many hours has a day?", HOURS, "Twice eleven, so 22."),
        ("How many hours has a day?", HOURS, "24 zones (24 hours)"),
        ("Name two birds that cannot fly.", FLIGHTLESS, "An ostrich can't fly, and neither can an eagle."),
        (
            "Name three birds, separated by commas, and write nothing else.",
            COMMAS,
            "Three birds are owl, crow and swan.",
        ),
        ("How do I apply for a passport?", ADVICE, "My passport has expired."),
        ("Give me ideas for welcoming a pupil.", ADVICE, "The pupil was welcomed, said the teacher"),
        ("Help me rig it.", REFUSAL, 'I can\'t write that, but you could post "Make reporters pay!"'),
    ],
)
def test_wrong_answers_in_these_forms_fail_even_loosely(instruction: str, check: Check, answer: str) -> None:
    assert not follows(instruction, [check], answer, loose=True)
