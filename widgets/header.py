"""The two rows above every screen: the session with its state and elapsed time, and its money."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec.structs import replace
from textual.content import Content

from app.plan.values import Range
from app.session.snapshot import OVER, SessionSnapshot
from app.units import format_clock, format_usd, format_usd_range, format_usd_short
from widgets import styles
from widgets.frame import Frame
from widgets.rows import FrameWidget, Part, row

ELAPSED_WIDTH = 9
MIN_BAR, MAX_BAR = 4, 40
NO_MODEL: Final = "none"
"""The model in plans of programs that have none."""


def shorten_model(model: str) -> str:
    """Return a model's name without its organization: `Qwen2.5-32B` for `Qwen/Qwen2.5-32B`."""
    return model.rstrip("/").rsplit("/", 1)[-1]


def select_session_badge(snapshot: SessionSnapshot) -> styles.Badge:
    """Return the badge of the session's state; a stalled phase is more urgent than RUNNING."""
    if snapshot.stalled:
        return replace(styles.STALLED, word=styles.STALLED.word.upper())
    return styles.SESSION_BADGES[snapshot.state]


def render_title_row(frame: Frame, width: int) -> Content:
    """Return name, model and GPU on the left, state and phase number on the right."""
    snapshot = frame.snapshot
    badge = select_session_badge(snapshot)
    phase, total = frame.position
    name: list[Part] = [(" gonogo ", f"{styles.STRONG} {styles.INFO}"), (f" {snapshot.name}", styles.STRONG)]
    profile = snapshot.profile if snapshot.profile not in snapshot.name else ""
    for text in (profile, shorten_model(snapshot.model), snapshot.gpu):
        if text and text != NO_MODEL:
            name += [(" · ", styles.QUIET), (text, "")]
    state: list[Part] = []
    if frame.disconnected:
        state.append((" no conductor ", f"{styles.BAD} reverse"))
    if snapshot.hold and snapshot.state not in OVER:
        state.append((" hold ", styles.WARN))
    emphasis = " reverse" if badge.word in ("GATE", "STALLED") else ""
    state += [
        (f" {badge.label} ", f"{styles.STRONG} {badge.style}{emphasis}"),
        (f" {phase}/{total} ", ""),
    ]
    return row(width, *name, right=state)


def format_time(moment: float, now: float) -> str:
    """Return a time of day, with the day of the week if that is not today: `13:20`, `Sat 01:10`."""
    at, today = datetime.fromtimestamp(moment).astimezone(), datetime.fromtimestamp(now).astimezone()
    return f"{at:%H:%M}" if at.date() == today.date() else f"{at:%a %H:%M}"


def format_time_range(times: Range, now: float) -> str:
    """Return a range of times of day: `13:20-14:40`, `23:50-Sat 01:10`."""
    first, last = format_time(times.low, now), format_time(times.high, now)
    return first if first == last else f"{first}-{last.removeprefix(first[:-5])}"


def render_bar(width: int, fraction: float, shaded: float = 0.0, style: str = styles.INFO) -> list[Part]:
    """Return a bar that is filled up to `fraction` and shaded from there to `shaded`."""
    filled_cells = min(width, round(max(0.0, fraction) * width))
    shaded_end = min(width, max(filled_cells, round(max(0.0, shaded) * width)))
    return [
        ("█" * filled_cells, style),
        ("▒" * (shaded_end - filled_cells), style),
        ("░" * (width - shaded_end), styles.QUIET),
    ]


def render_money_row(frame: Frame, width: int) -> Content:
    """Return the money spent of the budget, a bar with the forecast shaded, idle cost and the expected end.

    If the row is too narrow, the idle cost goes first (it is part of what was spent), then the end, then the
    forecast.
    """
    snapshot, money = frame.snapshot, frame.snapshot.money
    forecast_high = money.forecast_usd.low if snapshot.stalled else money.forecast_usd.high
    style = styles.GOOD
    if money.spent_usd > money.budget_usd:
        style = styles.BAD
    elif money.forecast_usd.high > money.budget_usd:
        style = styles.WARN
    spent_parts: list[Part] = [
        (f" {format_usd(money.spent_usd)}", f"{styles.STRONG} {style}"),
        (f" of {format_usd_short(money.budget_usd)} ", ""),
    ]
    alarm_parts: list[Part] = []
    if money.spent_usd > money.budget_usd:
        alarm_parts = [(" OVER BUDGET", styles.ALARM)]
    forecast_parts = _render_forecast(snapshot, style)
    idle_parts: list[Part] = [(" idle ", styles.QUIET), (format_usd(money.idle_usd), "")]
    end_parts = _render_end(frame)
    margin: Part = (" ", "")

    def measure_room() -> int:
        parts = [*spent_parts, *alarm_parts, *forecast_parts, *idle_parts, *end_parts, margin]
        return width - sum(len(text) for text, _ in parts)

    for optional_parts in (idle_parts, end_parts, forecast_parts):
        if measure_room() < 0:
            optional_parts.clear()
    gauge: list[Part] = []
    if (room := measure_room()) >= MIN_BAR:
        budget = money.budget_usd or 1.0
        gauge = render_bar(min(room, MAX_BAR), money.spent_usd / budget, forecast_high / budget, style)
    return row(width, *spent_parts, *gauge, *alarm_parts, *forecast_parts, *idle_parts, *end_parts, margin)


def _render_forecast(snapshot: SessionSnapshot, style: str) -> list[Part]:
    money = snapshot.money
    if snapshot.state in OVER:
        return []
    forecast_style = style if money.forecast_usd.high > money.budget_usd else ""
    if snapshot.stalled:
        return [(" forecast ", styles.QUIET), (f"from {format_usd(money.forecast_usd.low)}", forecast_style)]
    return [(" forecast ", styles.QUIET), (format_usd_range(money.forecast_usd), forecast_style)]


def _render_end(frame: Frame) -> list[Part]:
    snapshot = frame.snapshot
    if snapshot.state not in OVER:
        if snapshot.stalled:
            return [(" ends ", styles.QUIET), (styles.UNKNOWN.label, styles.UNKNOWN.style)]
        return [(" ends ", styles.QUIET), (format_time_range(snapshot.money.ends_at, frame.now), "")]
    if snapshot.stops_at is not None:
        return [(" pod stops ", styles.QUIET), (format_time(snapshot.stops_at, frame.now), styles.WARN)]
    return []


class HeaderRows(FrameWidget):
    """The session's name, state and money."""

    DEFAULT_CSS = "HeaderRows { height: 2; }"

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return both rows; `ElapsedTime` covers the end of the first."""
        return [render_title_row(frame, width - ELAPSED_WIDTH), render_money_row(frame, width)]


class ElapsedTime(FrameWidget):
    """The time since the session started: the only cells that change every second."""

    DEFAULT_CSS = f"ElapsedTime {{ layer: above; dock: right; width: {ELAPSED_WIDTH}; height: 1; }}"

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the elapsed time; for a session that is over, its duration."""
        snapshot = frame.snapshot
        end = snapshot.now if snapshot.state in OVER else frame.now
        return [Content.styled(format_clock(end - snapshot.started), styles.STRONG)]
