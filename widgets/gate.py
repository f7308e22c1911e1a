"""The evidence at a gate: criteria, metrics, remedies and log, and what each decision costs."""

from collections.abc import Mapping, Sequence
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from app.plan.values import ConditionResult
from app.session.snapshot import GateView, PhaseView
from app.units import format_duration, format_hours, format_size, format_usd, format_usd_range
from phases.contract.protocol import Value
from widgets import styles
from widgets.artifacts import shorten_path
from widgets.format import format_metric
from widgets.frame import AttemptOutput, Frame, compute_waiting_cost
from widgets.log_pane import select_log_style
from widgets.parameters import format_parameter, number_remedies
from widgets.phase_table import NOTICE_STYLES
from widgets.rows import FrameWidget, Part, ScrollableRows, row
from widgets.text import fit, replace_controls, tail, truncate, wrap

INDENT: Final = 8
MAX_COMPARED_PHASES: Final = 3
MIN_COLUMN_WIDTH: Final = 14
MIN_NAME_ROOM: Final = 24
MAX_NAME_WIDTH: Final = 36
MAX_LOG_LINES: Final = 30
MIN_LOG_ROWS: Final = 10
MAX_NOTICES: Final = 5
SIZE_WIDTH: Final = 22
WAITING_STEP: Final = 5
CRITERIA_ORDER: Final[dict[bool | None, int]] = {False: 0, None: 1, True: 2}
OPENED_BECAUSE: Final = {
    "plan": "",
    "hold": "  you asked to hold here",
    "stopped": "  the phase was stopped",
    "failed": "  the phase failed",
    "nan": "  a value was not finite",
    "warning": "  it may have failed",
}


def render_verdict_row(gate: GateView, width: int) -> Content:
    """Return the verdict, the number of criteria that pass, and why the gate opened if not by plan."""
    badge = styles.VERDICT_BADGES[gate.verdict]
    passed = sum(criterion.passed is True for criterion in gate.criteria)
    count = f"  {passed} of {len(gate.criteria)} criteria pass" if gate.criteria else ""
    return row(
        width,
        ("verdict ", styles.QUIET),
        (badge.label, f"{styles.STRONG} {badge.style}"),
        (count, ""),
        (OPENED_BECAUSE.get(gate.because, f"  {gate.because}"), styles.WARN),
    )


def find_next_phase(frame: Frame, gate: GateView) -> PhaseView | None:
    """Return the phase that starts after `go`; None at the end of the plan."""
    return frame.snapshot.phase(gate.next_phase) if gate.next_phase else None


