"""Rates, paired contrasts and the comparison by category."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from phases.comparison.halves import Half
from phases.comparison.spec import CONTRASTS, FEW_SHOT, MAIN_CONTRASTS, SERIES
from phases.scoring.results import EvaluatedAnswer
from phases.scoring.stats import (
    PairedContrast,
    adjust_p_values,
    compare_paired,
    compute_mcnemar_p,
    estimate_rate,
)

RULES: Final[dict[str, Callable[[EvaluatedAnswer], bool]]] = {
    "following_": lambda answer: answer.is_following,
    "stopping_": lambda answer: answer.is_stopping,
    "": lambda answer: answer.passed,
}
"""The rules by which models are compared, by the prefix of their metrics."""
_RateValues = dict[str, float | int]


def compute_rates(half: Half) -> _RateValues:
    """Return the rates of all models on a half, and the head-to-head of SFT and DPO."""
    metrics: _RateValues = {f"{half.prefix}prompts": len(half.answers["base"])}
    for series, answers in half.answers.items():
        for rule, holds in RULES.items():
            estimate = estimate_rate(sum(map(holds, answers)), len(answers))
            metrics |= estimate.as_metrics(f"{half.prefix}{series}_{rule}rate")
        for name, failure in (("truncation_rate", "unfinished"), ("went_on_rate", "went_on")):
            share = sum(failure in answer.failures for answer in answers) / len(answers)
            metrics[f"{half.prefix}{series}_{name}"] = share
    return metrics | _compute_win_rate(half)


def count_baseline_shots(halves: Sequence[Half]) -> int:
    """Return the number of solved examples before a prompt of the baseline, the fewest; 0 without one."""
    return min(
        (answer.shots for half in halves for answer in half.answers.get(FEW_SHOT, ())),
        default=0,
    )


def _compute_win_rate(half: Half) -> dict[str, float]:
    """Return the share that DPO wins of the prompts that only one of SFT and DPO follows."""
    pairs = zip(half.answers["sft"], half.answers["dpo"], strict=True)
    dpo_wins = [dpo.is_following for sft, dpo in pairs if sft.is_following != dpo.is_following]
    name = f"{half.prefix}win_rate_sft_dpo"
    if not dpo_wins:  # Every prompt is a tie.
        return {name: 0.5, f"{name}_low": 0.0, f"{name}_high": 1.0}
    return estimate_rate(sum(dpo_wins), len(dpo_wins)).as_metrics(name)


def compute_contrasts(halves: Sequence[Half], seed: int, resamples: int) -> _RateValues:
    """Return the metrics of all contrasts of all halves, which are corrected together.

    Args:
        halves: the halves that the report shows.
        seed: seed of the bootstrap.
        resamples: number of bootstrap resamples.
    """
    planned = [
        (half, rule, first, second)
        for half in halves
        for rule, contrasts in CONTRASTS.items()
        for first, second in contrasts
        if {first, second} <= half.answers.keys()
    ]
    results = {
        f"{half.prefix}{rule}{{}}_{first}_{second}": (
            [RULES[rule](answer) for answer in half.answers[first]],
            [RULES[rule](answer) for answer in half.answers[second]],
        )
        for half, rule, first, second in planned
    }
    return {"contrasts": len(planned), **compare_all(results, seed, resamples)}


def compare_all(
    results: Mapping[str, tuple[Sequence[bool], Sequence[bool]]], seed: int, resamples: int
) -> _RateValues:
    """Return the metrics of contrasts that are corrected together by Holm's method.

    Args:
        results: the results of the first and the second model, by the template of the contrast's metrics.
        seed: seed of the bootstrap.
        resamples: number of bootstrap resamples.
    """
    contrasts = {
        template: compare_paired(first, second, seed, resamples, tests=len(results))
        for template, (first, second) in results.items()
    }
    corrected = adjust_p_values([contrast.p for contrast in contrasts.values()], "holm")
    metrics: _RateValues = {}
    for (template, contrast), p in zip(contrasts.items(), corrected, strict=True):
        metrics |= {template.format(name): value for name, value in _list_values(contrast, p).items()}
    return metrics


def compare_categories(half: Half) -> list[dict[str, Any]]:
    """Return the rates of every model by category, with main contrasts on following corrected by FDR."""
    rows: list[dict[str, Any]] = []
    contrasts = [(first, second) for first, second in MAIN_CONTRASTS if first in half.answers]
    for category in dict.fromkeys(answer.category for answer in half.answers["base"]):
        subset = {
            series: [answer for answer in half.answers[series] if answer.category == category]
            for series in SERIES
            if series in half.answers
        }
        row: dict[str, Any] = {"category": category, "prompts": len(subset["base"])}
        for series, answers in subset.items():
            for rule, holds in RULES.items():
                estimate = estimate_rate(sum(map(holds, answers)), len(answers))
                row |= estimate.as_metrics(f"{series}_{rule}rate")
        for first, second in contrasts:
            row[f"p_{first}_{second}"] = compute_mcnemar_p(
                [answer.is_following for answer in subset[first]],
                [answer.is_following for answer in subset[second]],
            )
        rows.append(row)
    for first, second in contrasts:
        corrected = adjust_p_values([row[f"p_{first}_{second}"] for row in rows], "fdr_bh")
        for row, q in zip(rows, corrected, strict=True):
            row[f"q_{first}_{second}"] = q
    return rows


def _list_values(contrast: PairedContrast, corrected_p: float) -> Mapping[str, float | int]:
    return {
        "p": corrected_p,
        "p_raw": contrast.p,
        "gain": contrast.gain,
        "gain_low": contrast.low,
        "gain_high": contrast.high,
        "gained": contrast.gained,
        "lost": contrast.lost,
        "detectable": contrast.detectable,
    }
