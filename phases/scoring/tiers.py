"""The three tiers of success of the Stage 1 session document, line by line, each with its evidence.

A line is met, not met, or *not shown*: what cannot be read here is never taken for granted. Records of
earlier phases are their `manifest.json` files; every file that one names is read by its hash. The thresholds
are the document's, whatever the model and the scale.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from phases.contract import files
from phases.scoring.overlap import SuiteOverlap
from phases.scoring.results import Evaluation

Name = Literal["minimum", "full", "publication-ready"]
BASE_AT_MOST: Final = 0.30
SFT_ROWS: Final = 5_000
SFT_ABOVE: Final = 0.60
PAIRS: Final = 10_000
DPO_ABOVE: Final = 0.85
LEVEL: Final = 0.05
RECORDED: Final = (
    *("model", "dtype", "device", "prompt_format", "stop_rule", "suite", "verifiers", "versions", "command"),
)
"""What an evaluation must record to be repeated, beside its parameters."""
MADE: Final = ("sft_data", "sft_training", "pairs", "dpo_training")
RECORDED_OF_MADE: Final = ("model", "parameters", "seed", "versions", "device", "prompt_format", "command")
"""What the record of data or of a training must hold to be repeated."""


class Line(msgspec.Struct, frozen=True):
    """One line of a tier: whether it is met (None: not shown), and the evidence."""

    criterion: str
    met: bool | None
    evidence: str


class Tier(msgspec.Struct, frozen=True):
    """A tier and whether it is reached (None: nothing is missed, but something is not shown)."""

    name: Name
    reached: bool | None
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Records:
    """The manifests of earlier phases; None where it is not known where one is."""

    verification: Path | None = None
    sft_data: Path | None = None
    sft_training: Path | None = None
    pairs: Path | None = None
    dpo_training: Path | None = None


def assess(
    records: Records, evaluations: Mapping[str, Evaluation], metrics: Mapping[str, Any]
) -> tuple[Tier, ...]:
    """Return the three tiers; each holds the one before.

    Args:
        records: manifests of earlier phases.
        evaluations: of the models `base`, `sft` and `dpo`.
        metrics: of the comparison.
    """
    base, sft, dpo = (evaluations[model] for model in ("base", "sft", "dpo"))
    minimum = _tier(
        "minimum",
        None,
        _of_record(
            "verification passes (base model ~10-30 %)",
            records.verification,
            lambda path: _verified(path, base, metrics),
        ),
        _of_record(
            "clean data generated (5k+ SFT examples)",
            records.sft_data,
            lambda path: _clean_rows(path, SFT_ROWS, base),
        ),
        _of_record(
            "SFT training completes",
            records.sft_training,
            lambda path: _trained(path, records.sft_data, base, sft),
        ),
        _rate("SFT model shows improvement (> 60 %)", "sft", SFT_ABOVE, "base", metrics),
    )
    full = _tier(
        "full",
        minimum,
        _of_record(
            "preference pairs generated (10k+)",
            records.pairs,
            lambda path: _clean_rows(path, PAIRS, base),
        ),
        _of_record(
            "DPO training completes",
            records.dpo_training,
            lambda path: _trained(path, records.pairs, sft, dpo),
        ),
        _rate("DPO model shows improvement (> 85 %)", "dpo", DPO_ABOVE, "sft", metrics),
        _progression(metrics),
    )
    publication = _tier(
        "publication-ready",
        full,
        _significant(metrics),
        _analysed(evaluations),
        _reproducible(evaluations, records),
    )
    return minimum, full, publication


def highest(tiers: Sequence[Tier]) -> str:
    """Return the name of the highest tier that is reached, or `none`."""
    return next((tier.name for tier in reversed(tiers) if tier.reached), "none")


def as_text(tiers: Sequence[Tier]) -> list[str]:
    """Return the tiers as lines."""
    words = {True: "met", False: "NOT MET", None: "not shown"}
    reached = {True: "reached", False: "not reached", None: "not shown in full"}
    lines = []
    for tier in tiers:
        lines.append(f"{tier.name}: {reached[tier.reached]}")
        lines += [f"  {words[line.met]:9}  {line.criterion}: {line.evidence}" for line in tier.lines]
    return lines


def _tier(name: Name, below: Tier | None, *lines: Line) -> Tier:
    if below:
        inherited = Line(f"all {below.name} criteria", below.reached, "above")
        lines = (inherited, *lines)
    met = [line.met for line in lines]
    return Tier(name, False if False in met else None if None in met else True, lines)


def _of_record(criterion: str, manifest: Path | None, judge: Callable[[Path], tuple[bool, str]]) -> Line:
    """Return what a record says of a criterion, or that it is not there or not as expected."""
    if manifest is None:
        return Line(criterion, None, "its record was not given")
    if not manifest.is_file():
        return Line(criterion, None, f"{manifest} does not exist")
    try:
        return Line(criterion, *judge(manifest))
    except (_Unproven, OSError) as error:
        return Line(criterion, None, str(error))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        return Line(criterion, None, f"{manifest} is not the expected record: {type(error).__name__} {error}")


class _Unproven(Exception):  # noqa: N818 - nothing failed; something is not shown
    """A record names a file that is not as it says."""


def _read(path: Path) -> dict[str, Any]:
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])


def _named(manifest: Path, name: str, sha256: str) -> Path:
    """Return a file beside a manifest, if it is the one that the manifest means."""
    path = manifest.with_name(name)
    if not path.is_file() or files.sha256(path) != sha256:
        raise _Unproven(f"{path} is not the file that its manifest names")
    return path


def _verified(manifest: Path, base: Evaluation, metrics: Mapping[str, Any]) -> tuple[bool, str]:
    record = _read(manifest)
    verdict = _read(_named(manifest, record["verification"], record["sha256"]))["verdict"]
    verified, rate = record["model"]["sha256"], metrics["base_rate"]
    same = base.model_sha256 == verified
    other = "" if same else f"; but model {verified[:12]} was verified, another than the base model evaluated"
    met = verdict == "clean" and rate <= BASE_AT_MOST and same
    return met, f"verdict {verdict}, the base model follows {rate:.1%}{other}"


_TEXTS: Final = ("instruction", "response", "chosen", "rejected")
"""What a row of either data may give the suite away by."""


def _clean_rows(manifest: Path, enough: int, evaluation: Evaluation) -> tuple[bool, str]:
    """Count the rows that a manifest names and look for the evaluation's prompts among them."""
    record = _read(manifest)
    data = [_named(manifest, name, sha) for name, sha in record["outputs"].items() if name.endswith(".jsonl")]
    rows = [row for path in data for row in files.read_rows(path)]
    overlap = SuiteOverlap({r.key: r.instruction for r in evaluation.results})
    found = [
        [near for name in _TEXTS if name in row and (near := overlap.find_nearest(row[name]))] for row in rows
    ]
    planted = sum(any(near.is_contaminated for near in of_row) for of_row in found)
    nearest = max((near.similarity for of_row in found for near in of_row), default=0.0)
    plain = record["provenance"]["chat_template"] is None and not record["provenance"]["add_special_tokens"]
    return (
        len(rows) >= enough and not planted and plain,
        f"{len(rows):,} rows; {planted} hold a prompt of the evaluation (nearest similarity "
        f"{nearest:.2f}); {'no chat template or special token' if plain else 'made with a chat template'}",
    )


