"""All evidence at an open gate, the most important first."""

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from app.session.snapshot import GateView
from app.units import format_size
from phases.contract.protocol import Value
from widgets import styles
from widgets.artifacts import shorten_path
from widgets.frame import AttemptOutput, Frame
from widgets.gate_metrics import render_metric_rows
from widgets.gate_verdict import render_advice_rows, render_criterion_rows, render_heading_rows
from widgets.log_pane import select_log_style
from widgets.parameters import format_parameter, number_remedies
from widgets.phase_table import NOTICE_STYLES
from widgets.rows import Part, ScrollableRows, row
from widgets.text import replace_controls, tail, wrap

MAX_LOG_LINES: Final = 30
MIN_LOG_ROWS: Final = 10
MIN_VISIBLE_LOG_ROWS: Final = 3
MAX_NOTICES: Final = 5
SIZE_WIDTH: Final = 22
CRITERIA_ORDER: Final[dict[bool | None, int]] = {False: 0, None: 1, True: 2}


def find_offered_remedies(gate: GateView) -> dict[int, dict[str, Value]]:
    """Return the remedies to offer, by the number of their key.

    They are those of the diagnosed cause. If it has none, the others are offered unless the verdict is go.
    """
    if not gate.cause or "retry" not in gate.options:
        return {}
    remedies = dict(enumerate(number_remedies(gate.remedies), 1))
    matching = {number: change for number, (cause, change) in remedies.items() if cause == gate.cause}
    if matching or gate.verdict == "go":
        return matching
    return {number: change for number, (_, change) in remedies.items()}


def render_remedy_rows(gate: GateView, width: int) -> list[Content]:
    """Return the remedies, each with the key that retries with it."""
    remedies = find_offered_remedies(gate)
    if not remedies:
        return []
    is_matching = gate.cause in gate.remedies
    heading = "press its number to retry with it" if is_matching else "for other causes"
    rows = [row(width, ("REMEDIES", styles.HEADING), (f"  {heading}", styles.QUIET))]
    for number, change in remedies.items():
        parts: list[Part] = [(f"{number} ", f"{styles.STRONG} {styles.INFO}")]
        for name, value in change.items():
            before = format_parameter(gate.parameters[name]) if name in gate.parameters else "default"
            parts += [
                (f"{name} ", ""),
                (before, styles.QUIET),
                (" → ", ""),
                (f"{format_parameter(value)}  ", styles.STRONG),
            ]
        rows.append(row(width, *parts))
    return rows


def render_artifact_rows(frame: Frame, output: AttemptOutput, width: int) -> list[Content]:
    """Return the files that the attempt wrote, with rows and size."""
    if not output.artifacts:
        return []
    rows = [row(width, ("ARTIFACTS", styles.HEADING))]
    for artifact in output.artifacts:
        count = f"{artifact.rows:,} rows  " if artifact.rows is not None else ""
        path = tail(replace_controls(shorten_path(artifact.path, frame)), width - SIZE_WIDTH)
        rows.append(row(width, (path, ""), right=[(f"{count}{format_size(artifact.bytes)}", styles.QUIET)]))
    return rows


def render_notice_rows(output: AttemptOutput, width: int) -> list[Content]:
    """Return the last notices of the attempt, the latest first."""
    notices = output.notices[: -MAX_NOTICES - 1 : -1]
    rows = [row(width, ("NOTICES", styles.HEADING))] if notices else []
    for notice in notices:
        style = NOTICE_STYLES[notice.level]
        rows += [row(width, (line, style)) for line in wrap(notice.text, width)]
    return rows


def render_log_rows(output: AttemptOutput, width: int, height: int) -> list[Content]:
    """Return the end of the log in at most `height` rows."""
    rows = [
        row(width, (part, select_log_style(line)))
        for line in output.log.lines[-MAX_LOG_LINES:]
        for part in wrap(line, width)
    ]
    return rows[-height:]


def render_evidence_rows(frame: Frame, gate: GateView, width: int, height: int) -> list[Content]:
    """Return all evidence, the most important first.

    The end of the log gets the rows that remain of `height`, so that the last lines of a failed phase, or of
    a program that reports nothing, can be read without scrolling. If too few remain, it gets more rows to
    scroll to.
    """
    criteria = sorted(gate.criteria, key=lambda criterion: CRITERIA_ORDER[criterion.passed])
    rows = render_heading_rows(frame, gate, width)
    remedies, advice = render_remedy_rows(gate, width), render_advice_rows(gate, width)
    # Remedies of the diagnosed cause need no explanation before them.
    rows += [*remedies, *advice] if gate.cause in gate.remedies else [*advice, *remedies]
    if criteria:
        rows.append(row(width, ("CRITERIA", styles.HEADING)))
        name_width = min(width * 2 // 5, max(cell_len(criterion.name) for criterion in criteria))
        for criterion in criteria:
            rows += render_criterion_rows(frame, criterion, name_width, width)
    # The operator may still look at another phase.
    output = frame.output if frame.output and frame.output.phase == gate.phase else None
    if output is not None:
        rows += render_notice_rows(output, width)
    if gate.metrics:
        rows += render_metric_rows(frame, gate, width)
    if output is None:
        return rows
    rows += render_artifact_rows(frame, output, width)
    if output.log.lines or gate.because in ("failed", "stopped"):
        rows.append(row(width, ("END OF THE LOG", styles.HEADING)))
        room = height - len(rows)
        if room < MIN_VISIBLE_LOG_ROWS:
            room = max(1, min(MIN_LOG_ROWS, height - 2))
        rows += render_log_rows(output, width, room)
    return rows


class GateEvidence(ScrollableRows):
    """All evidence at the open gate."""

    def render_text(self, frame: Frame | None, width: int) -> Sequence[Content]:
        """Return the rows."""
        gate = frame.snapshot.gate if frame else None
        return render_evidence_rows(frame, gate, width, self.size.height) if frame and gate else []
