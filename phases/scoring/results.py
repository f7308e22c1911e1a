"""Recorded evaluations: the rows and the summary that `phases.evaluation` writes, and their comparability."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import msgspec

from phases.contract import files
from phases.contract.errors import BadInputError
from phases.verifiers.registry import resolve_version


class EvaluatedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A model's answer to a prompt and the checks that it fails.

    Attributes:
        key: the prompt's key in its suite.
        category: the prompt's category.
        instruction: the prompt's instruction.
        response: the answer as generated.
        finished: whether the answer ended with the end-of-text token.
        tokens: number of generated tokens, the end-of-text token included.
        passed: whether nothing failed: the complete output passes all checks and ended by itself.
        failures: kinds of the failed checks, besides `unfinished` (cut off at the token limit) and `went_on`
            (the model started a new turn).
        follows: whether the output up to its first new turn, or its first paragraph, passes all checks. None
            in evaluations recorded before there were these readings.
        follows_loosely: the same, without lead-ins, closing remarks and emphasis (see `verifiers.loose`).
        shots: number of solved examples before the prompt.
        loose_failures: IFEval instructions that fail by the loose rule as well.
    """

    key: str
    category: str
    instruction: str
    response: str
    finished: bool
    tokens: int = 0
    passed: bool
    failures: tuple[str, ...]
    follows: bool | None = None
    follows_loosely: bool | None = None
    shots: int = 0
    loose_failures: tuple[str, ...] = ()

    @property
    def is_following(self) -> bool:
        """Whether the instruction is followed, regardless of the output after the answer."""
        if self.follows is None:
            return set(self.failures) <= {"went_on"}
        return self.follows

    @property
    def is_stopping(self) -> bool:
        """Whether the output ends by itself after the answer.

        An output that follows only by its first part does not. An answer passes if and only if it follows and
        stops.
        """
        if self.is_following:
            return self.passed
        return self.finished and "went_on" not in self.failures


class SuiteId(msgspec.Struct, frozen=True):
    """Name and content hash of a suite."""

    name: str
    version: str


class SealedAnswers(msgspec.Struct, frozen=True):
    """The file with the answers to the test half of a suite, next to the evaluation of the other half."""

    file: str
    sha256: str
    suite: SuiteId


class Evaluation(msgspec.Struct, frozen=True):
    """The summary that `phases.evaluation` writes.

    `sealed` names the answers to the test half of the suite, if it has one; only the comparison opens them.
    """

    success_rate: float
    suite: SuiteId
    model: str
    parameters: dict[str, Any]
    results: tuple[EvaluatedAnswer, ...]
    provenance: dict[str, Any]
    metrics: dict[str, Any] = {}
    results_few_shot: tuple[EvaluatedAnswer, ...] = ()
    sealed: SealedAnswers | None = None

    @property
    def model_sha256(self) -> str | None:
        """Hash of the evaluated model or adapter."""
        return (self.provenance.get("model") or {}).get("sha256")

    @property
    def base_sha256(self) -> str | None:
        """Hash of the adapter's base model, or of the model itself if it is not an adapter."""
        model = self.provenance.get("model") or {}
        return (model.get("base") or model).get("sha256")


def find_newest_evaluation(patterns: Sequence[str]) -> Path:
    """Return the newest evaluation among files and patterns, by the time in their names.

    Raises:
        BadInputError: there is none.
    """
    try:
        paths = files.expand_patterns(patterns)
    except FileNotFoundError as error:
        raise BadInputError(f"{error}; run the evaluation first") from error
    evaluations = [path for path in paths if path.suffix == ".json" and path.stem.startswith("eval_")]
    if not evaluations:
        raise BadInputError(f"{' '.join(patterns)}: expected a file eval_<time>.json")
    return max(evaluations, key=lambda path: (path.stem, str(path)))


def read_evaluation(path: Path) -> Evaluation:
    """Return a recorded evaluation.

    Raises:
        BadInputError: the file is not an evaluation.
    """
    try:
        return files.read_json(path, Evaluation)
    except ValueError as error:
        raise BadInputError(f"not an evaluation of phases.evaluation: {error}") from error


def check_comparable(paths: Sequence[Path], evaluations: Sequence[Evaluation]) -> None:
    """Raise BadInputError unless the evaluations are of different models under the same conditions."""
    for (first_path, first), (second_path, second) in combinations(zip(paths, evaluations, strict=True), 2):
        names = f"{first_path} and {second_path}"
        second_conditions = _describe_conditions(second)
        for name, value in _describe_conditions(first).items():
            if value != second_conditions[name]:
                raise BadInputError(
                    f"{names} have different {name} ({value} and {second_conditions[name]}); "
                    "evaluate both in the same way"
                )
        if first.model_sha256 and first.model_sha256 == second.model_sha256:
            raise BadInputError(f"{names} are of the same model, {first.model_sha256[:12]}")
        if [answer.key for answer in first.results] != [answer.key for answer in second.results]:
            raise BadInputError(f"{names} do not hold the same prompts; evaluate both again")


def _describe_conditions(evaluation: Evaluation) -> Mapping[str, Any]:
    """Return what must be equal for two evaluations to be comparable, by its name in the plural."""
    provenance = evaluation.provenance
    engine = provenance.get("engine", {})
    return {
        "suite versions": evaluation.suite.version[:12],
        "base models": evaluation.base_sha256,
        "max_new_tokens": evaluation.parameters.get("max_new_tokens"),
        "prompt formats": provenance.get("prompt_format"),
        "quantization (4-bit)": provenance.get("four_bit"),
        "engines": engine.get("name"),
        "weights": engine.get("weights"),
        "number formats": provenance.get("dtype"),
        "verifiers": resolve_version(provenance.get("verifiers")),
        "sentence splitters": provenance.get("sentences"),
        "stop rules": provenance.get("stop_rule"),
    }
