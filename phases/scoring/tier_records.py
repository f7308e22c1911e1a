"""Criteria of the success tiers that the records of earlier phases show: data, trainings and provenance.

The records are `manifest.json` files; every file that a manifest names is verified by its hash. A criterion
is not shown if its manifest is missing or unusable.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from phases.contract import files
from phases.scoring.overlap import SuiteOverlap
from phases.scoring.results import Evaluation

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


def assess_manifest(
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


def assess_verification(
    manifest: Path, base: Evaluation, metrics: Mapping[str, Any], max_rate: float
) -> tuple[bool, str]:
    """Return whether the evaluated base model was verified as clean and rarely follows and stops.

    A base model may know the answers and follow; what sets it apart is that it does not stop after them.
    """
    record = _read_json(manifest)
    verdict = _read_json(_find_named_file(manifest, record["verification"], record["sha256"]))["verdict"]
    verified = record["model"]["sha256"]
    rate = metrics["base_rate"]
    evidence = (
        f"verdict {verdict}; the base model follows and stops on {rate:.1%} of the prompts, and follows "
        f"{metrics['base_following_rate']:.1%}"
    )
    is_same_model = base.model_sha256 == verified
    if not is_same_model:
        evidence += f"; but the verified model {verified[:12]} is not the evaluated base model"
    return verdict == "clean" and rate <= max_rate and is_same_model, evidence


def assess_rows(manifest: Path, min_rows: int, instructions: Mapping[str, str]) -> tuple[bool, str]:
    """Count the rows that a manifest names and search them for the evaluation's instructions, by key."""
    record = _read_json(manifest)
    rows = [
        row
        for name, sha256 in record["outputs"].items()
        if name.endswith(".jsonl")
        for row in files.read_rows(_find_named_file(manifest, name, sha256))
    ]
    overlap = SuiteOverlap(instructions)
    contaminated = 0
    similarity = 0.0
    for row in rows:
        texts = [row[name] for name in _TEXT_FIELDS if name in row]
        matches = [match for text in texts if (match := overlap.find_nearest(text))]
        is_paraphrase = overlap.find_contamination(row["instruction"]) is not None
        contaminated += is_paraphrase or any(match.is_contaminated for match in matches)
        similarity = max([similarity, *(match.similarity for match in matches)])
    provenance = record["provenance"]
    is_plain = provenance["chat_template"] is None and not provenance["add_special_tokens"]
    return (
        len(rows) >= min_rows and not contaminated and is_plain,
        f"{len(rows):,} rows; {contaminated} contain a prompt of the evaluation (nearest similarity "
        f"{similarity:.2f}); {'no' if is_plain else 'with a'} chat template or special tokens",
    )


def assess_training(
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


def assess_reproducibility(
    evaluations: Mapping[str, Evaluation], manifests: PhaseManifests
) -> CriterionResult:
    """Return whether data, trainings and evaluations record what produced them."""
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
