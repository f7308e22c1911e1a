"""Repetition, and all filters on the seeds and on any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phases.datagen.instruction_filters import collect_opening_words, find_instruction_problem
from phases.datagen.response_filters import find_response_problem
from phases.datagen.seeds import load_seeds
from phases.datagen.text_filters import has_empty_item, is_repetitive


@pytest.mark.parametrize("name", ["stage1", "embedded"])
def test_no_filter_removes_a_seed(name: str) -> None:
    seeds = load_seeds(name)
    opening_words = collect_opening_words([seed.instruction for seed in seeds])
    problems = {
        seed.instruction: problem
        for seed in seeds
        if (
            problem := find_instruction_problem(seed.instruction, opening_words)
            or find_response_problem(seed.instruction, seed.response, finished=True, max_words=200)
        )
    }
    assert problems == {}


@given(st.text(max_size=60), st.text(max_size=60), st.booleans())
def test_filters_take_any_text(instruction: str, response: str, finished: bool) -> None:
    find_instruction_problem(instruction)
    problem = find_response_problem(instruction, response, finished=finished, max_words=10)
    assert finished or problem in {"unfinished response", "empty response"}


@given(st.lists(st.sampled_from("abcdefg"), min_size=4, max_size=12))
def test_a_text_repeated_six_times_is_repetitive(letters: list[str]) -> None:
    assert is_repetitive(" ".join(letters * 6))


@pytest.mark.parametrize(
    "text",
    [
        "1. Take a warm bath.\n2. Take a warm bath.",
        "I am very happy to hear from you. I am very happy to hear from you.",
        "<p>The trip is an adventure.</p>\n<b>The trip is an adventure!</b>",
        "- 13 useful photos\n- 9 useful tools\n- 13 useful photos",
    ],
)
def test_a_repeated_statement_is_repetitive_whatever_marks_it(text: str) -> None:
    assert is_repetitive(text)


@pytest.mark.parametrize(
    "text",
    [
        "1. Take a warm bath.\n2. Take a cold bath.",
        "Of course. Come in. Of course.",
        "<li>Tea</li><li>Milk</li>",
        "```python\nprint(a + b + c)\nx = 1\nprint(a + b + c)\n```\nIt prints the sum twice.",
    ],
)
def test_similar_statements_and_code_are_not_repetitive(text: str) -> None:
    assert not is_repetitive(text)


@pytest.mark.parametrize(
    ("text", "is_empty"),
    [("1.\n2.\n3.", True), ("- Tea\n-\n- Milk", True), ("10.", False), ("1. Tea\n\n2. Milk", False)],
)
def test_items_without_text(text: str, is_empty: bool) -> None:
    assert has_empty_item(text) == is_empty
