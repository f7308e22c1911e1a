"""A line chart in braille dots, with axes, for curves that may hold NaN.

plotext, the library at hand, joins the points on both sides of a NaN as if it were not there, raises on an
infinity, and takes seconds for a million points; so the cockpit draws its own. `plot` is a pure function from
curves to rows of text.
"""

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from textual.content import Content

from app.monitor.series import Point
from app.units import format_number
from widgets import styles
from widgets.format import format_step
from widgets.text import truncate

# Bits of the braille dots, by column (0, 1) and row (0 to 3) within a character cell.
DOTS: Final = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
BRAILLE: Final = 0x2800
LEAST_LABEL: Final = 4


@dataclass(frozen=True)
class Line:
    """What tells a curve from others without its colour: the dots of it that are drawn, over and over.

    In ASCII, where a cell has no dots, its cells are all `letter`; none stands for rough dots.
    """

    dots: str
    glyph: str
    letter: str = ""

    @property
    def sign(self) -> str:
        """The line in one character, for a legend."""
        return (self.letter or ":") if styles.terminal.ascii else self.glyph


SOLID: Final = Line("#", "─")
DASHED: Final = Line("####....", "╌", "o")
DOTTED: Final = Line("#...", "·", "+")
CHAIN: Final = Line("########...#...", "╸", "%")
LINES: Final = (SOLID, DASHED, CHAIN, DOTTED)


@dataclass(frozen=True)
class Curve:
    """One line of a chart; one that lies `behind` does not stretch the value axis, and is cut at its ends."""

    name: str
    points: Sequence[Point]
    style: str
    behind: bool = False
    line: Line = SOLID


@dataclass(frozen=True)
class Axis:
    """A value axis from `low` to `high`, linear or logarithmic, in `cells` characters of 4 dots each."""

    low: float
    high: float
    cells: int
    log: bool = False

    def dot(self, value: float) -> int:
        """Return the dot row of a value, 0 at the top."""
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log(low), math.log(high), math.log(max(at, self.low))
        share = (at - low) / (high - low)
        dots = self.cells * 4
        return min(dots - 1, max(0, round((1 - share) * (dots - 1))))


def smooth(points: Sequence[Point], weight: float) -> list[Point]:
    """Return the exponential moving average of the values, without a bias towards the first ones.

    A point of several values counts as that many. What is missing stays missing and does not enter.

    Args:
        points: the curve.
        weight: what the average so far weighs against the next value, 0 to below 1.
    """
    found, mean, mass = [], 0.0, 0.0
    for p in points:
        if not p.finite:
            found.append(p)
            continue
        kept = weight**p.finite
        mean, mass = kept * mean + (1 - kept) * p.mean, kept * mass + (1 - kept)
        found.append(p._replace(mean=mean / mass))
    return found


def find_nearest(points: Sequence[Point], step: float) -> Point | None:
    """Return the point nearest to a step."""
    return min(points, key=lambda p: abs(p.step - step), default=None)


def compute_ticks(low: float, high: float, most: int) -> list[float]:
    """Return round values between low and high: at most that many, or few more where that would leave one."""
    if most < 1 or (rough := (high - low) / most) < sys.float_info.min:
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    finer: list[float] = []
    for factor in (1, 2, 5, 10, 20):
        step = factor * power
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        ticks = [i * step for i in range(first, last + 1)]
        if len(ticks) <= most:
            return (finer if len(ticks) < 2 and len(finer) <= most + 2 else ticks) or [low]  # noqa: PLR2004
        finer = ticks
    return [low]


