"""The text report of a comparison."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from phases.comparison.declining import Declined
from phases.comparison.halves import Half
from phases.comparison.spec import (
    CONTRASTS,
    CONTROL_CONTRASTS,
    CONTROLS,
    DECLINING_CONTRASTS,
    FEW_SHOT,
    MAIN_CONTRASTS,
    MODELS,
    REFUSAL_RATES,
    RULE_TITLES,
    SERIES,
    ZERO_SHOT_CONTRASTS,
    Parameters,
)
from phases.contract.failure_names import name_failure, name_failures
from phases.contract.labels import FAILURE_KINDS, count_required
from phases.scoring import error_analysis, tiers
from phases.scoring.results import Evaluation
from phases.scoring.stats import SIGNIFICANCE_LEVEL
from phases.verifiers import ifeval
from phases.verifiers.registry import resolve_version

NAMES: Final = {
    "base": "base",
    FEW_SHOT: "baseline",
    "sft": "SFT",
    "chosen": "chosen",
    "swapped": "swapped",
    "dpo": "DPO",
}
_CONTROL_MEANINGS: Final = {
    "chosen": "control, trained on the chosen answers alone; what DPO gains over it, the preferences add",
    "swapped": "control, trained on pairs with swapped labels, which hold no preference to learn",
}
EXAMPLES: Final = 5
"""Examples of each kind."""
RESPONSE_CHARACTERS: Final = 160
"""Characters of a response that the report shows."""


@dataclass(frozen=True)
class Findings:
    """The results of a comparison; see the recipe."""

    halves: Sequence[Half]
    paths: Mapping[str, Path]
    evaluations: Mapping[str, Evaluation]
    metrics: Mapping[str, Any]
    categories: Mapping[str, Sequence[Mapping[str, Any]]]
    changes: Mapping[str, Mapping[str, Any]]
    errors: Mapping[str, Any]
    labellings: Mapping[str, tiers.Labelling]
    tier_results: Sequence[tiers.TierResult]
    declined: Declined
    problems: Sequence[str]


def format_report(findings: Findings, parameters: Parameters) -> str:
    """Return the report of a comparison."""
    lines = _format_header(findings)
    if findings.problems:
        lines += ["", *(f"PROBLEM: {problem}" for problem in findings.problems)]
    for half in findings.halves:
        lines += ["", *_format_half(half, findings)]
    lines += _explain_contrasts(parameters, findings.metrics["contrasts"])
    lines += _format_ifeval(findings.evaluations)
    lines += _format_declining(findings.declined, findings.metrics)
    lines += ["", "Tiers of success by criterion, with the thresholds of the session document"]
    lines += tiers.format_tiers(findings.tier_results)
    lines += ["", *_format_labels(findings)]
    title = " of the development half" if len(findings.halves) > 1 else ""
    lines += ["", f"Failures of each model by category and check{title}"]
    lines += error_analysis.format_table(findings.errors["failing"], MODELS, NAMES)
    for model in reversed(MODELS):
        lines += ["", *_format_typical_failures(model, findings.errors["typical"][model])]
    for first, second in ZERO_SHOT_CONTRASTS[:2]:
        contrast = f"{first}_{second}"
        by_check = findings.errors["fixed_and_broken"][contrast]
        lines += ["", *_format_changes(first, second, findings.changes[contrast], by_check)]
    return "\n".join(lines) + "\n"


def _format_header(findings: Findings) -> list[str]:
    provenance = findings.evaluations["base"].provenance
    engine = (provenance.get("engine") or {}).get("name")
    return [
        "Comparison of base, SFT and DPO model",
        *(f"{model:7} {path}" for model, path in findings.paths.items()),
        f"same conditions: verifiers {resolve_version(provenance.get('verifiers'))}, prompt format "
        f"{provenance.get('prompt_format')}, engine {engine}, {provenance.get('dtype')}; greedy decoding",
        "",
        "following: the output up to its first new turn, or its first paragraph, passes all checks",
        "  (the primary rule)",
        "stopping: the output ends by itself after the answer",
        "baseline: the base model after solved examples of the prompt's category",
        *(f"{control}: {_CONTROL_MEANINGS[control]}" for control in CONTROLS if control in findings.paths),
    ]


def _format_half(half: Half, findings: Findings) -> list[str]:
    metrics = findings.metrics
    suite = f"suite {half.suite.name}, version {half.suite.version[:12]}"
    lines = [f"== {half.title}: {len(half.answers['base'])} prompts; {suite} =="]
    lines += [
        "",
        *_format_contrasts(
            "Main table, following", f"{half.prefix}following_", half.answers, MAIN_CONTRASTS, metrics
        ),
    ]
    if FEW_SHOT not in half.answers:
        lines.append("the base model was not evaluated after solved examples, so there is no baseline")
    if any(control in half.answers for control in CONTROLS):
        lines += [
            "",
            *_format_contrasts(
                "Controls, following", f"{half.prefix}following_", half.answers, CONTROL_CONTRASTS, metrics
            ),
        ]
    lines += ["", *_format_rates(half, metrics)]
    name = f"{half.prefix}win_rate_sft_dpo"
    lines += [
        "",
        f"DPO against SFT on prompts that only one of them follows: DPO wins {metrics[name]:.1%} "
        f"[{metrics[f'{name}_low']:.1%}, {metrics[f'{name}_high']:.1%}]",
    ]
    for rule, contrasts in CONTRASTS.items():
        shown_above = (*MAIN_CONTRASTS, *CONTROL_CONTRASTS) if rule == "following_" else ()
        others = [contrast for contrast in contrasts if contrast not in shown_above]
        title = f"Without examples, {RULE_TITLES[rule]}"
        lines += ["", *_format_contrasts(title, f"{half.prefix}{rule}", half.answers, others, metrics)]
    for rate in ("following", "stopping"):
        lines += ["", *_format_categories(half, rate, findings.categories[half.title])]
    return [*lines, "q: exact McNemar on following, corrected by Benjamini-Hochberg over the categories"]


def _format_rates(half: Half, metrics: Mapping[str, Any]) -> list[str]:
    lines = ["model     following  95 % interval     stopping  95 % interval     both    went on  cut off"]
    for series in SERIES:
        if series not in half.answers:
            continue
        prefix = f"{half.prefix}{series}_"
        rates = [
            f"{metrics[f'{prefix}{rate}']:>8.1%}  "
            f"[{metrics[f'{prefix}{rate}_low']:>6.1%}, {metrics[f'{prefix}{rate}_high']:>6.1%}]"
            for rate in ("following_rate", "stopping_rate")
        ]
        lines.append(
            f"{NAMES[series]:9} {'   '.join(rates)}  {metrics[f'{prefix}rate']:>6.1%}  "
            f"{metrics[f'{prefix}went_on_rate']:>7.1%}  {metrics[f'{prefix}truncation_rate']:>7.1%}"
        )
    return lines


def _format_contrasts(
    title: str,
    prefix: str,
    series: Container[str],
    contrasts: Sequence[tuple[str, str]],
    metrics: Mapping[str, Any],
) -> list[str]:
    """Return a table of contrasts; an insignificant one says what would have been detected.

    Args:
        title: heading of the table.
        prefix: prefix of the metrics of these contrasts.
        series: the models that have results; contrasts with others are left out.
        contrasts: pairs of models.
        metrics: the metrics of the comparison.
    """
    lines = [f"{title:42} gain     95 % interval        gained  lost   p (McNemar)  p (Holm)"]
    for first, second in contrasts:
        if first not in series or second not in series:
            continue

        def get(name: str, first: str = first, second: str = second) -> Any:
            return metrics[f"{prefix}{name}_{first}_{second}"]

        note = ""
        if get("p") >= SIGNIFICANCE_LEVEL:
            note = f"   no difference shown; {100 * get('detectable'):.1f} points would have been detected"
        lines.append(
            f"{NAMES[first] + ' -> ' + NAMES[second]:40} {get('gain'):>+7.1%}  "
            f"[{get('gain_low'):>+7.1%}, {get('gain_high'):>+7.1%}]  "
            f"{get('gained'):>6} {get('lost'):>5}   {get('p_raw'):>11.2g}  {get('p'):>8.2g}{note}"
        )
    return lines


def _explain_contrasts(parameters: Parameters, contrasts: int) -> list[str]:
    return [
        "",
        f"intervals: Wilson for rates, BCa bootstrap over prompts for gains ({parameters.resamples:,} "
        f"resamples, seed {parameters.seed});",
        "  the bootstrap is too narrow if few prompts differ: if it disagrees with p, trust p",
        f"p: exact McNemar on the prompts that only one model follows; Holm: over the {contrasts} contrasts "
        "above",
        "would have been detected: the smallest gain that a test on these prompts, with as many that differ,",
        f"  detects with power 0.8 at level {SIGNIFICANCE_LEVEL}/{contrasts}, the strictest of Holm's",
    ]


def _format_ifeval(evaluations: Mapping[str, Evaluation]) -> list[str]:
    """Return the standard scores of each model that was evaluated on IFEval."""
    lines = []
    for model, evaluation in evaluations.items():
        if set(ifeval.SCORES) <= evaluation.metrics.keys():
            scores = [
                f"{name.removeprefix('ifeval_').replace('_', ' ')} {evaluation.metrics[name]:.1%}"
                for name in ifeval.SCORES
            ]
            lines.append(f"{NAMES[model]} on IFEval: {', '.join(scores)}")
    return lines


def _format_declining(declined: Declined, metrics: Mapping[str, Any]) -> list[str]:
    """Return the rates and contrasts on the vetted requests, which belong to no half of the suite."""
    models = declined["refusal_rate"]
    if not models:
        return ["", "declining is not compared: no model has answers to vetted requests"]
    lines = [""]
    for model in models:
        rates = [
            f"declines {metrics[f'{model}_{rate}']:.1%} [{metrics[f'{model}_{rate}_low']:.1%}, "
            f"{metrics[f'{model}_{rate}_high']:.1%}] of the {kind} ones"
            for rate, kind in REFUSAL_RATES.items()
        ]
        lines.append(f"{NAMES[model]} on vetted requests: {', '.join(rates)}")
    for rate, kind in REFUSAL_RATES.items():
        title = f"Declining of {len(declined[rate][next(iter(models))])} {kind} requests"
        lines += ["", *_format_contrasts(title, f"{rate}_", models, DECLINING_CONTRASTS, metrics)]
    if contrasts := metrics.get("declining_contrasts"):
        lines += [
            "gain: the share that the second model declines more; of harmless requests, less is better",
            "p: exact McNemar on the requests that only one model declines; Holm: over these "
            f"{contrasts} contrasts",
        ]
    return lines


def _format_categories(half: Half, rate: str, categories: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the table of a rate by category, for following with the corrected main contrasts."""
    columns = [series for series in SERIES if series in half.answers]
    contrasts = [(first, second) for first, second in MAIN_CONTRASTS if first in half.answers]
    if rate != "following":
        contrasts = []
    titles = "".join(f"{NAMES[series]:>23}" for series in columns)
    tests = "".join(f"{'q ' + NAMES[first] + '-' + NAMES[second]:>16}" for first, second in contrasts)
    lines = [f"{rate:14} prompts{titles}{tests}"]
    for row in categories:
        rates = "".join(
            f"{row[f'{series}_{rate}_rate']:>7.0%} "
            f"[{row[f'{series}_{rate}_rate_low']:>5.0%}, {row[f'{series}_{rate}_rate_high']:>5.0%}]"
            for series in columns
        )
        q = "".join(f"{row[f'q_{first}_{second}']:>16.2g}" for first, second in contrasts)
        lines.append(f"{row['category']:14} {row['prompts']:>7}{rates}{q}")
    return lines


