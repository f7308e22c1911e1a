"""The verdict of an open gate: why it opened, its advice, and its criteria."""

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from app.plan.causes import CAUSES
from app.plan.values import ConditionResult
from app.session.snapshot import GateView
from app.units import format_duration, format_hours, format_usd, format_value
from widgets import styles
from widgets.frame import Frame, compute_waiting_cost
from widgets.metric_names import format_measurement, name_metric
from widgets.rows import Part, row
from widgets.text import fit, wrap

INDENT: Final = 8
WAITING_STEP: Final = 5
MIN_HEADING_PARTS: Final = 2
OPENED_BECAUSE: Final = {
    "plan": "",
    "hold": "you asked to hold here",
    "stopped": "the phase was stopped",
    "failed": "the phase failed",
    "nan": "",  # The diagnosis says it.
    "warning": "it may have failed",
    "unknown": "a condition cannot be evaluated",
}


def measure_parts(parts: Sequence[Part]) -> int:
    """Return the number of cells that parts of a row take."""
    return sum(cell_len(text) for text, _ in parts)


def explain_cause(gate: GateView) -> str:
    """Return the diagnosed cause in words; empty without one."""
    return next((words.meaning for cause, words in CAUSES.items() if cause == gate.cause), "")


def explain_verdict(gate: GateView) -> str:
    """Return why the gate opened if not by plan, and the diagnosed cause, which a go accepts."""
    because, cause = OPENED_BECAUSE.get(gate.because, gate.because), explain_cause(gate)
    if gate.verdict == "go" and cause:
        cause = f"the plan accepts that {cause}"
    return ": ".join(filter(None, (because, cause)))


def _summarize_criteria(gate: GateView) -> str:
    """Return how many criteria pass, or what a verdict without criteria rests on."""
    if gate.criteria:
        passed = sum(criterion.passed is True for criterion in gate.criteria)
        return f"{passed} of {len(gate.criteria)} criteria pass"
    if gate.verdict == "go" and not gate.advice:
        return "it ended without an error; the plan has no criteria for it"
    return ""


def render_verdict_row(gate: GateView, width: int, *, with_reason: bool = True) -> Content:
    """Return the verdict, the criteria that pass, and what explains it."""
    badge = styles.VERDICT_BADGES[gate.verdict]
    summary = _summarize_criteria(gate)
    reason = explain_verdict(gate) if with_reason else ""
    return row(
        width,
        ("verdict ", styles.QUIET),
        (badge.label, f"{styles.STRONG} {badge.style}"),
        (f"  {summary}" if summary else "", ""),
        (f"  {reason}" if reason else "", styles.WARN),
    )


def render_verdict_rows(gate: GateView, width: int) -> list[Content]:
    """Return the verdict, and what explains it, in further rows if it does not fit."""
    whole, short = render_verdict_row(gate, 10 * width), render_verdict_row(gate, width, with_reason=False)
    if len(whole.plain.rstrip()) <= width:
        return [render_verdict_row(gate, width)]
    return [
        short,
        *(_indent(line, styles.WARN, width) for line in wrap(explain_verdict(gate), width - INDENT)),
    ]


def render_heading_rows(frame: Frame, gate: GateView, width: int) -> list[Content]:
    """Return the gate's phase, the cost of waiting, and the verdict."""
    phase = frame.snapshot.find_phase(gate.phase)
    # Steps of some seconds keep this row from being sent every second.
    waiting = format_duration((frame.now - gate.opened) // WAITING_STEP * WAITING_STEP)
    seconds = sum((each.ended or frame.now) - each.started for each in phase.attempts[-1:])
    took = f"{format_duration(seconds)}, planned {format_hours(phase.estimate_hours)}"
    heading: list[Part] = [
        ("GATE", f"{styles.STRONG} {styles.WARN}"),
        (f" after {phase.title}", styles.STRONG),
        (f"  attempt {gate.attempt}", styles.QUIET),
        (f"  took {took}", styles.QUIET),
    ]
    right: list[Part] = [
        ("waiting ", styles.QUIET),
        (waiting, ""),
        ("  idle ", styles.QUIET),
        (format_usd(compute_waiting_cost(frame, gate)), ""),
    ]
    while len(heading) > MIN_HEADING_PARTS and measure_parts((*heading, *right)) >= width:
        heading.pop()
    return [row(width, *heading, right=right), *render_verdict_rows(gate, width)]


def render_advice_rows(gate: GateView, width: int) -> list[Content]:
    """Return the advice of rules and diagnosis."""
    rows = []
    for advice in gate.advice:
        for i, line in enumerate(wrap(advice, width - INDENT)):
            rows.append(row(width, ("advice  " if i == 0 else " " * INDENT, styles.QUIET), (line, "")))
    return rows


def render_criterion_rows(
    frame: Frame, criterion: ConditionResult, name_width: int, width: int
) -> list[Content]:
    """Return a criterion's outcome, its expression, and the measured value at the right edge."""
    badge = styles.CHECK_BADGES[criterion.passed]
    value_style = styles.ALARM if criterion.passed is False else styles.STRONG
    outcome: Part = (f"{badge.symbol} {badge.word:<6}", badge.style)
    value = ""
    if len(criterion.values) == 1:
        value = format_criterion_value(frame, next(iter(criterion.values)), criterion)
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
        values = list_criterion_values(frame, criterion)
        rows += [_indent(line, value_style, width) for line in wrap(values, width - INDENT)]
    if criterion.note:
        rows.append(_indent(criterion.note, styles.WARN, width))
    return rows


def name_value(frame: Frame, name: str) -> str:
    """Return the name of a metric, after the title of its phase if it is an earlier one's."""
    phase, _, metric = name.rpartition(".")
    words = name_metric(metric)
    title = next((each.title for each in frame.snapshot.phases if each.id == phase), phase)
    return f"{title}: {words}" if phase else words


def list_criterion_values(frame: Frame, criterion: ConditionResult, *, only_known: bool = False) -> str:
    """Return the values that a criterion refers to, each with its name."""
    names = [name for name, value in criterion.values.items() if value is not None or not only_known]
    return "  ".join(
        f"{name_value(frame, name)} {format_criterion_value(frame, name, criterion)}" for name in names
    )


def format_criterion_value(frame: Frame, name: str, criterion: ConditionResult) -> str:
    """Return one of the values that a criterion refers to; `none` if its phase has not reported it."""
    phase, _, metric = name.rpartition(".")
    value = criterion.values[name]
    gate = frame.snapshot.gate
    if value is None and gate is not None:
        reported = gate.earlier.get(phase, {}) if phase else gate.metrics
        if metric not in reported:
            return format_value(None)
    return format_measurement(metric, {metric: value})


def _indent(text: str, style: str, width: int) -> Content:
    return row(width, (" " * INDENT, ""), (text, style))
