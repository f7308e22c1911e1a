"""The three tiers of success of the Stage 1 session document, criterion by criterion, with evidence.

A criterion is met, not met, or not shown if the evidence is missing: nothing is taken for granted. The
records of earlier phases are their `manifest.json` files; every file that a manifest names is verified by its
hash. The thresholds are those of the document for every model and scale.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from phases.contract import files
from phases.scoring.overlap import SuiteOverlap
from phases.scoring.results import Evaluation
from phases.scoring.stats import SIGNIFICANCE_LEVEL

TierName = Literal["minimum", "full", "publication-ready"]

MAX_BASE_RATE: Final = 0.30
MIN_SFT_ROWS: Final = 5_000
SFT_RATE: Final = 0.60
MIN_PAIRS: Final = 10_000
DPO_RATE: Final = 0.85

EVALUATION_PROVENANCE: Final = (
    *("model", "dtype", "device", "prompt_format", "stop_rule", "suite", "verifiers", "versions", "command"),
)
"""Provenance that makes an evaluation reproducible, besides its parameters."""
MANIFEST_PROVENANCE: Final = (
    *("model", "parameters", "seed", "versions", "device", "prompt_format", "command"),
)
"""Provenance that makes generated data or a training reproducible."""
_REPRODUCIBLE_PHASES: Final = ("sft_data", "sft_training", "pairs", "dpo_training")
_TEXT_FIELDS: Final = ("instruction", "response", "chosen", "rejected")
"""Fields of a row that may contain a prompt of the evaluation."""


class CriterionResult(msgspec.Struct, frozen=True):
    """A criterion, whether it is met (None: not shown), and the evidence."""

    criterion: str
    met: bool | None
    evidence: str


class TierResult(msgspec.Struct, frozen=True):
    """A tier and whether it is reached (None: no criterion is missed, but some are not shown)."""

    name: TierName
    reached: bool | None
    lines: tuple[CriterionResult, ...]


@dataclass(frozen=True)
class PhaseManifests:
    """The manifests of earlier phases; None if a path is unknown."""

    verification: Path | None = None
    sft_data: Path | None = None
    sft_training: Path | None = None
    pairs: Path | None = None
    dpo_training: Path | None = None

    def list_paths(self) -> list[Path]:
        """Return the paths that are known."""
        paths = (self.verification, self.sft_data, self.sft_training, self.pairs, self.dpo_training)
        return [path for path in paths if path is not None]


def assess_tiers(
    manifests: PhaseManifests, evaluations: Mapping[str, Evaluation], metrics: Mapping[str, Any]
) -> tuple[TierResult, ...]:
    """Return the three tiers; each includes the criteria of the one below.

    Args:
        manifests: manifests of earlier phases.
        evaluations: the evaluations of the models `base`, `sft` and `dpo`.
        metrics: the metrics of the comparison.
    """
    base, sft, dpo = (evaluations[model] for model in ("base", "sft", "dpo"))
    minimum = _combine(
        "minimum",
        None,
        _assess_manifest(
            "verification passes (base model ~10-30 %)",
            manifests.verification,
            lambda path: _assess_verification(path, base, metrics),
        ),
        _assess_manifest(
            "clean data generated (5k+ SFT examples)",
            manifests.sft_data,
            lambda path: _assess_rows(path, MIN_SFT_ROWS, base),
        ),
        _assess_manifest(
            "SFT training completes",
            manifests.sft_training,
            lambda path: _assess_training(path, manifests.sft_data, base, sft),
        ),
        _assess_rate("SFT model shows improvement (> 60 %)", "sft", SFT_RATE, "base", metrics),
    )
    full = _combine(
        "full",
        minimum,
        _assess_manifest(
            "preference pairs generated (10k+)",
            manifests.pairs,
            lambda path: _assess_rows(path, MIN_PAIRS, base),
        ),
        _assess_manifest(
            "DPO training completes",
            manifests.dpo_training,
            lambda path: _assess_training(path, manifests.pairs, sft, dpo),
        ),
        _assess_rate("DPO model shows improvement (> 85 %)", "dpo", DPO_RATE, "sft", metrics),
        _assess_progression(metrics),
    )
    publication = _combine(
        "publication-ready",
        full,
        _assess_significance(metrics),
        _assess_error_analysis(evaluations),
        _assess_reproducibility(evaluations, manifests),
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


def _assess_manifest(
    criterion: str, manifest: Path | None, assess: Callable[[Path], tuple[bool, str]]
) -> CriterionResult:
    """Return whether a manifest shows that a criterion is met; not shown if it is missing or unusable."""
    if manifest is None:
        return CriterionResult(criterion, None, "the manifest is not given")
    if not manifest.is_file():
        return CriterionResult(criterion, None, f"{manifest} does not exist")
    try:
        met, evidence = assess(manifest)
    except (_ChangedFileError, OSError) as error:
        return CriterionResult(criterion, None, str(error))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        reason = f"{manifest} is not the expected manifest: {type(error).__name__} {error}"
        return CriterionResult(criterion, None, reason)
    return CriterionResult(criterion, met, evidence)


class _ChangedFileError(Exception):
    """A file is missing or differs from the one that a manifest names."""


def _read_json(path: Path) -> dict[str, Any]:
    return files.read_json(path, dict[str, Any])


def _find_named_file(manifest: Path, name: str, sha256: str) -> Path:
    """Return a file next to a manifest after verifying its hash."""
    path = manifest.with_name(name)
    if not path.is_file() or files.hash_path(path) != sha256:
        raise _ChangedFileError(f"{path} is not the file that its manifest names")
    return path


def _assess_verification(manifest: Path, base: Evaluation, metrics: Mapping[str, Any]) -> tuple[bool, str]:
    record = _read_json(manifest)
    verdict = _read_json(_find_named_file(manifest, record["verification"], record["sha256"]))["verdict"]
    verified = record["model"]["sha256"]
    rate = metrics["base_rate"]
    evidence = f"verdict {verdict}, the base model follows {rate:.1%}"
    is_same_model = base.model_sha256 == verified
    if not is_same_model:
        evidence += f"; but the verified model {verified[:12]} is not the evaluated base model"
    return verdict == "clean" and rate <= MAX_BASE_RATE and is_same_model, evidence


def _assess_rows(manifest: Path, min_rows: int, evaluation: Evaluation) -> tuple[bool, str]:
    """Count the rows that a manifest names and search them for the evaluation's prompts."""
    record = _read_json(manifest)
    rows = [
        row
        for name, sha256 in record["outputs"].items()
        if name.endswith(".jsonl")
        for row in files.read_rows(_find_named_file(manifest, name, sha256))
    ]
    overlap = SuiteOverlap({answer.key: answer.instruction for answer in evaluation.results})
    contaminated = 0
    similarity = 0.0
    for row in rows:
        texts = [row[name] for name in _TEXT_FIELDS if name in row]
        matches = [match for text in texts if (match := overlap.find_nearest(text))]
        contaminated += any(match.is_contaminated for match in matches)
        similarity = max([similarity, *(match.similarity for match in matches)])
    provenance = record["provenance"]
    is_plain = provenance["chat_template"] is None and not provenance["add_special_tokens"]
    return (
        len(rows) >= min_rows and not contaminated and is_plain,
        f"{len(rows):,} rows; {contaminated} contain a prompt of the evaluation (nearest similarity "
        f"{similarity:.2f}); {'no' if is_plain else 'with a'} chat template or special tokens",
    )


