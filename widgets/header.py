"""The two rows above every screen: which session this is, its state and clock; and its money."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from textual.content import Content

from app.plan.values import Range
from app.session.snapshot import OVER, SessionSnapshot
from app.units import format_clock, format_usd, format_usd_range, format_usd_short
from widgets import styles
from widgets.frame import Frame
from widgets.rows import FrameWidget, Part, row

CLOCK_WIDTH = 9


def select_session_badge(snapshot: SessionSnapshot) -> styles.Badge:
    """Return how the session's state looks; one whose phase makes no progress does not just run."""
    if snapshot.stalled:
        return replace(styles.STALLED, word=styles.STALLED.word.upper())
    return styles.SESSION_BADGES[snapshot.state]


def model_name(model: str) -> str:
    """Return a model's name without its organisation: `Qwen2.5-32B` for `Qwen/Qwen2.5-32B`."""
    return model.rstrip("/").rsplit("/", 1)[-1]


def render_title_row(frame: Frame, width: int) -> Content:
    """Return name, model and GPU on the left, state and phase number on the right."""
    snapshot = frame.snapshot
    look = select_session_badge(snapshot)
    phase, total = frame.position
    dot = (" · ", styles.QUIET)
    name: list[Part] = [(" gonogo ", f"{styles.STRONG} {styles.INFO}"), (f" {snapshot.name}", styles.STRONG)]
    profile = snapshot.profile if snapshot.profile not in snapshot.name else ""
    for text in (profile, model_name(snapshot.model), snapshot.gpu):
        if text:
            name += [dot, (text, "")]
    state: list[Part] = []
    if frame.lost:
        state.append((" no conductor ", f"{styles.BAD} reverse"))
    if snapshot.hold and snapshot.state not in OVER:
        state.append((" hold ", styles.WARN))
    alarm = " reverse" if look.word in ("GATE", "STALLED") else ""
    state += [(f" {look.label} ", f"{styles.STRONG} {look.style}{alarm}"), (f" {phase}/{total} ", "")]
    return row(width, *name, right=state)


def when(moment: float, now: float) -> str:
    """Return a time of day, with the day of the week where it is not today."""
    at, today = datetime.fromtimestamp(moment).astimezone(), datetime.fromtimestamp(now).astimezone()
    return f"{at:%H:%M}" if at.date() == today.date() else f"{at:%a %H:%M}"


def format_time_range(span: Range, now: float) -> str:
    """Return a range of times of day: `13:20-14:40`, `23:50-Sat 01:10`."""
    first, last = when(span.low, now), when(span.high, now)
    return first if first == last else f"{first}-{last.removeprefix(first[:-5])}"


def bar(width: int, share: float, beyond: float = 0.0, style: str = styles.INFO) -> list[Part]:
    """Return a bar filled to a share, shaded on to `beyond`, and empty from there."""
    full, shade, empty = "█", "▒", "░"
    filled = min(width, round(max(0.0, share) * width))
    shaded = min(width, max(filled, round(max(0.0, beyond) * width)))
    return [
        (full * filled, style),
        (shade * (shaded - filled), style),
        (empty * (width - shaded), styles.QUIET),
    ]


def render_money_row(frame: Frame, width: int) -> Content:
    """Return spent of budget, a bar with the forecast shaded, idle cost, and when session or pod ends."""
    money = frame.snapshot.money
    over = money.spent_usd > money.budget_usd
    may_be_over = money.forecast_usd.high > money.budget_usd
    style = styles.BAD if over else styles.WARN if may_be_over else styles.GOOD
    spent: list[Part] = [
        (f" {format_usd(money.spent_usd)}", f"{styles.STRONG} {style}"),
        (f" of {format_usd_short(money.budget_usd)} ", ""),
    ]
    alarm: list[Part] = [(" OVER BUDGET", styles.ALARM)] if over else []
    forecast: list[Part] = []
    idle: list[Part] = [(" idle ", styles.QUIET), (format_usd(money.idle_usd), "")]
    ends: list[Part] = []
    likely = money.forecast_usd
    if frame.snapshot.state not in OVER:
        amount, at = format_usd_range(likely), (format_time_range(money.ends_at, frame.now), "")
        if frame.snapshot.stalled:
            likely = Range(likely.low, likely.low)
            amount, at = f"from {format_usd(likely.low)}", (styles.UNKNOWN.label, styles.UNKNOWN.style)
        forecast = [(" forecast ", styles.QUIET), (amount, style if may_be_over else "")]
        ends = [(" ends ", styles.QUIET), at]
    elif frame.snapshot.stops_at is not None:
        ends = [(" pod stops ", styles.QUIET), (when(frame.snapshot.stops_at, frame.now), styles.WARN)]
    edge: Part = (" ", "")

    def room() -> int:
        return width - sum(len(text) for text, _ in [*spent, *alarm, *forecast, *idle, *ends, edge])

    for least in (idle, ends, forecast):  # what is spent includes what is idle
        if room() < 0:
            least.clear()
    budget = money.budget_usd or 1.0
    gauge = (
        bar(min(room(), 40), money.spent_usd / budget, likely.high / budget, style)
        if room() > 3  # noqa: PLR2004 - less tells nothing
        else []
    )
    return row(width, *spent, *gauge, *alarm, *forecast, *idle, *ends, edge)


class HeaderRows(FrameWidget):
    """The session's name, state and money."""

    DEFAULT_CSS = "HeaderRows { height: 2; }"

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return both rows; the clock at the end of the first is a widget of its own."""
        return [render_title_row(frame, width - CLOCK_WIDTH), render_money_row(frame, width)]


class ElapsedTime(FrameWidget):
    """The time since the session began: all that changes every second, so that little is sent."""

    DEFAULT_CSS = f"ElapsedTime {{ layer: above; dock: right; width: {CLOCK_WIDTH}; height: 1; }}"

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the clock; a session that is over shows how long it took."""
        snapshot = frame.snapshot
        over = snapshot.state in OVER
        return [
            Content.styled(
                format_clock((snapshot.now if over else frame.now) - snapshot.started), styles.STRONG
            )
        ]