def compute_log_ticks(low: float, high: float, most: int) -> list[float]:
    """Return powers of ten (or 1, 2, 5 of each) between low and high, at most that many."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for factors in ((1, 2, 5), (1,)):
        ticks = [f * 10.0**p for p in range(first, last + 1) for f in factors if low <= f * 10.0**p <= high]
        if len(ticks) <= most:
            return ticks or [low]
    every = math.ceil(len(ticks) / max(1, most))
    return ticks[::every]


def fit_value_axis(curves: Sequence[Curve], cells: int, log: bool) -> Axis | None:
    """Return an axis that holds all finite values, or None where there is none."""

    def values(behind: bool) -> list[float]:
        shown = [p for curve in curves if curve.behind == behind for p in curve.points]
        return [p.mean for p in shown if p.finite and (p.mean > 0 or not log)]

    means = values(behind=False) or values(behind=True)
    if not means:
        return None
    low, high = min(means), max(means)
    if log:
        return Axis(low / 1.1, high * 1.1, cells, log=True)
    margin = (high - low) * 0.04 or abs(high) * 0.1 or 1.0
    return Axis(low - margin, high + margin, cells)


def within(points: Sequence[Point], first: float, last: float) -> Sequence[Point]:
    """Return the points from one step to another."""
    return [p for p in points if first <= p.step <= last]


def _column(step: float, first: float, last: float, columns: int) -> int:
    share = (step - first) / ((last - first) or 1.0)
    return round(min(1.0, max(0.0, share)) * (columns - 1))


def _columns(points: Sequence[Point], first: float, last: float, dots: int) -> list[float | None]:
    """Return the mean of each dot column's values: NaN where all are missing, None where there is none."""
    sums, counts, span = [0.0] * dots, [0] * dots, (last - first) or 1.0
    empty: list[float | None] = [None] * dots
    for step, mean, _, _, finite, _ in points:  # of thousands, once a second
        if first <= step <= last:
            x = round((step - first) / span * (dots - 1))
            if finite:
                sums[x] += mean * finite
                counts[x] += finite
            else:
                empty[x] = math.nan
    return [total / count if count else none for total, count, none in zip(sums, counts, empty, strict=True)]


