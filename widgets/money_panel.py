"""Money over time: what was spent while phases ran and while they did not, forecast, budget and gates."""

from collections.abc import Hashable, Sequence
from typing import Final

import msgspec
from textual.content import Content

from app.monitor.series import Point, make_point
from app.session.snapshot import OVER, SessionSnapshot
from app.units import HOUR, format_usd, format_usd_range, format_usd_short
from widgets import styles
from widgets.backdrop import Area, Backdrop, Band, Note
from widgets.chart import plot
from widgets.curve import DASHED, Curve
from widgets.frame import Frame
from widgets.panel import TimePanel, choose_time_unit, name_panel
from widgets.rows import Part, row

IDLE_SHADE: Final = "░"
GATE_MARK: Final = "◆"
MAX_BUDGET_OF_FORECAST: Final = 3.0
FORECAST_STEPS: Final = 100
"""The chart is drawn again when the forecast has moved by this part of itself."""


class Span(msgspec.Struct, frozen=True):
    """A period in which a phase ran, or none did: moments in seconds since the epoch and dollars spent."""

    start: float
    start_usd: float
    end: float
    end_usd: float
    is_idle: bool


def list_spans(snapshot: SessionSnapshot) -> list[Span]:
    """Return the session's periods in order, each with what the session had spent at its ends.

    Spending is exact at the start and end of every attempt, also if the pod was stopped in between.
    """
    rate = snapshot.money.usd_per_hour / HOUR
    attempts = sorted(
        (attempt for phase in snapshot.phases for attempt in phase.attempts),
        key=lambda attempt: attempt.started,
    )
    moment, usd = snapshot.started, 0.0
    if attempts:
        # A pod that was up before the session started had already cost money.
        first = attempts[0]
        usd = max(0.0, first.elapsed_at_start - (first.started - snapshot.started)) * rate
    spans = []
    for attempt in attempts:
        start_usd = attempt.elapsed_at_start * rate
        if attempt.started > moment:
            spans.append(Span(moment, usd, attempt.started, max(usd, start_usd), True))
        end = attempt.ended if attempt.ended is not None else snapshot.now
        seconds = max(0.0, end - attempt.started)
        end_usd = snapshot.money.spent_usd if attempt.ended is None else start_usd + seconds * rate
        spans.append(Span(attempt.started, start_usd, end, max(start_usd, end_usd), False))
        moment, usd = end, spans[-1].end_usd
    if snapshot.now > moment:
        spans.append(Span(moment, usd, snapshot.now, max(usd, snapshot.money.spent_usd), True))
    return spans


def build_forecast(snapshot: SessionSnapshot) -> Band | None:
    """Return the band between the cheapest and the most expensive end, over seconds since the epoch.

    After its earliest end the session may cost nothing more. None if the session is over or its end unknown.
    """
    money, now = snapshot.money, snapshot.now
    if snapshot.state in OVER or snapshot.stalled or money.ends_at.high <= now:
        return None
    spent, forecast, ends = money.spent_usd, money.forecast_usd, money.ends_at
    low = [make_point(now, spent), make_point(max(now, ends.low), forecast.low)]
    if ends.high > ends.low:
        low.append(make_point(ends.high, forecast.low))
    high = [make_point(now, spent), make_point(ends.high, forecast.high)]
    return Band(low, high, styles.QUIET)


def list_gates(snapshot: SessionSnapshot) -> list[float]:
    """Return when gates were decided, and when the open one opened."""
    moments = [decision.at for decision in snapshot.decisions]
    return [*moments, snapshot.gate.opened] if snapshot.gate else moments


def render_money_chart(frame: Frame, width: int, height: int) -> list[Content]:
    """Return the chart of money over time."""
    snapshot, money = frame.snapshot, frame.snapshot.money
    started = snapshot.started
    forecast = build_forecast(snapshot)
    end = money.ends_at.high if forecast else snapshot.now
    unit, unit_name = choose_time_unit(end - started)

    def shift(points: Sequence[Point]) -> list[Point]:
        return [point._replace(step=(point.step - started) / unit) for point in points]

    areas = [
        Area(
            shift([make_point(span.start, span.start_usd), make_point(span.end, span.end_usd)]),
            styles.WARN if span.is_idle else styles.INFO,
            IDLE_SHADE if span.is_idle else "",
        )
        for span in list_spans(snapshot)
    ]
    bands = [Band(shift(forecast.low), shift(forecast.high), forecast.style)] if forecast else []
    expected = max(money.spent_usd, money.forecast_usd.high if forecast else 0.0)
    curves, notes = [], []
    if 0 < money.budget_usd <= MAX_BUDGET_OF_FORECAST * expected:
        last = (end - started) / unit
        points = [make_point(0.0, money.budget_usd), make_point(last, money.budget_usd)]
        curves.append(Curve("budget", points, styles.BAD, line=DASHED))
        notes.append(Note(last, money.budget_usd, f"budget {format_usd_short(money.budget_usd)}", styles.BAD))
    if forecast:
        last = (money.ends_at.high - started) / unit
        notes.append(Note(last, money.forecast_usd.high, "forecast", styles.QUIET))
    marks = {(moment - started) / unit: (GATE_MARK, styles.WARN) for moment in list_gates(snapshot)}
    backdrop = Backdrop(areas, bands, notes, marks, from_zero=True)
    return plot(curves, width, height, unit=unit_name, empty="nothing spent yet", backdrop=backdrop)


def render_money_legend(frame: Frame, width: int) -> Content:
    """Return what the shades and marks of the chart mean, with their amounts."""
    money = frame.snapshot.money
    running = max(0.0, money.spent_usd - money.idle_usd)
    parts: list[Part] = [
        ("█ ", styles.INFO),
        (f"phases {format_usd(running)}  ", ""),
        (f"{IDLE_SHADE} ", styles.WARN),
        (f"idle {format_usd(money.idle_usd)}  ", ""),
        (f"{GATE_MARK} ", styles.WARN),
        ("gate", ""),
    ]
    return row(width, *parts, right=[(f"{format_usd(money.usd_per_hour)} an hour", styles.QUIET)])


class MoneyPanel(TimePanel):
    """Money over time with its legend."""

    def make_title(self, frame: Frame) -> Sequence[Part]:
        """Return what is spent of the budget, and the forecast while there is one."""
        money = frame.snapshot.money
        style = styles.BAD if money.spent_usd > money.budget_usd else styles.STRONG
        spent = (f" {format_usd(money.spent_usd)}", style)
        title = name_panel("MONEY", spent, (f" of {format_usd_short(money.budget_usd)}", ""))
        if build_forecast(frame.snapshot):
            title.append((f" · forecast {format_usd_range(money.forecast_usd)}", ""))
        return title

    def find_subject(self, frame: Frame) -> Hashable:
        """Return attempts, gates, and the forecast as precisely as the chart shows it."""
        snapshot = frame.snapshot
        forecast = snapshot.money.forecast_usd
        step = max(0.01, forecast.high / FORECAST_STEPS)
        attempts = [(phase.id, phase.state, len(phase.attempts)) for phase in snapshot.phases]
        return (tuple(attempts), len(snapshot.decisions), forecast.low // step, forecast.high // step)

    def draw_rows(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the chart and its legend."""
        return [*render_money_chart(frame, width, height - 1), render_money_legend(frame, width)]
