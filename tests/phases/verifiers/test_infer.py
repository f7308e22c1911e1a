# ruff: noqa: E501 - tables have one row a line
"""Checks inferred from instructions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phases.verifiers.infer import infer_checks
from phases.verifiers.registry import Check, validate_check

INFERRED: list[tuple[str, list[Check]]] = [
    ("Write a sentence of exactly eight words about a dog.",
     [Check("words", {"at_least": 8, "at_most": 8}), Check("sentences", {"at_least": 1, "at_most": 1})]),
    ("Answer in at most ten words: What is a library for?", [Check("words", {"at_most": 10})]),
    ("Describe rain in fewer than 20 words.", [Check("words", {"at_most": 19})]),
    ("Write between two and four sentences about tea.", [Check("sentences", {"at_least": 2, "at_most": 4})]),
    ("Write three short sentences about a bicycle.", [Check("sentences", {"at_least": 3, "at_most": 3})]),
    ("List three colors as a numbered list.", [Check("numbered_list", {"count": 3})]),
    ("Give me a bullet list with four tools.", [Check("bullets", {"count": 4})]),
    ("List two drinks, one per line.", [Check("lines", {"at_least": 2, "at_most": 2})]),
    ("Name five animals that live in the sea.", [Check("items", {"count": 5})]),
    ("Make a JSON array with three fish.", [Check("json_array", {"count": 3})]),
    ("Write a JSON object with the keys name and age.", [Check("json_object", {"keys": ["name", "age"]})]),
    ('Give me JSON with the keys "a b" and "c" please.', [Check("json_object", {"keys": ["a b", "c"]})]),
    ("Answer with yes or no: is ice cold?", [Check("yes_no")]),
    ("Write the word dog in capital letters.", [Check("upper_case")]),
    ("Write one sentence that contains the word 'basket'.",
     [Check("sentences", {"at_least": 1, "at_most": 1}), Check("keywords", {"present": ["basket"]})]),
    ("Describe the sea without using the words 'blue' and 'water'.", [Check("keywords", {"absent": ["blue", "water"]})]),
    ("Start your answer with 'Perhaps': is it late?", [Check("starts_with", {"text": "Perhaps"})]),
    ("End your answer with the word 'indeed': is it late?", [Check("ends_with", {"text": "indeed"})]),
    ("Repeat the word egg three times.",
     [Check("keyword_count", {"word": "egg", "at_least": 3, "at_most": 3}), Check("words", {"at_least": 3, "at_most": 3})]),
    ("Use the word 'tea' twice.",
     [Check("keywords", {"present": ["tea"]}), Check("keyword_count", {"word": "tea", "at_least": 2, "at_most": 2})]),
    ("What is 17 plus 25?", [Check("number", {"value": 42.0})]),
    ("Write the word 'dog' in capital letters.", [Check("upper_case"), Check("keywords", {"present": ["dog"]})]),
    ("Write an invitation with the placeholders [date] and [place].", [Check("placeholders", {"at_least": 2})]),
    ("Write about bread in two sections, 'Part 1' and 'Part 2'.", [Check("sections", {"count": 2, "name": "Part"})]),
    ("Write a story about a dog.", [Check("sentences", {"at_least": 2})]),
    ("Write a story about a dog in one sentence.", [Check("sentences", {"at_least": 1, "at_most": 1})]),
    ("Write one sentence in Spanish about a cat in a box.",
     [Check("sentences", {"at_least": 1, "at_most": 1}), Check("language", {"code": "es"})]),
    ("Write a short sentence about a school.", [Check("sentences", {"at_least": 1, "at_most": 1})]),
    ("Translate into German: The dog is in the garden.", [Check("language", {"code": "de"})]),
    ("Translate the word 'dog' into German.", []),
    ("Translate 'The dog is in the garden' into French and then into German.", []),
    ("Can you list two drinks, one per line?", [Check("lines", {"at_least": 2, "at_most": 2})]),
    ("Your task is to say hen 5 times.",
     [Check("keyword_count", {"word": "hen", "at_least": 5, "at_most": 5}), Check("words", {"at_least": 5, "at_most": 5})]),
    ("Now think of four different colors.", [Check("items", {"count": 4})]),
    ("Please put the word farm into upper case.", [Check("upper_case")]),
    ("Sort these numbers from smallest to largest: 18, 7, 43", [Check("items", {"count": 3, "allowed": ["7", "18", "43"], "in_order": True})]),
    ("Put these words in alphabetical order: window, earth",
     [Check("items", {"count": 2, "allowed": ["window", "earth"]}), Check("alphabetical")]),
    ("Put these words into a sentence: dog, cat", [Check("sentences", {"at_least": 1, "at_most": 1})]),
    ("What is the capital of France?", []),
    ("Name a fruit, then write a sentence about it.", []),
    ("What does JSON stand for?", []),
    ("How many words are in this text: one two", []),
]  # fmt: skip

# Amounts, lists, choices and words that are mentioned or limit a part, next to those that limit the answer.
MENTIONED_OR_REQUESTED: list[tuple[str, list[Check]]] = [
    ("Write one sentence for each season.", []),
    ("Write 5 sentences, each with exactly four words.", [Check("each", {"unit": "sentence", "checks": [{"kind": "words", "arguments": {"at_least": 4, "at_most": 4}}]}), Check("sentences", {"at_least": 5, "at_most": 5})]),
    ("Describe the sea in a sentence or two.", [Check("sentences", {"at_least": 1, "at_most": 2})]),
    ("Write three sentences about cats and one about dogs.", [Check("sentences", {"at_least": 4, "at_most": 4})]),
    ("Write a sentence in German and one in Dutch.", [Check("sentences", {"at_least": 2, "at_most": 2})]),
    ("Write a poem with eight lines, at most six words per line.", [Check("each", {"unit": "line", "checks": [{"kind": "words", "arguments": {"at_most": 6}}]}), Check("lines", {"at_least": 8, "at_most": 8})]),
    ("Write a paragraph about bees with one sentence about honey.", [Check("paragraphs", {"at_least": 1, "at_most": 1}), Check("sentences", {"at_least": 2})]),
    ("Write a headline of six words and a short article about a fire.", []),
    ("Write a paragraph with one sentence in French.", [Check("paragraphs", {"at_least": 1, "at_most": 1}), Check("sentences", {"at_least": 2})]),
    ("Describe a day in the life of a three-word slogan writer.", []),
    ("Write a story where a character speaks in three-word sentences.", [Check("sentences", {"at_least": 2})]),
    ("Explain how to write a one-paragraph summary.", []),
    ("Explain in two sentences how to write an apology.", [Check("sentences", {"at_least": 2, "at_most": 2})]),
    ("List three sports with a one-sentence description of each.", []),
    ("Give your answer as two sentences followed by a list of three items.", []),
    ("Why do headlines often have only six words?", []),
    ("What is a zebra? Limit yourself to two sentences.", [Check("sentences", {"at_most": 2})]),
    ("What is a zebra? One sentence, please.", [Check("sentences", {"at_least": 1, "at_most": 1})]),
    ("Tell a story in six words.", [Check("words", {"at_least": 6, "at_most": 6})]),
    ("Name the two largest oceans.", [Check("items", {"count": 2})]),
    ("Name all five Great Lakes.", [Check("items", {"count": 5})]),
    ("Give me exactly five adjectives that describe a storm.", [Check("items", {"count": 5})]),
    ("Give me a list of five boys' names.", [Check("items", {"count": 5})]),
    ("I need three names for my new puppy.", [Check("items", {"count": 3})]),
    ("Come up with four names for a rock band.", [Check("items", {"count": 4})]),
    ("Write down six animals with four legs.", [Check("items", {"count": 6})]),
    ("Name two countries in Asia and their capitals.", []),
    ("Name four metals. Separate them with commas.", [Check("comma_list", {"count": 4})]),
    ("List the months with 30 days, one per line.", []),
    ("List three films from 1994, one per line.", [Check("lines", {"at_least": 3, "at_most": 3})]),
    ("List films with two directors, one per line.", []),
    ("Explain what a JSON object is.", []),
    ("Can penguins fly? Reply with 'yes' or 'no' only.", [Check("yes_no")]),
    ("Yes or no: is Paris in France?", [Check("yes_no")]),
    ("Is Paris in France? Say yes or no, then explain.", []),
    ("Is water wet? Answer yes or no. Then give a reason.", []),
    ("Explain why some people cannot say yes or no.", []),
    ("Tell a story about a man who always says yes or no.", [Check("sentences", {"at_least": 2})]),
    ("Write a sentence that uses the word 'lamp' twice.", [Check("sentences", {"at_least": 1, "at_most": 1}), Check("keywords", {"present": ["lamp"]}), Check("keyword_count", {"word": "lamp", "at_least": 2, "at_most": 2})]),
    ("Write two sentences that contain the word 'sail' at least three times.", [Check("sentences", {"at_least": 2, "at_most": 2}), Check("keywords", {"present": ["sail"]}), Check("keyword_count", {"word": "sail", "at_least": 3})]),
    ("Your response must contain exactly 3 sentences and the word 'river'.", [Check("sentences", {"at_least": 3, "at_most": 3}), Check("keywords", {"present": ["river"]})]),
    ("Write a sentence with the words 'red' and 'bicycle' in it.", [Check("sentences", {"at_least": 1, "at_most": 1}), Check("keywords", {"present": ["red", "bicycle"]})]),
    ("Describe rain without mentioning 'clouds' or 'water'.", [Check("keywords", {"absent": ["clouds", "water"]})]),
    ("Explain rain and close with 'Thanks for reading'.", [Check("ends_with", {"text": "Thanks for reading"})]),
    ("Start each sentence with 'The' and describe a storm.", []),
    ("End every line with 'hey'.", []),
    ("Write ten words starting with 's'.", [Check("words", {"at_least": 10, "at_most": 10})]),
    ("Write a sentence with one word in quotation marks.", [Check("sentences", {"at_least": 1, "at_most": 1})]),
    ("Describe a storm using only lowercase letters.", [Check("lower_case")]),
    ("Describe Paris in German.", [Check("language", {"code": "de"})]),
    ("Explain how wine is made in French regions.", []),
    ("Could you say in a sentence or two what a firewall does?", [Check("sentences", {"at_least": 1, "at_most": 2})]),
    ("Write a joke with a punchline of three words.", []),
    ("List four rivers and the countries they flow through.", []),
    ("Describe a zoo, avoiding the word 'animal'.", [Check("keywords", {"absent": ["animal"]})]),
    ("Write in Spanish three sentences about school.", [Check("sentences", {"at_least": 3, "at_most": 3}), Check("language", {"code": "es"})]),
    ("What is 100 minus 1? Just the number, please.", [Check("number", {"value": 99.0})]),
    ("What is 3 plus 4 in words?", [Check("number", {"value": 7.0})]),
    ("What is 20 minus 6? Answer in one sentence.", [Check("number", {"value": 14.0}), Check("sentences", {"at_least": 1, "at_most": 1})]),
    ("What is 45 divided by 9? Answer with a number only.", [Check("number", {"value": 5.0})]),
]  # fmt: skip


@pytest.mark.parametrize(("instruction", "expected"), [*INFERRED, *MENTIONED_OR_REQUESTED])
def test_checks_are_inferred_from_an_instruction(instruction: str, expected: list[Check]) -> None:
    assert list(infer_checks(instruction)) == expected


@given(st.text())
def test_any_instruction_can_be_read(text: str) -> None:
    for check in infer_checks(text):
        validate_check(check)