def _draw(
    columns: Sequence[float | None], axis: Axis, width: int, dots: str
) -> tuple[dict[tuple[int, int], int], set[int]]:
    """Return the dots of a curve by character cell, and the cell columns where every value is missing.

    Which of `dots` comes next is counted from the column on: what is drawn does not move when values are
    added elsewhere, and of an upright piece something is always seen.
    """
    cells: dict[tuple[int, int], int] = {}
    gaps: set[int] = set()

    def dot(x: int, y: int) -> None:
        key = (y // 4, x // 2)
        cells[key] = cells.get(key, 0) | DOTS[x % 2][y % 4]

    before: tuple[int, int] | None = None
    for x, mean in enumerate(columns):
        if mean is None:
            continue
        if math.isnan(mean) or (axis.log and mean <= 0):
            gaps.add(x // 2)
            before = None
            continue
        if not axis.low <= mean <= axis.high:
            before = None
            continue
        y = axis.dot(mean)
        if before is None:
            dot(x, y)
        else:
            x0, y0 = before
            length = max(x - x0, abs(y - y0), 1)
            for i in range(1, length + 1):
                if dots[(x0 + i) % len(dots)] == "#":
                    dot(round(x0 + (x - x0) * i / length), round(y0 + (y - y0) * i / length))
        before = (x, y)
    return cells, gaps & set(range(width))


def _character(bits: int, line: Line) -> str:
    if not styles.terminal.ascii:
        return chr(BRAILLE + bits)
    if line.letter:
        return line.letter
    upper, lower = bits & 0b00011011, bits & 0b11100100
    return ":" if upper and lower else ("'" if upper else ".")


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
    """Return the rows of a chart; the first curve is drawn on top.

    A value that is not finite leaves a gap in its curve and a cross on the axis below it.

    Args:
        curves: what is drawn; a crossing belongs to the first of them.
        width: of the rows, in cells.
        height: in rows.
        log: whether the value axis is logarithmic.
        window: the first and the last step shown; None shows all.
        cursor: the step that an upright line marks.
        unit: of the step axis.
        empty: what is said where there is no value.
    """
    plot_height = height - 2
    if window is not None:
        curves = [replace(curve, points=within(curve.points, *window)) for curve in curves]
    if width < 12 or plot_height < 2:  # noqa: PLR2004 - nothing can be read in less
        return [Content(truncate(empty, width))]
    axis = fit_value_axis(curves, plot_height, log)
    labels = _value_labels(axis) if axis else {}
    margin = max([LEAST_LABEL, *(len(label) for label in labels.values())])
    plot_width = max(1, width - margin - 1)
    side, tick_side = "│", "┤"
    all_steps = [p.step for curve in curves for p in curve.points]
    first, last = window or ((min(all_steps), max(all_steps)) if all_steps else (0.0, 0.0))
    marked = None if cursor is None or not all_steps else _column(cursor, first, last, plot_width)

    layers: list[tuple[dict[tuple[int, int], int], Curve]] = []
    gaps: set[int] = set()
    if axis is not None:
        for curve in curves:
            columns = _columns(curve.points, first, last, plot_width * 2)
            cells, missing = _draw(columns, axis, plot_width, curve.line.dots)
            layers.append((cells, curve))
            if not curve.behind:
                gaps |= missing
    elif all_steps:
        empty = "every value is NaN"
        gaps = set(range(plot_width))

    rows = []
    for y in range(plot_height):
        label = labels.get(y, "")
        parts: list[tuple[str, str]] = [
            (label.rjust(margin), styles.QUIET),
            (tick_side if label else side, styles.QUIET),
        ]
        for x in range(plot_width):
            found = next(((c[y, x], curve) for c, curve in layers if (y, x) in c), None)
            text, style = (_character(found[0], found[1].line), found[1].style) if found else (" ", "")
            if x == marked:
                text, style = (text, f"{styles.STRONG} reverse") if found else (side, styles.QUIET)
            if parts[-1][1] == style and len(parts) > 2:  # noqa: PLR2004 - the label and the axis stay as they are
                parts[-1] = (parts[-1][0] + text, style)
            else:
                parts.append((text, style))
        rows.append(Content.assemble(*parts))
    if axis is None:
        note = truncate(empty, plot_width).center(plot_width)
        rows[plot_height // 2] = Content.assemble((" " * margin + side, styles.QUIET), (note, styles.QUIET))

    ticks = _step_labels(first, last, plot_width, unit) if all_steps else {}
    rows.append(_floor_row(margin, plot_width, ticks, gaps, marked))
    rows.append(Content.styled(_step_row(ticks, margin + 1, plot_width, unit), styles.QUIET))
    return rows


def _floor_row(margin: int, width: int, ticks: Iterable[int], gaps: set[int], marked: int | None) -> Content:
    """Return the step axis with its ticks, the cursor, and crosses where values are missing."""
    corner, floor, tick, hand = "└", "─", "┬", "▲"
    marks = {min(x, width - 1): (tick, styles.QUIET) for x in ticks}
    marks |= dict.fromkeys(gaps, ("×", styles.BAD))
    if marked is not None:
        marks[marked] = (hand, styles.STRONG)
    plain = (floor, styles.QUIET)
    return Content.assemble(
        (" " * margin + corner, styles.QUIET), *(marks.get(x, plain) for x in range(width))
    )


def _value_labels(axis: Axis) -> dict[int, str]:
    """Return the labels of the value axis by the character row of their tick."""
    most = max(2, axis.cells // 3 + 1)
    ticks = compute_log_ticks(axis.low, axis.high, most) if axis.log else []
    if len(ticks) > 1:
        return {axis.dot(tick) // 4: _value_label(tick) for tick in ticks}
    ticks = compute_ticks(axis.low, axis.high, most)  # also of a logarithmic axis that spans too little
    labels = [_value_label(tick) for tick in ticks]
    plain = {label for label in labels if label.lstrip("-").replace(".", "", 1).isdigit()}
    digits = max((len(label.partition(".")[2]) for label in plain), default=0)
    return {
        axis.dot(tick) // 4: f"{tick:.{digits}f}" if label in plain else label
        for tick, label in zip(ticks, labels, strict=True)
    }


def _value_label(value: float) -> str:
    if abs(value) >= 1e9:  # noqa: PLR2004 - beyond what steps are written in
        return f"{value:.0e}".replace("e+0", "e").replace("e+", "e")
    return format_step(value) if abs(value) >= 1e4 else format_number(value, 3)  # noqa: PLR2004 - too wide otherwise


def _step_labels(first: float, last: float, width: int, unit: str) -> dict[int, str]:
    """Return the labels below the step axis by the column of their tick."""
    if last <= first:
        return {0: format_step(first)}
    ticks = compute_ticks(first, last, max(2, width // 8))
    return {round((t - first) / (last - first) * (width - 1)): format_step(t) for t in ticks}


def _step_row(ticks: dict[int, str], indent: int, width: int, unit: str) -> str:
    row = [" "] * (indent + width)
    taken = 0
    for x in sorted(ticks):
        text = ticks[x]
        start = min(indent + x - len(text) // 2, len(row) - len(text))
        if start >= taken:
            row[start : start + len(text)] = text
            taken = start + len(text) + 1
    if taken + len(unit) <= len(row):
        row[len(row) - len(unit) :] = unit
    return "".join(row)
