"""The phase that is looked at: how far it is, how fast, when it last spoke; and its curves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from textual.content import Content

from app.monitor.series import Series
from app.session.snapshot import PhaseView
from app.units import format_age, format_duration, format_hours, format_number, format_usd_range
from widgets import styles
from widgets.chart import DASHED, DOTTED, SOLID, Curve, find_nearest, plot, smooth
from widgets.format import format_count, format_step
from widgets.frame import AttemptOutput, Frame, LogLines
from widgets.header import bar
from widgets.phase_table import look, result
from widgets.rows import FrameWidget, Part, row
from widgets.samples import render_sample_rows

NAMES: Final = {
    "eval_loss": "held-out",
    "learning_rate": "lr",
    "grad_norm": "grad",
    "tokens_per_second": "tok/s",
}
CURVES: Final = ((styles.INFO, SOLID), (styles.WARN, DASHED))  # of a metric and its held-out twin
SMOOTHING: Final = (0.0, 0.6, 0.9, 0.99)
LEAST_SMOOTHED: Final = 50  # a curve of fewer values would only lag
MOST_ZOOM: Final = 10
LEAST_PLOT: Final = 4  # rows: two for the axis, two for the curve
LABELS: Final = 6  # columns that the value axis takes
FIRST: Final = ("loss", "accuracy", "margin", "learning_rate", "grad_norm", "tokens_per_second")


def render_progress_rows(frame: Frame, phase: PhaseView, width: int) -> list[Content]:
    """Return a bar with what is done, and the age of the last progress, which is what liveness means."""
    progress = phase.progress
    if phase.state not in ("running", "stopping"):
        return []
    if progress is None:
        started = phase.attempts[-1].started if phase.attempts else frame.now
        age = format_duration(frame.now - started)
        if frame.lost:
            return [row(width, (f"started {age} ago, progress not known", styles.QUIET))]
        return [row(width, (f"started {age} ago, no progress yet", styles.QUIET))]
    rows = []
    unit = f" {progress.unit}" if progress.unit else ""
    if progress.total:
        count = f" {format_count(progress.done)}/{format_count(progress.total)}{unit}"
        share = progress.done / progress.total
        percent = f"{min(100, int(share * 100)):3}% "
        gauge = bar(max(3, width - len(count) - len(percent)), share)
        rows.append(row(width, (percent, styles.STRONG), *gauge, (count, "")))
    else:
        rows.append(row(width, (f"{format_count(progress.done)}{unit}", "")))
    age = format_age(frame.now - progress.at)
    alive: list[Part]
    if phase.stalled:
        alive = [(f"STALLED  last progress {age}", styles.ALARM)]
    else:
        alive = [(f"progress {age}", styles.QUIET)]
        if progress.rate:
            alive.append((f"  {format_count(progress.rate, 3)}{unit or ' units'}/s", ""))
    rows.append(row(width, *alive))
    return rows


def render_state_row(frame: Frame, phase: PhaseView, width: int) -> Content | None:
    """Return what the state of a phase that does not run means for the operator."""
    state = look(phase)
    gate = frame.snapshot.gate
    if gate is not None and gate.phase == phase.id:
        verdict = styles.VERDICT_BADGES[gate.verdict]
        return row(
            width,
            (verdict.label, f"{styles.STRONG} {verdict.style}"),
            ("  press g to decide", styles.WARN),
        )
    if phase.state == "waiting":
        return row(
            width,
            (f"{state.word}: ", state.style),
            (f"{format_hours(phase.estimate_hours)}, {format_usd_range(phase.estimate_usd)}", styles.QUIET),
        )
    if phase.state in ("done", "failed", "skipped"):
        return row(width, (state.label, state.style), (f"  {result(phase)}", ""))
    return None


def render_detail_rows(frame: Frame, width: int) -> list[Content]:
    """Return title, progress and liveness of the phase that is looked at."""
    phase = frame.phase
    if phase is None:
        return [row(width, ("no phase is running", styles.QUIET))]
    number = frame.output.attempt if frame.output else len(phase.attempts)
    state = look(phase)
    attempt = f"attempt {number}" if number else ""
    rows = [
        row(
            width,
            (f"{state.symbol} ", state.style),
            (phase.title, styles.STRONG),
            right=[(attempt, styles.QUIET)],
        )
    ]
    words = render_state_row(frame, phase, width)
    return [*rows, *([words] if words else []), *render_progress_rows(frame, phase, width)]


def group_metrics(series: Sequence[str]) -> list[tuple[str, ...]]:
    """Return which metrics are drawn together: each with its held-out twin, the known ones first."""
    names = [n for n in FIRST if n in series] + sorted(
        n for n in series if n not in FIRST and n.removeprefix("eval_") not in series
    )
    return [tuple(m for m in (name, f"eval_{name}") if m in series) for name in names]


@dataclass(frozen=True)
class Chart:
    """How the operator wants the chart: which metric, what axis, how smooth, which part, which step's values.

    `zoom` halves the steps that are shown that many times: those around the cursor, or else the last.
    """

    choice: int = 0
    log: bool = False
    smoothing: int = 0
    zoom: int = 0
    cursor: float | None = None

    @property
    def weight(self) -> float:
        """The weight of the moving average, 0 for none."""
        return SMOOTHING[self.smoothing]

    def window(self, first: float, last: float) -> tuple[float, float] | None:
        """Return the first and the last step that are shown of these; None shows all."""
        if not self.zoom:
            return None
        span = (last - first) / 2**self.zoom
        centre = last if self.cursor is None else self.cursor
        start = min(max(first, centre - span / 2), last - span)
        return start, start + span


def render_legend(shown: Sequence[Series], width: int, place: str, cursor: float | None = None) -> Content:
    """Return each curve's name in its colour and with its line, and its last value, or that at the cursor.

    Missing values are counted; of those that go on, the step where they began is said.
    """
    found: list[list[Part]] = []
    digits, gap = (4, "  ") if width >= 40 else (3, " ")  # noqa: PLR2004
    for series, (style, line) in zip(shown, CURVES, strict=False):
        name = NAMES.get(series.name, series.name)
        if len(shown) > 1:
            name = f"{line.sign} {name}"
        there = find_nearest(series.points, cursor) if cursor is not None else None
        since = series.missing_since if cursor is None else None
        if since is not None:
            found.append([(f"{name} NaN since {format_step(since)}", styles.ALARM)])
        else:
            value = series.last if cursor is None else there.mean if there else None
            found.append([(f"{name} ", style), (format_number(value, digits), styles.STRONG)])
        if series.missing:
            of_what = " NaN" if since is None else ""
            found.append([(f"×{series.missing:,}{of_what}", styles.BAD)])
    parts = [part for each in found for part in ((gap, ""), *each)][1:]
    return row(width, *parts, right=[(place, styles.QUIET)] if place else [])


def render_settings_row(
    chart: Chart, cursor: float | None, earlier: Sequence[str], width: int
) -> Content | None:
    """Return in what the chart differs from the plain one; None where it does not."""
    words = [
        *([f"step {cursor:,.0f}"] if cursor is not None else []),
        *(["log"] if chart.log else []),
        *([f"EMA {chart.weight:g}"] if chart.weight else []),
        *([f"zoom {2**chart.zoom}"] if chart.zoom else []),
        *([f"{DOTTED.sign} attempt {', '.join(earlier)}"] if earlier else []),
    ]
    return row(width, ("  ".join(words), styles.QUIET)) if words else None


def select_series(output: AttemptOutput | None, choice: int) -> tuple[list[Series], str]:
    """Return the metrics that are drawn together, and which of how many groups they are."""
    series = output.series if output else {}
    found = group_metrics(list(series))
    if not found:
        return [], ""
    at = choice % len(found)
    return [series[name] for name in found[at]], f"{at + 1}/{len(found)}" if len(found) > 1 else ""


def find_step_range(output: AttemptOutput, shown: Sequence[Series]) -> tuple[float, float]:
    """Return the first and the last step of these metrics, earlier attempts included."""
    all_of = [
        s for each in (output.series, *output.earlier.values()) for s in map(each.get, names(shown)) if s
    ]
    steps = [p.step for s in all_of for p in s.points]
    return min(steps, default=0.0), max(steps, default=0.0)


def names(shown: Sequence[Series]) -> list[str]:
    """Return the metrics' names."""
    return [series.name for series in shown]


