"""A line chart in braille dots, with axes, for curves that may hold NaN.

`plot` is a pure function from curves to rows of text. The cockpit does not use plotext because that connects
the points on both sides of a NaN, raises on an infinity, and takes seconds for a million points.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from textual.content import Content

from app.monitor.series import Point
from app.units import format_number
from widgets import styles
from widgets.format import format_step
from widgets.text import truncate
from widgets.ticks import compute_log_ticks, compute_ticks

# Bits of the braille dots, by column (0, 1) and row (0 to 3) within a character cell.
DOT_BITS: Final = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
BRAILLE_BASE: Final = 0x2800
UPPER_DOTS: Final = 0b00011011
LOWER_DOTS: Final = 0b11100100
MIN_LABEL_WIDTH: Final = 4
MIN_WIDTH, MIN_PLOT_HEIGHT = 12, 2
LARGEST_STEP_LABEL: Final = 1e9
LONGEST_PLAIN_VALUE: Final = 1e4

Cell = tuple[int, int]
"""Row and column of a character cell."""


@dataclass(frozen=True)
class LineStyle:
    """The pattern that tells a curve from others without its color.

    Attributes:
        pattern: `#` for each dot that is drawn, repeated along the curve.
        glyph: stands for the curve in a legend.
        letter: fills the curve's cells on an ASCII terminal; empty approximates the dots with punctuation.
    """

    pattern: str
    glyph: str
    letter: str = ""

    @property
    def symbol(self) -> str:
        """The character that stands for the curve in a legend on this terminal."""
        return (self.letter or ":") if styles.terminal.ascii else self.glyph


SOLID: Final = LineStyle("#", "─")
DASHED: Final = LineStyle("####....", "╌", "o")
DOTTED: Final = LineStyle("#...", "·", "+")
CHAIN: Final = LineStyle("########...#...", "╸", "%")
LINE_STYLES: Final = (SOLID, DASHED, CHAIN, DOTTED)


@dataclass(frozen=True)
class Curve:
    """One line of a chart. A `background` curve does not stretch the value axis and is cut at its ends."""

    name: str
    points: Sequence[Point]
    style: str
    background: bool = False
    line: LineStyle = SOLID


@dataclass(frozen=True)
class ValueAxis:
    """A linear or logarithmic axis from `low` to `high`, in `cells` characters of four dots each."""

    low: float
    high: float
    cells: int
    log: bool = False

    def find_dot(self, value: float) -> int:
        """Return the dot row of a value, 0 at the top."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(max(value, self.low))
        fraction = (value - low) / (high - low)
        dots = self.cells * 4
        return min(dots - 1, max(0, round((1 - fraction) * (dots - 1))))


def smooth(points: Sequence[Point], weight: float) -> list[Point]:
    """Return the bias-corrected exponential moving average of the values, as Adam averages gradients.

    A point of several values counts as that many. Missing values stay missing and do not enter the average.

    Args:
        points: the curve.
        weight: of the average so far against the next value, from 0 to below 1.
    """
    averaged, mean, mass = [], 0.0, 0.0
    for point in points:
        if not point.finite:
            averaged.append(point)
            continue
        decay = weight**point.finite
        mean, mass = decay * mean + (1 - decay) * point.mean, decay * mass + (1 - decay)
        averaged.append(point._replace(mean=mean / mass))
    return averaged


def find_nearest(points: Sequence[Point], step: float) -> Point | None:
    """Return the point nearest to a step."""
    return min(points, key=lambda point: abs(point.step - step), default=None)


def fit_value_axis(curves: Sequence[Curve], cells: int, log: bool) -> ValueAxis | None:
    """Return an axis that holds every finite value of the foreground, or None if there is no such value.

    The background decides only if the foreground has no finite value.
    """
    means = _list_means(curves, background=False, log=log) or _list_means(curves, background=True, log=log)
    if not means:
        return None
    low, high = min(means), max(means)
    if log:
        return ValueAxis(low / 1.1, high * 1.1, cells, log=True)
    margin = (high - low) * 0.04 or abs(high) * 0.1 or 1.0
    return ValueAxis(low - margin, high + margin, cells)


def _list_means(curves: Sequence[Curve], *, background: bool, log: bool) -> list[float]:
    points = [point for curve in curves if curve.background == background for point in curve.points]
    return [point.mean for point in points if point.finite and (point.mean > 0 or not log)]