def _assess_training(
    manifest: Path, data: Path | None, before: Evaluation, after: Evaluation
) -> tuple[bool, str]:
    """Return whether a training started from one evaluated model and produced the other from the data."""
    record = _read_json(manifest)
    evidence = [f"{record['metrics']['steps']:,} steps"]
    starts_from_before = record["provenance"]["model"]["sha256"] == before.model_sha256
    start = "the model" if starts_from_before else "another model than the one"
    evidence.append(f"started from {start} evaluated before it")
    trained = {Path(artifact["path"]).name: artifact["sha256"] for artifact in record["artifacts"]}
    evaluated = after.provenance.get("model", {}).get("files", {})
    is_evaluated = bool(trained) and all(evaluated.get(name) == sha256 for name, sha256 in trained.items())
    evidence.append(f"the evaluated adapter is {'the one it wrote' if is_evaluated else 'another one'}")
    met = starts_from_before and is_evaluated
    if data is not None and data.is_file():
        generated = set(_read_json(data)["outputs"].values())
        used = {entry["sha256"] for entry in record["inputs"]}
        uses_data = bool(used) and used <= generated
        evidence.append(f"trained on {'the data above' if uses_data else 'other data than the above'}")
        met = met and uses_data
    return met, "; ".join(evidence)


def _assess_rate(
    criterion: str, model: str, threshold: float, before: str, metrics: Mapping[str, Any]
) -> CriterionResult:
    rate, rate_before = metrics[f"{model}_rate"], metrics[f"{before}_rate"]
    low, high = metrics[f"{model}_rate_low"], metrics[f"{model}_rate_high"]
    evidence = (
        f"{rate:.1%} [{low:.1%}, {high:.1%}] after {rate_before:.1%}; following alone "
        f"{metrics[f'{model}_following_rate']:.1%} after {metrics[f'{before}_following_rate']:.1%}"
    )
    return CriterionResult(criterion, rate > threshold and rate > rate_before, evidence)


