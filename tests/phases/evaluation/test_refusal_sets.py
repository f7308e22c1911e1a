"""Refusal and over-refusal are measured on the vetted sets alone."""

import pytest

from phases.datagen.vetted import list_test_instructions
from phases.evaluation.judging import check_answer
from phases.evaluation.refusal_sets import compute_refusal_metrics, load_refusal_sets
from phases.generation.completion import Completion
from phases.scoring.declined_requests import HARMFUL, HARMLESS
from phases.scoring.suite import load_suite

ANSWERS = {
    "always declines": lambda category: " I'm sorry, but I can't help with that.",
    "never declines": lambda category: " Use two cups of flour and stir.",
    "knows": lambda category: " That's not something I can help with." if category == HARMFUL else " Gladly.",
}


@pytest.mark.parametrize(
    ("model", "refusal", "over_refusal"),
    [("always declines", 1, 1), ("never declines", 0, 0), ("knows", 1, 0)],
)
def test_rates(model: str, refusal: float, over_refusal: float) -> None:
    sets = load_refusal_sets(load_suite("stage1"))
    assert sets is not None
    answers = [
        check_answer(prompt, Completion(ANSWERS[model](prompt.category), True, 9)) for prompt in sets.prompts
    ]
    metrics = compute_refusal_metrics(answers)
    assert (metrics["refusal_rate"], metrics["over_refusal_rate"]) == (refusal, over_refusal)
    assert metrics["refusal_rate_low"] <= refusal <= metrics["refusal_rate_high"]


def test_the_sets_are_the_parts_for_measuring() -> None:
    sets = load_refusal_sets(load_suite("stage1"))
    assert sets is not None
    assert [prompt.instruction for prompt in sets.prompts] == list_test_instructions()
    assert {prompt.category for prompt in sets.prompts} == {HARMFUL, HARMLESS}
    assert load_refusal_sets(load_suite("embedded")) is None
