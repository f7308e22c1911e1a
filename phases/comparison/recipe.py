"""Comparison: base, SFT and DPO model on the same prompts, and whether the differences are more than chance.

Two rules are shown for every model. By the primary one an answer must also end by itself; by the other,
*following alone*, the model may go on to another instruction after it. A gain by the primary rule is the sum
of a gain in following and a gain in *stopping in time*: in answers no longer spoilt by going on.

What the base model does after solved examples, which show it how to stop, is set against the tuned models
too: a gain over that is not one of format.

Rates come with Wilson intervals. The three contrasts are paired by prompt: exact McNemar tests with Holm's
correction, differences with BCa bootstrap intervals, and beside each the smallest difference that would have
been seen. Categories are corrected by Benjamini and Hochberg.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from phases.comparison.spec import CONTRASTS, MODELS, Parameters
from phases.contract import files
from phases.contract.reporter import Reporter
from phases.contract.versions import installed_versions
from phases.scoring import error_analysis, tiers
from phases.scoring.results import Evaluation, Result, check_comparable, newest, read
from phases.verifiers import ifeval
from phases.verifiers.registry import resolve_version

NAMES: Final = {"base": "base", "sft": "SFT", "dpo": "DPO"}
LEVEL: Final = 0.05
"""Of a p-value after Holm's correction, below which a difference is called one."""
SHOWN: Final = 5
"""Examples shown of each kind."""
LONGEST: Final = 160
"""Characters of a response that the text report shows."""


TITLES: Final = {"": "followed", "following_": "following alone", "stopping_": "stopping in time"}
"""What is contrasted, by the prefix of its metrics."""


OF_CONTRAST: Final = ("p", "p_raw", "gain", "gain_low", "gain_high", "gained", "lost", "detectable")

RULES: Final[dict[str, Callable[[Result], bool]]] = {
    "": lambda result: result.passed,
    "following_": lambda result: result.following,
    "stopping_": lambda result: result.stopped_in_time,
}


def run(parameters: Parameters, reporter: Reporter) -> None:
    """Compare the three evaluations."""
    paths = [newest(getattr(parameters, model)) for model in MODELS]
    evaluations = dict(zip(MODELS, map(read, paths), strict=True))
    check_comparable(paths, list(evaluations.values()))
    for model, path in zip(MODELS, paths, strict=True):
        reporter.notice(f"{model}: {path}")
        reporter.input(path)
    metrics: dict[str, Any] = {"prompts": len(evaluations["base"].results)}
    for model, evaluation in evaluations.items():
        metrics |= _rates(model, evaluation)
    for prefix, rule in RULES.items():
        metrics |= _contrasts(
            prefix, {m: list(map(rule, e.results)) for m, e in evaluations.items()}, parameters
        )
    categories = _categories(evaluations)
    few_shot = _few_shot(evaluations, parameters)
    results = {model: e.results for model, e in evaluations.items()}
    changes = {f"{a}_{b}": error_analysis.changed(results[a], results[b]) for a, b in CONTRASTS}
    errors = {
        "failing": error_analysis.failing(results),
        "typical": {model: error_analysis.typical(rows) for model, rows in results.items()},
        "fixed_and_broken": {name: error_analysis.fixed_and_broken(rows) for name, rows in changes.items()},
    }
    records = tiers.Records(
        **{field.name: getattr(parameters, field.name) for field in dataclasses.fields(tiers.Records)}
    )
    for manifest in dataclasses.astuple(records):
        if manifest and manifest.is_file():
            reporter.input(manifest)
    reached = tiers.assess(records, evaluations, metrics)
    metrics["tier"] = tiers.highest(reached)
    record = {
        "versions": installed_versions(),
        "seed": parameters.seed,
        "resamples": parameters.resamples,
        "suite": msgspec.to_builtins(evaluations["base"].suite),
        "models": {model: e.provenance.get("model") for model, e in evaluations.items()},
    }
    files.write_whole(
        parameters.output,
        _text(
            evaluations,
            paths,
            metrics,
            parameters=parameters,
            few_shot=few_shot,
            categories=categories,
            changes=changes,
            errors=errors,
            reached=reached,
        ),
    )
    as_json = parameters.output.with_suffix(".json")
    files.write_json(
        as_json,
        {
            "metrics": metrics,
            "tiers": reached,
            "categories": categories,
            "few_shot": few_shot,
            "errors": errors,
            "changes": changes,
            "provenance": record,
        },
    )
    for (a, b), shown in zip(CONTRASTS, changes.values(), strict=True):
        for kind, after in (("gained", True), ("lost", False)):
            for row in shown[kind][:SHOWN]:
                texts = {"Instruction": row["instruction"], a: row["before"], b: row["after"]}
                reporter.sample(f"{kind} from {a} to {b}: {row['key']}", texts, after)
    reporter.artifact(parameters.output)
    reporter.artifact(as_json)
    reporter.progress(1, 1, "comparison")
    reporter.finish(metrics, dict.fromkeys(metrics, as_json.name), record)


