"""The questions at one gate and their answers, as they come; its transcript has every answer."""

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from app.monitor.sanitize import clean_text
from app.session.asking.transcript import (
    ErrorLine,
    Line,
    ModelsLine,
    Transcript,
    build_answer_line,
    read_transcript,
    restore_questions,
)
from app.session.asking.view import QuestionView
from app.session.clock import Clock
from app.session.masking import Masker
from phases.contract.questions import Answer, Asked, Piece

MOST_SHOWN = 10
LONGEST_SHOWN = 8_000


class Conversation:
    """One question after the other; the last one is open until all its answers are there, or it is closed.

    It continues the transcript that an earlier conductor has left.
    """

    def __init__(  # noqa: PLR0917 - one gate and three services
        self,
        session: Path,
        phase: str,
        attempt: int,
        clock: Clock,
        masker: Masker,
        notice: Callable[[str], None],
    ) -> None:
        self.transcript = Transcript(session, phase, attempt, masker)
        self._clock = clock
        self._masker = masker
        self._notice = notice
        self._questions = restore_questions(read_transcript(self.transcript.path))
        self._visible = [self._clean(question) for question in self._questions]
        self._provenance: dict[str, object] = {}

    def __len__(self) -> int:
        return len(self._questions)

    @property
    def next_number(self) -> int:
        """The number of the next question."""
        return self._questions[-1].number + 1 if self._questions else 1

    @property
    def open_number(self) -> int | None:
        """The number of the question that is being answered."""
        is_open = bool(self._questions) and self._questions[-1].ended is None
        return self._questions[-1].number if is_open else None

    def list_shown(self) -> tuple[QuestionView, ...]:
        """Return the last questions, masked and without control characters."""
        return tuple(self._visible[-MOST_SHOWN:])

    def add(self, question: QuestionView) -> None:
        """Open a question."""
        self._questions.append(question)
        self._visible.append(self._clean(question))

    def note_models(self, provenance: dict[str, object]) -> None:
        """Record the models that answer from now on."""
        self._provenance = provenance
        self._record([ModelsLine(at=self._clock.wall(), provenance=provenance)])

    def receive(self, event: Asked | Piece | Answer) -> None:
        """Take in what the worker reports of the open question; other reports are late and ignored."""
        if event.number != self.open_number:
            return
        match event:
            case Asked(instruction=instruction, prompt=prompt, category=category):
                self._change(instruction=instruction, prompt=prompt, category=category)
            case Piece(model=model, text=text):
                self._change_answer(model, state="streaming", text=self._find_text(model) + text)
            case Answer(model=model):
                self._change_answer(
                    model,
                    state="done",
                    text=event.text,
                    tokens=event.tokens,
                    seconds=event.seconds,
                    stops=event.stops,
                    went_on=event.went_on,
                    verdict=event.verdict,
                )
                self._record([self._build_line(model)])

    def close(self, error: str) -> None:
        """Close the open question: record partial answers, and why answers are missing."""
        if self.open_number is None:
            return
        question = self._questions[-1]
        lines: list[Line] = []
        for answer in question.answers:
            if answer.state == "streaming":
                self._change_answer(answer.model, state="cut")
                lines.append(self._build_line(answer.model))
        if any(answer.state != "done" for answer in question.answers):
            self._change(error=error)
            lines.append(
                ErrorLine(
                    at=self._clock.wall(),
                    question=question.number,
                    by=question.by,
                    asked=question.asked,
                    instruction=question.instruction,
                    prompt=question.prompt,
                    error=error,
                )
            )
        self._change(ended=self._clock.wall())
        self._record(lines)

    def _find_text(self, model: str) -> str:
        return next(answer.text for answer in self._questions[-1].answers if answer.model == model)

    def _build_line(self, model: str) -> Line:
        question = self._questions[-1]
        answer = next(answer for answer in question.answers if answer.model == model)
        if answer.state == "cut":
            answer = replace(answer, text=self._mask_begun(answer.text.encode()).decode(errors="replace"))
        return build_answer_line(question, answer, self._provenance, self._clock.wall())

    def _record(self, lines: list[Line]) -> None:
        try:
            if lines:
                self.transcript.append(lines)
        except OSError as error:
            self._notice(f"Answers could not be added to {self.transcript.path}: {error}")

    def _change(self, **fields: object) -> None:
        self._questions[-1] = replace(self._questions[-1], **fields)
        self._visible[-1] = self._clean(self._questions[-1])

    def _change_answer(self, model: str, **fields: object) -> None:
        answers = tuple(
            replace(answer, **fields) if answer.model == model else answer
            for answer in self._questions[-1].answers
        )
        self._change(answers=answers)

    def _clean(self, question: QuestionView) -> QuestionView:
        answers = tuple(
            replace(
                answer,
                text=clean_text(
                    answer.text,
                    LONGEST_SHOWN,
                    self._masker.mask_data if answer.state == "done" else self._mask_begun,
                ),
            )
            for answer in question.answers
        )
        return replace(
            question,
            by=self._clean_text(question.by),
            instruction=self._clean_text(question.instruction),
            prompt=self._clean_text(question.prompt),
            error=self._clean_text(question.error),
            answers=answers,
        )

    def _clean_text(self, text: str) -> str:
        return clean_text(text, LONGEST_SHOWN, self._masker.mask_data)

    def _mask_begun(self, data: bytes) -> bytes:
        """Mask a text that may end within a secret."""
        return self._masker.mask_lines(data)
