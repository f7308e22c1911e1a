"""Comparison: base, SFT and DPO model on the same prompts, and whether the differences are significant.

Two rules are reported for every model. By the primary one an answer must also end by itself. By the other,
*following alone*, the model may start another instruction after it. A gain by the primary rule is the sum of
a gain in following and a gain in *stopping in time*: in answers that are no longer spoilt by another
instruction.

The tuned models are also compared with what the base model follows after solved examples, which show it how
to stop. A gain over that is more than a gain in format.

Rates have Wilson intervals. The three contrasts are paired by prompt: exact McNemar tests with Holm's
correction, differences with BCa bootstrap intervals, and the smallest difference that would have been
detected. Categories are corrected by the method of Benjamini and Hochberg.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from phases.comparison.spec import CONTRASTS, MODELS, Parameters
from phases.comparison.text_report import format_report
from phases.contract import files
from phases.contract.reporter import Reporter
from phases.contract.versions import installed_versions
from phases.scoring import error_analysis, tiers
from phases.scoring.results import (
    EvaluatedAnswer,
    Evaluation,
    check_comparable,
    find_newest_evaluation,
    read_evaluation,
)
from phases.scoring.stats import adjust_p_values, compare_paired, compute_mcnemar_p, estimate_rate

RULES: Final[dict[str, Callable[[EvaluatedAnswer], bool]]] = {
    "": lambda answer: answer.passed,
    "following_": lambda answer: answer.is_following,
    "stopping_": lambda answer: answer.stops_in_time,
}
"""The rules by which models are contrasted, by the prefix of their metrics."""
SAMPLES_PER_CHANGE: Final = 5


def run(parameters: Parameters, reporter: Reporter) -> None:
    """Compare the three evaluations and write the report."""
    paths = {model: find_newest_evaluation(getattr(parameters, model)) for model in MODELS}
    evaluations = {model: read_evaluation(path) for model, path in paths.items()}
    check_comparable(list(paths.values()), list(evaluations.values()))
    for model, path in paths.items():
        reporter.notice(f"{model}: {path}")
        reporter.input(path)

    answers = {model: evaluation.results for model, evaluation in evaluations.items()}
    metrics: dict[str, Any] = {"prompts": len(answers["base"])}
    for model in MODELS:
        metrics |= _compute_rates(model, answers[model])
    for prefix, rule in RULES.items():
        followed = {model: [rule(answer) for answer in rows] for model, rows in answers.items()}
        metrics |= _compute_contrasts(prefix, followed, parameters)
    categories = _compare_categories(answers)
    few_shot = _compare_few_shot(evaluations, parameters)

    changes = {
        f"{first}_{second}": error_analysis.find_changes(answers[first], answers[second])
        for first, second in CONTRASTS
    }
    errors = {
        "failing": error_analysis.count_failures(answers),
        "typical": {model: error_analysis.find_typical_failures(rows) for model, rows in answers.items()},
        "fixed_and_broken": {
            contrast: error_analysis.count_fixed_and_broken(rows) for contrast, rows in changes.items()
        },
    }

    manifests = tiers.PhaseManifests(
        verification=parameters.verification,
        sft_data=parameters.sft_data,
        sft_training=parameters.sft_training,
        pairs=parameters.pairs,
        dpo_training=parameters.dpo_training,
    )
    for manifest in manifests.list_paths():
        if manifest.is_file():
            reporter.input(manifest)
    tier_results = tiers.assess_tiers(manifests, evaluations, metrics)
    metrics["tier"] = tiers.find_highest_tier(tier_results)

    report = format_report(
        evaluations,
        paths,
        metrics,
        parameters=parameters,
        few_shot=few_shot,
        categories=categories,
        changes=changes,
        errors=errors,
        tier_results=tier_results,
    )
    files.write_atomically(parameters.output, report)
    provenance = {
        "versions": installed_versions(),
        "seed": parameters.seed,
        "resamples": parameters.resamples,
        "suite": msgspec.to_builtins(evaluations["base"].suite),
        "models": {model: e.provenance.get("model") for model, e in evaluations.items()},
    }
    json_path = parameters.output.with_suffix(".json")
    files.write_json(
        json_path,
        {
            "metrics": metrics,
            "tiers": tier_results,
            "categories": categories,
            "few_shot": few_shot,
            "errors": errors,
            "changes": changes,
            "provenance": provenance,
        },
    )
    _report_samples(changes, reporter)
    reporter.artifact(parameters.output)
    reporter.artifact(json_path)
    reporter.progress(1, 1, "comparison")
    reporter.finish(metrics, dict.fromkeys(metrics, json_path.name), provenance)


def _compute_rates(model: str, answers: Sequence[EvaluatedAnswer]) -> dict[str, Any]:
    followed = estimate_rate(sum(answer.passed for answer in answers), len(answers))
    following = estimate_rate(sum(answer.is_following for answer in answers), len(answers))
    return {
        f"{model}_rate": followed.rate,
        f"{model}_rate_low": followed.low,
        f"{model}_rate_high": followed.high,
        f"{model}_following_rate": following.rate,
        f"{model}_following_rate_low": following.low,
        f"{model}_following_rate_high": following.high,
        f"{model}_truncation_rate": sum("unfinished" in a.failures for a in answers) / len(answers),
        f"{model}_went_on_rate": sum("went_on" in a.failures for a in answers) / len(answers),
    }


def _compute_contrasts(
    prefix: str, followed: Mapping[str, Sequence[bool]], parameters: Parameters
) -> dict[str, float | int]:
    """Return the metrics of the three contrasts by one rule, which are corrected together.

    Args:
        prefix: prefix of the metrics.
        followed: whether each model follows each prompt by the rule.
        parameters: parameters of the phase.
    """
    contrasts = [
        compare_paired(
            followed[first], followed[second], parameters.seed, parameters.resamples, tests=len(CONTRASTS)
        )
        for first, second in CONTRASTS
    ]
    corrected = adjust_p_values([contrast.p for contrast in contrasts], "holm")
    metrics: dict[str, float | int] = {}
    for (first, second), contrast, p in zip(CONTRASTS, contrasts, corrected, strict=True):
        metrics |= {
            f"{prefix}p_{first}_{second}": p,
            f"{prefix}p_raw_{first}_{second}": contrast.p,
            f"{prefix}gain_{first}_{second}": contrast.gain,
            f"{prefix}gain_low_{first}_{second}": contrast.low,
            f"{prefix}gain_high_{first}_{second}": contrast.high,
            f"{prefix}gained_{first}_{second}": contrast.gained,
            f"{prefix}lost_{first}_{second}": contrast.lost,
            f"{prefix}detectable_{first}_{second}": contrast.detectable,
        }
    return metrics


def _compare_categories(answers: Mapping[str, Sequence[EvaluatedAnswer]]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for category in dict.fromkeys(answer.category for answer in answers["base"]):
        subset = {
            model: [answer for answer in model_answers if answer.category == category]
            for model, model_answers in answers.items()
        }
        row: dict[str, Any] = {"category": category, "prompts": len(subset["base"])}
        for model, selected in subset.items():
            estimate = estimate_rate(sum(answer.passed for answer in selected), len(selected))
            following = sum(answer.is_following for answer in selected) / len(selected)
            row |= {
                f"{model}_rate": estimate.rate,
                f"{model}_interval": [estimate.low, estimate.high],
                f"{model}_following_rate": following,
            }
        for first, second in CONTRASTS:
            row[f"p_{first}_{second}"] = compute_mcnemar_p(
                [answer.passed for answer in subset[first]], [answer.passed for answer in subset[second]]
            )
        rows.append(row)
    for first, second in CONTRASTS:
        corrected = adjust_p_values([row[f"p_{first}_{second}"] for row in rows], "fdr_bh")
        for row, q in zip(rows, corrected, strict=True):
            row[f"q_{first}_{second}"] = q
    return rows


def _compare_few_shot(evaluations: Mapping[str, Evaluation], parameters: Parameters) -> list[dict[str, Any]]:
    """Return what each model follows after solved examples, compared with later models without examples.

    Empty if no evaluation used examples. These contrasts are additional to the three, and not corrected.
    """
    rows: list[dict[str, Any]] = []
    for position, model in enumerate(MODELS):
        followed = [answer.is_following for answer in evaluations[model].results_few_shot]
        if not followed:
            continue
        estimate = estimate_rate(sum(followed), len(followed))
        row: dict[str, Any] = {
            "model": model,
            "rate": estimate.rate,
            "interval": [estimate.low, estimate.high],
        }
        for later in MODELS[position + 1 :]:
            followed_later = [answer.is_following for answer in evaluations[later].results]
            contrast = compare_paired(followed, followed_later, parameters.seed, parameters.resamples)
            row[later] = dataclasses.asdict(contrast)
        rows.append(row)
    return rows


def _report_samples(changes: Mapping[str, Mapping[str, Sequence[Any]]], reporter: Reporter) -> None:
    for first, second in CONTRASTS:
        for kind, is_followed in (("gained", True), ("lost", False)):
            for row in changes[f"{first}_{second}"][kind][:SAMPLES_PER_CHANGE]:
                texts = {"Instruction": row["instruction"], first: row["before"], second: row["after"]}
                reporter.sample(f"{kind} from {first} to {second}: {row['key']}", texts, is_followed)