def _assess_progression(metrics: Mapping[str, Any]) -> CriterionResult:
    base, sft, dpo = (metrics[f"{model}_rate"] for model in ("base", "sft", "dpo"))
    return CriterionResult(
        "clear progression base -> SFT -> DPO",
        base < sft < dpo,
        f"{base:.1%} -> {sft:.1%} (p = {metrics['p_base_sft']:.2g}) -> {dpo:.1%} (p = "
        f"{metrics['p_sft_dpo']:.2g}); met if the rates rise, significance is a separate criterion",
    )


def _assess_significance(metrics: Mapping[str, Any]) -> CriterionResult:
    contrasts = {"base -> SFT": "base_sft", "SFT -> DPO": "sft_dpo"}
    met = all(
        metrics[f"gain_{contrast}"] > 0 and metrics[f"p_{contrast}"] < SIGNIFICANCE_LEVEL
        for contrast in contrasts.values()
    )
    evidence = "; ".join(
        f"{name} {100 * metrics[f'gain_{contrast}']:+.1f} points, p = {metrics[f'p_{contrast}']:.2g}"
        for name, contrast in contrasts.items()
    )
    return CriterionResult("statistical significance demonstrated", met, f"{evidence} (McNemar, Holm)")


def _assess_error_analysis(evaluations: Mapping[str, Evaluation]) -> CriterionResult:
    failed = {
        model: [answer for answer in evaluation.results if not answer.passed]
        for model, evaluation in evaluations.items()
    }
    counts = ", ".join(f"{len(answers)} of the {model} model" for model, answers in failed.items())
    evidence = f"failed answers: {counts}; by category and check below"
    unexplained = sum(not answer.failures for answers in failed.values() for answer in answers)
    if unexplained:
        evidence += f"; {unexplained} fail without a recorded reason"
    return CriterionResult("error analysis completed", not unexplained, evidence)


def _assess_reproducibility(
    evaluations: Mapping[str, Evaluation], manifests: PhaseManifests
) -> CriterionResult:
    criterion = "reproducibility documented"
    provenances = {name: _read_provenance(getattr(manifests, name)) for name in _REPRODUCIBLE_PHASES}
    if unreadable := [name for name, provenance in provenances.items() if not provenance]:
        return CriterionResult(criterion, None, f"no manifest of {', '.join(unreadable)} can be read")
    missing = [
        f"{field} of {name}"
        for name, provenance in provenances.items()
        for field in MANIFEST_PROVENANCE
        if field not in provenance
    ]
    for model, evaluation in evaluations.items():
        fields = [field for field in EVALUATION_PROVENANCE if field not in evaluation.provenance]
        if not evaluation.model_sha256:
            fields.append("model hash")
        if "seed" not in evaluation.parameters:
            fields.append("seed")
        missing += [f"{field} of the {model} evaluation" for field in fields]
    if missing:
        return CriterionResult(criterion, False, f"not recorded: {', '.join(sorted(missing))}")
    return CriterionResult(
        criterion,
        True,
        "recorded for SFT data, SFT training, preference pairs, DPO training and each evaluation: model "
        "hash, parameters, seed, prompt format, library versions, device and command; for each evaluation "
        "also suite version, verifier version and stop rule",
    )


class _Manifest(msgspec.Struct):
    provenance: dict[str, Any]


def _read_provenance(manifest: Path | None) -> dict[str, Any]:
    """Return the provenance in a manifest; empty if it cannot be read."""
    if manifest is None:
        return {}
    try:
        return msgspec.json.decode(manifest.read_bytes(), type=_Manifest).provenance
    except (OSError, msgspec.DecodeError):
        return {}
