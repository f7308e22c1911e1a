"""A line chart in braille dots, with axes, for curves that may hold NaN.

plotext, the library at hand, joins the points on both sides of a NaN as if it were not there, raises on an
infinity, and takes seconds for a million points; so the cockpit draws its own. `plot` is a pure function from
curves to rows of text.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from textual.content import Content

from widgets import format as fmt
from widgets.series import Point, merged

# Bits of the braille dots, by column (0, 1) and row (0 to 3) within a character cell.
DOTS: Final = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
BRAILLE: Final = 0x2800
LEAST_LABEL: Final = 4


@dataclass(frozen=True)
class Curve:
    """One line of a chart."""

    name: str
    points: Sequence[Point]
    style: str


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


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """Return round values between low and high: at most that many, or few more where that would leave one."""
    if high <= low or most < 1:
        return [low]
    rough = (high - low) / most
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


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Return powers of ten (or 1, 2, 5 of each) between low and high, at most that many."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for factors in ((1, 2, 5), (1,)):
        ticks = [f * 10.0**p for p in range(first, last + 1) for f in factors if low <= f * 10.0**p <= high]
        if len(ticks) <= most:
            return ticks or [low]
    every = math.ceil(len(ticks) / max(1, most))
    return ticks[::every]


def value_axis(curves: Sequence[Curve], cells: int, log: bool) -> Axis | None:
    """Return an axis that holds all finite values, or None where there is none."""
    means = [p.mean for curve in curves for p in curve.points if p.finite and (p.mean > 0 or not log)]
    if not means:
        return None
    low, high = min(means), max(means)
    if log:
        return Axis(low / 1.1, high * 1.1, cells, log=True)
    margin = (high - low) * 0.04 or abs(high) * 0.1 or 1.0
    return Axis(low - margin, high + margin, cells)


def _columns(points: Sequence[Point], first: float, last: float, dots: int) -> list[Point | None]:
    """Return the points of each dot column, seen as one."""
    columns: list[Point | None] = [None] * dots
    span = (last - first) or 1.0
    for p in points:
        if first <= p.step <= last:
            x = round((p.step - first) / span * (dots - 1))
            there = columns[x]
            columns[x] = p if there is None else merged(there, p)
    return columns


def _draw(
    columns: Sequence[Point | None], axis: Axis, width: int
) -> tuple[dict[tuple[int, int], int], set[int]]:
    """Return the dots of a curve by character cell, and the cell columns where every value is missing."""
    cells: dict[tuple[int, int], int] = {}
    gaps: set[int] = set()

    def dot(x: int, y: int) -> None:
        key = (y // 4, x // 2)
        cells[key] = cells.get(key, 0) | DOTS[x % 2][y % 4]

    before: tuple[int, int] | None = None
    for x, p in enumerate(columns):
        if p is None:
            continue
        if not p.finite or (axis.log and p.mean <= 0):
            gaps.add(x // 2)
            before = None
            continue
        y = axis.dot(p.mean)
        if before is None:
            dot(x, y)
        else:
            x0, y0 = before
            length = max(x - x0, abs(y - y0), 1)
            for i in range(1, length + 1):
                dot(round(x0 + (x - x0) * i / length), round(y0 + (y - y0) * i / length))
        before = (x, y)
    return cells, gaps & set(range(width))


def _character(bits: int) -> str:
    if not fmt.terminal.ascii:
        return chr(BRAILLE + bits)
    upper, lower = bits & 0b00011011, bits & 0b11100100
    return ":" if upper and lower else ("'" if upper else ".")


def plot(
    curves: Sequence[Curve],
    width: int,
    height: int,
    *,
    log: bool = False,
    unit: str = "step",
    empty: str = "no values yet",
) -> list[Content]:
    """Return the rows of a chart; the first curve is drawn on top.

    A value that is not finite leaves a gap in its curve and a cross on the axis below it.
    """
    plot_height = height - 2
    if width < 12 or plot_height < 2:  # noqa: PLR2004 - nothing can be read in less
        return [Content(fmt.sparse(empty, width))]
    axis = value_axis(curves, plot_height, log)
    labels = _value_labels(axis) if axis else {}
    margin = max([LEAST_LABEL, *(len(label) for label in labels.values())])
    plot_width = max(1, width - margin - 1)
    side, corner, floor, cross = ("|", "+", "-", "x") if fmt.terminal.ascii else ("│", "└", "─", "×")
    tick_side, tick_floor = ("+", "+") if fmt.terminal.ascii else ("┤", "┬")
    all_steps = [p.step for curve in curves for p in curve.points]
    first, last = (min(all_steps), max(all_steps)) if all_steps else (0.0, 0.0)

    layers: list[tuple[dict[tuple[int, int], int], str]] = []
    gaps: set[int] = set()
    if axis is not None:
        for curve in curves:
            cells, missing = _draw(_columns(curve.points, first, last, plot_width * 2), axis, plot_width)
            layers.append((cells, curve.style))
            gaps |= missing
    elif all_steps:
        empty = "every value is NaN"
        gaps = set(range(plot_width))

    rows = []
    for y in range(plot_height):
        label = labels.get(y, "")
        parts: list[tuple[str, str]] = [
            (label.rjust(margin), fmt.QUIET),
            (tick_side if label else side, fmt.QUIET),
        ]
        for x in range(plot_width):
            found = next(((c[y, x], style) for c, style in layers if (y, x) in c), None)
            text, style = (_character(found[0]), found[1]) if found else (" ", "")
            if parts[-1][1] == style and len(parts) > 2:  # noqa: PLR2004 - the label and the axis stay as they are
                parts[-1] = (parts[-1][0] + text, style)
            else:
                parts.append((text, style))
        rows.append(Content.assemble(*parts))
    if axis is None:
        note = fmt.sparse(empty, plot_width).center(plot_width)
        rows[plot_height // 2] = Content.assemble((" " * margin + side, fmt.QUIET), (note, fmt.QUIET))

    floor_marks = [floor] * plot_width
    ticks = _step_labels(first, last, plot_width, unit) if all_steps else {}
    for x in ticks:
        floor_marks[min(x, plot_width - 1)] = tick_floor
    floor_parts: list[tuple[str, str]] = [(" " * margin + corner, fmt.QUIET)]
    floor_parts += [
        (cross, fmt.BAD) if x in gaps else (mark, fmt.QUIET) for x, mark in enumerate(floor_marks)
    ]
    rows.append(Content.assemble(*floor_parts))
    rows.append(Content.styled(_step_row(ticks, margin + 1, plot_width, unit), fmt.QUIET))
    return rows


def _value_labels(axis: Axis) -> dict[int, str]:
    """Return the labels of the value axis by the character row of their tick."""
    choose = log_ticks if axis.log else nice_ticks
    ticks = choose(axis.low, axis.high, max(2, axis.cells // 3 + 1))
    return {axis.dot(tick) // 4: _value_label(tick) for tick in ticks}


def _value_label(value: float) -> str:
    if abs(value) >= 1e9:  # noqa: PLR2004 - beyond what steps are written in
        return f"{value:.0e}".replace("e+0", "e").replace("e+", "e")
    return fmt.steps(value) if abs(value) >= 1e4 else fmt.number(value, 3)  # noqa: PLR2004 - too wide otherwise


def _step_labels(first: float, last: float, width: int, unit: str) -> dict[int, str]:
    """Return the labels below the step axis by the column of their tick."""
    if last <= first:
        return {0: fmt.steps(first)}
    ticks = nice_ticks(first, last, max(2, width // 8))
    return {round((t - first) / (last - first) * (width - 1)): fmt.steps(t) for t in ticks}


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