def _rates(model: str, evaluation: Evaluation) -> dict[str, Any]:
    from phases.scoring.stats import wilson

    results = evaluation.results
    followed = wilson(sum(r.passed for r in results), len(results))
    following = wilson(sum(r.following for r in results), len(results))
    return {
        f"{model}_rate": followed.rate,
        f"{model}_rate_low": followed.low,
        f"{model}_rate_high": followed.high,
        f"{model}_following_rate": following.rate,
        f"{model}_following_rate_low": following.low,
        f"{model}_following_rate_high": following.high,
        f"{model}_truncation_rate": sum("unfinished" in r.failures for r in results) / len(results),
        f"{model}_went_on_rate": sum("went_on" in r.failures for r in results) / len(results),
    }


def _contrasts(
    prefix: str, followed: Mapping[str, Sequence[bool]], parameters: Parameters
) -> dict[str, float | int]:
    """Return the metrics of the three contrasts by one rule, which are corrected together."""
    from phases.scoring.stats import adjusted, paired

    found = [
        paired(followed[a], followed[b], parameters.seed, parameters.resamples, tests=len(CONTRASTS))
        for a, b in CONTRASTS
    ]
    holm = adjusted([contrast.p for contrast in found], "holm")
    values: dict[str, float | int] = {}
    for (a, b), contrast, p in zip(CONTRASTS, found, holm, strict=True):
        values |= {
            f"{prefix}{name}_{a}_{b}": value
            for name, value in (
                ("p", p),
                ("p_raw", contrast.p),
                ("gain", contrast.gain),
                ("gain_low", contrast.low),
                ("gain_high", contrast.high),
                ("gained", contrast.gained),
                ("lost", contrast.lost),
                ("detectable", contrast.detectable),
            )
        }
    return values


def _categories(evaluations: dict[str, Evaluation]) -> list[dict[str, Any]]:
    from phases.scoring.stats import adjusted, mcnemar, wilson

    rows: list[dict[str, Any]] = []
    for category in dict.fromkeys(r.category for r in evaluations["base"].results):
        own = {m: [r for r in e.results if r.category == category] for m, e in evaluations.items()}
        row: dict[str, Any] = {"category": category, "prompts": len(own["base"])}
        for model, results in own.items():
            rate = wilson(sum(r.passed for r in results), len(results))
            following = sum(r.following for r in results) / len(results)
            row |= {
                f"{model}_rate": rate.rate,
                f"{model}_interval": [rate.low, rate.high],
                f"{model}_following_rate": following,
            }
        for a, b in CONTRASTS:
            row[f"p_{a}_{b}"] = mcnemar(*([r.passed for r in own[model]] for model in (a, b)))
        rows.append(row)
    for a, b in CONTRASTS:
        for row, p in zip(rows, adjusted([row[f"p_{a}_{b}"] for row in rows], "fdr_bh"), strict=True):
            row[f"q_{a}_{b}"] = p
    return rows


def _few_shot(evaluations: Mapping[str, Evaluation], parameters: Parameters) -> list[dict[str, Any]]:
    """Return what each model follows after solved examples, and how much more each model tuned after it does.

    Empty where no evaluation asked. These contrasts are beside the three: nothing corrects their p-values.
    """
    from phases.scoring.stats import paired, wilson

    rows: list[dict[str, Any]] = []
    for n, model in enumerate(MODELS):
        shown = [result.following for result in evaluations[model].results_few_shot]
        if not shown:
            continue
        rate = wilson(sum(shown), len(shown))
        row: dict[str, Any] = {"model": model, "rate": rate.rate, "interval": [rate.low, rate.high]}
        for later in MODELS[n + 1 :]:
            followed = [result.following for result in evaluations[later].results]
            contrast = paired(shown, followed, parameters.seed, parameters.resamples)
            row[later] = dataclasses.asdict(contrast)
        rows.append(row)
    return rows


