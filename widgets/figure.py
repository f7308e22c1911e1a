"""The chart of the selected attempt's metrics, with its settings, legend and cursor."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace
from rich.cells import cell_len
from textual.content import Content

from app.monitor.series import Series
from app.units import format_number
from widgets import styles
from widgets.chart import plot
from widgets.curve import DASHED, DOTTED, SOLID, Curve, find_nearest, smooth
from widgets.format import format_step
from widgets.frame import AttemptOutput, Frame, LogLines
from widgets.rows import FrameWidget, Part, row
from widgets.samples import render_sample_rows
from widgets.throughput import count_doublings, has_pace, plot_pace

SHORT_NAMES: Final = {
    "eval_loss": "held-out",
    "val_loss": "held-out",
    "learning_rate": "lr",
    "grad_norm": "grad",
    "tokens_per_second": "tok/s",
}
FIRST_METRICS: Final = ("loss", "accuracy", "margin", "learning_rate", "grad_norm", "tokens_per_second")
HELD_OUT_PREFIXES: Final = ("eval_", "val_")
"""Prefixes of a metric on held-out data, as trainings report it and as the presets of logs name it."""
METRIC_STYLE: Final = (styles.INFO, SOLID)
HELD_OUT_STYLE: Final = (styles.WARN, DASHED)
SMOOTHING_WEIGHTS: Final = (0.0, 0.6, 0.9, 0.99)
MIN_SMOOTHED_VALUES: Final = 50  # A moving average of fewer values would only lag.
MAX_ZOOM: Final = 10
MIN_PLOT_HEIGHT: Final = 4
VALUE_AXIS_WIDTH: Final = 6
WIDE_LEGEND: Final = 40


class ChartSettings(msgspec.Struct, frozen=True):
    """The operator's settings of the chart.

    Attributes:
        metric: index of the metric, in the order of `group_metrics`, modulo their number.
        log: whether the value axis is logarithmic.
        smoothing: index into `SMOOTHING_WEIGHTS`.
        zoom: how often the range of steps is halved, around the cursor or else at the end.
        cursor: the step whose values the legend shows.
    """

    metric: int = 0
    log: bool = False
    smoothing: int = 0
    zoom: int = 0
    cursor: float | None = None

    @property
    def weight(self) -> float:
        """The weight of the moving average, 0 for none."""
        return SMOOTHING_WEIGHTS[self.smoothing]

    def window(self, first: float, last: float) -> tuple[float, float] | None:
        """Return the first and the last step to draw out of a range of steps; None draws all."""
        if not self.zoom:
            return None
        span = (last - first) / 2**self.zoom
        center = last if self.cursor is None else self.cursor
        start = min(max(first, center - span / 2), last - span)
        return start, start + span


def group_metrics(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return all metrics, those together that are drawn together: each with its counterpart on held-out data.

    The usual ones come first.
    """
    held_out = {name: _find_held_out(name, names) for name in names}
    firsts = [name for name in names if name not in held_out.values()]
    usual = [name for name in FIRST_METRICS if name in firsts]
    others = sorted(name for name in firsts if name not in FIRST_METRICS)
    return [(name, held_out[name]) if held_out[name] else (name,) for name in usual + others]


def _find_held_out(name: str, names: Sequence[str]) -> str:
    """Return the metric's counterpart on held-out data, or "" if it has none."""
    return next((prefix + name for prefix in HELD_OUT_PREFIXES if prefix + name in names), "")


def select_series(output: AttemptOutput | None, metric: int) -> tuple[list[Series], str]:
    """Return the series to draw together, and their place among the groups, such as `2/5`."""
    series = output.series if output else {}
    groups = group_metrics(list(series))
    if not groups:
        return [], ""
    index = metric % len(groups)
    return [series[name] for name in groups[index]], f"{index + 1}/{len(groups)}" if len(groups) > 1 else ""


def find_step_range(output: AttemptOutput, selected: Sequence[Series]) -> tuple[float, float]:
    """Return the first and the last step of the selected metrics, earlier attempts included."""
    steps = [
        point.step
        for attempt in (output.series, *output.earlier.values())
        for series in selected
        if series.name in attempt
        for point in attempt[series.name].points
    ]
    return min(steps, default=0.0), max(steps, default=0.0)


