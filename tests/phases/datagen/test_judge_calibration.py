"""When a judge may decide pairs, and what the operator reads if it may not."""

import pytest

from phases.datagen.judge_calibration import JudgeCalibration, explain_distrust
from phases.datagen.judge_score import JudgeScore
from phases.datagen.near_misses import NearMiss

RIGHT, WRONG, TIE = JudgeScore(1, 1), JudgeScore(-1, -1), JudgeScore(1, -1)


def make(right: int, wrong: int, ties: int = 0) -> JudgeCalibration:
    scores = (*[RIGHT] * right, *[WRONG] * wrong, *[TIE] * ties)
    near_misses = tuple(
        NearMiss(f"{n}?", "a", "b", "number" if n % 2 else "fact") for n in range(len(scores))
    )
    return JudgeCalibration(near_misses, scores)


@pytest.mark.parametrize(
    ("calibration", "trusted"),
    [
        (make(36, 4), True),
        (make(31, 9), True),  # 77.5 %
        (make(30, 10), False),  # 75 % is not above 75 %
        (make(4, 0), True),  # its interval begins at 51 %
        (make(3, 0), False),  # too few to tell
        (make(8, 2), False),  # 80 %, but the interval begins at 49 %
        (make(0, 40), False),
        (make(20, 0, ties=20), False),  # right in one order alone
        (make(0, 0), False),
    ],
)
def test_a_judge_must_be_right_in_both_orders_on_enough_near_misses(
    calibration: JudgeCalibration, trusted: bool
) -> None:
    assert calibration.is_trusted is trusted


def test_the_notice_says_what_happened_what_was_expected_and_what_to_do() -> None:
    text = explain_distrust(make(5, 15, ties=20), "choice")
    assert "right in both orders on 12% [5%, 26%] of 40 near misses (number 2 of 20, fact 3 of 20)" in text
    assert "expected more than 75% with an interval above 50%" in text
    assert "Use a larger base model, or add constraints that verifiers can check (demands)" in text
    assert "set judged_candidates = 0" in text
    assert 'judge = "auto"' in explain_distrust(make(5, 5, ties=30), "choice")
    assert 'judge = "auto"' not in explain_distrust(make(5, 5, ties=30), "likelihood")
    assert "calibration_pairs higher" in explain_distrust(make(8, 2), "choice")
    assert "it was not calibrated" in explain_distrust(make(0, 0), "choice")
