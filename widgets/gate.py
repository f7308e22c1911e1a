"""All evidence at an open gate, the most important first."""

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from app.session.snapshot import GateView
from app.units import format_size
from widgets import styles
from widgets.artifacts import shorten_path
from widgets.frame import AttemptOutput, Frame
from widgets.gate_metrics import render_metric_rows
from widgets.gate_verdict import render_criterion_rows, render_heading_rows
from widgets.log_pane import select_log_style
from widgets.parameters import format_parameter, number_remedies
from widgets.phase_table import NOTICE_STYLES
from widgets.rows import Part, ScrollableRows, row
from widgets.text import replace_controls, tail, wrap

MAX_LOG_LINES: Final = 30
MIN_LOG_ROWS: Final = 10
MAX_NOTICES: Final = 5
SIZE_WIDTH: Final = 22
CRITERIA_ORDER: Final[dict[bool | None, int]] = {False: 0, None: 1, True: 2}


def render_remedy_rows(gate: GateView, width: int) -> list[Content]:
    """Return the remedies of the diagnosed problem, each with the key that retries with it."""
    remedies = [
        (number, change)
        for number, (cause, change) in enumerate(number_remedies(gate.remedies), 1)
        if cause == gate.cause
    ]
    if not remedies or "retry" not in gate.options:
        return []
    rows = [row(width, ("REMEDIES", styles.HEADING), (f"  for {gate.cause.replace('_', ' ')}", styles.QUIET))]
    for number, change in remedies:
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

    The end of a failed phase's log gets the rows that remain of `height`, so that its last lines can be read
    without scrolling.
    """
    criteria = sorted(gate.criteria, key=lambda criterion: CRITERIA_ORDER[criterion.passed])
    rows = [*render_heading_rows(frame, gate, width), *render_remedy_rows(gate, width)]
    if criteria:
        rows.append(row(width, ("CRITERIA", styles.HEADING)))
        name_width = min(width * 2 // 5, max(cell_len(criterion.name) for criterion in criteria))
        rows += [r for criterion in criteria for r in render_criterion_rows(criterion, name_width, width)]
    if gate.metrics:
        rows += render_metric_rows(frame, gate, width)
    output = frame.output
    if output is None or output.phase != gate.phase:  # The operator may still look at another phase.
        return rows
    rows += render_notice_rows(output, width)
    rows += render_artifact_rows(frame, output, width)
    if gate.because in ("failed", "stopped"):
        rows.append(row(width, ("END OF THE LOG", styles.HEADING)))
        min_rows = min(MIN_LOG_ROWS, height - 2)
        rows += render_log_rows(output, width, max(1, min_rows, height - len(rows)))
    return rows


class GateEvidence(ScrollableRows):
    """All evidence at the open gate."""

    def render_text(self, frame: Frame | None, width: int) -> Sequence[Content]:
        """Return the rows."""
        gate = frame.snapshot.gate if frame else None
        return render_evidence_rows(frame, gate, width, self.size.height) if frame and gate else []
