"""The table of phases: state as word, glyph and colour; estimate, elapsed, remaining, cost, headline."""

from collections.abc import Sequence

from textual.content import Content

from app.plan.values import Range
from app.session.snapshot import AttemptView, PhaseView
from app.units import format_duration, format_duration_range, format_hours, format_usd
from widgets import styles
from widgets.frame import Frame
from widgets.header import format_time_range
from widgets.rows import FrameWidget, Part, row
from widgets.text import fit, wrap

NAME, STATE, ESTIMATE, TOOK, LEFT, COST = 19, 8, 7, 8, 13, 7
WIDE = 66
"""From this width on, state and remaining time have columns of their own."""
ACTIVE = ("running", "stopping", "gate")
NOTICES = {"info": "", "warning": styles.WARN, "error": styles.BAD}


def look(phase: PhaseView) -> styles.Badge:
    """Return how a phase's state looks; a running phase without progress is stalled."""
    return styles.STALLED if phase.stalled and phase.state == "running" else styles.PHASE_BADGES[phase.state]


def describe_exit(attempt: AttemptView) -> str:
    """Return in words how an attempt ended, where that says more than that it did."""
    if attempt.signal:
        return f"killed by signal {attempt.signal}"
    if attempt.exit_code:
        return f"exit code {attempt.exit_code}"
    return attempt.reason if attempt.reason != "exited" else ""


def result(phase: PhaseView) -> str:
    """Return what came of a phase that is over, in a few words."""
    failed = phase.state == "failed" and phase.attempts
    return phase.headline or (describe_exit(phase.attempts[-1]) if failed else "")


def left(phase: PhaseView) -> str:
    """Return the remaining time of a running phase, as far as it is known; nobody knows when one stalls."""
    if phase.state != "running":
        return ""
    if phase.stalled:
        return styles.UNKNOWN.label
    if phase.remaining is None:
        return ""
    if phase.remaining.high >= 1:
        return format_duration_range(phase.remaining)
    return "overdue" if phase.elapsed > phase.estimate_hours.high * 3600 else "finishing"


def render_second_row(phase: PhaseView, width: int) -> str:
    """Return what is known beyond the columns, as much as there is room for."""
    wide = width >= WIDE
    words = []
    if not wide and (rest := left(phase)):
        words.append(f"left {rest}" if phase.stalled or rest[0].isdigit() else rest)
    if len(phase.attempts) > 1:
        words.append(f"attempt {phase.attempts[-1].number}")
    if found := result(phase):
        words.append(found)
    room = width - 2 - (0 if wide else len(look(phase).word) + 2)
    return next(
        (text for n in range(len(words), 1, -1) if len(text := "  ".join(words[:n])) <= room),
        "".join(words[:1]),
    )


def heading(width: int) -> Content:
    """Return the names of the columns."""
    wide = width >= WIDE
    names = (
        f"{'est':>{ESTIMATE}}{'took':>{TOOK}}" + (f"{'left':>{LEFT}}" if wide else "") + f"{'cost':>{COST}}"
    )
    start = "PHASES"
    if wide:
        start += " " * (2 + compute_name_width(width) - len(start)) + " state"
    return row(width, (start, styles.HEADING), right=[(names, styles.QUIET)])


def compute_name_width(width: int) -> int:
    """Return the room for a phase's name."""
    wide = width >= WIDE
    return width - 2 - ESTIMATE - TOOK - COST - (STATE + 1 + LEFT if wide else 0)


def render_first_row(phase: PhaseView, width: int, chosen: bool, word_in_time: bool) -> Content:
    """Return glyph, name and numbers; without a second row the word takes the place of a time."""
    wide, state = width >= WIDE, look(phase)
    room = compute_name_width(width)
    name_style = (
        styles.STRONG
        if phase.state in ACTIVE
        else styles.QUIET
        if phase.state in ("waiting", "skipped")
        else ""
    )
    mark = " reverse" if chosen else ""
    started = bool(phase.attempts) or phase.elapsed > 0
    estimate, took = format_hours(phase.estimate_hours), format_duration(phase.elapsed) if started else ""
    cost = format_usd(phase.cost_usd) if started else ""
    late = phase.state == "running" and phase.elapsed > phase.estimate_hours.high * 3600
    took_style = styles.WARN if late else ""
    parts: list[Part] = [
        (f"{state.symbol} ", state.style),
        (fit(phase.title, room - 1).rstrip(), (name_style + mark).strip()),
    ]
    if wide:
        numbers: list[Part] = [
            (f" {state.word:<{STATE}}", state.style),
            (f"{estimate:>{ESTIMATE}}", styles.QUIET),
            (f"{took:>{TOOK}}", took_style),
            (f"{left(phase):>{LEFT}}", styles.UNKNOWN.style if phase.stalled else ""),
            (f"{cost:>{COST}}", ""),
        ]
    else:
        times: list[Part] = [(f"{estimate:>{ESTIMATE}}", styles.QUIET), (f"{took:>{TOOK}}", took_style)]
        if word_in_time:
            at = 0 if took else 1
            times[at] = (f"{state.word:>{TOOK}}", state.style)
        numbers = [*times, (f"{cost:>{COST}}", "")]
    return row(width, *parts, right=numbers)


