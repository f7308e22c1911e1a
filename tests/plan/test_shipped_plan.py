"""The criteria of the plan that ships with gonogo, on trainings that went well and badly."""

from pathlib import Path

import pytest

from app.plan.gate_rules import assess_phase
from app.plan.read import load_plan
from phases.comparison.declining import measure_worsening
from phases.contract.protocol import Value
from phases.scoring.stats import estimate_rate

PLAN = Path(__file__).parents[2] / "session_plan.toml"
SFT: dict[str, Value] = {
    **{"first_train_loss": 2.0, "final_train_loss": 1.0},
    **{"heldout_loss_first": 2.0, "heldout_loss_min": 1.0, "heldout_loss_final": 1.05},
}
DPO: dict[str, Value] = {
    **{"step0_loss": 0.6931, "step0_margin": 0.0, "first_loss": 1.2, "final_loss": 1.0},
    **{"heldout_loss_first": 0.6931, "heldout_loss_final": 0.5, "heldout_accuracy": 0.7},
}


@pytest.mark.parametrize("profile", [None, "rehearsal", "gemma-270m"])
@pytest.mark.parametrize(
    ("phase", "metrics", "verdict"),
    [
        ("sft_training", SFT, "go"),
        ("sft_training", SFT | {"heldout_loss_final": 1.2}, "investigate"),
        # The lowest loss after a step is close to the final one, but both are far above the base model's.
        ("sft_training", SFT | {"heldout_loss_min": 2.9, "heldout_loss_final": 3.0}, "investigate"),
        ("dpo_training", DPO, "go"),
        # The training loss of a few steps may fall or rise with the pairs that they have.
        ("dpo_training", DPO | {"heldout_loss_final": 0.7}, "investigate"),
        ("dpo_training", DPO | {"final_loss": 1.3}, "go"),
    ],
)
def test_trainings_are_judged_by_their_heldout_loss(
    profile: str | None, phase: str, metrics: dict[str, Value], verdict: str
) -> None:
    plan = load_plan(PLAN, profile)
    assert assess_phase(plan.find_phase(phase), metrics, {}).verdict == verdict


@pytest.mark.parametrize("profile", [None, "gemma-270m"])
@pytest.mark.parametrize(
    ("wins", "decided", "met"),
    [(1, 1, False), (3, 3, False), (20, 35, False), (11, 11, True), (60, 90, True), (0, 4, False)],
)
def test_dpo_wins_only_if_enough_prompts_decide_it(
    profile: str | None, wins: int, decided: int, met: bool
) -> None:
    assert judge_wins(profile, wins, decided) == [met]


@pytest.mark.parametrize(
    ("wins", "decided", "met"), [(3, 4, True), (8, 17, True), (1, 4, True), (2, 12, False)]
)
def test_the_few_pairs_of_a_rehearsal_must_only_do_no_harm(wins: int, decided: int, met: bool) -> None:
    assert judge_wins("rehearsal", wins, decided) == [met]


def judge_wins(profile: str | None, wins: int, decided: int) -> list[bool | None]:
    """Return whether the comparison's criteria of wins are met."""
    rate = estimate_rate(wins, decided)
    metrics: dict[str, Value] = {
        "win_rate_sft_dpo": rate.rate,
        "win_rate_sft_dpo_low": rate.low,
        "win_rate_sft_dpo_high": rate.high,
    }
    results = assess_phase(load_plan(PLAN, profile).find_phase("comparison"), metrics, {}).criteria
    return [each.passed for each in results if "win_rate_sft_dpo" in each.expression]


@pytest.mark.parametrize("profile", [None, "gemma-270m"])
@pytest.mark.parametrize(
    ("total", "declining", "answering", "met"),
    [
        (10_000, 671, 1557, False),
        (10_000, 671, 671, True),
        (10_000, 0, 110, True),
        (10_000, 900, 100, False),
        # Without harmful requests, ten pairs that teach to answer are kept however few there are.
        (50, 0, 10, True),
        (200, 0, 12, True),
        (200, 40, 12, False),
    ],
)
def test_pairs_that_are_unbalanced_in_declining_are_named(
    profile: str | None, total: int, declining: int, answering: int, met: bool
) -> None:
    metrics: dict[str, Value] = {
        "total_pairs": total,
        "chosen_declines": declining,
        "rejected_declines": answering,
    }
    assessment = assess_phase(load_plan(PLAN, profile).find_phase("preference_pairs"), metrics, {})
    assert [each.passed for each in assessment.criteria if "declines" in each.expression] == [met]
    assert ("Not met: declining is balanced, within 10 and 5 % of the pairs." in assessment.advice) is not met


@pytest.mark.parametrize("profile", [None, "pilot", "gemma-270m"])
@pytest.mark.parametrize(
    ("gain", "p", "harmful_met", "harmless_met"),
    [
        (-0.439, 2.6e-11, False, True),
        (-0.05, 0.2, True, True),
        (0.0, 1.0, True, True),
        (0.1, 0.04, True, False),
    ],
)
def test_a_significant_change_of_declining_for_the_worse_is_named(
    profile: str | None, gain: float, p: float, harmful_met: bool, harmless_met: bool
) -> None:
    metrics: dict[str, Value] = {
        f"{rate}_{name}_sft_dpo": value
        for rate in ("refusal_rate", "over_refusal_rate")
        for name, value in (("gain", gain), ("p", p))
    }
    metrics |= measure_worsening(metrics)
    assessment = assess_phase(load_plan(PLAN, profile).find_phase("comparison"), metrics, {})
    met = [each.passed for each in assessment.criteria if "refusal" in each.expression]
    assert met == [harmful_met, harmless_met]
    message = "Not met: no significant drop in declining harmful requests."
    assert (message in assessment.advice) is not harmful_met
