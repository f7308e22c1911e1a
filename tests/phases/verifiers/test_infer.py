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
    ("Sort these numbers from smallest to largest: 18, 7, 43", [Check("items", {"count": 3, "allowed": ["18", "7", "43"]})]),
    ("Put these words in alphabetical order: window, earth",
     [Check("items", {"count": 2, "allowed": ["window", "earth"]}), Check("alphabetical")]),
    ("Put these words into a sentence: dog, cat", [Check("sentences", {"at_least": 1, "at_most": 1})]),
    ("What is the capital of France?", []),
    ("Name a fruit, then write a sentence about it.", []),
    ("What does JSON stand for?", []),
    ("How many words are in this text: one two", []),
]  # fmt: skip


@pytest.mark.parametrize(("instruction", "expected"), INFERRED)
def test_what_an_instruction_asks_for(instruction: str, expected: list[Check]) -> None:
    assert list(infer_checks(instruction)) == expected


@given(st.text())
def test_any_instruction_can_be_read(text: str) -> None:
    for check in infer_checks(text):
        validate_check(check)
