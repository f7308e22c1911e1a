# ruff: noqa: E501 - tables have one row a line
"""Amounts of text that instructions ask for: ranges, bounds, shares, parts and alternatives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phases.verifiers.infer import infer_checks
from phases.verifiers.quantities import find_amounts, parse_number
from phases.verifiers.registry import follows

Found = tuple[str, int | None, int | None, str]

AMOUNTS: list[tuple[str, list[Found]]] = [
    # Ranges and alternatives of a number.
    ("Write a sentence or two about tea.", [("sentence", 1, 2, "")]),
    ("Answer in one or two sentences.", [("sentence", 1, 2, "")]),
    ("In a word or two, describe rain.", [("word", 1, 2, "")]),
    ("Write 2-3 sentences on rain.", [("sentence", 2, 3, "")]),
    ("Explain gravity in three to five sentences.", [("sentence", 3, 5, "")]),
    ("In one or at most two sentences, explain fog.", [("sentence", None, 2, "")]),
    ("Answer in one word, two at most.", [("word", 1, 2, "")]),
    # Bounds, with and without a negation.
    ("Use at least 20 but no more than 30 words.", [("word", 20, 30, "")]),
    ("Write a paragraph that has more than two but fewer than six sentences.", [("sentence", 3, 5, ""), ("paragraph", 1, 1, "")]),
    ("Do not use more than three sentences.", [("sentence", None, 3, "")]),
    ("Never use fewer than ten words.", [("word", 10, None, "")]),
    ("Write no fewer than three sentences.", [("sentence", 3, None, "")]),
    ("Use no more than a sentence.", [("sentence", None, 1, "")]),
    ("Explain gravity in more than one sentence.", [("sentence", 2, None, "")]),
    ("Describe fog (20 words or fewer).", [("word", None, 20, "")]),
    ("Ten words maximum: what is fog?", [("word", None, 10, "")]),
    ("Write one or more sentences about tea.", [("sentence", 1, None, "")]),
    ("Write a story of about 50 words.", [("word", 37, 63, "")]),
    ("Write approximately ten words.", [("word", 7, 13, "")]),
    # Numbers in words.
    ("Write a paragraph of twenty-five words.", [("word", 25, 25, ""), ("paragraph", 1, 1, "")]),
    ("Describe the sea in two hundred and fifty words.", [("word", 250, 250, "")]),
    ("Write a dozen words about snow.", [("word", 12, 12, "")]),
    ("Write a couple of sentences about snow.", [("sentence", 2, 2, "")]),
    # Shares of a total.
    ("Write three sentences about cats and one about dogs.", [("sentence", 4, 4, "")]),
    ("Write one sentence about cats, two about dogs, and another about birds.", [("sentence", 4, 4, "")]),
    ("Write one sentence about tea and one sentence about coffee.", [("sentence", 2, 2, "")]),
    ("Give me two short paragraphs, one on tea and one on coffee.", [("paragraph", 2, 2, "")]),
    ("Write a sentence about two books, one about war and one about love.", []),
    # Each part has its own amount.
    ("5 sentences, each with exactly four words", [("word", 4, 4, "sentence"), ("sentence", 5, 5, "")]),
    ("Write five sentences of four words each.", [("word", 4, 4, "sentence"), ("sentence", 5, 5, "")]),
    ("Write three five-word sentences about tea.", [("word", 5, 5, "sentence"), ("sentence", 3, 3, "")]),
    ("Write three lines, with five words in each line.", [("word", 5, 5, "line"), ("line", 3, 3, "")]),
    ("Write about tea. Each sentence should have at most six words.", [("word", None, 6, "sentence")]),
    ("Write exactly three sentences, every one of them with six words.", [("word", 6, 6, "sentence"), ("sentence", 3, 3, "")]),
    ("Write three bullet points of at most five words each.", [("word", None, 5, "item")]),
    ("Write three paragraphs with two sentences per paragraph.", [("sentence", 2, 2, "paragraph"), ("paragraph", 3, 3, "")]),
    ("Write 5 sentences, each about a different animal.", [("sentence", 5, 5, "")]),
    ("List three animals and write one sentence about each.", []),
    ("Write one sentence for each season.", []),
    ("Write two sentences of five words.", [("sentence", 2, 2, "")]),
    ("Write three sentences with no more than 20 words in total.", [("word", None, 20, ""), ("sentence", 3, 3, "")]),
    ("Write a paragraph with 4 to 6 sentences, none longer than 12 words.", [("word", None, 12, "sentence"), ("sentence", 4, 6, ""), ("paragraph", 1, 1, "")]),
    ("Write a poem in which no line has more than eight words.", [("word", None, 8, "line")]),
    # A part alone.
    ("Write a poem with four lines and a title of two words.", [("line", 4, 4, "")]),
    ("The first sentence should have five words.", []),
    ("Use three lines and make the second line two words long.", [("line", 3, 3, "")]),
    ("Write a story that ends with a two-word sentence.", []),
    ("Write a five-word title for a book.", [("word", 5, 5, "")]),
    # Something else, or one of several.
    ("Write a sentence of 10 words or a paragraph of 50 words.", []),
    ("Write one paragraph and one sentence about tea.", []),
    ("In exactly two sentences and fewer than 30 words, describe rain.", [("word", None, 29, ""), ("sentence", 2, 2, "")]),
    ("Do not rhyme and use more than ten words.", [("word", 11, None, "")]),
    ("Answer with one word or one sentence.", []),
    ("Write a six-word sentence and a three-word sentence about ice.", []),
    ("Write a text of three sentences or a list of five points about ice.", []),
    # An amount of somebody else's text, or of another one.
    ("Write a song about a man who has three sentences left to say.", []),
    ("Write a letter to a friend who wrote me five lines.", []),
    ("Write a review of a book that has 300 words.", []),
    ("A text has 40 words and 10 are removed. How many are left?", []),
    ("Write a poem that has four lines about tea.", [("line", 4, 4, "")]),
    ("Write neither more nor less than eight words about tea.", [("word", 8, 8, "")]),
    ("Describe tea in no more and no fewer than eight words.", [("word", 8, 8, "")]),
    ("Write a sentence about cats and a paragraph about dogs.", []),
    ("Translate the two sentences into French.", []),
    ("Summarize the three paragraphs in one sentence.", [("sentence", 1, 1, "")]),
    ("Combine these two sentences into one sentence: I ran. I fell.", [("sentence", 1, 1, "")]),
    ("Write a sentence about two words.", [("sentence", 1, 1, "")]),
    ("If you need more than three sentences, stop.", []),
    ('Write "three sentences" in French.', []),
    ("What is a sentence?", []),
    ("In your own words, explain rain.", []),
]  # fmt: skip


@pytest.mark.parametrize(("instruction", "expected"), AMOUNTS)
def test_amounts(instruction: str, expected: list[Found]) -> None:
    assert [(a.unit, a.low, a.high, a.item) for a in find_amounts(instruction)] == expected


FOLLOWED: list[tuple[str, list[str], list[str]]] = [
    ("Write a sentence or two about tea.", ["Tea is hot.", "Tea is hot. I like it."], ["Tea. It is hot. Good.", "tea"]),
    ("Write three sentences about cats and one about dogs.", ["Cats purr. Cats sleep. Cats hunt. Dogs bark."], ["Cats purr. Cats sleep. Cats hunt."]),
    ("Write 5 sentences, each with exactly four words.",
     ["I like red apples. You drink cold milk. We eat warm bread. They cook fresh fish. She bakes sweet cake."],
     ["I like red apples. You drink cold milk. We eat warm bread. They cook fish. She bakes sweet cake.", "I like red apples."]),
    ("List 3 to 5 animals.", ["Cat, dog, cow", "Cat, dog, cow, hen and pig"], ["Cat, dog", "Cat, dog, cow, hen, pig, fox"]),
    ("Use the word 'tea' or 'coffee' in a sentence.", ["I like tea.", "Coffee is hot."], ["Milk is cold."]),
    ("Use the word 'tea' at least twice.", ["Tea for tea.", "Tea, tea, tea."], ["Tea is good."]),
    ("Write three bullet points of at most two words each.", ["- red\n- very blue\n- green"], ["- red\n- very dark blue\n- green", "- red\n- blue"]),
]  # fmt: skip


@pytest.mark.parametrize(("instruction", "right", "wrong"), FOLLOWED)
def test_inferred_checks_distinguish_right_from_wrong_answers(
    instruction: str, right: list[str], wrong: list[str]
) -> None:
    checks = infer_checks(instruction)
    assert checks
    assert [answer for answer in right if not follows(instruction, checks, answer)] == []
    assert [answer for answer in wrong if follows(instruction, checks, answer)] == []


@pytest.mark.parametrize(
    "instruction",
    [
        "List at least three animals.",
        "Name three birds or more.",
        "Name about five birds.",
        "Give me at least three colors as a numbered list.",
        "Name three fruits and three vegetables.",
        "Write at least two sections.",
        "Start your answer with 'Yes' or 'No'.",
        "Write the sea in lower case or in upper case.",
        "Repeat the word egg two or three times.",
    ],
)
def test_an_open_or_ambiguous_demand_yields_no_check(instruction: str) -> None:
    assert infer_checks(instruction) == ()


def test_a_form_of_a_part_is_not_that_of_the_answer() -> None:
    for instruction in (
        "Write a note with the first word in capitals.",
        "Write a note with its title in quotation marks.",
        "Write a note with all nouns in capital letters.",
    ):
        assert infer_checks(instruction) == ()


@given(st.integers(0, 99_999))
def test_digits_are_read(number: int) -> None:
    assert parse_number(str(number)) == parse_number(f"{number:,}") == number


@given(st.text(alphabet="aeinorst 0123456789-,.'\"wordsentclip", max_size=80))
def test_any_text_can_be_read(text: str) -> None:
    for amount in find_amounts(f"Write {text} words, each of two {text} sentences"):
        assert amount.low is None or amount.high is None or amount.low <= amount.high