def build_curves(output: AttemptOutput, selected: Sequence[Series], weight: float) -> list[Curve]:
    """Return the curves from front to back: metrics, unsmoothed values, earlier attempts."""
    front, raw = [], []
    for series, (style, line) in zip(selected, (METRIC_STYLE, HELD_OUT_STYLE), strict=False):
        if weight and series.total >= MIN_SMOOTHED_VALUES:
            front.append(Curve(series.name, smooth(series.points, weight), style, line=line))
            raw.append(Curve(series.name, series.points, styles.QUIET, line=DOTTED))
        else:
            front.append(Curve(series.name, series.points, style, line=line))
    earlier = [
        Curve(series.name, attempt[series.name].points, styles.QUIET, background=True, line=DOTTED)
        for attempt in output.earlier.values()
        for series in selected
        if series.name in attempt
    ]
    return [*front, *raw, *earlier]


def render_legend(
    selected: Sequence[Series],
    width: int,
    place: str,
    cursor: float | None = None,
    others: Sequence[Series] = (),
) -> Content:
    """Return each metric's name, and its last value or that at the cursor; then as many others as fit.

    It counts missing values; if the last value is missing, it says since which step.
    """
    entries: list[list[Part]] = []
    digits, gap = (4, "  ") if width >= WIDE_LEGEND else (3, " ")
    for series, (style, line) in zip(selected, (METRIC_STYLE, HELD_OUT_STYLE), strict=False):
        name = SHORT_NAMES.get(series.name, series.name)
        if len(selected) > 1:
            name = f"{line.symbol} {name}"
        missing_since = series.missing_since if cursor is None else None
        if missing_since is not None:
            entries.append([(f"{name} NaN since {format_step(missing_since)}", styles.ALARM)])
        else:
            value = _find_value(series, cursor)
            entries.append([(f"{name} ", style), (format_number(value, digits), styles.STRONG)])
        if series.missing:
            unit = " NaN" if missing_since is None else ""
            entries.append([(f"×{series.missing:,}{unit}", styles.BAD)])
    parts = [part for entry in entries for part in ((gap, ""), *entry)][1:]
    room = width - cell_len(place) - len(gap) - sum(cell_len(text) for text, _ in parts)
    for series in others:
        number: Part = (format_number(_find_value(series, cursor), digits), "")
        if cursor is None and series.missing_since is not None:
            number = ("NaN", styles.ALARM)
        entry: list[Part] = [(f"{gap} {SHORT_NAMES.get(series.name, series.name)} ", styles.QUIET), number]
        room -= sum(cell_len(text) for text, _ in entry)
        if room < 0:
            break
        parts += entry
    return row(width, *parts, right=[(place, styles.QUIET)] if place else [])


def _find_value(series: Series, cursor: float | None) -> float | None:
    """Return the last value, or the one nearest to the cursor."""
    if cursor is None:
        return series.last
    point = find_nearest(series.points, cursor)
    return point.mean if point else None


def list_other_series(output: AttemptOutput, selected: Sequence[Series]) -> list[Series]:
    """Return the first metric of each group that is not selected, in the order of the groups."""
    firsts = [output.series[names[0]] for names in group_metrics(list(output.series))]
    return [series for series in firsts if series.name not in {each.name for each in selected}]


def render_settings_row(
    settings: ChartSettings,
    position: str,
    earlier: Sequence[str],
    width: int,
    *,
    is_smoothed: bool,
) -> Content | None:
    """Return the settings that differ from the default, and whether there are values enough to smooth.

    `position` is the step at the cursor, "" without a cursor.

    Returns:
        the row, or None if no setting differs.
    """
    words = [position] if position else []
    if settings.log:
        words.append("log")
    if settings.weight:
        words.append(f"EMA {settings.weight:g}{'' if is_smoothed else f' from {MIN_SMOOTHED_VALUES} values'}")
    if settings.zoom:
        words.append(f"zoom {2**settings.zoom}")
    if earlier:
        words.append(f"{DOTTED.symbol} attempt {', '.join(earlier)}")
    return row(width, ("  ".join(words), styles.QUIET)) if words else None


def has_figure(output: AttemptOutput | None, *, with_pace: bool = True) -> bool:
    """Return whether there is, or may soon be, a chart or a sample to draw; `with_pace` counts its curve."""
    if output is None:
        return False
    return bool(output.series or output.samples or output.reading or (with_pace and has_pace(output)))