def _format_labels(findings: Findings) -> list[str]:
    """Return the failures of each model by the kind that a person labelled them with."""
    labelled: Mapping[str, Mapping[str, int]] = findings.errors["labelled"]
    header = "".join(f"{NAMES[model]:>8}" for model in MODELS)
    lines = [f"{'Failures labelled by a person':54}{header}"]
    for kind, meaning in FAILURE_KINDS.items():
        counts = "".join(f"{labelled[model][kind]:>8}" for model in MODELS)
        lines.append(f"{kind:12}{meaning:42}{counts}")
    totals = "".join(f"{findings.labellings[model].labelled:>8}" for model in MODELS)
    needed = "".join(f"{count_required(findings.labellings[model].failed):>8}" for model in MODELS)
    lines += [f"{'labelled':54}{totals}", f"{'needed for the error analysis':54}{needed}"]
    if people := findings.errors["labelled_by"]:
        lines.append(f"labelled by {', '.join(people)}, blind to the model")
    return lines


def _format_typical_failures(model: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [f"Most frequent failures of the {NAMES[model]} model"]
    for row in rows[:EXAMPLES]:
        lines += [
            f"  {name_failure(row['check'])}, {row['count']} times; {row['key']}: {row['instruction']!r}",
            f"      {NAMES[model]}: {row['response'][:RESPONSE_CHARACTERS]!r}",
        ]
    return lines


def _format_changes(
    first: str, second: str, changes: Mapping[str, Any], by_check: Sequence[Mapping[str, Any]]
) -> list[str]:
    gained, lost = changes["gained"], changes["lost"]
    lines = [f"{NAMES[second]} compared with {NAMES[first]}: {len(gained)} prompts fixed, {len(lost)} broken"]
    if by_check:
        lines += error_analysis.format_table(by_check, ("fixed", "broken"))
    for name, rows in (("fixed", gained), ("broken", lost)):
        for row in rows[:EXAMPLES]:
            lines += [
                f"  {name} {row['key']} ({name_failures(row['failures'])}): {row['instruction']!r}",
                f"      {NAMES[first]}: {row['before'][:RESPONSE_CHARACTERS]!r}",
                f"      {NAMES[second]}: {row['after'][:RESPONSE_CHARACTERS]!r}",
            ]
    return lines