def _clip(points: Sequence[Point], first: float, last: float) -> Sequence[Point]:
    return [point for point in points if first <= point.step <= last]


def _find_column(step: float, first: float, last: float, columns: int) -> int:
    fraction = (step - first) / ((last - first) or 1.0)
    return round(min(1.0, max(0.0, fraction)) * (columns - 1))


def _average_columns(points: Sequence[Point], first: float, last: float, dots: int) -> list[float | None]:
    """Return the mean of each dot column's values: NaN if all are missing, None if there is none."""
    sums, counts, span = [0.0] * dots, [0] * dots, (last - first) or 1.0
    empty: list[float | None] = [None] * dots
    # Runs over thousands of points once a second, so it unpacks instead of looking attributes up.
    for step, mean, _, _, finite, _ in points:
        if first <= step <= last:
            x = round((step - first) / span * (dots - 1))
            if finite:
                sums[x] += mean * finite
                counts[x] += finite
            else:
                empty[x] = math.nan
    return [total / count if count else none for total, count, none in zip(sums, counts, empty, strict=True)]


@dataclass(frozen=True)
class _Drawing:
    """The dots of a curve by character cell, and the cell columns whose values are all missing."""

    curve: Curve
    cells: Mapping[Cell, int]
    gaps: frozenset[int]


