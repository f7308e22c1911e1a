"""The backdrop of a chart, drawn behind its curves: filled areas, bands between curves, notes at a value."""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from app.monitor.series import Point
from widgets.axis import ValueAxis

EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
BAND_SHADE: Final = "▒"

Cell = tuple[int, int]
"""Row and column of a character cell."""
DrawnCell = tuple[str, str]
"""A character and its style."""


class Area(msgspec.Struct, frozen=True):
    """The area below a curve; `shade` fills it with that character instead of solid blocks."""

    points: Sequence[Point]
    style: str
    shade: str = ""


class Band(msgspec.Struct, frozen=True):
    """The area between two curves."""

    low: Sequence[Point]
    high: Sequence[Point]
    style: str


class Note(msgspec.Struct, frozen=True):
    """A text whose end is at a step, in the nearest free row above or below a value."""

    step: float
    value: float
    text: str
    style: str


class Backdrop(msgspec.Struct, frozen=True):
    """Everything behind the curves.

    Attributes:
        areas: the first is drawn on top.
        bands: between areas and curves.
        notes: on top of everything.
        marks: characters with their styles on the step axis, by step.
        from_zero: whether the value axis begins at zero.
    """

    areas: Sequence[Area] = ()
    bands: Sequence[Band] = ()
    notes: Sequence[Note] = ()
    marks: Mapping[float, DrawnCell] = {}
    from_zero: bool = False

    @property
    def points(self) -> list[Point]:
        """All points, which the axes must hold."""
        areas = [point for area in self.areas for point in area.points]
        return areas + [point for band in self.bands for point in (*band.low, *band.high)]


def interpolate(points: Sequence[Point], step: float) -> float | None:
    """Return the value at a step on the straight lines between points; None outside them or at a gap."""
    index = bisect_right(points, step, key=lambda point: point.step)
    if index == 0 or (index == len(points) and step > points[-1].step):
        return None
    before, after = points[index - 1], points[min(index, len(points) - 1)]
    if not before.finite or not after.finite:
        return None
    span = after.step - before.step
    return before.mean + (after.mean - before.mean) * (step - before.step) / span if span else before.mean


def draw_backdrop(
    backdrop: Backdrop, axis: ValueAxis, steps: tuple[float, float], width: int
) -> dict[Cell, DrawnCell]:
    """Return the cells of areas and bands; `steps` are the first and the last of the step axis."""
    cells: dict[Cell, DrawnCell] = {}
    first, last = steps
    columns = [first + (last - first) * (x + 0.5) / width for x in range(width)]
    for area in reversed(backdrop.areas):
        for x, step in enumerate(columns):
            value = interpolate(area.points, step)
            if value is not None:
                _fill_column(cells, x, value, area, axis)
    for band in reversed(backdrop.bands):
        for x, step in enumerate(columns):
            low, high = interpolate(band.low, step), interpolate(band.high, step)
            if low is not None and high is not None:
                top, bottom = sorted((axis.find_dot(low) // 4, axis.find_dot(high) // 4))
                for y in range(top, bottom + 1):
                    cells[y, x] = BAND_SHADE, band.style
    return cells


def _fill_column(cells: dict[Cell, DrawnCell], x: int, value: float, area: Area, axis: ValueAxis) -> None:
    share = (min(value, axis.high) - axis.low) / (axis.high - axis.low)
    eighths = max(0, math.ceil(share * axis.cells * 8 - 1e-9))
    for row in range(-(-eighths // 8)):
        height = min(8, eighths - 8 * row)
        char = EIGHTHS[height]
        if area.shade and height > 2:  # noqa: PLR2004 - the shade has no lower parts
            char = area.shade
        cells[axis.cells - 1 - row, x] = char, area.style


def draw_notes(
    notes: Sequence[Note],
    axis: ValueAxis,
    steps: tuple[float, float],
    width: int,
    taken: Mapping[Cell, object],
) -> dict[Cell, DrawnCell]:
    """Return the cells of the notes; a note without a free row is left out.

    Args:
        notes: in the order of their importance.
        axis: the value axis.
        steps: the first and the last step of the step axis.
        width: of the plot.
        taken: cells that a note avoids if it can.
    """
    cells: dict[Cell, DrawnCell] = {}
    first, last = steps
    span = (last - first) or 1.0
    for note in notes:
        text = note.text
        end = min(width, max(len(text), round((note.step - first) / span * width)))
        at = axis.find_dot(note.value) // 4
        rows = [y for y in (at - 1, at + 1, at - 2, at + 2) if 0 <= y < axis.cells] or [at]
        spots = [[(y, x) for x in range(end - len(text), end)] for y in rows]
        spots = [spot for spot in spots if not any(cell in cells for cell in spot)]
        spots.sort(key=lambda spot: any(cell in taken for cell in spot))
        if len(text) <= width and spots:
            cells |= {cell: (char, note.style) for cell, char in zip(spots[0], text, strict=True)}
    return cells
