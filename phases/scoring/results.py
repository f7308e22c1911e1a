"""What `phases.evaluation` wrote, read back, and whether several of them can be compared."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from phases.contract import files
from phases.contract.errors import BadInputError
from phases.verifiers.registry import resolve_version


class EvaluationError(BadInputError):
    """Evaluations cannot be compared; the message says which and why."""


class Result(msgspec.Struct, frozen=True):
    """One prompt's answer, and what was wrong with it."""

    key: str
    category: str
    instruction: str
    response: str
    finished: bool
    passed: bool
    failures: tuple[str, ...]

    @property
    def following(self) -> bool:
        """Whether the instruction was followed; the model may have gone on to another one."""
        return set(self.failures) <= {"went_on"}

    @property
    def stopped_in_time(self) -> bool:
        """Whether it was not going on that spoilt a good answer: passed = following and this."""
        return self.passed or not self.following


class SuiteId(msgspec.Struct, frozen=True):
    """Name and content hash of a suite."""

    name: str
    version: str


class Evaluation(msgspec.Struct, frozen=True):
    """What `phases.evaluation` wrote."""

    success_rate: float
    suite: SuiteId
    model: str
    parameters: dict[str, Any]
    results: tuple[Result, ...]
    provenance: dict[str, Any]
    metrics: dict[str, Any] = {}
    results_few_shot: tuple[Result, ...] = ()

    @property
    def model_sha256(self) -> str | None:
        """The hash of the model or adapter that was evaluated."""
        return (self.provenance.get("model") or {}).get("sha256")

    @property
    def base_sha256(self) -> str | None:
        """The hash of the base model: of the model itself, where it is no adapter."""
        model = self.provenance.get("model") or {}
        return (model.get("base") or model).get("sha256")


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
    """Raise EvaluationError unless all are of different models, on the same prompts, made in the same way."""
    for (one, first), (other, second) in pairwise(zip(paths, evaluations, strict=True)):
        same = (
            ("suite versions", first.suite.version[:12], second.suite.version[:12]),
            ("base models", first.base_sha256, second.base_sha256),
            ("max_new_tokens", *(e.parameters.get("max_new_tokens") for e in (first, second))),
            ("prompt formats", *(e.provenance.get("prompt_format") for e in (first, second))),
            ("quantisation (4-bit)", *(e.provenance.get("four_bit") for e in (first, second))),
            ("engines", *(e.provenance.get("engine", {}).get("name") for e in (first, second))),
            ("weights", *(e.provenance.get("engine", {}).get("weights") for e in (first, second))),
            ("number formats", *(e.provenance.get("dtype") for e in (first, second))),
            ("verifiers", *(resolve_version(e.provenance.get("verifiers")) for e in (first, second))),
            ("sentence splitters", *(e.provenance.get("sentences") for e in (first, second))),
            ("stop rules", *(e.provenance.get("stop_rule") for e in (first, second))),
        )
        for what, a, b in same:
            if a != b:
                raise EvaluationError(
                    f"{one} and {other} have different {what} ({a} and {b}); evaluate both in the same way"
                )
        if first.model_sha256 and first.model_sha256 == second.model_sha256:
            raise EvaluationError(f"{one} and {other} are of the same model, {first.model_sha256[:12]}")
        if [r.key for r in first.results] != [r.key for r in second.results]:
            raise EvaluationError(f"{one} and {other} do not hold the same prompts; evaluate both again")
