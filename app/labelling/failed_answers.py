"""The failed answers of a session's evaluations, mixed so that an answer does not reveal its model."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.errors import UserError, take_first_line
from app.plan.schema import Plan
from app.session.folder import SessionFolder
from app.session.registry import read_state
from phases.contract import files
from phases.contract.labels import AnswerId, count_required
from phases.contract.phase_spec import load_spec
from phases.contract.protocol import Result
from phases.contract.readings import take_first_turn


class LabelError(UserError):
    """There is nothing to label; the message says why and what to do."""


class _Answer(msgspec.Struct, frozen=True):
    """An answer as an evaluation records it; `follows` is missing in older evaluations."""

    key: str
    instruction: str
    response: str
    failures: tuple[str, ...]
    follows: bool | None = None

    @property
    def is_failed(self) -> bool:
        """Whether the instruction is not followed, however the output ended."""
        if self.follows is None:
            return not set(self.failures) <= {"went_on"}
        return not self.follows


class _Evaluation(msgspec.Struct, frozen=True):
    results: tuple[_Answer, ...]


@dataclass(frozen=True)
class FailedAnswer:
    """A failed answer, up to the model's next turn, and every place in which it was given.

    Attributes:
        instruction: the instruction.
        answer: the text that was judged.
        ids: the evaluations and keys; several if models gave the same answer.
    """

    instruction: str
    answer: str
    ids: tuple[AnswerId, ...]


def load_failed_answers(session: Path) -> list[FailedAnswer]:
    """Return the failed answers to label, as many of each model as an error analysis needs.

    Only the development half of a suite is labelled: the test half stays unread. The order depends on the
    prompts alone, and equal answers of several models are labelled once.

    Raises:
        LabelError: the session has no evaluation that can be read, or no answer failed.
    """
    evaluations = list(_find_evaluations(session))
    if not evaluations:
        raise LabelError(
            f"session {session.name} has no evaluation with its answers yet; run `gonogo label` after the "
            "evaluations"
        )
    failed = {sha256: _list_failed(path) for sha256, path in evaluations}
    chosen = {
        _identify(answer)
        for answers in failed.values()
        for answer in sorted(answers, key=_rank)[: count_required(len(answers))]
    }
    if not chosen:
        raise LabelError(f"no answer failed in session {session.name}: there is nothing to label")
    by_text: dict[tuple[str, str, str], list[AnswerId]] = {}
    answers_by_text: dict[tuple[str, str, str], _Answer] = {}
    for sha256, answers in failed.items():
        for answer in answers:
            if _identify(answer) in chosen:
                by_text.setdefault(_identify(answer), []).append((sha256, answer.key))
                answers_by_text[_identify(answer)] = answer
    ordered = sorted(by_text, key=lambda text: _rank(answers_by_text[text]))
    return [FailedAnswer(text[1], text[2], tuple(by_text[text])) for text in ordered]


def _find_evaluations(session: Path) -> Iterator[tuple[str, Path]]:
    """Yield hash and path of the newest evaluation of each evaluation phase."""
    folder = SessionFolder(session)
    try:
        plan = Plan.model_validate_json(folder.read_plan())
    except (OSError, ValueError) as error:
        raise LabelError(f"{session}: expected the folder of a session: {take_first_line(error)}") from None
    outputs = session.parent.parent
    for record in read_state(session).phases:
        run = plan.find_phase(record.id).run
        if run is None or not load_spec(run).writes_answers:
            continue
        for attempt in reversed(record.attempts):
            artifacts = _read_artifacts(folder.locate_attempt(record.id, attempt.number) / "result.json")
            summaries = [(path, sha256) for path, sha256 in artifacts if path.match("eval_*.json")]
            if summaries:
                path, sha256 = summaries[0]
                yield sha256, _locate(outputs, path, sha256)
                break


def _read_artifacts(path: Path) -> Sequence[tuple[Path, str]]:
    try:
        result = files.read_json(path, Result)
    except (OSError, ValueError):
        return []
    return [(Path(artifact.path), artifact.sha256) for artifact in result.artifacts]


def _locate(outputs: Path, path: Path, sha256: str) -> Path:
    """Return the file with this name and hash below the session's outputs, wherever they are now."""
    for candidate in sorted(outputs.glob(f"**/{path.parent.name}/{path.name}")):
        if files.hash_path(candidate) == sha256:
            return candidate
    raise LabelError(
        f"{path}: expected this evaluation, unchanged, below {outputs}; restore it, or evaluate again"
    )


def _list_failed(path: Path) -> list[_Answer]:
    try:
        evaluation = files.read_json(path, _Evaluation)
    except (OSError, ValueError) as error:
        raise LabelError(f"{path}: expected an evaluation of phases.evaluation: {error}") from None
    return [answer for answer in evaluation.results if answer.is_failed]


def _identify(answer: _Answer) -> tuple[str, str, str]:
    judged = take_first_turn(answer.instruction, answer.response).strip()
    return answer.key, answer.instruction, judged


def _rank(answer: _Answer) -> tuple[str, str]:
    """Return the position in the order: by a hash of the prompt, then of the answer."""
    texts = (answer.key, f"{answer.key} {answer.response}")
    first, second = (hashlib.sha256(text.encode()).hexdigest() for text in texts)
    return first, second
