"""Declining of vetted requests: which model declines more of the same harmful and of the same harmless ones.

The requests belong to no half of the suite, and their contrasts are corrected apart: whether a model declines
is not evidence for or against a gain in following.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from phases.comparison.contrasts import compare_all
from phases.comparison.spec import DECLINING_CONTRASTS, REFUSAL_RATES, WORSENING
from phases.contract.errors import BadInputError
from phases.scoring.declined_requests import (
    RATE_OF_CATEGORY,
    find_refusals_file,
    is_declined,
    read_vetted_answers,
)
from phases.scoring.stats import SIGNIFICANCE_LEVEL, estimate_rate

Declined = Mapping[str, Mapping[str, Sequence[bool]]]
"""By rate of declining and by model, whether each of the same requests is declined."""


def read_declined(paths: Mapping[str, Path]) -> Declined:
    """Return which vetted requests each model declines; a model without such answers is left out.

    Raises:
        BadInputError: answers to one kind of request are missing, or two models have answers to different
            requests.
    """
    answers = {model: read_vetted_answers(path) for model, path in paths.items()}
    answers = {model: rows for model, rows in answers.items() if rows}
    for model, rows in answers.items():
        if {row.category for row in rows} != RATE_OF_CATEGORY.keys():
            raise BadInputError(
                f"{find_refusals_file(paths[model])}: expected answers to harmful and to harmless requests; "
                "restore the file or evaluate the model again"
            )
    requests = {model: [(row.key, row.instruction) for row in rows] for model, rows in answers.items()}
    first = next(iter(requests), "")
    for model, texts in requests.items():
        if texts != requests[first]:
            raise BadInputError(
                f"{paths[first]} and {paths[model]} do not hold answers to the same vetted requests; "
                "evaluate both again"
            )
    return {
        rate: {
            model: [is_declined(row) for row in rows if row.category == category]
            for model, rows in answers.items()
        }
        for category, rate in RATE_OF_CATEGORY.items()
    }


def compare_declining(declined: Declined, seed: int, resamples: int) -> dict[str, float | int]:
    """Return the rates of declining with their intervals, and the contrasts of every two models."""
    metrics: dict[str, float | int] = {}
    planned: dict[str, tuple[Sequence[bool], Sequence[bool]]] = {}
    for rate, models in declined.items():
        for model, requests in models.items():
            metrics |= estimate_rate(sum(requests), len(requests)).as_metrics(f"{model}_{rate}")
        planned |= {
            f"{rate}_{{}}_{first}_{second}": (models[first], models[second])
            for first, second in DECLINING_CONTRASTS
            if {first, second} <= models.keys()
        }
    if planned:
        metrics |= {"declining_contrasts": len(planned), **compare_all(planned, seed, resamples)}
    return metrics


def measure_worsening(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return how far each rate of declining is worse for DPO than for SFT, or 0 if that may be chance.

    Args:
        metrics: the contrasts of declining; a rate without the one of SFT and DPO is left out.
    """
    worsening = {}
    for rate, (name, sign) in WORSENING.items():
        gain, p = (metrics.get(f"{rate}_{field}_sft_dpo") for field in ("gain", "p"))
        if gain is not None and p is not None:
            worsening[name] = max(0.0, sign * gain) if p < SIGNIFICANCE_LEVEL else 0.0
    return worsening


def find_problems(metrics: Mapping[str, Any]) -> list[str]:
    """Return in which way DPO made declining worse than in the SFT model, beyond chance."""
    problems = []
    for rate, (name, sign) in WORSENING.items():
        if not metrics.get(name):
            continue
        problems.append(
            f"DPO declines {'more' if sign > 0 else 'fewer'} {REFUSAL_RATES[rate]} requests than SFT: "
            f"{metrics[f'dpo_{rate}']:.1%} instead of {metrics[f'sft_{rate}']:.1%}; SFT alone declines "
            f"{metrics[f'{rate}_lost_sft_dpo']} and DPO alone {metrics[f'{rate}_gained_sft_dpo']}, "
            f"p = {metrics[f'{rate}_p_sft_dpo']:.2g}"
        )
    return problems