def _few_shot_text(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = []
    for row in rows:
        low, high = row["interval"]
        name = f"{NAMES[row['model']]} after solved examples"
        lines.append(f"{name}: following {row['rate']:.1%} [{low:.1%}, {high:.1%}]")
        for later in (model for model in MODELS if model in row):
            of = row[later]
            lines.append(
                f"  {NAMES[later]} without any: following {_points(of['gain'])} "
                f"[{100 * of['low']:+.1f}, {100 * of['high']:+.1f}], gained {of['gained']}, lost "
                f"{of['lost']}, p = {of['p']:.2g} (exact McNemar, not corrected)"
            )
    return lines


def _ifeval(model: str, metrics: Mapping[str, Any]) -> str:
    """Give the four standard numbers, where the suite was that of IFEval."""
    if not set(ifeval.SCORES) <= metrics.keys():
        return ""
    shown = [f"{n.removeprefix('ifeval_').replace('_', ' ')} {metrics[n]:.1%}" for n in ifeval.SCORES]
    return f"{NAMES[model]} on IFEval: {', '.join(shown)}"


def _contrast_table(title: str, prefix: str, metrics: Mapping[str, Any]) -> list[str]:
    lines = [f"{title:22} gain     95 % interval        gained  lost   p (McNemar)  p (Holm)   detectable"]
    for a, b in CONTRASTS:
        of = {what: metrics[f"{prefix}{what}_{a}_{b}"] for what in OF_CONTRAST}
        lines.append(
            f"{NAMES[a] + ' -> ' + NAMES[b]:20} {of['gain']:>+7.1%}  [{of['gain_low']:>+7.1%}, "
            f"{of['gain_high']:>+7.1%}]  {of['gained']:>6} {of['lost']:>5}   {of['p_raw']:>11.2g}  "
            f"{of['p']:>8.2g}   {of['detectable']:>9.1%}"
        )
    return lines


def _parts(first: str, second: str, metrics: Mapping[str, Any]) -> list[str]:
    """Say how much of a gain is following and how much is stopping in time, and whether each is shown."""
    contrast = f"{first}_{second}"
    lines = [f"{NAMES[first]} -> {NAMES[second]}: {_points(metrics[f'gain_{contrast}'])}, of which"]
    for prefix, part in (("following_", "following"), ("stopping_", "stopping in time")):
        gain, p = metrics[f"{prefix}gain_{contrast}"], metrics[f"{prefix}p_{contrast}"]
        said = f"p = {p:.2g}"
        if p >= LEVEL:
            detectable = _points(metrics[f"{prefix}detectable_{contrast}"])
            said += (
                f", no difference is shown; one of {detectable.lstrip('+')} would have been, with power 0.8"
            )
        lines.append(f"  {part:16} {_points(gain):>12} ({said})")
    return lines


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f} points"


