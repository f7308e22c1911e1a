"""Questions to the models at a gate, with their answers below each other or, if they fit, side by side."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from textual.content import Content

from app.session.asking.describe import describe_cost, describe_ending, describe_sampling
from app.session.asking.view import AnswerView, AskingView, QuestionView
from widgets import styles
from widgets.frame import Frame
from widgets.metric_names import name_model
from widgets.rows import FrameWidget, Part, ScrollableRows, row
from widgets.text import fit, wrap

MIN_COLUMN_WIDTH: Final = 38
LABEL_WIDTH: Final = 6
_GAP: Final = 2
_STATES: Final = {"off": "", "loading": "loading", "ready": "loaded", "answering": "answering"}


def render_asking_state(frame: Frame) -> Part:
    """Return what the models' process does, and what the wait for it has cost since it was started."""
    asking, rate = frame.snapshot.asking, frame.snapshot.money.usd_per_hour
    if asking is None or asking.since is None:
        return "not loaded", styles.QUIET
    cost = describe_cost(max(0.0, frame.snapshot.now - asking.since), rate)
    style = styles.GOOD if asking.state in ("ready", "answering") else styles.WARN
    return f"{_STATES[asking.state]} {cost}".strip(), style


def select_ending_style(answer: AnswerView) -> str:
    """Return the color of an answer's outcome."""
    if answer.state == "cut":
        return styles.WARN
    if answer.verdict is None:
        return styles.QUIET
    if answer.verdict.follows:
        return styles.GOOD
    return styles.WARN if answer.verdict.follows_loosely else styles.BAD


def render_answer_rows(answer: AnswerView, width: int, *, waits: bool) -> list[Content]:
    """Return the text of an answer so far, and its outcome."""
    if answer.state == "waiting":
        return [row(width, ("..." if waits else "no answer", styles.QUIET))]
    # A base model's text may begin with line ends.
    rows = [row(width, (line, "")) for line in wrap(answer.text.strip("\n").lstrip(" "), width)]
    if answer.state == "streaming":
        return [*rows[:-1], Content.assemble(rows[-1], ("▌", styles.INFO)).truncate(width)]
    style = select_ending_style(answer)
    return [*rows, *(row(width, (line, style)) for line in wrap(describe_ending(answer), width))]


def render_question_rows(question: QuestionView, width: int) -> list[Content]:
    """Return a question and its answers."""
    waits = question.ended is None
    right = "  ".join(filter(None, (question.prompt, describe_sampling(question))))
    number = f"{question.number} "
    text = question.instruction or f"prompt {question.prompt} of the suite"
    first, *others = wrap(text, max(20, width - len(number) - len(right) - _GAP))
    rows = [row(width, (number, styles.INFO), (first, styles.STRONG), right=[(right, styles.QUIET)])]
    rows += [row(width, (" " * len(number), ""), (line, styles.STRONG)) for line in others]
    count = len(question.answers)
    column = (width - (count - 1) * _GAP) // max(1, count)
    if count > 1 and column >= MIN_COLUMN_WIDTH:
        rows += _render_columns(question.answers, column, waits=waits)
    else:
        for answer in question.answers:
            rows += _render_labelled(answer, width, waits=waits)
    if question.error:
        rows += [row(width, (line, styles.WARN)) for line in wrap(question.error, width)]
    return rows


def _render_labelled(answer: AnswerView, width: int, *, waits: bool) -> list[Content]:
    texts = render_answer_rows(answer, width - LABEL_WIDTH, waits=waits)
    labels = [name_model(answer.model)] + [""] * (len(texts) - 1)
    return [
        Content.assemble((fit(label, LABEL_WIDTH), styles.HEADING), text)
        for label, text in zip(labels, texts, strict=True)
    ]


def _render_columns(answers: Sequence[AnswerView], width: int, *, waits: bool) -> list[Content]:
    columns = [
        [
            row(width, (name_model(answer.model), styles.HEADING)),
            *render_answer_rows(answer, width, waits=waits),
        ]
        for answer in answers
    ]
    rows = []
    for cells in zip_longest(*columns, fillvalue=Content()):
        parts: list[Content | str] = []
        for cell in cells:
            parts += [cell, " " * (width - cell.cell_length + _GAP)]
        rows.append(Content.assemble(*parts[:-1]))
    return rows


class AskingTitle(FrameWidget):
    """The models and the sampling of the next question, and the state and cost of the models' process."""

    choice = ""

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the row."""
        state = render_asking_state(frame)
        return [row(width, ("ASK  ", styles.HEADING), (self.choice, styles.STRONG), right=[state])]


class ConversationPane(ScrollableRows):
    """The questions at the gate; it follows the newest answer unless the operator scrolls up."""

    follows = True

    def render_text(self, frame: Frame | None, width: int) -> Sequence[Content]:
        """Return all rows."""
        asking = frame.snapshot.asking if frame else None
        if asking is None:
            return []
        rows: list[Content] = []
        if asking.total > len(asking.questions):
            hidden = asking.total - len(asking.questions)
            rows += [
                row(width, (f"{hidden} earlier questions are in the transcript", styles.QUIET)),
                Content(),
            ]
        for question in asking.questions:
            rows += [*render_question_rows(question, width), Content()]
        if asking.error and not any(question.error == asking.error for question in asking.questions[-1:]):
            rows += [row(width, (line, styles.WARN)) for line in wrap(asking.error, width)]
        return rows or _render_introduction(asking, width)

    def render_rows(self, width: int, height: int) -> Sequence[Content]:
        """Return the rows in the window, the last ones if it follows."""
        if self.follows:
            self.top = len(self.render_text(self.frame, width))
        return super().render_rows(width, height)

    def scroll_rows(self, count: int) -> None:
        """Scroll, and follow again from the end on."""
        before = self.top
        self.follows = False
        super().scroll_rows(count)
        self.follows = count > 0 and self.top <= before


def _render_introduction(asking: AskingView, width: int) -> list[Content]:
    if asking.unavailable:
        reason = f"{asking.unavailable[0].upper()}{asking.unavailable[1:]}."
        return [row(width, (line, styles.WARN)) for line in wrap(reason, width)]
    models = ", ".join(map(name_model, asking.models))
    text = (
        "Type an instruction and press Enter, or pick a prompt of the evaluation suite, whose answers are "
        f"checked. Models: {models}. They load with the first question, stay in memory while the gate is "
        "open, and are gone before the next phase starts. What is asked here is kept with the decision."
    )
    return [row(width, (line, styles.QUIET)) for line in wrap(text, width)]