def render_heading_rows(frame: Frame, gate: GateView, width: int) -> list[Content]:
    """Return the gate's phase, the cost of waiting, the verdict and the advice."""
    phase = frame.snapshot.phase(gate.phase)
    # Steps of some seconds keep this row from being sent every second.
    waiting = format_duration((frame.now - gate.opened) // WAITING_STEP * WAITING_STEP)
    rows = [
        row(
            width,
            ("GATE", f"{styles.STRONG} {styles.WARN}"),
            (f" after {phase.title}", styles.STRONG),
            (f"  attempt {gate.attempt}", styles.QUIET),
            right=[
                ("waiting ", styles.QUIET),
                (waiting, ""),
                ("  idle ", styles.QUIET),
                (format_usd(compute_waiting_cost(frame, gate)), ""),
            ],
        ),
        render_verdict_row(gate, width),
    ]
    for advice in gate.advice:
        for i, line in enumerate(wrap(advice, width - INDENT)):
            rows.append(row(width, ("advice  " if i == 0 else " " * INDENT, styles.QUIET), (line, "")))
    return rows


def render_criterion_rows(criterion: ConditionResult, name_width: int, width: int) -> list[Content]:
    """Return a criterion's outcome, its expression, and the measured value at the right edge."""
    badge = styles.CHECK_BADGES[criterion.passed]
    value_style = styles.ALARM if criterion.passed is False else styles.STRONG
    outcome: Part = (f"{badge.symbol} {badge.word:<6}", badge.style)
    value = ""
    if len(criterion.values) == 1:
        value = format_metric(next(iter(criterion.values.values())))
    right: list[Part] = [(value, value_style)] if value else []
    room = width - INDENT - name_width - 2 - len(value) - 1
    if cell_len(criterion.name) <= name_width and len(criterion.expression) <= room:
        name = fit(criterion.name, name_width)
        rows = [row(width, outcome, (f"{name}  ", ""), (criterion.expression, styles.QUIET), right=right)]
    else:
        first, *others = wrap(criterion.name, width - INDENT - (len(value) + 1 if value else 0))
        rows = [row(width, outcome, (first, ""), right=right)]
        rows += [_indent(line, "", width) for line in others]
        rows += [_indent(line, styles.QUIET, width) for line in wrap(criterion.expression, width - INDENT)]
    if len(criterion.values) > 1:
        values = "  ".join(f"{name} {format_metric(value)}" for name, value in criterion.values.items())
        rows += [_indent(line, value_style, width) for line in wrap(values, width - INDENT)]
    if criterion.note:
        rows.append(_indent(criterion.note, styles.WARN, width))
    return rows


def _indent(text: str, style: str, width: int) -> Content:
    return row(width, (" " * INDENT, ""), (text, style))


def render_metric_rows(frame: Frame, gate: GateView, width: int) -> list[Content]:
    """Return the phase's metrics next to those of earlier phases that measured the same."""
    titles = {phase.id: phase.title for phase in frame.snapshot.phases}
    room = max(0, (width - MIN_NAME_ROOM - MIN_COLUMN_WIDTH) // MIN_COLUMN_WIDTH)
    comparable = [phase for phase, values in gate.earlier.items() if _is_comparable(gate, values)]
    compared = comparable[-min(MAX_COMPARED_PHASES, room) :] if room else []
    names = [name for name in gate.metrics if any(name in gate.earlier[phase] for phase in compared)]
    names += [name for name in gate.metrics if name not in names]
    headings = ["this", *(titles.get(phase, phase) for phase in compared)]
    heading_width = max(map(cell_len, headings)) + 2
    names_width = min(MAX_NAME_WIDTH, max(map(cell_len, names), default=0))
    column = max(MIN_COLUMN_WIDTH, min(heading_width, (width - names_width) // len(headings)))
    name_room = width - column * len(headings)
    rows = []
    for i, cells in enumerate(_wrap_headings(headings, column - 1)):
        label = "" if i else "METRICS"
        parts: list[Part] = [(f"{label:<{name_room}}", styles.HEADING)]
        parts += [(" " * (column - cell_len(text)) + text, styles.QUIET) for text in cells]
        rows.append(row(width, *parts))
    for name in names:
        parts = [(fit(name, name_room), ""), (_align(gate.metrics[name], column), styles.STRONG)]
        for phase in compared:
            values = gate.earlier[phase]
            text = _align(values[name], column) if name in values else "-".rjust(column)
            parts.append((text, styles.QUIET))
        rows.append(row(width, *parts))
    return rows


def _align(value: Value, column: int) -> str:
    return fit(format_metric(value), column - 1).strip().rjust(column)


def _wrap_headings(headings: Sequence[str], width: int) -> list[list[str]]:
    """Return the headings as rows of cells, each heading wrapped and aligned with the bottom."""
    columns = [wrap(truncate(heading, 2 * width), width) for heading in headings]
    height = max(map(len, columns))
    padded = [[""] * (height - len(column)) + column for column in columns]
    return [[column[y] for column in padded] for y in range(height)]


def _is_comparable(gate: GateView, values: Mapping[str, Value]) -> bool:
    # A different kind of phase may share a metric or two, such as its speed. That is no comparison.
    return len(gate.metrics.keys() & values.keys()) * 2 >= len(values)


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


def render_cost_row(frame: Frame, gate: GateView, width: int) -> Content:
    """Return the money spent and the cost of the next phase."""
    money, next_phase = frame.snapshot.money, find_next_phase(frame, gate)
    spent: list[Part] = [("spent ", styles.QUIET), (format_usd(money.spent_usd), styles.STRONG)]
    if next_phase is None:
        return row(width, *spent, ("   next: the session ends", styles.QUIET))
    label: Part = ("   next: ", styles.QUIET)
    estimate = f"{format_hours(next_phase.estimate_hours)} {format_usd_range(next_phase.estimate_usd)}"
    cost: list[Part] = [(f" {estimate}", "")]
    if money.spent_usd + next_phase.estimate_usd.low > money.budget_usd:
        cost.append(("  exceeds the budget", styles.ALARM))
    room = width - sum(len(text) for text, _ in (*spent, label, *cost))
    title = truncate(replace_controls(next_phase.title), room)
    return row(width, *spent, label, (title, styles.STRONG), *cost)


class GateEvidence(ScrollableRows):
    """All evidence at the open gate."""

    def render_text(self, frame: Frame | None, width: int) -> Sequence[Content]:
        """Return the rows."""
        gate = frame.snapshot.gate if frame else None
        return render_evidence_rows(frame, gate, width, self.size.height) if frame and gate else []


class GateCost(FrameWidget):
    """The money spent and the cost of the next phase."""

    DEFAULT_CSS = "GateCost { height: 1; }"

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the row."""
        gate = frame.snapshot.gate
        return [render_cost_row(frame, gate, width)] if gate else []