def _text(
    evaluations: dict[str, Evaluation],
    paths: Sequence[Path],
    metrics: dict[str, Any],
    *,
    parameters: Parameters,
    few_shot: Sequence[Mapping[str, Any]],
    categories: Sequence[dict[str, Any]],
    changes: dict[str, Any],
    errors: dict[str, Any],
    reached: Sequence[tiers.Tier],
) -> str:
    suite, made = evaluations["base"].suite, evaluations["base"].provenance
    lines = [
        "Comparison of base, SFT and DPO model",
        f"suite {suite.name}, version {suite.version[:12]}, {metrics['prompts']} prompts; greedy decoding",
        f"made alike: verifiers {resolve_version(made.get('verifiers'))}, prompt format "
        f"{made.get('prompt_format')}, engine {(made.get('engine') or {}).get('name')}, {made.get('dtype')}",
        "",
        "followed: all checks passed and the answer ended by itself (the primary rule)",
        "following: all checks passed, even if the model then went on to another instruction;",
        "  an answer that was cut off at the last token it was allowed follows by neither rule",
        "",
        "model  followed  95 % interval     following  95 % interval     went on  cut off  evaluation",
    ]
    for model, path in zip(MODELS, paths, strict=True):
        shares = [
            f"{metrics[f'{model}_{rate}']:>8.1%}  "
            f"[{metrics[f'{model}_{rate}_low']:>6.1%}, {metrics[f'{model}_{rate}_high']:>6.1%}]"
            for rate in ("rate", "following_rate")
        ]
        lines.append(
            f"{NAMES[model]:5}  {'   '.join(shares)}   {metrics[f'{model}_went_on_rate']:>7.1%}  "
            f"{metrics[f'{model}_truncation_rate']:>7.1%}  {path}"
        )
    lines += _few_shot_text(few_shot)
    lines += [line for model, e in evaluations.items() if (line := _ifeval(model, e.metrics))]
    for prefix, title in TITLES.items():
        lines += ["", *_contrast_table(title, prefix, metrics)]
    lines += [
        "",
        f"intervals: Wilson for rates, BCa bootstrap over prompts for gains ({parameters.resamples:,} "
        f"resamples, seed {parameters.seed});",
        "  with few prompts that differ the bootstrap is too narrow: where it and p disagree, p decides",
        "p: exact McNemar on the prompts that one model alone follows; Holm: over a table's three contrasts",
        "detectable: the smallest gain that these prompts, with as many that differ, show with power 0.8 at",
        f"  level {LEVEL}/{len(CONTRASTS)}, which is what Holm asks of one contrast at worst",
    ]
    lines += ["", "Where each gain is from", *(line for a, b in CONTRASTS for line in _parts(a, b, metrics))]
    lines += [
        "",
        "category       prompts     base    SFT    DPO   following: base    SFT    DPO"
        "   q base-SFT  q SFT-DPO  q base-DPO",
    ]
    for row in categories:
        shares = [
            "".join(f"{row[f'{model}_{rate}']:>7.1%}" for model in MODELS)
            for rate in ("rate", "following_rate")
        ]
        q = "".join(f"{row[f'q_{a}_{b}']:>12.2g}" for a, b in CONTRASTS)
        lines.append(f"{row['category']:14} {row['prompts']:>7}  {shares[0]}           {shares[1]} {q}")
    lines += [
        "q: exact McNemar by the primary rule, after Benjamini and Hochberg over the categories of a contrast"
    ]
    lines += ["", "Tiers of success, line by line, with the session document's thresholds"]
    lines += tiers.as_text(reached)
    table = error_analysis.as_text(errors["failing"], MODELS, NAMES)
    lines += ["", "What each model fails, by category and check", *table]
    for model in reversed(MODELS):
        lines += ["", f"How the {NAMES[model]} model fails, most often first"]
        for row in errors["typical"][model][:SHOWN]:
            lines += [
                f"  {row['check']}, {row['count']} times; {row['key']}: {row['instruction']!r}",
                f"      {NAMES[model]}: {row['response'][:LONGEST]!r}",
            ]
    for a, b in CONTRASTS[:2]:
        lines += ["", *_changed(a, b, changes[f"{a}_{b}"], errors["fixed_and_broken"][f"{a}_{b}"])]
    return "\n".join(lines) + "\n"


def _changed(
    first: str, second: str, changes: Mapping[str, Any], by_check: Sequence[Mapping[str, Any]]
) -> list[str]:
    gained, lost = changes["gained"], changes["lost"]
    lines = [f"What {NAMES[second]} fixed ({len(gained)} prompts) and broke ({len(lost)}) of {NAMES[first]}"]
    if by_check:
        lines += error_analysis.as_text(by_check, ("fixed", "broken"))
    for name, rows in (("fixed", gained), ("broke", lost)):
        for row in rows[:SHOWN]:
            lines += [
                f"  {name} {row['key']} ({', '.join(row['failures'])}): {row['instruction']!r}",
                f"      {NAMES[first]}: {row['before'][:LONGEST]!r}",
                f"      {NAMES[second]}: {row['after'][:LONGEST]!r}",
            ]
    return lines