def curves(output: AttemptOutput, shown: Sequence[Series], weight: float) -> list[Curve]:
    """Return what is drawn, from front to back: metrics, what is smoothed as it came, earlier attempts."""
    front, raw = [], []
    for series, (style, line) in zip(shown, CURVES, strict=False):
        if weight and series.total >= LEAST_SMOOTHED:
            front.append(Curve(series.name, smooth(series.points, weight), style, line=line))
            raw.append(Curve(series.name, series.points, styles.FAINT, line=DOTTED))
        else:
            front.append(Curve(series.name, series.points, style, line=line))
    before = [
        Curve(s.name, s.points, styles.FAINT, behind=True, line=DOTTED)
        for each in output.earlier.values()
        for s in map(each.get, names(shown))
        if s
    ]
    return [*front, *raw, *before]


def has_figure(output: AttemptOutput | None) -> bool:
    """Return whether there is a chart or a sample to show, or may soon be."""
    return output is not None and bool(output.series or output.samples or output.reading)


def render_figure_rows(frame: Frame, chart: Chart, width: int, height: int) -> list[Content]:
    """Return the chosen metric's chart; for a phase without metrics its latest sample."""
    output = frame.output
    shown, place = select_series(output, chart.choice)
    if output is None or not shown:
        if output and output.samples:
            samples = render_sample_rows(output.samples[-1], width)
            return [row(width, ("latest sample", styles.QUIET)), *samples][:height]
        over = frame.attempt is not None and frame.attempt.ended is not None
        none = "no metrics" if over else "no metrics yet"
        reading = "reading ..." if output and output.reading else none
        return [Content(), row(width, (reading, styles.QUIET))]
    first, last = find_step_range(output, shown)
    cursor = None if chart.cursor is None else min(max(first, chart.cursor), last)
    earlier = [str(n) for n, each in output.earlier.items() if any(name in each for name in names(shown))]
    settings = render_settings_row(chart, cursor, earlier, width)
    heading = [render_legend(shown, width, place, cursor), *([settings] if settings else [])]
    if height - len(heading) < LEAST_PLOT:
        return heading
    drawn = curves(output, shown, chart.weight)
    window = chart.window(first, last)
    return [
        *heading,
        *plot(drawn, width, height - len(heading), log=chart.log, window=window, cursor=cursor),
    ]


