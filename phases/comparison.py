"""Comparison: base, SFT and DPO model on the same prompts, and whether the differences are more than chance.

Rates come with Wilson intervals. The three contrasts are paired by prompt: exact McNemar tests with Holm's
correction, differences with BCa bootstrap intervals, and beside each the smallest difference that would have
been seen. Categories are corrected by Benjamini and Hochberg.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from pydantic import Field

from phases.common import files
from phases.common.parameters import PhaseParameters, parse
from phases.common.report import Reporter, stop_on_sigterm

if TYPE_CHECKING:
    from phases.common.statistics import Contrast

MODELS: Final = ("base", "sft", "dpo")
CONTRASTS: Final = (("base", "sft"), ("sft", "dpo"), ("base", "dpo"))
SHOWN: Final = 5
"""Examples shown of each kind."""


class Parameters(PhaseParameters):
    """Which evaluations are compared."""

    base: list[str] = Field(min_length=1, description="evaluation of the base model: files or patterns")
    sft: list[str] = Field(min_length=1, description="evaluation of the SFT model; the newest file counts")
    dpo: list[str] = Field(min_length=1, description="evaluation of the DPO model")
    output: Path = Field(description="text report; a JSON file of the same name is written beside it")
    seed: int = Field(20251003, ge=0, description="seed of the bootstrap")
    resamples: int = Field(10_000, ge=100, le=1_000_000, description="bootstrap resamples")


METRICS = {
    **{
        f"{model}_{what}": f"{meaning} of the {model} model"
        for model in MODELS
        for what, meaning in (
            ("rate", "share of prompts followed"),
            ("rate_low", "lower end of the Wilson 95 % interval"),
            ("rate_high", "upper end of the Wilson 95 % interval"),
            ("truncation_rate", "share of cut-off answers"),
        )
    },
    **{
        f"{what}_{first}_{second}": f"{meaning}, {first} to {second}"
        for first, second in CONTRASTS
        for what, meaning in (
            ("p", "p-value of the exact McNemar test after Holm's correction"),
            ("p_raw", "p-value of the exact McNemar test"),
            ("gain", "difference of the rates"),
            ("gain_low", "lower end of its BCa bootstrap 95 % interval"),
            ("gain_high", "upper end of its BCa bootstrap 95 % interval"),
            ("gained", "prompts that only the second model follows"),
            ("lost", "prompts that only the first model follows"),
            ("detectable", "smallest difference found with power 0.8"),
        )
    },
    "prompts": "prompts in the suite",
}


class EvaluationError(ValueError):
    """Evaluations cannot be compared; the message says which and why."""


class _Result(msgspec.Struct, frozen=True):
    key: str
    category: str
    instruction: str
    response: str
    finished: bool
    passed: bool
    failures: tuple[str, ...]


class _SuiteId(msgspec.Struct, frozen=True):
    name: str
    version: str


class Evaluation(msgspec.Struct, frozen=True):
    """What `phases.evaluation` wrote."""

    success_rate: float
    suite: _SuiteId
    model: str
    parameters: dict[str, Any]
    results: tuple[_Result, ...]
    provenance: dict[str, Any]


def newest(patterns: Sequence[str]) -> Path:
    """Return the newest evaluation among the files; their names hold the time.

    Raises:
        EvaluationError: there is none.
    """
    try:
        found = [
            path
            for path in files.expand(patterns)
            if path.suffix == ".json" and path.stem.startswith("eval_")
        ]
    except FileNotFoundError as error:
        raise EvaluationError(f"{error}; run the evaluation first") from error
    if not found:
        raise EvaluationError(f"{' '.join(patterns)}: expected a file eval_<time>.json")
    return max(found, key=lambda path: (path.stem, str(path)))


def read(path: Path) -> Evaluation:
    """Read an evaluation.

    Raises:
        EvaluationError: it is not one.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Evaluation)
    except msgspec.DecodeError as error:
        raise EvaluationError(f"{path}: not an evaluation of phases.evaluation: {error}") from error


