"""Comparison: base, SFT and DPO model on the same prompts, and whether the differences are significant.

The primary rule is *following*: the output up to its first new turn, or its first paragraph, passes all
checks. *Stopping*, whether the output ends by itself after the answer, is reported separately, and so is the
conjunction of both. The main contrasts are those of the tuned models with the baseline, the base model after
solved examples: a gain over it is more than a gain in format.

If the suite has a test half, its sealed answers are opened here. It is reported first and decides about the
tiers; the development half, on which the gates decided, follows.

Rates have Wilson intervals. The contrasts are paired by prompt: exact McNemar tests with Holm's correction
over all contrasts of the report, differences with BCa bootstrap intervals, and the smallest difference that
would have been detected. Categories are corrected by the method of Benjamini and Hochberg.

Declining of harmful and of harmless vetted requests is compared in the same way and corrected apart. If DPO
declines fewer harmful requests than SFT, or more harmless ones, the report names it as a problem.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from phases.comparison.contrasts import (
    compare_categories,
    compute_contrasts,
    compute_rates,
    count_baseline_shots,
)
from phases.comparison.declining import compare_declining, find_problems, measure_worsening, read_declined
from phases.comparison.halves import Half, open_halves
from phases.comparison.spec import CONTROLS, MODELS, WORSENING, ZERO_SHOT_CONTRASTS, Parameters
from phases.comparison.text_report import Findings, format_report
from phases.contract import files
from phases.contract.labels import LABELS_FILE, FailureLabel, count_kinds, read_labels
from phases.contract.reporter import Reporter
from phases.contract.versions import list_installed_versions
from phases.scoring import error_analysis, tiers
from phases.scoring.declined_requests import find_refusals_file
from phases.scoring.results import (
    EvaluatedAnswer,
    Evaluation,
    check_comparable,
    find_newest_evaluation,
    read_evaluation,
)
from phases.scoring.tier_records import PhaseManifests

SAMPLES_PER_CHANGE: Final = 5


def run(parameters: Parameters, reporter: Reporter) -> None:
    """Compare the three evaluations and write the report."""
    patterns = {name: getattr(parameters, name) for name in (*MODELS, *CONTROLS)}
    all_paths = {name: find_newest_evaluation(pattern) for name, pattern in patterns.items() if pattern}
    all_evaluations = {name: read_evaluation(path) for name, path in all_paths.items()}
    check_comparable(list(all_paths.values()), list(all_evaluations.values()))
    for name, path in all_paths.items():
        reporter.notice(f"{name}: {path}")
        reporter.input(path)
    halves = open_halves(all_paths, all_evaluations)
    # The controls have rates and contrasts; failures, labels and tiers are those of the three models.
    paths = {model: all_paths[model] for model in MODELS}
    evaluations = {model: all_evaluations[model] for model in MODELS}

    metrics: dict[str, Any] = {}
    for half in halves:
        metrics |= compute_rates(half)
    metrics |= compute_contrasts(halves, parameters.seed, parameters.resamples)
    metrics["baseline_shots"] = count_baseline_shots(halves)

    # Failures are shown of the development half alone: the test half stays unread.
    answers = {model: evaluation.results for model, evaluation in evaluations.items()}
    changes = {
        f"{first}_{second}": error_analysis.find_changes(answers[first], answers[second])
        for first, second in ZERO_SHOT_CONTRASTS
    }
    labels = _read_labels(parameters, paths, answers, reporter)
    labellings = {
        model: tiers.Labelling(
            failed=sum(not answer.is_following for answer in answers[model]), labelled=len(labels[model])
        )
        for model in MODELS
    }
    errors = {
        "failing": error_analysis.count_failures(answers),
        "typical": {model: error_analysis.find_typical_failures(rows) for model, rows in answers.items()},
        "fixed_and_broken": {
            contrast: error_analysis.count_fixed_and_broken(rows) for contrast, rows in changes.items()
        },
        "labelled": {model: count_kinds(rows) for model, rows in labels.items()},
        "labelled_by": sorted({label.by for rows in labels.values() for label in rows}),
    }
    declined = read_declined(all_paths)
    measured = {name for name, evaluation in all_evaluations.items() if "refusal_rate" in evaluation.metrics}
    for name in sorted(measured - declined["refusal_rate"].keys()):
        missing = find_refusals_file(all_paths[name])
        reporter.notice(
            f"{missing}: expected the answers to the vetted requests; restore the file, or declining is "
            "not compared",
            "warning",
        )
    metrics |= compare_declining(declined, parameters.seed, parameters.resamples)
    if (measured | declined["refusal_rate"].keys()).isdisjoint(("sft", "dpo")):
        metrics |= {name: 0.0 for name, _ in WORSENING.values()}
    metrics |= measure_worsening(metrics)
    problems = find_problems(metrics)
    for problem in problems:
        reporter.notice(problem, "warning")
    metrics |= {f"labelled_{model}": len(rows) for model, rows in labels.items()}

    manifests = PhaseManifests(
        verification=parameters.verification,
        sft_data=parameters.sft_data,
        sft_training=parameters.sft_training,
        pairs=parameters.pairs,
        dpo_training=parameters.dpo_training,
    )
    for manifest in manifests.list_paths():
        if manifest.is_file():
            reporter.input(manifest)
    tier_results = _assess_tiers(manifests, halves, evaluations, metrics, labellings)
    metrics["tier"] = tiers.find_highest_tier(tier_results)

    findings = Findings(
        halves=halves,
        paths=all_paths,
        evaluations=all_evaluations,
        metrics=metrics,
        categories={half.title: compare_categories(half) for half in halves},
        changes=changes,
        errors=errors,
        labellings=labellings,
        tier_results=tier_results,
        declined=declined,
        problems=problems,
    )
    files.write_atomically(parameters.output, format_report(findings, parameters))
    provenance = {
        "versions": list_installed_versions(),
        "seed": parameters.seed,
        "resamples": parameters.resamples,
        "suites": {half.title: msgspec.to_builtins(half.suite) for half in halves},
        "models": {model: e.provenance.get("model") for model, e in all_evaluations.items()},
    }
    json_path = parameters.output.with_suffix(".json")
    files.write_json(
        json_path,
        {
            "metrics": metrics,
            "tiers": tier_results,
            "problems": problems,
            "reported_first": halves[0].title,
            "categories": findings.categories[halves[0].title],
            "categories_by_half": findings.categories,
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


def _read_labels(
    parameters: Parameters,
    paths: Mapping[str, Path],
    answers: Mapping[str, Sequence[EvaluatedAnswer]],
    reporter: Reporter,
) -> dict[str, list[FailureLabel]]:
    """Return the labels of each model's failed answers."""
    path = parameters.labels
    if path is None and "GONOGO_SESSION" in os.environ:
        path = Path(os.environ["GONOGO_SESSION"]) / LABELS_FILE
    if path is None or not path.is_file():
        return {model: [] for model in paths}
    reporter.input(path)
    labels = read_labels(path)
    labels_by_model = {}
    for model, evaluation_path in paths.items():
        sha256 = files.hash_path(evaluation_path)
        failed = [answer.key for answer in answers[model] if not answer.is_following]
        labels_by_model[model] = [labels[sha256, key] for key in failed if (sha256, key) in labels]
    return labels_by_model


def _assess_tiers(
    manifests: PhaseManifests,
    halves: Sequence[Half],
    evaluations: Mapping[str, Evaluation],
    metrics: Mapping[str, Any],
    labellings: Mapping[str, tiers.Labelling],
) -> tuple[tiers.TierResult, ...]:
    instructions = {
        f"{half.suite.name}/{answer.key}": answer.instruction
        for half in halves
        for answer in half.answers["base"]
    }
    return tiers.assess_tiers(
        manifests, evaluations, metrics, instructions=instructions, labellings=labellings
    )


def _report_samples(changes: Mapping[str, Mapping[str, Sequence[Any]]], reporter: Reporter) -> None:
    for first, second in ZERO_SHOT_CONTRASTS:
        for kind, is_followed in (("gained", True), ("lost", False)):
            for row in changes[f"{first}_{second}"][kind][:SAMPLES_PER_CHANGE]:
                texts = {"Instruction": row["instruction"], first: row["before"], second: row["after"]}
                reporter.sample(f"{kind} from {first} to {second}: {row['key']}", texts, is_followed)
