"""The text report of a comparison."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from phases.comparison.spec import CONTRASTS, MODELS, Parameters
from phases.scoring import error_analysis, tiers
from phases.scoring.results import Evaluation
from phases.scoring.stats import SIGNIFICANCE_LEVEL
from phases.verifiers import ifeval
from phases.verifiers.registry import resolve_version

MODEL_NAMES: Final = {"base": "base", "sft": "SFT", "dpo": "DPO"}
RULE_TITLES: Final = {"": "followed", "following_": "following alone", "stopping_": "stopping in time"}
"""Titles of the rules by which models are contrasted, by the prefix of their metrics."""
EXAMPLES: Final = 5
"""Examples of each kind."""
RESPONSE_CHARACTERS: Final = 160
"""Characters of a response that the report shows."""


def format_report(
    evaluations: Mapping[str, Evaluation],
    paths: Mapping[str, Path],
    metrics: Mapping[str, Any],
    *,
    parameters: Parameters,
    few_shot: Sequence[Mapping[str, Any]],
    categories: Sequence[Mapping[str, Any]],
    changes: Mapping[str, Mapping[str, Any]],
    errors: Mapping[str, Any],
    tier_results: Sequence[tiers.TierResult],
) -> str:
    """Return the report of a comparison; the arguments are what its JSON file holds."""
    lines = [
        *_format_header(evaluations["base"], metrics),
        *_format_rates(paths, metrics),
        *_format_few_shot(few_shot),
        *_format_ifeval(evaluations),
    ]
    for prefix, title in RULE_TITLES.items():
        lines += ["", *_format_contrasts(title, prefix, metrics)]
    lines += _explain_contrasts(parameters)
    lines += ["", "Sources of each gain"]
    for first, second in CONTRASTS:
        lines += _format_gain_sources(first, second, metrics)
    lines += ["", *_format_categories(categories)]
    lines += ["", "Tiers of success by criterion, with the thresholds of the session document"]
    lines += tiers.format_tiers(tier_results)
    lines += ["", "Failures of each model by category and check"]
    lines += error_analysis.format_table(errors["failing"], MODELS, MODEL_NAMES)
    for model in reversed(MODELS):
        lines += ["", *_format_typical_failures(model, errors["typical"][model])]
    for first, second in CONTRASTS[:2]:
        contrast = f"{first}_{second}"
        by_check = errors["fixed_and_broken"][contrast]
        lines += ["", *_format_changes(first, second, changes[contrast], by_check)]
    return "\n".join(lines) + "\n"


def _format_header(evaluation: Evaluation, metrics: Mapping[str, Any]) -> list[str]:
    suite, provenance = evaluation.suite, evaluation.provenance
    engine = (provenance.get("engine") or {}).get("name")
    return [
        "Comparison of base, SFT and DPO model",
        f"suite {suite.name}, version {suite.version[:12]}, {metrics['prompts']} prompts; greedy decoding",
        f"same conditions: verifiers {resolve_version(provenance.get('verifiers'))}, prompt format "
        f"{provenance.get('prompt_format')}, engine {engine}, {provenance.get('dtype')}",
        "",
        "followed: all checks pass and the answer ends by itself (the primary rule)",
        "following: all checks pass, even if the model then starts another instruction;",
        "  an answer that is cut off at the token limit passes by neither rule",
        "",
    ]


def _format_rates(paths: Mapping[str, Path], metrics: Mapping[str, Any]) -> list[str]:
    lines = ["model  followed  95 % interval     following  95 % interval     went on  cut off  evaluation"]
    for model, path in paths.items():
        rates = [
            f"{metrics[f'{model}_{rate}']:>8.1%}  "
            f"[{metrics[f'{model}_{rate}_low']:>6.1%}, {metrics[f'{model}_{rate}_high']:>6.1%}]"
            for rate in ("rate", "following_rate")
        ]
        lines.append(
            f"{MODEL_NAMES[model]:5}  {'   '.join(rates)}   {metrics[f'{model}_went_on_rate']:>7.1%}  "
            f"{metrics[f'{model}_truncation_rate']:>7.1%}  {path}"
        )
    return lines


def _format_few_shot(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = []
    for row in rows:
        low, high = row["interval"]
        name = f"{MODEL_NAMES[row['model']]} after solved examples"
        lines.append(f"{name}: following {row['rate']:.1%} [{low:.1%}, {high:.1%}]")
        for later in (model for model in MODELS if model in row):
            contrast = row[later]
            lines.append(
                f"  {MODEL_NAMES[later]} without examples: following {_format_points(contrast['gain'])} "
                f"[{100 * contrast['low']:+.1f}, {100 * contrast['high']:+.1f}], gained "
                f"{contrast['gained']}, lost {contrast['lost']}, p = {contrast['p']:.2g} "
                "(exact McNemar, not corrected)"
            )
    return lines


def _format_ifeval(evaluations: Mapping[str, Evaluation]) -> list[str]:
    """Return the standard scores of each model that was evaluated on IFEval."""
    lines = []
    for model, evaluation in evaluations.items():
        if set(ifeval.SCORES) <= evaluation.metrics.keys():
            scores = [
                f"{name.removeprefix('ifeval_').replace('_', ' ')} {evaluation.metrics[name]:.1%}"
                for name in ifeval.SCORES
            ]
            lines.append(f"{MODEL_NAMES[model]} on IFEval: {', '.join(scores)}")
    return lines


def _format_contrasts(title: str, prefix: str, metrics: Mapping[str, Any]) -> list[str]:
    lines = [f"{title:22} gain     95 % interval        gained  lost   p (McNemar)  p (Holm)   detectable"]
    for first, second in CONTRASTS:
        suffix = f"{first}_{second}"
        name = f"{MODEL_NAMES[first]} -> {MODEL_NAMES[second]}"
        lines.append(
            f"{name:20} {metrics[f'{prefix}gain_{suffix}']:>+7.1%}  "
            f"[{metrics[f'{prefix}gain_low_{suffix}']:>+7.1%}, "
            f"{metrics[f'{prefix}gain_high_{suffix}']:>+7.1%}]  "
            f"{metrics[f'{prefix}gained_{suffix}']:>6} {metrics[f'{prefix}lost_{suffix}']:>5}   "
            f"{metrics[f'{prefix}p_raw_{suffix}']:>11.2g}  {metrics[f'{prefix}p_{suffix}']:>8.2g}   "
            f"{metrics[f'{prefix}detectable_{suffix}']:>9.1%}"
        )
    return lines


def _explain_contrasts(parameters: Parameters) -> list[str]:
    return [
        "",
        f"intervals: Wilson for rates, BCa bootstrap over prompts for gains ({parameters.resamples:,} "
        f"resamples, seed {parameters.seed});",
        "  the bootstrap is too narrow if few prompts differ: if it disagrees with p, trust p",
        "p: exact McNemar on the prompts that only one model follows; Holm: over a table's three contrasts",
        "detectable: the smallest gain that a test on these prompts, with as many that differ, detects",
        f"  with power 0.8 at level {SIGNIFICANCE_LEVEL}/{len(CONTRASTS)}, the strictest that Holm applies",
    ]


def _format_gain_sources(first: str, second: str, metrics: Mapping[str, Any]) -> list[str]:
    """Return how much of a gain comes from following and how much from stopping in time."""
    contrast = f"{first}_{second}"
    total = _format_points(metrics[f"gain_{contrast}"])
    lines = [f"{MODEL_NAMES[first]} -> {MODEL_NAMES[second]}: {total}, of which"]
    for prefix, name in (("following_", "following"), ("stopping_", "stopping in time")):
        gain, p = metrics[f"{prefix}gain_{contrast}"], metrics[f"{prefix}p_{contrast}"]
        note = f"p = {p:.2g}"
        if p >= SIGNIFICANCE_LEVEL:
            detectable = _format_points(metrics[f"{prefix}detectable_{contrast}"]).lstrip("+")
            note += f", not significant; {detectable} would have been detected with power 0.8"
        lines.append(f"  {name:16} {_format_points(gain):>12} ({note})")
    return lines


def _format_points(difference: float) -> str:
    return f"{100 * difference:+.1f} points"


def _format_categories(categories: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        "category       prompts     base    SFT    DPO   following: base    SFT    DPO"
        "   q base-SFT  q SFT-DPO  q base-DPO"
    ]
    for row in categories:
        rates = "".join(f"{row[f'{model}_rate']:>7.1%}" for model in MODELS)
        following = "".join(f"{row[f'{model}_following_rate']:>7.1%}" for model in MODELS)
        q = "".join(f"{row[f'q_{first}_{second}']:>12.2g}" for first, second in CONTRASTS)
        lines.append(f"{row['category']:14} {row['prompts']:>7}  {rates}           {following} {q}")
    lines.append("q: exact McNemar by the primary rule, corrected by Benjamini-Hochberg over the categories")
    return lines


def _format_typical_failures(model: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [f"Most frequent failures of the {MODEL_NAMES[model]} model"]
    for row in rows[:EXAMPLES]:
        lines += [
            f"  {row['check']}, {row['count']} times; {row['key']}: {row['instruction']!r}",
            f"      {MODEL_NAMES[model]}: {row['response'][:RESPONSE_CHARACTERS]!r}",
        ]
    return lines


def _format_changes(
    first: str, second: str, changes: Mapping[str, Any], by_check: Sequence[Mapping[str, Any]]
) -> list[str]:
    gained, lost = changes["gained"], changes["lost"]
    lines = [
        f"{MODEL_NAMES[second]} compared with {MODEL_NAMES[first]}: "
        f"{len(gained)} prompts fixed, {len(lost)} broken"
    ]
    if by_check:
        lines += error_analysis.format_table(by_check, ("fixed", "broken"))
    for name, rows in (("fixed", gained), ("broken", lost)):
        for row in rows[:EXAMPLES]:
            lines += [
                f"  {name} {row['key']} ({', '.join(row['failures'])}): {row['instruction']!r}",
                f"      {MODEL_NAMES[first]}: {row['before'][:RESPONSE_CHARACTERS]!r}",
                f"      {MODEL_NAMES[second]}: {row['after'][:RESPONSE_CHARACTERS]!r}",
            ]
    return lines
