"""The plots of a phase, and the position of its attempts on the session's time line."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.report.history import AttemptHistory, PhaseHistory, SessionHistory
from app.report.svg_plot import PlotLine, draw_lines

_MAX_PLOTS = 8
_MIN_BAR_PERCENT = 0.4
_COLOURS = 4


@dataclass(frozen=True)
class PhasePlot:
    """A plot with the lines that its legend names."""

    title: str
    lines: Sequence[PlotLine]
    svg: Markup


def draw_metrics(phase: PhaseHistory) -> list[PhasePlot]:
    """Return one plot of all losses of the latest attempt, then one for each other metric.

    Earlier attempts are drawn in gray.
    """
    if not phase.attempts:
        return []
    last = phase.attempts[-1]
    losses = sorted((name for name in last.series if name.endswith("loss")), key=len)
    groups = [("loss", losses)] if losses else []
    groups += [(name, [name]) for name in last.series if name not in losses]
    plots = []
    for title, names in groups[:_MAX_PLOTS]:
        lines = [
            PlotLine(f"{names[0]}, attempt {attempt.view.number}", attempt.series[names[0]].points, "earlier")
            for attempt in phase.attempts[:-1]
            if names[0] in attempt.series
        ]
        lines += [
            PlotLine(name, last.series[name].points, f"c{i % _COLOURS}") for i, name in enumerate(names)
        ]
        if svg := draw_lines(title, lines, "step"):
            plots.append(PhasePlot(title, lines, svg))
    return plots


def draw_memory(attempt: AttemptHistory) -> Markup:
    """Return the plot of the memory that an attempt used, in GiB; empty without measurements."""
    lines = [
        PlotLine(usage.name, usage.series.points, f"c{i % _COLOURS}")
        for i, usage in enumerate(attempt.memory)
    ]
    return draw_lines("memory in GiB", lines, "minutes", from_zero=True)


def place_attempts(history: SessionHistory) -> dict[tuple[str, int], tuple[float, float]]:
    """Return start and length of each attempt, by phase and number, in percent of the session's time."""
    session = history.session
    duration = max(session.now - session.started, 1e-9)

    def to_percent(time: float) -> float:
        return min(100.0, max(0.0, 100 * (time - session.started) / duration))

    bars = {}
    for phase in history.phases:
        for attempt in phase.attempts:
            start = to_percent(attempt.view.started)
            end = to_percent(attempt.view.ended or session.now)
            length = max(_MIN_BAR_PERCENT, end - start)
            bars[phase.view.id, attempt.view.number] = (
                round(min(start, 100 - length), 2),
                round(length, 2),
            )
    return bars
