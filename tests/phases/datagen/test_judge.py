"""Judging pairs with a small model, by choice and by likelihood."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phases.datagen.constitution import Constitution
from phases.datagen.judge import judge_by_choice, judge_by_likelihood
from phases.datagen.judge_score import JudgeScore
from phases.datagen.seeds import Seed
from phases.generation.scoring import score_continuations
from phases.generation.transformers_engine import TransformersEngine
from phases.models.loader import load_model


@given(st.floats(-20, 20), st.floats(-20, 20))
def test_scores_whose_orders_disagree_are_ties(first: float, second: float) -> None:
    score = JudgeScore(first, second)
    assert -1 <= score.margin <= 1
    if (first > 0) != (second > 0):
        assert score.preference == 0
    elif score.is_consistent:
        assert math.copysign(1, score.preference) == math.copysign(1, first)


def test_the_likelier_response_is_preferred_in_any_order(tiny_model: Path) -> None:

    examples = [Seed("c", "Name a colour.", "Red.")]
    loaded = load_model(str(tiny_model))
    engine = TransformersEngine(loaded, 3)
    pairs = [
        ("Name a flower.", "A rose.", "Paris"),
        ("Name a flower.", "Paris", "A rose."),
        ("A", "b", "c d"),
    ]
    scores = judge_by_likelihood(engine, examples, pairs)
    prefix = "Instruction: Name a colour.\nResponse: Red.\n\nInstruction: Name a flower.\nResponse:"
    one, other = score_continuations(loaded, [prefix] * 2, [" A rose.\n\n", " Paris\n\n"])
    assert scores[0].as_first == pytest.approx(one.mean - other.mean, abs=1e-5)
    assert scores[1].as_first == pytest.approx(-scores[0].as_first)
    assert all(score.is_consistent for score in scores)


def test_swapping_the_responses_swaps_the_score(tiny_model: Path, tmp_path: Path) -> None:

    constitution = Constitution("Pairs.", (), ())
    one, other = judge_by_choice(
        TransformersEngine(load_model(str(tiny_model)), batch_size=3),
        constitution,
        [("Sing.", "La la.", "No."), ("Sing.", "No.", "La la.")],
    )
    assert one.as_first == pytest.approx(-other.as_second, abs=1e-4)
    assert one.as_second == pytest.approx(-other.as_first, abs=1e-4)
