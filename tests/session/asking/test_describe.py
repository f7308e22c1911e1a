"""Answers and costs in words."""

import pytest

from app.session.asking.describe import describe_cost, describe_ending
from app.session.asking.view import AnswerView
from phases.contract.questions import Verdict


@pytest.mark.parametrize(
    ("verdict", "stops", "went_on", "words"),
    [
        (None, True, False, "stops by itself"),
        (None, False, True, "continues with another prompt"),
        (None, False, False, "cut off at the limit of tokens"),
        (Verdict(True, True, True), True, False, "✓ passes, stops by itself"),
        (
            Verdict(False, True, True, ("went_on",)),
            False,
            True,
            "✓ follows, continues with another prompt",
        ),
        (
            Verdict(False, False, True, ("items",)),
            True,
            False,
            "~ follows only loosely: not the items asked for, stops by itself",
        ),
        (
            Verdict(False, False, False, ("unfinished", "mentions")),
            False,
            False,
            "✗ fails: off topic, cut off at the limit of tokens",
        ),
    ],
)
def test_an_ending(verdict: Verdict | None, stops: bool, went_on: bool, words: str) -> None:
    answer = AnswerView(
        model="sft", state="done", tokens=9, seconds=0.26, stops=stops, went_on=went_on, verdict=verdict
    )
    assert describe_ending(answer) == f"{words}, 9 tokens in 0.3 s"


def test_small_costs_show_more_digits() -> None:
    assert describe_cost(45, 1.74) == "45s, $0.022 at $1.74/h"
    assert describe_cost(1200, 1.74) == "20m, $0.58 at $1.74/h"