def check_comparable(paths: Sequence[Path], evaluations: Sequence[Evaluation]) -> None:
    """Raise EvaluationError unless all were made on the same prompts in the same way."""
    for (one, first), (other, second) in pairwise(zip(paths, evaluations, strict=True)):
        same = (
            ("suite versions", first.suite.version[:12], second.suite.version[:12]),
            ("max_new_tokens", *(e.parameters.get("max_new_tokens") for e in (first, second))),
            ("prompt formats", *(e.provenance.get("prompt_format") for e in (first, second))),
            ("quantisation (4-bit)", *(e.provenance.get("four_bit") for e in (first, second))),
            ("number formats", *(e.provenance.get("dtype") for e in (first, second))),
        )
        for what, a, b in same:
            if a != b:
                raise EvaluationError(
                    f"{one} and {other} have different {what} ({a} and {b}); evaluate both in the same way"
                )
        if [r.key for r in first.results] != [r.key for r in second.results]:
            raise EvaluationError(f"{one} and {other} do not hold the same prompts; evaluate both again")


def run(parameters: Parameters, reporter: Reporter) -> None:
    """Compare the three evaluations."""
    from phases.common.provenance import versions
    from phases.common.statistics import adjusted, paired, wilson

    paths = [newest(getattr(parameters, model)) for model in MODELS]
    evaluations = dict(zip(MODELS, map(read, paths), strict=True))
    check_comparable(paths, list(evaluations.values()))
    for model, path in zip(MODELS, paths, strict=True):
        reporter.notice(f"{model}: {path}")
        reporter.input(path)
    passed = {model: [r.passed for r in e.results] for model, e in evaluations.items()}
    rates = {model: wilson(sum(values), len(values)) for model, values in passed.items()}
    contrasts = {
        (a, b): paired(passed[a], passed[b], parameters.seed, parameters.resamples) for a, b in CONTRASTS
    }
    holm = adjusted([contrast.p for contrast in contrasts.values()], "holm")
    metrics: dict[str, Any] = {"prompts": rates["base"].total}
    for model, rate in rates.items():
        cut = sum("unfinished" in r.failures for r in evaluations[model].results) / rate.total
        metrics |= {
            f"{model}_rate": rate.rate,
            f"{model}_rate_low": rate.low,
            f"{model}_rate_high": rate.high,
        }
        metrics[f"{model}_truncation_rate"] = cut
    for ((a, b), contrast), p in zip(contrasts.items(), holm, strict=True):
        values = {
            "p": p,
            "p_raw": contrast.p,
            "gain": contrast.gain,
            "gain_low": contrast.low,
            "gain_high": contrast.high,
            "gained": contrast.gained,
            "lost": contrast.lost,
            "detectable": contrast.detectable,
        }
        metrics |= {f"{what}_{a}_{b}": value for what, value in values.items()}
    categories = _categories(evaluations)
    changes = {f"{a}_{b}": _changes(evaluations[a], evaluations[b]) for a, b in CONTRASTS}
    record = {
        "versions": versions(),
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
            contrasts=list(contrasts.values()),
            categories=categories,
            changes=changes,
        ),
    )
    as_json = parameters.output.with_suffix(".json")
    files.write_json(
        as_json, {"metrics": metrics, "categories": categories, "changes": changes, "provenance": record}
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


def _categories(evaluations: dict[str, Evaluation]) -> list[dict[str, Any]]:
    from phases.common.statistics import adjusted, mcnemar, wilson

    rows: list[dict[str, Any]] = []
    for category in dict.fromkeys(r.category for r in evaluations["base"].results):
        passed = {m: [r.passed for r in e.results if r.category == category] for m, e in evaluations.items()}
        row: dict[str, Any] = {"category": category, "prompts": len(passed["base"])}
        for model, values in passed.items():
            rate = wilson(sum(values), len(values))
            row |= {f"{model}_rate": rate.rate, f"{model}_interval": [rate.low, rate.high]}
        for a, b in CONTRASTS:
            row[f"p_{a}_{b}"] = mcnemar(passed[a], passed[b])
        rows.append(row)
    for a, b in CONTRASTS:
        for row, p in zip(rows, adjusted([row[f"p_{a}_{b}"] for row in rows], "fdr_bh"), strict=True):
            row[f"q_{a}_{b}"] = p
    return rows


def _changes(first: Evaluation, second: Evaluation) -> dict[str, Any]:
    """Return the prompts that only one of two models follows, and what the second still fails."""
    found: dict[str, list[dict[str, Any]]] = {"gained": [], "lost": []}
    for a, b in zip(first.results, second.results, strict=True):
        if a.passed != b.passed:
            found["gained" if b.passed else "lost"].append(
                {
                    "key": a.key,
                    "category": a.category,
                    "instruction": a.instruction,
                    "before": a.response,
                    "after": b.response,
                    "failures": (a if b.passed else b).failures,
                }
            )
    failing = Counter(name for r in second.results if not r.passed for name in r.failures)
    return {**found, "still_failing": dict(failing.most_common())}


def _text(
    evaluations: dict[str, Evaluation],
    paths: Sequence[Path],
    metrics: dict[str, Any],
    *,
    contrasts: Sequence["Contrast"],
    categories: Sequence[dict[str, Any]],
    changes: dict[str, Any],
) -> str:
    names = {"base": "base", "sft": "SFT", "dpo": "DPO"}
    suite = evaluations["base"].suite
    lines = [
        "Comparison of base, SFT and DPO model",
        f"suite {suite.name}, version {suite.version[:12]}, {metrics['prompts']} prompts; greedy decoding",
        "",
        "model   followed   95 % interval     cut off   evaluation",
    ]
    for model, path in zip(MODELS, paths, strict=True):
        low, high = metrics[f"{model}_rate_low"], metrics[f"{model}_rate_high"]
        lines.append(
            f"{names[model]:6} {metrics[f'{model}_rate']:>8.1%}   [{low:>6.1%}, {high:>6.1%}]  "
            f"{metrics[f'{model}_truncation_rate']:>7.1%}   {path}"
        )
    lines += [
        "",
        "contrast       gain     95 % interval        gained  lost   p (McNemar)  p (Holm)   detectable",
    ]
    for (a, b), contrast in zip(CONTRASTS, contrasts, strict=True):
        lines.append(
            f"{names[a] + ' -> ' + names[b]:12} {contrast.gain:>+7.1%}  [{contrast.low:>+7.1%}, "
            f"{contrast.high:>+7.1%}]  {contrast.gained:>6} {contrast.lost:>5}   {contrast.p:>11.2g}  "
            f"{metrics[f'p_{a}_{b}']:>8.2g}   {contrast.detectable:>9.1%}"
        )
    lines += ["", "category       prompts    base     SFT     DPO    q base-SFT  q SFT-DPO  q base-DPO"]
    for row in categories:
        shares = "".join(f"{row[f'{model}_rate']:>8.1%}" for model in MODELS)
        q = "".join(f"{row[f'q_{a}_{b}']:>12.2g}" for a, b in CONTRASTS)
        lines.append(f"{row['category']:14} {row['prompts']:>7}{shares}{q}")
    for a, b in CONTRASTS[:2]:
        change = changes[f"{a}_{b}"]
        failing = ", ".join(f"{name} {count}" for name, count in list(change["still_failing"].items())[:8])
        lines += ["", f"{names[a]} -> {names[b]}: {names[b]} still fails: {failing or 'nothing'}"]
        for kind in ("gained", "lost"):
            lines.append(f"  {kind}: {len(change[kind])}")
            for row in change[kind][:SHOWN]:
                lines += [
                    f"    {row['key']}: {row['instruction']!r}",
                    f"      {names[a]}: {row['before'][:160]!r}",
                    f"      {names[b]}: {row['after'][:160]!r}",
                ]
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the phase from the command line."""
    import sys

    parameters = parse(
        Parameters, argv, program="phases.comparison", description=(__doc__ or "").split("\n")[0]
    )
    stop_on_sigterm()
    try:
        run(parameters, Reporter(parameters.output.parent))
    except EvaluationError as error:
        print(f"phases.comparison: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