def render_heading_rows(frame: Frame, settings: ChartSettings, width: int) -> list[Content]:
    """Return the legend with the last values and the settings; none without metrics."""
    output = frame.output
    selected, place = select_series(output, settings.metric)
    if output is None or not selected:
        return []
    first, last = find_step_range(output, selected)
    cursor = None if settings.cursor is None else min(max(first, settings.cursor), last)
    earlier = [
        str(number)
        for number, attempt in output.earlier.items()
        if any(series.name in attempt for series in selected)
    ]
    is_smoothed = any(series.total >= MIN_SMOOTHED_VALUES for series in selected)
    position = "" if cursor is None else f"{output.step_unit} {cursor:,.0f}"
    settings_row = render_settings_row(settings, position, earlier, width, is_smoothed=is_smoothed)
    legend = render_legend(selected, width, place, cursor, list_other_series(output, selected))
    return [legend, *([settings_row] if settings_row else [])]


def find_visible_state(output: AttemptOutput | None, width: int) -> object:
    """Return what a chart of that width shows of an output: it changes when a curve has moved by a dot."""
    if output is None:
        return None
    if not output.series:
        return replace(output, log=LogLines(), pace=None), count_doublings(output.pace)
    counts = []
    for series in output.series.values():
        values_per_dot = max(1, series.total // (2 * max(1, width)))
        step = 1 << (values_per_dot.bit_length() - 1)  # It stays the same while values are added.
        counts.append((series.name, step, series.total // step, series.missing))
    return output.phase, output.attempt, output.reading, output.earlier, tuple(counts)


def render_figure_rows(frame: Frame, settings: ChartSettings, width: int, height: int) -> list[Content]:
    """Return the chart of the selected metric; without metrics, the latest sample or the pace."""
    output = frame.output
    selected, _ = select_series(output, settings.metric)
    if output is None or not selected:
        return _render_without_metrics(frame, width, height)[:height]
    first, last = find_step_range(output, selected)
    cursor = None if settings.cursor is None else min(max(first, settings.cursor), last)
    heading = render_heading_rows(frame, settings, width)
    if height - len(heading) < MIN_PLOT_HEIGHT:
        return heading
    curves = build_curves(output, selected, settings.weight)
    window = settings.window(first, last)
    rows = plot(
        curves,
        width,
        height - len(heading),
        log=settings.log,
        window=window,
        cursor=cursor,
        unit=output.step_unit,
    )
    return [*heading, *rows]


def _render_without_metrics(frame: Frame, width: int, height: int) -> list[Content]:
    output = frame.output
    if output and output.samples:
        return [row(width, ("latest sample", styles.QUIET)), *render_sample_rows(output.samples[-1], width)]
    if has_pace(output) and height > MIN_PLOT_HEIGHT:
        progress = frame.phase.progress if frame.phase else None
        unit = (progress.unit if progress else "") or "units"
        return [row(width, (f"{unit} per second", styles.QUIET)), *plot_pace(frame, width, height - 1)]
    if output and output.reading:
        text = "reading ..."
    elif frame.attempt is not None and frame.attempt.ended is not None:
        text = "no metrics"
    else:
        text = "no metrics yet"
    return [Content(), row(width, (text, styles.QUIET))]


class Figure(FrameWidget):
    """The chart of the selected metric."""

    settings = ChartSettings()
    _drawn_for: object = None
    _drawn_rows: Sequence[Content] = ()
    _drawn_heading = 0

    def apply(self, settings: ChartSettings) -> None:
        """Draw the chart with these settings."""
        self.settings = settings
        self.refresh_rows()

    def move_cursor(self, columns: int) -> None:
        """Move the cursor by about that many columns; the first move puts it on the last step."""
        output = self.frame.output if self.frame else None
        selected, _ = select_series(output, self.settings.metric)
        if output is None or not selected:
            return
        first, last = find_step_range(output, selected)
        if self.settings.cursor is None:
            self.apply(replace(self.settings, cursor=last))
            return
        start, end = self.settings.window(first, last) or (first, last)
        step = self.settings.cursor + columns * (end - start) / max(1, self.size.width - VALUE_AXIS_WIDTH)
        self.apply(replace(self.settings, cursor=min(max(first, step), last)))

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the chart below its legend; the previous chart if no curve has moved by a dot."""
        ended = frame.attempt and frame.attempt.ended
        inputs = (find_visible_state(frame.output, width), ended, self.settings, width, height)
        heading = render_heading_rows(frame, self.settings, width)
        if inputs != self._drawn_for or len(heading) != self._drawn_heading:
            self._drawn_for, self._drawn_heading = inputs, len(heading)
            self._drawn_rows = render_figure_rows(frame, self.settings, width, height)
        return [*heading, *self._drawn_rows[len(heading) :]] if heading else self._drawn_rows
