"""The table of phases: state, estimate, elapsed and remaining time, cost, and the result in a few words."""

from collections import Counter
from collections.abc import Sequence

from textual.content import Content

from app.plan.values import Range
from app.session.snapshot import ENDED_PHASES, AttemptView, PhaseView
from app.units import HOUR, format_duration, format_duration_range, format_hours, format_usd
from widgets import styles
from widgets.frame import Frame
from widgets.header import format_time_range
from widgets.panel import Panel, name_panel
from widgets.rows import Part, row
from widgets.text import fit, truncate, wrap

ESTIMATE_WIDTH, ELAPSED_WIDTH, COST_WIDTH = 7, 8, 7
STATE_WIDTH, REMAINING_WIDTH = 8, 13
RESERVED_NOTICE_ROWS = 2
WIDE = 66
"""From this width on, state and remaining time have their own columns."""
ACTIVE = ("running", "stopping", "gate")
EXIT_REASONS = {"stalled": "stopped because it stalled", "deadline": "stopped at its deadline"}
NOTICE_STYLES = {"info": "", "warning": styles.WARN, "error": styles.BAD}


def select_phase_badge(phase: PhaseView) -> styles.Badge:
    """Return the badge of a phase's state; a running phase without progress is stalled."""
    return styles.STALLED if phase.stalled and phase.state == "running" else styles.PHASE_BADGES[phase.state]


def describe_exit(attempt: AttemptView) -> str:
    """Return how an attempt ended; empty if it ended without an error."""
    if attempt.reason not in ("", "exited"):  # The signal that ended it is then gonogo's.
        return EXIT_REASONS.get(attempt.reason, attempt.reason)
    if attempt.signal:
        return f"killed by signal {attempt.signal}"
    if attempt.exit_code:
        return f"exit code {attempt.exit_code}"
    return ""


def describe_result(phase: PhaseView) -> str:
    """Return the result of a phase in a few words; empty while it has none."""
    if phase.headline or phase.state != "failed" or not phase.attempts:
        return phase.headline
    return describe_exit(phase.attempts[-1])


def is_late(phase: PhaseView) -> bool:
    """Return whether a phase has run longer than the high end of its estimate."""
    return phase.elapsed > phase.estimate_hours.high * HOUR


def describe_remaining(phase: PhaseView) -> str:
    """Return the remaining time of a running phase; empty if it is not running or has no forecast."""
    if phase.state != "running":
        return ""
    if phase.stalled:
        return styles.UNKNOWN.label
    if phase.remaining is None:
        return ""
    if phase.remaining.high >= 1:
        return format_duration_range(phase.remaining)
    return "overdue" if is_late(phase) else "finishing"


def describe_phase(phase: PhaseView, width: int) -> str:
    """Return the second row's text: remaining time, attempt and result, as many as fit."""
    words = []
    remaining = "" if width >= WIDE else describe_remaining(phase)
    if remaining:
        words.append(f"left {remaining}" if phase.stalled or remaining[0].isdigit() else remaining)
    if len(phase.attempts) > 1:
        words.append(f"attempt {phase.attempts[-1].number}")
    if result := describe_result(phase):
        words.append(result)
    room = width - 2
    if width < WIDE:
        room -= len(select_phase_badge(phase).word) + 2
    for count in range(len(words), 1, -1):
        text = "  ".join(words[:count])
        if len(text) <= room:
            return text
    return words[0] if words else ""


def compute_name_width(width: int) -> int:
    """Return the width of the column of names."""
    name_width = width - 2 - ESTIMATE_WIDTH - ELAPSED_WIDTH - COST_WIDTH
    return name_width - (STATE_WIDTH + 1 + REMAINING_WIDTH) if width >= WIDE else name_width


def render_heading(width: int, name: str = "PHASES") -> Content:
    """Return the names of the columns; `name` is that of the phases'."""
    columns = f"{'est':>{ESTIMATE_WIDTH}}{'took':>{ELAPSED_WIDTH}}"
    start = name
    if width >= WIDE:
        columns += f"{'left':>{REMAINING_WIDTH}}"
        start = f"{start:<{2 + compute_name_width(width)}} state"
    columns += f"{'cost':>{COST_WIDTH}}"
    return row(width, (start, styles.HEADING), right=[(columns, styles.QUIET)])


