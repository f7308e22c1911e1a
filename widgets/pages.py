"""The pages of text about a session: plan, decisions and result."""

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content

from app.session.snapshot import AttemptView, PhaseView, SessionSnapshot
from app.units import format_duration, format_hours, format_usd, format_usd_range
from widgets import styles
from widgets.frame import Frame
from widgets.header import format_time
from widgets.parameters import format_parameter
from widgets.phase_table import describe_exit, describe_result, select_phase_badge
from widgets.rows import row
from widgets.text import fit, replace_controls, wrap

TITLE_STYLE = f"{styles.STRONG} {styles.INFO}"
LABEL_WIDTH, MAX_LABEL_WIDTH = 16, 32
PLAN_TITLE_WIDTH, MAX_OUTCOME_TITLE_WIDTH = 24, 40


def _render_field(
    width: int, name: str, text: str, style: str = "", label_width: int = LABEL_WIDTH
) -> list[Content]:
    """Return a name and its text, wrapped."""
    return [
        row(width, (fit(name if i == 0 else "", label_width - 1) + " ", styles.QUIET), (line, style))
        for i, line in enumerate(wrap(text, width - label_width))
    ]


def render_plan_rows(frame: Frame, width: int) -> list[Content]:
    """Return the session, the selected phase with all its attempts, and the list of phases."""
    rows = [row(width, ("Session", TITLE_STYLE)), *_render_session_fields(frame.snapshot, width)]
    if frame.phase is not None:
        rows += [Content(), *_render_phase_fields(frame, frame.phase, width)]
    return [
        *rows,
        Content(),
        row(width, ("Phases", TITLE_STYLE)),
        *_render_phase_list(frame.snapshot.phases, width),
    ]


def _render_session_fields(snapshot: SessionSnapshot, width: int) -> list[Content]:
    plan = f"{snapshot.name}, profile {snapshot.profile}" if snapshot.profile else snapshot.name
    fields = {
        "id": snapshot.id,
        "plan": plan,
        "model": snapshot.model,
        "GPU": f"{snapshot.gpu} at {format_usd(snapshot.money.usd_per_hour)} an hour",
        "budget": format_usd(snapshot.money.budget_usd),
        "artifacts": snapshot.artifacts,
        "records": snapshot.folder,
    }
    return [r for name, text in fields.items() for r in _render_field(width, name, text)]


def _render_phase_fields(frame: Frame, phase: PhaseView, width: int) -> list[Content]:
    badge = select_phase_badge(phase)
    rows = [row(width, (phase.title, TITLE_STYLE), (f"  {phase.id}", styles.QUIET))]
    rows += _render_field(width, "state", f"{badge.label}  {phase.headline}", badge.style)
    rows += _render_field(width, "estimate", _format_estimate(phase))
    rows += _render_field(width, "gate", phase.gate.replace("_", " "))
    rows += _render_field(width, "critical", "yes" if phase.critical else "no")
    for name, value in phase.parameters.items():
        text, style = format_parameter(value), ""
        if change := phase.changed.get(name):
            text, style = f"{text}   was {format_parameter(change[0]) or 'default'}", styles.WARN
        rows += _render_field(width, f"  {name}", text, style, MAX_LABEL_WIDTH)
    for attempt in reversed(phase.attempts):
        rows += _render_attempt(attempt, frame.now, width)
    return rows


def _format_estimate(phase: PhaseView) -> str:
    """Return the plan's estimate, and what was measured on a machine like this one."""
    estimate = f"{format_hours(phase.estimate_hours)}, {format_usd_range(phase.estimate_usd)}"
    if phase.measured_hours:
        return f"{estimate}; measured here: {format_hours(phase.measured_hours)}"
    return estimate


def _render_attempt(attempt: AttemptView, now: float, width: int) -> list[Content]:
    ended = "running"
    if attempt.ended:
        ended = f"ended {format_time(attempt.ended, now)}  {describe_exit(attempt)}"
    batch = f", batch {attempt.batch}" if attempt.batch > 1 else ""
    rows = [row(width, (f"attempt {attempt.number}{batch}", styles.STRONG), (f"  {ended}", styles.QUIET))]
    longest = max((len(name) + 4 for name in attempt.parameters), default=0)
    label_width = max(LABEL_WIDTH, min(MAX_LABEL_WIDTH, longest))
    for name, value in attempt.parameters.items():
        text, style = format_parameter(value), ""
        if change := attempt.changed.get(name):
            text, style = f"{text}   was {format_parameter(change[0])}", styles.WARN
        rows += _render_field(width, f"  {name}", text, style, label_width)
    return rows


