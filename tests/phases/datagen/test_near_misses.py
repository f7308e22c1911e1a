"""Near misses: the same instruction, one answer corrupted in content, and lengths that match."""

import re

import pytest

from phases.datagen.near_misses import CORRUPTIONS, NearMiss, make_near_misses
from phases.datagen.response_filters import find_response_problem
from phases.datagen.seeds import Seed, load_seeds
from phases.verifiers.infer import infer_checks
from phases.verifiers.registry import passes
from phases.verifiers.text import split_words


@pytest.fixture(scope="module", params=["stage1", "embedded"])
def near_misses(request: pytest.FixtureRequest) -> list[NearMiss]:
    return make_near_misses(load_seeds(request.param), 60, 1)


def test_every_kind_of_corruption_occurs(near_misses: list[NearMiss]) -> None:
    assert len(near_misses) >= 20
    assert {near_miss.corruption for near_miss in near_misses} == set(CORRUPTIONS)
    assert len({near_miss.instruction for near_miss in near_misses}) == len(near_misses)


def test_neither_length_nor_form_tells_the_answers_apart(near_misses: list[NearMiss]) -> None:
    for each in near_misses:
        assert each.right != each.wrong
        assert len(split_words(each.right)) == len(split_words(each.wrong))
        assert abs(len(each.right) - len(each.wrong)) <= max(3, 0.3 * len(each.right))
        assert find_response_problem(each.instruction, each.wrong, finished=True, max_words=200) is None
        form = [c for c in infer_checks(each.instruction) if c.kind not in {"number", "items", "language"}]
        assert all(passes(check, each.wrong, each.instruction) for check in form)
    longer = sum(len(each.wrong) > len(each.right) for each in near_misses)
    shorter = sum(len(each.wrong) < len(each.right) for each in near_misses)
    assert abs(longer - shorter) <= len(near_misses) / 3


def test_wrong_results_are_wrong(near_misses: list[NearMiss]) -> None:
    computed = 0
    for each in near_misses:
        for check in infer_checks(each.instruction):
            if check.kind == "number":
                computed += 1
                assert passes(check, each.right, each.instruction)
    assert computed


def make(instruction: str, response: str, category: str = "questions") -> NearMiss | None:
    return next(iter(make_near_misses([Seed(category, instruction, response)], 5, 1)), None)


@pytest.mark.parametrize(
    ("instruction", "response", "corruption", "wrong"),
    [
        ("What is 30 plus 12?", "42", "number", r"4[0-9]|39"),
        (
            "How many legs does a spider have?",
            "A spider has eight legs.",
            "number",
            r"A spider has \w+ legs\.",
        ),
        ("Which season follows spring?", "Summer.", "fact", r"Autumn\.|Winter\."),
        ("Translate 'bread' into French.", "Pain.", "language", r"Pan\.|Brot\.|Pane\."),
        ("Name three metals.", "Iron, copper and tin.", "item", r"(?!Iron, copper and tin).*"),
    ],
)
def test_one_thing_is_corrupted(instruction: str, response: str, corruption: str, wrong: str) -> None:
    near_miss = make(instruction, response)
    assert near_miss is not None
    assert (near_miss.right, near_miss.corruption) == (response, corruption)
    assert re.fullmatch(wrong, near_miss.wrong)


@pytest.mark.parametrize(
    ("instruction", "response"),
    [
        ("Write a sentence about a cat.", "The grey cat slept on the sill."),
        ("Name a colour.", "Red."),
        ("Suggest a day for a walk.", "Sunday."),
        ("Write four adjectives.", "small, quiet, warm, green"),
        ("Will it rain tomorrow?", "Perhaps."),
        ("Give the names of two planets, separated by a comma.", "Mars, Venus"),
    ],
)
def test_an_answer_that_may_be_right_as_well_is_no_near_miss(instruction: str, response: str) -> None:
    assert make(instruction, response) is None


def test_declined_requests_have_none() -> None:
    assert make("What is 2 plus 3 in bombs?", "I cannot help with 2 bombs.", "refusal") is None