def _trained(
    manifest: Path, data: Path | None, before: Evaluation, evaluation: Evaluation
) -> tuple[bool, str]:
    """Say whether a training went from one evaluated model to another, on the recorded data."""
    record = _read(manifest)
    trained = {Path(made["path"]).name: made["sha256"] for made in record["artifacts"]}
    evaluated = evaluation.provenance.get("model", {}).get("files", {})
    same = bool(trained) and all(evaluated.get(name) == sha256 for name, sha256 in trained.items())
    said = [f"{record['metrics']['steps']:,} steps"]
    started = record["provenance"]["model"]["sha256"] == before.model_sha256
    said.append(f"began with {'the' if started else 'another model than the'} model evaluated before it")
    said.append(f"the adapter evaluated is {'the one it wrote' if same else 'another one'}")
    if data is not None and data.is_file():
        made = set(_read(data)["outputs"].values())
        used = {entry["sha256"] for entry in record["inputs"]}
        on_these = bool(used) and used <= made
        said.append(f"trained on {'the data above' if on_these else 'other data than the above'}")
        same = same and on_these
    return same and started, "; ".join(said)


def _rate(criterion: str, model: str, above: float, before: str, metrics: Mapping[str, Any]) -> Line:
    rate, earlier = metrics[f"{model}_rate"], metrics[f"{before}_rate"]
    low, high = metrics[f"{model}_rate_low"], metrics[f"{model}_rate_high"]
    evidence = (
        f"{rate:.1%} [{low:.1%}, {high:.1%}] after {earlier:.1%}; following alone "
        f"{metrics[f'{model}_following_rate']:.1%} after {metrics[f'{before}_following_rate']:.1%}"
    )
    return Line(criterion, rate > above and rate > earlier, evidence)