class PhaseDetail(FrameWidget):
    """Title, progress and liveness of the phase that is looked at."""

    DEFAULT_CSS = "PhaseDetail { height: 3; }"

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the rows."""
        return render_detail_rows(frame, width)


class Figure(FrameWidget):
    """The chart of a metric."""

    chart = Chart()
    _drawn: tuple[object, list[Content]] = None, []

    def set(self, chart: Chart) -> None:
        """Draw it so."""
        self.chart = chart
        self.refresh_rows()

    def move_cursor(self, columns: int) -> None:
        """Move the cursor by about that many columns; the first time it comes to the last step."""
        output = self.frame.output if self.frame else None
        shown, _ = select_series(output, self.chart.choice)
        if output is None or not shown:
            return
        first, last = find_step_range(output, shown)
        if self.chart.cursor is None:
            self.set(replace(self.chart, cursor=last))
            return
        start, end = self.chart.window(first, last) or (first, last)
        step = self.chart.cursor + columns * (end - start) / max(1, self.size.width - LABELS)
        self.set(replace(self.chart, cursor=min(max(first, step), last)))

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the chart; the one before, where nothing that it shows has changed."""
        output = frame.output and replace(frame.output, log=LogLines())
        ended = frame.attempt and frame.attempt.ended
        shows = (output, ended, self.chart, width, height)
        if shows != self._drawn[0]:
            self._drawn = shows, render_figure_rows(frame, self.chart, width, height)
        return self._drawn[1]