def render_phase_rows(frame: Frame, width: int, height: int) -> list[Content]:
    """Return the table in that many rows: who is active always has its second row, then the latest."""
    phases = frame.snapshot.phases
    wide = width >= WIDE
    chosen = frame.output.phase if frame.output else None
    follows = chosen is None or (frame.snapshot.current is not None and frame.snapshot.current.id == chosen)
    wants = [
        p
        for p in phases
        if p.state in ACTIVE or (p.state != "waiting" and (render_second_row(p, width) or not wide))
    ]
    by_need = sorted(wants, key=lambda p: (p.state not in ACTIVE, -phases.index(p)))
    spare = max(0, height - 1 - len(phases))
    two_rows = {p.id for p in by_need[:spare]}
    rows = []
    for phase in phases:
        state, extra = look(phase), render_second_row(phase, width)
        two = phase.id in two_rows
        rows.append(render_first_row(phase, width, not follows and phase.id == chosen, not two and not wide))
        if two:
            parts: list[Part] = [("  ", "")]
            if not wide:
                parts += [(state.word, state.style), ("  ", "")]
            rows.append(
                row(
                    width,
                    *parts,
                    (extra, styles.UNKNOWN.style if phase.stalled and not wide else styles.QUIET),
                )
            )
    # Where not all have room, the latest that has begun is among those that do.
    begun = sum(p.state != "waiting" for p in phases)
    top = max(0, min(begun, len(rows)) - (height - 1)) if len(rows) > height - 1 else 0
    return [heading(width), *rows[top : top + height - 1]]


def render_notice_rows(frame: Frame, width: int, room: int) -> list[Content]:
    """Return who else holds the GPU, what the phase that is looked at wants to be seen, and the conductor.

    The latest that have room are shown, whole; of one that alone has too little, the beginning.
    """
    notices = frame.output.notices if frame.output else ()
    machine = frame.snapshot.machine
    others = [f"{each.name} {each.pid}" for each in machine.holders if not each.ours] if machine else []
    said = [(f"GPU held by {', '.join(others)}, not by the phase", styles.WARN)] if others else []
    said += [(each.text, NOTICES[each.level]) for each in notices if each.level != "info"]
    said += [(text, styles.WARN) for text in frame.snapshot.notices]
    rows: list[Content] = []
    for text, style in reversed(said):
        lines = wrap(text, width - 2)
        found = [row(width, ("! " if i == 0 else "  ", style), (line, style)) for i, line in enumerate(lines)]
        if len(rows) + len(found) > room:
            return rows or found[:room]
        rows = found + rows
    return rows


def find_next_gate(frame: Frame) -> tuple[PhaseView, Range | None] | None:
    """Return the next phase after which a gate opens whatever it finds, and when; None where none is known.

    A phase before it that fails, or that the plan does not let go on by itself, opens one sooner; while one
    stalls, nobody knows when.
    """
    snapshot, low, high, stalled = frame.snapshot, frame.now, frame.now, False
    if snapshot.state not in ("ready", "running"):
        return None
    for phase in snapshot.phases:
        if phase.remaining is not None:
            low, high, stalled = (
                low + phase.remaining.low,
                high + phase.remaining.high,
                stalled or phase.stalled,
            )
            if phase.gate == "always" or snapshot.hold:
                return phase, None if stalled else Range(low, high)
    return None


def render_next_gate_rows(frame: Frame, width: int) -> list[Content]:
    """Return when the operator is needed next, under an empty row; none where that is not known."""
    found = find_next_gate(frame)
    if found is None:
        return []
    phase, at = found
    when: Part = (
        (styles.UNKNOWN.label, styles.UNKNOWN.style)
        if at is None
        else (format_time_range(at, frame.now), styles.STRONG)
    )
    return [Content(), row(width, ("next gate ", styles.QUIET), when, ("  ", ""), (phase.title, ""))]


class PhaseTable(FrameWidget):
    """All phases of the plan, when the next gate opens, and below what the conductor has to say."""

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the table, and the next gate and the latest notices in the rows that remain."""
        rows = render_phase_rows(frame, width, height)
        gate = render_next_gate_rows(frame, width)
        if len(rows) + len(gate) <= height:
            rows += gate
        room = height - len(rows) - 1
        notices = render_notice_rows(frame, width, room) if room > 0 else []
        return [*rows, *[Content()] * (height - len(rows) - len(notices)), *notices]