def _progression(metrics: Mapping[str, Any]) -> Line:
    base, sft, dpo = (metrics[f"{model}_rate"] for model in ("base", "sft", "dpo"))
    return Line(
        "clear progression base -> SFT -> DPO",
        base < sft < dpo,
        f"{base:.1%} -> {sft:.1%} (p = {metrics['p_base_sft']:.2g}) -> {dpo:.1%} (p = "
        f"{metrics['p_sft_dpo']:.2g}); met where the rates rise, significance is a line of its own",
    )


def _significant(metrics: Mapping[str, Any]) -> Line:
    steps = {"base -> SFT": "base_sft", "SFT -> DPO": "sft_dpo"}
    shown = all(metrics[f"gain_{s}"] > 0 and metrics[f"p_{s}"] < LEVEL for s in steps.values())
    evidence = "; ".join(
        f"{name} {100 * metrics[f'gain_{s}']:+.1f} points, p = {metrics[f'p_{s}']:.2g}"
        for name, s in steps.items()
    )
    return Line("statistical significance demonstrated", shown, f"{evidence} (McNemar, Holm)")


def _analysed(evaluations: Mapping[str, Evaluation]) -> Line:
    failed = {
        model: sum(not result.passed for result in evaluation.results)
        for model, evaluation in evaluations.items()
    }
    bare = sum(not r.passed and not r.failures for e in evaluations.values() for r in e.results)
    counts = ", ".join(f"{count} of the {model} model" for model, count in failed.items())
    return Line(
        "error analysis completed",
        bare == 0,
        f"failed answers: {counts}; by category and check below"
        + (f"; {bare} fail for no recorded reason" if bare else ""),
    )


def _reproducible(evaluations: Mapping[str, Evaluation], records: Records) -> Line:
    criterion = "reproducibility documented"
    made = {name: _provenance(getattr(records, name)) for name in MADE}
    if unknown := [name for name, found in made.items() if not found]:
        return Line(criterion, None, f"no record of {', '.join(unknown)} can be read")
    missing = {
        f"{what} of {name}" for name, found in made.items() for what in RECORDED_OF_MADE if what not in found
    }
    missing |= {
        f"{what} of the {model} evaluation"
        for model, evaluation in evaluations.items()
        for what, there in (
            *((name, name in evaluation.provenance) for name in RECORDED),
            ("model hash", bool(evaluation.model_sha256)),
            ("seed", "seed" in evaluation.parameters),
        )
        if not there
    }
    evidence = (
        f"not recorded: {', '.join(sorted(missing))}"
        if missing
        else "model hash, seed, prompt format, library versions, device and command of SFT data, SFT "
        "training, preference pairs, DPO training and each evaluation; the parameters of those; suite "
        "version, version of the verifiers and stop rule of these"
    )
    return Line(criterion, not missing, evidence)


class _HasProvenance(msgspec.Struct):
    provenance: dict[str, Any]


def _provenance(manifest: Path | None) -> dict[str, Any]:
    """Return what made the outputs that a manifest names; nothing where it cannot be read."""
    try:
        return msgspec.json.decode(manifest.read_bytes(), type=_HasProvenance).provenance if manifest else {}
    except (OSError, msgspec.DecodeError):
        return {}