def _render_phase_list(phases: Sequence[PhaseView], width: int) -> list[Content]:
    has_measurements = any(phase.measured_hours for phase in phases)
    rows = []
    for phase in phases:
        badge = select_phase_badge(phase)
        measured = f"here {format_hours(phase.measured_hours)}" if phase.measured_hours else ""
        rows.append(
            row(
                width,
                (f"{badge.symbol} {fit(phase.title, PLAN_TITLE_WIDTH)}", badge.style),
                (f"{format_hours(phase.estimate_hours):>9} {format_usd_range(phase.estimate_usd):>12}", ""),
                (f"  {measured:<14}" if has_measurements else "", styles.INFO),
                (f"  gate {phase.gate.replace('_', ' ')}", styles.QUIET),
            )
        )
    return rows


def render_decision_rows(frame: Frame, width: int) -> list[Content]:
    """Return the decisions with their reasons, the latest first."""
    titles = {phase.id: phase.title for phase in frame.snapshot.phases}
    rows = [row(width, ("Decisions", TITLE_STYLE))]
    for decision in reversed(frame.snapshot.decisions):
        verdict = styles.VERDICT_BADGES[decision.verdict]
        title = titles.get(decision.phase, decision.phase)
        rows += [
            Content(),
            row(
                width,
                (f"{decision.kind.upper()} ", styles.STRONG),
                (f"after {title}, attempt {decision.attempt}", ""),
                right=[(f"{format_time(decision.at, frame.now)}  {decision.by}", styles.QUIET)],
            ),
        ]
        overridden = "  overridden" if decision.overrides else ""
        rows += _render_field(width, "  verdict", f"{verdict.label}{overridden}", verdict.style)
        if decision.reason:
            rows += _render_field(width, "  reason", decision.reason)
        if decision.changes:
            changes = (f"{name} = {format_parameter(value)}" for name, value in decision.changes.items())
            rows += _render_field(width, "  changed", ", ".join(changes))
        for phase_id, changed in decision.plan_changes.items():
            for name, (old, new) in changed.items():
                text = f"{phase_id}.{name} = {format_parameter(new)}   was {format_parameter(old)}"
                rows += _render_field(width, "  changed", text)
        if decision.left_out:
            rows += _render_field(width, "  left out", ", ".join(decision.left_out))
    if not frame.snapshot.decisions:
        rows.append(row(width, ("none yet", styles.QUIET)))
    return rows


def render_outcome_rows(frame: Frame, width: int) -> list[Content]:
    """Return the result of a session that is over, phase by phase, and where its files are."""
    snapshot = frame.snapshot
    badge = styles.SESSION_BADGES[snapshot.state]
    duration = format_duration(snapshot.now - snapshot.started)
    summary = f"  {snapshot.name} in {duration} for {format_usd(snapshot.money.spent_usd)}"
    rows = [row(width, (badge.label, f"{styles.STRONG} {badge.style}"), (summary, styles.STRONG))]
    rows += [Content(), *_render_phase_results(snapshot.phases, width)]
    rows += _render_field(width, "artifacts", snapshot.artifacts, styles.STRONG)
    rows += _render_field(width, "records", snapshot.folder)
    rows += _render_field(width, "next", "gonogo report: write the report; gonogo bundle: package all")
    if frame.outcome:
        rows += [Content(), *(Content(replace_controls(line)) for line in frame.outcome)]
    return rows


def _render_phase_results(phases: Sequence[PhaseView], width: int) -> list[Content]:
    """Return a row for each phase: state, time, cost and result, which is wrapped."""
    badges = [select_phase_badge(phase) for phase in phases]
    longest_word = max((len(badge.label) for badge in badges), default=0)
    longest_title = max((cell_len(phase.title) for phase in phases), default=0)
    title_width = min(longest_title, MAX_OUTCOME_TITLE_WIDTH, width // 3)
    rows = []
    for phase, badge in zip(phases, badges, strict=True):
        took = format_duration(phase.elapsed) if phase.attempts else ""
        cost = format_usd(phase.cost_usd) if phase.attempts else ""
        figures = f"{took:>7} {cost:>7}  "
        indent = longest_word + title_width + len(figures) + 3
        first, *others = wrap(describe_result(phase), max(10, width - indent))
        rows.append(
            row(
                width,
                (f"{badge.label:<{longest_word}}  ", badge.style),
                (f"{fit(phase.title, title_width)} ", ""),
                (figures, ""),
                (first, styles.QUIET),
            )
        )
        rows += [row(width, (" " * indent, ""), (line, styles.QUIET)) for line in others]
    return rows
