"""The transcript of a gate's questions: an append-only JSONL file that the decision names.

A `models` line says which models a worker loaded, and how; each `answer` line is complete in itself.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from app.session.asking.view import AnswerView, QuestionView
from app.session.masking import Masker
from phases.contract import files
from phases.contract.questions import Verdict

FOLDER = "questions"


class ModelsLine(msgspec.Struct, frozen=True, kw_only=True, tag="models", tag_field="type"):
    """The models that a worker loaded: hashes, number format, device, prompt format and versions."""

    at: float
    provenance: dict[str, object]


class AnswerLine(msgspec.Struct, frozen=True, kw_only=True, tag="answer", tag_field="type"):
    """An answer; one that is not `complete` was ended by a decision, the operator or a failure."""

    at: float
    question: int
    by: str
    asked: float
    instruction: str
    prompt: str
    category: str
    model: str
    model_sha256: str
    prompt_format: str
    temperature: float
    top_p: float
    seed: int
    max_new_tokens: int
    response: str
    complete: bool
    tokens: int
    seconds: float
    stops: bool
    went_on: bool
    verdict: Verdict | None = None


class ErrorLine(msgspec.Struct, frozen=True, kw_only=True, tag="error", tag_field="type"):
    """The reason why a question got no further answers."""

    at: float
    question: int
    by: str
    asked: float
    instruction: str
    prompt: str = ""
    error: str


Line = ModelsLine | AnswerLine | ErrorLine


class TranscriptId(NamedTuple):
    """A transcript as the decision names it: its path in the session's folder, its hash, its questions."""

    path: str
    sha256: str
    questions: int


class Transcript:
    """The transcript of one gate, written with secrets masked."""

    def __init__(self, session: Path, phase: str, attempt: int, masker: Masker) -> None:
        self._session = session
        self._masker = masker
        self.path = locate_transcript(session, phase, attempt)

    def append(self, lines: Iterable[Line]) -> None:
        """Append lines and wait until they are on disk.

        Raises:
            OSError: they cannot be written.
        """
        for private in (self.path.parents[1], self.path.parent):
            private.mkdir(exist_ok=True, mode=0o700)
        writer = files.RowWriter(self.path)
        try:
            writer.write([self._mask(msgspec.to_builtins(line)) for line in lines])
        finally:
            writer.close()

    def _mask(self, value: object) -> object:
        if isinstance(value, str):
            return self._masker.mask_visible(value)
        if isinstance(value, dict):
            return {name: self._mask(each) for name, each in value.items()}
        return [self._mask(each) for each in value] if isinstance(value, list | tuple) else value

    def identify(self) -> TranscriptId | None:
        """Return what a decision records, or None if nothing was asked."""
        try:
            data = self.path.read_bytes()
        except OSError:
            return None
        questions = len(restore_questions(read_transcript(self.path)))
        name = self.path.relative_to(self._session).as_posix()
        return TranscriptId(name, hashlib.sha256(data).hexdigest(), questions)


def locate_transcript(session: Path, phase: str, attempt: int) -> Path:
    """Return the path of the transcript of a gate."""
    return session / FOLDER / phase / f"{attempt}.jsonl"


def read_transcript(path: Path) -> list[Line]:
    """Return the lines of a transcript that can be read; none if there is no file."""
    try:
        rows = path.read_bytes().splitlines()
    except OSError:
        return []
    lines = []
    for row in rows:
        try:
            lines.append(msgspec.json.decode(row, type=Line))
        except (msgspec.DecodeError, UnicodeDecodeError):  # A torn line.
            continue
    return lines


def restore_questions(lines: Iterable[Line]) -> list[QuestionView]:
    """Return the questions of a transcript, in the order in which they were asked."""
    questions: dict[int, QuestionView] = {}
    for line in lines:
        if isinstance(line, ErrorLine):
            question = questions.get(line.question) or QuestionView(
                number=line.question,
                by=line.by,
                asked=line.asked,
                instruction=line.instruction,
                prompt=line.prompt,
            )
            questions[line.question] = msgspec.structs.replace(question, error=line.error, ended=line.at)
        elif isinstance(line, AnswerLine):
            question = questions.get(line.question) or _restore_question(line)
            answers = (*question.answers, _restore_answer(line))
            questions[line.question] = msgspec.structs.replace(question, answers=answers, ended=line.at)
    return [questions[number] for number in sorted(questions)]


def _restore_question(line: AnswerLine) -> QuestionView:
    return QuestionView(
        number=line.question,
        by=line.by,
        asked=line.asked,
        instruction=line.instruction,
        prompt=line.prompt,
        category=line.category,
        temperature=line.temperature,
        top_p=line.top_p,
        seed=line.seed,
    )


def _restore_answer(line: AnswerLine) -> AnswerView:
    return AnswerView(
        model=line.model,
        state="done" if line.complete else "cut",
        text=line.response,
        tokens=line.tokens,
        seconds=line.seconds,
        stops=line.stops,
        went_on=line.went_on,
        verdict=line.verdict,
    )


def build_answer_line(
    question: QuestionView, answer: AnswerView, provenance: Mapping[str, object], at: float
) -> AnswerLine:
    """Return the line of an answer, with what identifies its model and how it was generated."""
    models = msgspec.convert(provenance.get("models", {}), dict[str, dict[str, str]])
    return AnswerLine(
        at=at,
        question=question.number,
        by=question.by,
        asked=question.asked,
        instruction=question.instruction,
        prompt=question.prompt,
        category=question.category,
        model=answer.model,
        model_sha256=models.get(answer.model, {}).get("sha256", ""),
        prompt_format=str(provenance.get("prompt_format", "")),
        temperature=question.temperature,
        top_p=question.top_p,
        seed=question.seed,
        max_new_tokens=int(str(provenance.get("max_new_tokens", 0))),
        response=answer.text,
        complete=answer.state == "done",
        tokens=answer.tokens,
        seconds=answer.seconds,
        stops=answer.stops,
        went_on=answer.went_on,
        verdict=answer.verdict,
    )