def render_first_row(phase: PhaseView, width: int, *, selected: bool, state_in_time: bool) -> Content:
    """Return symbol, name and numbers.

    Args:
        phase: the phase.
        width: of the row.
        selected: highlight the name.
        state_in_time: show the state in place of a time, because there is neither a column nor a second row
            for it.
    """
    badge = select_phase_badge(phase)
    started = bool(phase.attempts) or phase.elapsed > 0
    estimate = (f"{format_hours(phase.estimate_hours):>{ESTIMATE_WIDTH}}", styles.QUIET)
    took_text = format_duration(phase.elapsed) if started else ""
    took_style = styles.WARN if phase.state == "running" and is_late(phase) else ""
    took = (f"{took_text:>{ELAPSED_WIDTH}}", took_style)
    cost = (f"{format_usd(phase.cost_usd) if started else '':>{COST_WIDTH}}", "")
    if width >= WIDE:
        remaining_style = styles.UNKNOWN.style if phase.stalled else ""
        numbers: list[Part] = [
            (f" {badge.word:<{STATE_WIDTH}}", badge.style),
            estimate,
            took,
            (f"{describe_remaining(phase):>{REMAINING_WIDTH}}", remaining_style),
            cost,
        ]
    else:
        state = (f"{badge.word:>{ELAPSED_WIDTH}}", badge.style)
        if state_in_time and started:
            estimate = state
        elif state_in_time:
            took = state
        numbers = [estimate, took, cost]
    name = fit(phase.title, compute_name_width(width) - 1).rstrip()
    return row(width, (f"{badge.symbol} ", badge.style), (name, _name_style(phase, selected)), right=numbers)


def _name_style(phase: PhaseView, selected: bool) -> str:
    style = ""
    if phase.state in ACTIVE:
        style = styles.STRONG
    elif phase.state in ("waiting", "skipped", "left_out"):
        style = styles.QUIET
    return f"{style} reverse".strip() if selected else style


def render_second_row(phase: PhaseView, width: int) -> Content:
    """Return what is known of a phase beyond the columns."""
    text = describe_phase(phase, width)
    if width >= WIDE:
        return row(width, ("  ", ""), (text, styles.QUIET))
    badge = select_phase_badge(phase)
    style = styles.UNKNOWN.style if phase.stalled else styles.QUIET
    return row(width, ("  ", ""), (badge.word, badge.style), ("  ", ""), (text, style))


def render_phase_rows(frame: Frame, width: int, height: int, *, heading: str = "PHASES") -> list[Content]:
    """Return the table in `height` rows: active phases get a second row first, then the latest ones."""
    phases = frame.snapshot.phases
    current = frame.snapshot.current
    selected = frame.output.phase if frame.output else None
    if current is not None and current.id == selected:
        selected = None  # Looking at the running phase is the default and needs no mark.
    candidates = [
        phase
        for phase in phases
        if phase.state in ACTIVE
        or (phase.state != "waiting" and (width < WIDE or describe_phase(phase, width)))
    ]
    candidates.sort(key=lambda phase: (phase.state not in ACTIVE, -phases.index(phase)))
    spare_rows = max(0, height - 1 - len(phases))
    with_second_row = {phase.id for phase in candidates[:spare_rows]}
    rows = []
    for phase in phases:
        has_second_row = phase.id in with_second_row
        rows.append(
            render_first_row(
                phase,
                width,
                selected=phase.id == selected,
                state_in_time=not has_second_row and width < WIDE,
            )
        )
        if has_second_row:
            rows.append(render_second_row(phase, width))
    # If there are more phases than rows, show the latest that has started and those before it.
    top = 0
    if len(rows) > height - 1:
        started = sum(phase.state != "waiting" for phase in phases)
        top = max(0, min(started, len(rows)) - (height - 1))
    return [render_heading(width, heading), *rows[top : top + height - 1]]


