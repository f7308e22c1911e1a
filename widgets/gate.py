"""The evidence at a gate: what was found, what the rules say, what it costs either way."""

from collections.abc import Mapping, Sequence
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from app.plan.values import ConditionResult
from app.session.snapshot import DecisionKind, GateView, PhaseView
from app.units import format_duration, format_hours, format_size, format_usd, format_usd_range
from phases.contract.protocol import Value
from widgets import styles
from widgets.artifacts import short
from widgets.format import format_metric
from widgets.frame import AttemptOutput, Frame, compute_waiting_cost
from widgets.log_pane import select_log_style
from widgets.parameters import format_parameter, number_remedies
from widgets.phase_table import NOTICES
from widgets.rows import FrameWidget, Part, ScrollableRows, row
from widgets.text import fit, replace_controls, tail, truncate, wrap

EARLIER: Final = 3
COLUMN: Final = 14
NAMES: Final = 36
LOG_LINES: Final = 30
LEAST_LOG: Final = 10  # rows of the log's end, or as many as a window shows with its heading, after much else
NOTICES_SHOWN: Final = 5


BECAUSE: Final = {
    "plan": "",
    "hold": "  you asked to hold here",
    "stopped": "  the phase was stopped",
    "failed": "  the phase failed",
}


def overrides(frame: Frame, gate: GateView, kind: DecisionKind) -> bool:
    """Return whether a decision is against what was found, or skips a critical phase: it needs a reason."""
    critical = frame.snapshot.phase(gate.phase).critical
    return (kind == "go" and gate.verdict != "go") or (kind == "skip" and critical)


def render_verdict_row(gate: GateView, width: int) -> Content:
    """Return the verdict, how many criteria pass, and why the gate opened where the plan did not ask."""
    look = styles.VERDICT_BADGES[gate.verdict]
    passed = sum(criterion.passed is True for criterion in gate.criteria)
    count = f"  {passed} of {len(gate.criteria)} criteria pass" if gate.criteria else ""
    return row(
        width,
        ("verdict ", styles.QUIET),
        (look.label, f"{styles.STRONG} {look.style}"),
        (count, ""),
        (BECAUSE.get(gate.because, f"  {gate.because}"), styles.WARN),
    )


def next_phase(frame: Frame, gate: GateView) -> PhaseView | None:
    """Return the phase that follows a go."""
    return frame.snapshot.phase(gate.next_phase) if gate.next_phase else None


