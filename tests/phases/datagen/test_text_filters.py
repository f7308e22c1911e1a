"""Repetition, and all filters on the seeds and on any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phases.datagen.instruction_filters import collect_opening_words, find_instruction_problem
from phases.datagen.response_filters import find_response_problem
from phases.datagen.seeds import load_seeds
from phases.datagen.text_filters import is_repetitive


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
