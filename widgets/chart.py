"""A line chart in braille dots, with axes, for curves that may hold NaN.

`plot` is a pure function from curves to rows of text. The cockpit does not use plotext because that connects
the points on both sides of a NaN, raises on an infinity, and takes seconds for a million points.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace
from textual.content import Content

from app.monitor.series import Point
from widgets import styles
from widgets.axis import ValueAxis, fit_value_axis, label_steps, label_values, render_step_labels
from widgets.backdrop import Backdrop, Cell, DrawnCell, draw_backdrop, draw_notes
from widgets.curve import Curve, LineStyle
from widgets.text import truncate

# Bits of the braille dots, by column (0, 1) and row (0 to 3) within a character cell.
DOT_BITS: Final = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
BRAILLE_BASE: Final = 0x2800
UPPER_DOTS: Final = 0b00011011
LOWER_DOTS: Final = 0b11100100
MIN_LABEL_WIDTH: Final = 4
MIN_WIDTH, MIN_PLOT_HEIGHT = 12, 2
NO_BACKDROP: Final = Backdrop()
CURSOR_STYLE: Final = f"{styles.STRONG} reverse"


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


class _Drawing(msgspec.Struct, frozen=True):
    """The dots of a curve by character cell, and the cell columns whose values are all missing."""

    curve: Curve
    cells: Mapping[Cell, int]
    gaps: frozenset[int]


def _draw(curve: Curve, columns: Sequence[float | None], axis: ValueAxis) -> _Drawing:
    """Return the dots of a curve.

    The position in the line's pattern depends on the column, so the drawing does not move if values are
    added elsewhere, and a vertical piece shows at least one dot.
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
    backdrop: Backdrop = NO_BACKDROP,
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
        backdrop: what to draw behind the curves.
    """
    plot_height = height - 2
    if window is not None:
        curves = [replace(curve, points=_clip(curve.points, *window)) for curve in curves]
    if width < MIN_WIDTH or plot_height < MIN_PLOT_HEIGHT:
        return [Content(truncate(empty, width))]
    others = backdrop.points
    axis = fit_value_axis(curves, plot_height, log, others=others, from_zero=backdrop.from_zero)
    labels = label_values(axis) if axis else {}
    margin = max([MIN_LABEL_WIDTH, *(len(label) for label in labels.values())])
    plot_width = max(1, width - margin - 1)
    steps = [point.step for points in (*(curve.points for curve in curves), others) for point in points]
    first, last = window or ((min(steps), max(steps)) if steps else (0.0, 0.0))
    cursor_column = None if cursor is None or not steps else _find_column(cursor, first, last, plot_width)

    cells: dict[Cell, DrawnCell] = {}
    gaps: frozenset[int] = frozenset()
    if axis is not None:
        cells, gaps = _draw_cells(curves, backdrop, axis, (first, last), plot_width)
    elif steps:
        empty = "every value is NaN"
        gaps = frozenset(range(plot_width))

    rows = []
    for y, row_cells in enumerate(_group_by_row(cells, plot_height)):
        label = labels.get(y, "")
        side = (label.rjust(margin) + ("┤" if label else "│"), styles.QUIET)
        if cursor_column is not None:
            text, _ = row_cells.get(cursor_column, ("", ""))
            row_cells[cursor_column] = (text, CURSOR_STYLE) if text else ("│", styles.QUIET)
        rows.append(Content.assemble(side, *_join_cells(row_cells, plot_width)))
    if axis is None:
        note = truncate(empty, plot_width).center(plot_width)
        rows[plot_height // 2] = Content.assemble((" " * margin + "│", styles.QUIET), (note, styles.QUIET))
    ticks = label_steps(first, last, plot_width) if steps else {}
    marks: dict[int, DrawnCell] = {
        _find_column(step, first, last, plot_width): mark
        for step, mark in backdrop.marks.items()
        if first <= step <= last
    }
    marks |= dict.fromkeys(gaps, ("×", styles.BAD))
    if cursor_column is not None:
        marks[cursor_column] = ("▲", styles.STRONG)
    rows.append(_render_axis_row(margin, plot_width, ticks, marks))
    rows.append(Content.styled(render_step_labels(ticks, margin + 1, plot_width, unit), styles.QUIET))
    return rows


def _draw_cells(
    curves: Sequence[Curve], backdrop: Backdrop, axis: ValueAxis, steps: tuple[float, float], width: int
) -> tuple[dict[Cell, DrawnCell], frozenset[int]]:
    """Return the cells of backdrop, curves and notes, and the columns where foreground values are missing."""
    cells = draw_backdrop(backdrop, axis, steps, width)
    gaps: set[int] = set()
    for curve in reversed(curves):
        drawing = _draw(curve, _average_columns(curve.points, *steps, width * 2), axis)
        for cell, bits in drawing.cells.items():
            cells[cell] = _choose_character(bits, curve.line), curve.style
        if not curve.background:
            gaps |= drawing.gaps
    return cells | draw_notes(backdrop.notes, axis, steps, width, cells), frozenset(gaps)


def _group_by_row(cells: Mapping[Cell, DrawnCell], height: int) -> list[dict[int, DrawnCell]]:
    rows: list[dict[int, DrawnCell]] = [{} for _ in range(height)]
    for (y, x), drawn in cells.items():
        rows[y][x] = drawn
    return rows


def _join_cells(cells: Mapping[int, DrawnCell], width: int) -> list[DrawnCell]:
    """Return the cells of a row from left to right as parts of one style each."""
    parts: list[DrawnCell] = []
    end = 0
    for x in sorted(cells):
        text, style = cells[x]
        if x > end:
            parts.append((" " * (x - end), ""))
        if parts and parts[-1][1] == style:
            parts[-1] = (parts[-1][0] + text, style)
        else:
            parts.append((text, style))
        end = x + 1
    parts.append((" " * (width - end), ""))
    return parts


def _render_axis_row(
    margin: int, width: int, ticks: Iterable[int], marks: Mapping[int, DrawnCell]
) -> Content:
    """Return the step axis with its ticks and marks."""
    cells = dict.fromkeys(range(width), ("─", styles.QUIET))
    cells |= {min(x, width - 1): ("┬", styles.QUIET) for x in ticks}
    return Content.assemble((" " * margin + "└", styles.QUIET), *_join_cells({**cells, **marks}, width))