def render_heading_rows(frame: Frame, gate: GateView, width: int) -> list[Content]:
    """Return which gate this is, what waiting costs, the verdict and the advice."""
    phase = frame.snapshot.phase(gate.phase)
    waited = format_duration((frame.now - gate.opened) // 5 * 5)
    rows = [
        row(
            width,
            ("GATE", f"{styles.STRONG} {styles.WARN}"),
            (f" after {phase.title}", styles.STRONG),
            (f"  attempt {gate.attempt}", styles.QUIET),
            right=[
                ("waiting ", styles.QUIET),
                (waited, ""),
                ("  idle ", styles.QUIET),
                (format_usd(compute_waiting_cost(frame, gate)), ""),
            ],
        ),
        render_verdict_row(gate, width),
    ]
    for advice in gate.advice:
        for i, line in enumerate(wrap(advice, width - 8)):
            rows.append(row(width, ("advice  " if i == 0 else " " * 8, styles.QUIET), (line, "")))
    return rows


def render_criterion_rows(criterion: ConditionResult, name_width: int, width: int) -> list[Content]:
    """Return a criterion's outcome: what was required, and what was measured at the right edge."""
    look = styles.CHECK_BADGES[criterion.passed]
    style = styles.ALARM if criterion.passed is False else styles.STRONG
    sign: Part = (f"{look.symbol} {look.word:<6}", look.style)
    alone = format_metric(next(iter(criterion.values.values()))) if len(criterion.values) == 1 else ""
    measured: list[Part] = [(alone, style)] if alone else []
    room = width - 8 - name_width - 2 - len(alone) - 1
    if cell_len(criterion.name) <= name_width and len(criterion.expression) <= room:
        name = fit(criterion.name, name_width)
        rows = [row(width, sign, (f"{name}  ", ""), (criterion.expression, styles.QUIET), right=measured)]
    else:
        first, *others = wrap(criterion.name, width - 8 - (len(alone) + 1 if alone else 0))
        rows = [row(width, sign, (first, ""), right=measured)]
        rows += [row(width, (" " * 8, ""), (line, "")) for line in others]
        rows += [
            row(width, (" " * 8, ""), (line, styles.QUIET)) for line in wrap(criterion.expression, width - 8)
        ]
    if len(criterion.values) > 1:
        values = "  ".join(f"{name} {format_metric(v)}" for name, v in criterion.values.items())
        rows += [row(width, (" " * 8, ""), (line, style)) for line in wrap(values, width - 8)]
    if criterion.note:
        rows.append(row(width, (" " * 8, ""), (criterion.note, styles.WARN)))
    return rows


def render_metric_rows(frame: Frame, gate: GateView, width: int) -> list[Content]:
    """Return the phase's metrics beside those of the phases before that measured the same."""
    titles = {phase.id: phase.title for phase in frame.snapshot.phases}
    room = max(0, (width - 24 - COLUMN) // COLUMN)
    alike = [phase for phase, values in gate.earlier.items() if _measured_the_same(gate, values)]
    before = alike[-min(EARLIER, room) :] if room else []
    names = [n for n in gate.metrics if any(n in gate.earlier[p] for p in before)]
    names += [n for n in gate.metrics if n not in names]
    heads = ["this", *(titles.get(phase, phase) for phase in before)]
    wanted = max(map(cell_len, heads)) + 2
    names_wanted = min(NAMES, max(map(cell_len, names), default=0))
    column = max(COLUMN, min(wanted, (width - names_wanted) // len(heads)))
    name_room = width - column * len(heads)
    rows = []
    for i, line in enumerate(_heading_lines(heads, column - 1)):
        first = "" if i else "METRICS"
        parts: list[Part] = [(f"{first:<{name_room}}", styles.HEADING)]
        parts += [(" " * (column - cell_len(words)) + words, styles.QUIET) for words in line]
        rows.append(row(width, *parts))
    for name in names:
        parts = [(fit(name, name_room), "")]
        parts.append(
            (fit(format_metric(gate.metrics[name]), column - 1).strip().rjust(column), styles.STRONG)
        )
        for phase in before:
            values = gate.earlier[phase]
            text = fit(format_metric(values[name]), column - 1).strip() if name in values else "-"
            parts.append((text.rjust(column), styles.QUIET))
        rows.append(row(width, *parts))
    return rows


def _heading_lines(heads: Sequence[str], width: int) -> list[tuple[str, ...]]:
    """Return headings over as many lines as the longest needs, each ending in the last, which is bounded."""
    lines = [wrap(truncate(head, 2 * width), width) for head in heads]
    most = max(map(len, lines))
    return list(zip(*([""] * (most - len(each)) + each for each in lines), strict=True))


def _measured_the_same(gate: GateView, values: Mapping[str, Value]) -> bool:
    # Another kind of phase has a metric or two in common, such as its speed: that is no comparison.
    return len(gate.metrics.keys() & values.keys()) * 2 >= len(values)


def render_remedy_rows(gate: GateView, width: int) -> list[Content]:
    """Return the remedies of what went wrong, each behind the key that retries with it."""
    offered = [
        (number, change)
        for number, (cause, change) in enumerate(number_remedies(gate.remedies), 1)
        if cause == gate.cause
    ]
    if not offered or "retry" not in gate.options:
        return []
    arrow = " → "
    rows = [row(width, ("REMEDIES", styles.HEADING), (f"  for {gate.cause.replace('_', ' ')}", styles.QUIET))]
    for number, change in offered:
        parts: list[Part] = [(f"{number} ", f"{styles.STRONG} {styles.INFO}")]
        for name, value in change.items():
            before = format_parameter(gate.parameters[name]) if name in gate.parameters else "default"
            parts += [
                (f"{name} ", ""),
                (before, styles.QUIET),
                (arrow, ""),
                (f"{format_parameter(value)}  ", styles.STRONG),
            ]
        rows.append(row(width, *parts))
    return rows


def _find_output(frame: Frame, gate: GateView) -> AttemptOutput | None:
    # The operator may have looked at another phase until now.
    return frame.output if frame.output and frame.output.phase == gate.phase else None


def render_delivered_rows(frame: Frame, output: AttemptOutput, width: int) -> list[Content]:
    """Return the files that the attempt wrote, with size and rows."""
    artifacts = output.artifacts
    if not artifacts:
        return []
    rows = [row(width, ("DELIVERED", styles.HEADING))]
    for artifact in artifacts:
        count = f"{artifact.rows:,} rows  " if artifact.rows is not None else ""
        path = tail(replace_controls(short(artifact.path, frame)), width - 22)
        rows.append(row(width, (path, ""), right=[(f"{count}{format_size(artifact.bytes)}", styles.QUIET)]))
    return rows


def render_noticed_rows(output: AttemptOutput, width: int) -> list[Content]:
    """Return what the phase wanted to be seen, the latest first."""
    notices = output.notices[: -NOTICES_SHOWN - 1 : -1]
    rows = [row(width, ("NOTICES", styles.HEADING))] if notices else []
    for notice in notices:
        style = NOTICES[notice.level]
        rows += [row(width, (line, style)) for line in wrap(notice.text, width)]
    return rows


def render_log_rows(output: AttemptOutput, width: int, height: int) -> list[Content]:
    """Return the last rows of the log, at most so many: what it said last is seen without scrolling."""
    rows = [
        row(width, (part, select_log_style(line)))
        for line in output.log.lines[-LOG_LINES:]
        for part in wrap(line, width)
    ]
    return rows[-height:]


def render_evidence_rows(frame: Frame, gate: GateView, width: int, height: int) -> list[Content]:
    """Return all evidence, the most telling first; the end of a log is fitted to the window's height."""
    order: dict[bool | None, int] = {False: 0, None: 1, True: 2}
    criteria = sorted(gate.criteria, key=lambda c: order[c.passed])
    rows = [*render_heading_rows(frame, gate, width), *render_remedy_rows(gate, width)]
    if criteria:
        rows.append(row(width, ("CRITERIA", styles.HEADING)))
        names = min(width * 2 // 5, max(cell_len(c.name) for c in criteria))
        rows += [r for criterion in criteria for r in render_criterion_rows(criterion, names, width)]
    if gate.metrics:
        rows += render_metric_rows(frame, gate, width)
    output = _find_output(frame, gate)
    if output is None:
        return rows
    rows += render_noticed_rows(output, width)
    rows += render_delivered_rows(frame, output, width)
    if gate.because in ("failed", "stopped"):
        rows.append(row(width, ("END OF THE LOG", styles.HEADING)))
        rows += render_log_rows(output, width, max(1, min(LEAST_LOG, height - 2), height - len(rows)))
    return rows


def render_cost_row(frame: Frame, gate: GateView, width: int) -> Content:
    """Return what was spent, and what comes next."""
    money, following = frame.snapshot.money, next_phase(frame, gate)
    parts: list[Part] = [("spent ", styles.QUIET), (format_usd(money.spent_usd), styles.STRONG)]
    if following is None:
        parts.append(("   next: the session ends", styles.QUIET))
    else:
        label = ("   next: ", styles.QUIET)
        cost = (f" {format_hours(following.estimate_hours)} {format_usd_range(following.estimate_usd)}", "")
        too_much = money.spent_usd + following.estimate_usd.low > money.budget_usd
        alarm = ("  beyond the budget" if too_much else "", styles.ALARM)
        room = width - sum(len(text) for text, _ in (*parts, label, cost, alarm))
        parts += [label, (truncate(replace_controls(following.title), room), styles.STRONG), cost, alarm]
    return row(width, *parts)


class GateEvidence(ScrollableRows):
    """All evidence, scrolled where it is longer than the widget."""

    def text(self, frame: Frame | None, width: int) -> Sequence[Content]:
        """Return the rows."""
        gate = frame.snapshot.gate if frame else None
        return render_evidence_rows(frame, gate, width, self.size.height) if frame and gate else []


class GateCost(FrameWidget):
    """What was spent and what comes next."""

    DEFAULT_CSS = "GateCost { height: 1; }"

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the row."""
        gate = frame.snapshot.gate
        return [render_cost_row(frame, gate, width)] if gate else []
