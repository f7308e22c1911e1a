"""The three tiers of success of the Stage 1 session document, criterion by criterion, with evidence.

A criterion is met, not met, or not shown if the evidence is missing: nothing is taken for granted. Rates are
those of following on the test half of the suite, if it has one. The thresholds are those of the document for
every model and scale. An improvement must hold beyond its interval, also over the base model after eight
solved examples.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from phases.contract.labels import count_required
from phases.scoring.results import Evaluation
from phases.scoring.stats import SIGNIFICANCE_LEVEL
from phases.scoring.tier_records import (
    CriterionResult,
    PhaseManifests,
    assess_manifest,
    assess_reproducibility,
    assess_rows,
    assess_training,
    assess_verification,
)

TierName = Literal["minimum", "full", "publication-ready"]

MAX_BASE_RATE: Final = 0.30
MIN_SFT_ROWS: Final = 5_000
SFT_RATE: Final = 0.60
MIN_PAIRS: Final = 10_000
DPO_RATE: Final = 0.85
BASELINE: Final = "few_shot"
BASELINE_SHOTS: Final = 8
_BASELINE_MISSING: Final = (
    f"the base model was not evaluated after {BASELINE_SHOTS} solved examples; set shots = {BASELINE_SHOTS} "
    "for the baseline evaluation"
)
_CONTRAST_NAMES: Final = {
    "base_sft": "base -> SFT",
    "few_shot_sft": "baseline -> SFT",
    "few_shot_dpo": "baseline -> DPO",
    "sft_dpo": "SFT -> DPO",
}
_SIGNIFICANT_CONTRASTS: Final = ("few_shot_sft", "few_shot_dpo", "sft_dpo")


class TierResult(msgspec.Struct, frozen=True):
    """A tier and whether it is reached (None: no criterion is missed, but some are not shown)."""

    name: TierName
    reached: bool | None
    lines: tuple[CriterionResult, ...]


class Labelling(msgspec.Struct, frozen=True):
    """The number of failed answers of a model, and how many of them are labelled by kind."""

    failed: int
    labelled: int


def assess_tiers(
    manifests: PhaseManifests,
    evaluations: Mapping[str, Evaluation],
    metrics: Mapping[str, Any],
    *,
    instructions: Mapping[str, str],
    labellings: Mapping[str, Labelling],
) -> tuple[TierResult, ...]:
    """Return the three tiers; each includes the criteria of the one below.

    Args:
        manifests: manifests of earlier phases.
        evaluations: the evaluations of the models `base`, `sft` and `dpo`.
        metrics: the metrics of the comparison.
        instructions: the instructions of the suite and its test half, by key.
        labellings: for each model, how far its failures are labelled.
    """
    base, sft, dpo = (evaluations[model] for model in ("base", "sft", "dpo"))
    minimum = _combine(
        "minimum",
        None,
        assess_manifest(
            "verification passes (base model ~10-30 %)",
            manifests.verification,
            lambda path: assess_verification(path, base, metrics, MAX_BASE_RATE),
        ),
        assess_manifest(
            "clean data generated (5k+ SFT examples)",
            manifests.sft_data,
            lambda path: assess_rows(path, MIN_SFT_ROWS, instructions),
        ),
        assess_manifest(
            "SFT training completes",
            manifests.sft_training,
            lambda path: assess_training(path, manifests.sft_data, base, sft),
        ),
        _assess_rate("SFT model shows improvement (> 60 %)", "sft", SFT_RATE, "base", metrics),
    )
    full = _combine(
        "full",
        minimum,
        assess_manifest(
            "preference pairs generated (10k+)",
            manifests.pairs,
            lambda path: assess_rows(path, MIN_PAIRS, instructions),
        ),
        assess_manifest(
            "DPO training completes",
            manifests.dpo_training,
            lambda path: assess_training(path, manifests.pairs, sft, dpo),
        ),
        _assess_rate("DPO model shows improvement (> 85 %)", "dpo", DPO_RATE, "sft", metrics),
        _assess_progression(metrics),
    )
    publication = _combine(
        "publication-ready",
        full,
        _assess_significance(metrics),
        _assess_error_analysis(labellings),
        assess_reproducibility(evaluations, manifests),
    )
    return minimum, full, publication


def find_highest_tier(tiers: Sequence[TierResult]) -> str:
    """Return the name of the highest tier reached, or `none`."""
    return next((tier.name for tier in reversed(tiers) if tier.reached), "none")


def format_tiers(tiers: Sequence[TierResult]) -> list[str]:
    """Return the lines of a text that shows every criterion with its evidence."""
    met = {True: "met", False: "NOT MET", None: "not shown"}
    reached = {True: "reached", False: "not reached", None: "not shown in full"}
    lines = []
    for tier in tiers:
        lines.append(f"{tier.name}: {reached[tier.reached]}")
        lines += [f"  {met[result.met]:9}  {result.criterion}: {result.evidence}" for result in tier.lines]
    return lines


def _combine(name: TierName, below: TierResult | None, *results: CriterionResult) -> TierResult:
    if below:
        inherited = CriterionResult(f"all {below.name} criteria", below.reached, "above")
        results = (inherited, *results)
    met = [result.met for result in results]
    reached = None if None in met else True
    if False in met:
        reached = False
    return TierResult(name, reached, results)


def _assess_rate(
    criterion: str, model: str, threshold: float, before: str, metrics: Mapping[str, Any]
) -> CriterionResult:
    """Return whether a model follows more than the threshold, the model before it and the baseline."""
    rate = metrics[f"{model}_following_rate"]
    low, high = metrics[f"{model}_following_rate_low"], metrics[f"{model}_following_rate_high"]
    gains = _list_gains([f"{before}_{model}", f"{BASELINE}_{model}"], metrics)
    evidence = (
        f"follows {rate:.1%} [{low:.1%}, {high:.1%}]; {_describe_gains(gains)}; "
        f"{metrics[f'{model}_stopping_rate']:.1%} of its outputs stop"
    )
    return _require_baseline(
        CriterionResult(criterion, rate > threshold and _are_all_gains(gains), evidence), metrics
    )


def _assess_progression(metrics: Mapping[str, Any]) -> CriterionResult:
    gains = _list_gains(["base_sft", f"{BASELINE}_sft", "sft_dpo"], metrics)
    return _require_baseline(
        CriterionResult(
            "clear progression base -> SFT -> DPO",
            _are_all_gains(gains),
            f"following: {_describe_gains(gains)}",
        ),
        metrics,
    )


def _require_baseline(result: CriterionResult, metrics: Mapping[str, Any]) -> CriterionResult:
    """Return a criterion that is met as not shown, if the baseline had too few solved examples or none."""
    if not result.met or metrics.get("baseline_shots", 0) >= BASELINE_SHOTS:
        return result
    return CriterionResult(result.criterion, None, f"{result.evidence}; {_BASELINE_MISSING}")


def _list_gains(
    contrasts: Sequence[str], metrics: Mapping[str, Any]
) -> dict[str, tuple[float, float, float]]:
    """Return gain, low and high of the contrasts that were made; those with the baseline may be missing."""
    return {
        contrast: tuple(metrics[f"following_{name}_{contrast}"] for name in ("gain", "gain_low", "gain_high"))
        for contrast in contrasts
        if f"following_gain_{contrast}" in metrics
    }


def _are_all_gains(gains: Mapping[str, tuple[float, float, float]]) -> bool:
    """Return whether every 95 % interval lies above 0."""
    return all(low > 0 for _, low, _ in gains.values())


def _describe_gains(gains: Mapping[str, tuple[float, float, float]]) -> str:
    return ", ".join(
        f"{_CONTRAST_NAMES[contrast]} {100 * gain:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}]"
        for contrast, (gain, low, high) in gains.items()
    )


def _assess_significance(metrics: Mapping[str, Any]) -> CriterionResult:
    criterion = "statistical significance demonstrated"
    if any(f"following_p_{contrast}" not in metrics for contrast in _SIGNIFICANT_CONTRASTS):
        return CriterionResult(criterion, None, _BASELINE_MISSING)
    is_met = True
    evidence = []
    for contrast in _SIGNIFICANT_CONTRASTS:
        gain, p = metrics[f"following_gain_{contrast}"], metrics[f"following_p_{contrast}"]
        text = f"{_CONTRAST_NAMES[contrast]} {100 * gain:+.1f} points, p = {p:.2g}"
        if gain <= 0 or p >= SIGNIFICANCE_LEVEL:
            is_met = False
            detectable = 100 * metrics[f"following_detectable_{contrast}"]
            text += f" (no significant gain; {detectable:.1f} points would have been detected)"
        evidence.append(text)
    return _require_baseline(
        CriterionResult(
            criterion,
            is_met,
            f"following: {'; '.join(evidence)} (exact McNemar, Holm over {metrics['contrasts']} contrasts)",
        ),
        metrics,
    )


def _assess_error_analysis(labellings: Mapping[str, Labelling]) -> CriterionResult:
    is_met = all(each.labelled >= count_required(each.failed) for each in labellings.values())
    counts = ", ".join(
        f"{each.labelled} of {count_required(each.failed)} needed for the {model} model ({each.failed} fail)"
        for model, each in labellings.items()
    )
    evidence = f"failures labelled by a person, blind to the model: {counts}"
    if not is_met:
        evidence += "; run `gonogo label`, then this phase again"
    return CriterionResult("error analysis completed", is_met, evidence)