def _draw(curve: Curve, columns: Sequence[float | None], axis: ValueAxis) -> _Drawing:
    """Return the dots of a curve.

    The position in the line's pattern counts from the column. So the drawing does not move if values are
    added elsewhere, and of a vertical piece at least a dot is seen.
    """
    pattern = curve.line.pattern
    cells: dict[Cell, int] = {}
    gaps: set[int] = set()

    def set_dot(x: int, y: int) -> None:
        cell = (y // 4, x // 2)
        cells[cell] = cells.get(cell, 0) | DOT_BITS[x % 2][y % 4]

    previous: tuple[int, int] | None = None
    for x, mean in enumerate(columns):
        if mean is None:
            continue
        if math.isnan(mean) or (axis.log and mean <= 0):
            gaps.add(x // 2)
            previous = None
            continue
        if not axis.low <= mean <= axis.high:
            previous = None
            continue
        y = axis.find_dot(mean)
        if previous is None:
            set_dot(x, y)
        else:
            x0, y0 = previous
            length = max(x - x0, abs(y - y0), 1)
            for i in range(1, length + 1):
                if pattern[(x0 + i) % len(pattern)] == "#":
                    set_dot(round(x0 + (x - x0) * i / length), round(y0 + (y - y0) * i / length))
        previous = (x, y)
    return _Drawing(curve, cells, frozenset(gaps))


def _choose_character(bits: int, line: LineStyle) -> str:
    if not styles.terminal.ascii:
        return chr(BRAILLE_BASE + bits)
    if line.letter:
        return line.letter
    if bits & UPPER_DOTS and bits & LOWER_DOTS:
        return ":"
    return "'" if bits & UPPER_DOTS else "."


def plot(
    curves: Sequence[Curve],
    width: int,
    height: int,
    *,
    log: bool = False,
    window: tuple[float, float] | None = None,
    cursor: float | None = None,
    unit: str = "step",
    empty: str = "no values yet",
) -> list[Content]:
    """Return the rows of a chart.

    A value that is not finite leaves a gap in its curve and a cross on the axis below it.

    Args:
        curves: the first is drawn on top.
        width: of the rows, in cells.
        height: in rows, of which two are the step axis.
        log: use a logarithmic value axis.
        window: the first and the last step to draw; None draws all.
        cursor: the step that a vertical line marks.
        unit: of the step axis.
        empty: the text of a chart without values.
    """
    plot_height = height - 2
    if window is not None:
        curves = [replace(curve, points=_clip(curve.points, *window)) for curve in curves]
    if width < MIN_WIDTH or plot_height < MIN_PLOT_HEIGHT:
        return [Content(truncate(empty, width))]
    axis = fit_value_axis(curves, plot_height, log)
    labels = _label_values(axis) if axis else {}
    margin = max([MIN_LABEL_WIDTH, *(len(label) for label in labels.values())])
    plot_width = max(1, width - margin - 1)
    steps = [point.step for curve in curves for point in curve.points]
    first, last = window or ((min(steps), max(steps)) if steps else (0.0, 0.0))
    cursor_column = None if cursor is None or not steps else _find_column(cursor, first, last, plot_width)

    drawings: list[_Drawing] = []
    gaps: set[int] = set()
    if axis is not None:
        for curve in curves:
            drawing = _draw(curve, _average_columns(curve.points, first, last, plot_width * 2), axis)
            drawings.append(drawing)
            if not curve.background:
                gaps |= drawing.gaps
    elif steps:
        empty = "every value is NaN"
        gaps = set(range(plot_width))

    rows = []
    for y in range(plot_height):
        label = labels.get(y, "")
        side = (label.rjust(margin) + ("┤" if label else "│"), styles.QUIET)
        rows.append(Content.assemble(side, *_render_cells(y, plot_width, drawings, cursor_column)))
    if axis is None:
        note = truncate(empty, plot_width).center(plot_width)
        rows[plot_height // 2] = Content.assemble((" " * margin + "│", styles.QUIET), (note, styles.QUIET))
    ticks = _label_steps(first, last, plot_width) if steps else {}
    rows.append(_render_axis_row(margin, plot_width, ticks, gaps, cursor_column))
    rows.append(Content.styled(_render_step_labels(ticks, margin + 1, plot_width, unit), styles.QUIET))
    return rows


def _render_cells(
    y: int, width: int, drawings: Sequence[_Drawing], cursor_column: int | None
) -> list[tuple[str, str]]:
    parts: list[tuple[str, str]] = []
    for x in range(width):
        text, style = " ", ""
        on_top = next((drawing for drawing in drawings if (y, x) in drawing.cells), None)
        if on_top is not None:
            text, style = _choose_character(on_top.cells[y, x], on_top.curve.line), on_top.curve.style
        if x == cursor_column:
            text, style = (text, f"{styles.STRONG} reverse") if on_top else ("│", styles.QUIET)
        if parts and parts[-1][1] == style:
            parts[-1] = (parts[-1][0] + text, style)
        else:
            parts.append((text, style))
    return parts


def _render_axis_row(
    margin: int, width: int, ticks: Iterable[int], gaps: set[int], cursor_column: int | None
) -> Content:
    """Return the step axis with its ticks, the cursor, and crosses under missing values."""
    marks = {min(x, width - 1): ("┬", styles.QUIET) for x in ticks}
    marks |= dict.fromkeys(gaps, ("×", styles.BAD))
    if cursor_column is not None:
        marks[cursor_column] = ("▲", styles.STRONG)
    line = ("─", styles.QUIET)
    return Content.assemble((" " * margin + "└", styles.QUIET), *(marks.get(x, line) for x in range(width)))


def _label_values(axis: ValueAxis) -> dict[int, str]:
    """Return the labels of the value axis by the character row of their tick."""
    most = max(2, axis.cells // 3 + 1)
    if axis.log and len(ticks := compute_log_ticks(axis.low, axis.high, most)) > 1:
        return {axis.find_dot(tick) // 4: _label_value(tick) for tick in ticks}
    ticks = compute_ticks(axis.low, axis.high, most)
    labels = [_label_value(tick) for tick in ticks]
    decimals = {label for label in labels if label.lstrip("-").replace(".", "", 1).isdigit()}
    digits = max((len(label.partition(".")[2]) for label in decimals), default=0)
    return {
        axis.find_dot(tick) // 4: f"{tick:.{digits}f}" if label in decimals else label
        for tick, label in zip(ticks, labels, strict=True)
    }


def _label_value(value: float) -> str:
    if abs(value) >= LARGEST_STEP_LABEL:
        return f"{value:.0e}".replace("e+0", "e").replace("e+", "e")
    return format_step(value) if abs(value) >= LONGEST_PLAIN_VALUE else format_number(value, 3)


def _label_steps(first: float, last: float, width: int) -> dict[int, str]:
    """Return the labels below the step axis by the column of their tick."""
    if last <= first:
        return {0: format_step(first)}
    ticks = compute_ticks(first, last, max(2, width // 8))
    return {round((tick - first) / (last - first) * (width - 1)): format_step(tick) for tick in ticks}


def _render_step_labels(ticks: Mapping[int, str], indent: int, width: int, unit: str) -> str:
    row = [" "] * (indent + width)
    end = 0
    for x in sorted(ticks):
        text = ticks[x]
        start = min(indent + x - len(text) // 2, len(row) - len(text))
        if start >= end:
            row[start : start + len(text)] = text
            end = start + len(text) + 1
    if end + len(unit) <= len(row):
        row[len(row) - len(unit) :] = unit
    return "".join(row)