def render_notice_rows(frame: Frame, width: int, room: int) -> list[Content]:
    """Return foreign GPU processes, the selected attempt's notices and the conductor's, the latest that fit.

    A notice is shown completely or not at all, except that the latest is cut if it alone is too long.
    """
    holders = frame.snapshot.machine.holders if frame.snapshot.machine else ()
    asked_pid = frame.snapshot.asking.pid if frame.snapshot.asking else None
    foreign = [
        f"{holder.name} {holder.pid}" for holder in holders if not holder.ours and holder.pid != asked_pid
    ]
    notices: list[Part] = []
    if foreign:
        notices.append((f"GPU in use by {', '.join(foreign)}, not the phase", styles.WARN))
    for notice in frame.output.notices if frame.output else ():
        if notice.level != "info":
            notices.append((notice.text, NOTICE_STYLES[notice.level]))
    notices += [(text, styles.WARN) for text in frame.snapshot.notices]
    rows: list[Content] = []
    for text, style in reversed(notices):
        lines = wrap(text, width - 2)
        if len(rows) + len(lines) > room:
            if rows or room < 1:
                return rows
            lines = [*lines[: room - 1], truncate(" ".join(lines[room - 1 :]), width - 2)]
        rows = [
            *(row(width, ("! " if i == 0 else "  ", style), (line, style)) for i, line in enumerate(lines)),
            *rows,
        ]
    return rows


def find_next_gate(frame: Frame) -> tuple[PhaseView, Range | None] | None:
    """Return the next phase that always opens a gate and when it ends; None if no such phase is left.

    The time is None while a phase before the gate is stalled. A phase in between that fails, or whose verdict
    is not go, opens a gate earlier.
    """
    snapshot = frame.snapshot
    low = high = frame.now
    stalled = False
    if snapshot.state not in ("ready", "running"):
        return None
    for phase in snapshot.phases:
        if phase.remaining is None:
            continue
        low += phase.remaining.low
        high += phase.remaining.high
        stalled = stalled or phase.stalled
        if phase.gate == "always" or snapshot.hold:
            return phase, None if stalled else Range(low, high)
    return None


def render_next_gate_rows(frame: Frame, width: int) -> list[Content]:
    """Return when the operator is needed next, below an empty row; no rows if that is not known."""
    gate = find_next_gate(frame)
    if gate is None:
        return []
    phase, ends_at = gate
    time: Part = (styles.UNKNOWN.label, styles.UNKNOWN.style)
    if ends_at is not None:
        time = (format_time_range(ends_at, frame.now), styles.STRONG)
    return [Content(), row(width, ("next gate ", styles.QUIET), time, ("  ", ""), (phase.title, ""))]


class PhaseTable(Panel):
    """All phases of the plan, the time of the next gate unless another panel has it, and notices."""

    shows_next_gate = True

    def make_title(self, frame: Frame) -> Sequence[Part]:
        """Return how many phases are done, and how many failed, were skipped or were left out."""
        badges = [select_phase_badge(phase) for phase in frame.snapshot.phases if phase.state in ENDED_PHASES]
        counts = Counter(badge.word for badge in badges)
        others = "".join(f", {count} {word}" for word, count in counts.items() if word != "done")
        return name_panel("PHASES", (f" {counts['done']} of {len(frame.snapshot.phases)} done{others}", ""))

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the table, then the next gate and the latest notices in the rows that remain."""
        gate = render_next_gate_rows(frame, width) if self.shows_next_gate else []
        if self.has_border:
            reserved = len(gate) + len(render_notice_rows(frame, width, RESERVED_NOTICE_ROWS))
            rows = render_phase_rows(frame, width, height - reserved, heading="phase")
        else:
            rows = render_phase_rows(frame, width, height)
        if len(rows) + len(gate) <= height:
            rows += gate
        room = height - len(rows) - (0 if self.has_border else 1)
        notices = render_notice_rows(frame, width, room) if room > 0 else []
        return [*rows, *[Content()] * (height - len(rows) - len(notices)), *notices]
