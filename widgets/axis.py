"""The axes of a chart: the range of values, ticks and their labels."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.monitor.series import Point
from app.ticks import compute_log_ticks, compute_ticks
from app.units import format_number
from widgets.curve import Curve
from widgets.format import format_step

LARGEST_STEP_LABEL: Final = 1e9
LONGEST_PLAIN_VALUE: Final = 1e4


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


def fit_value_axis(
    curves: Sequence[Curve],
    cells: int,
    log: bool,
    *,
    others: Sequence[Point] = (),
    from_zero: bool = False,
) -> ValueAxis | None:
    """Return an axis that holds every finite value of the foreground, or None if there is no such value.

    The background decides only if the foreground has no finite value.

    Args:
        curves: the curves.
        cells: the height in characters.
        log: whether the axis is logarithmic.
        others: points besides those of the curves that belong to the foreground.
        from_zero: whether a linear axis begins at zero if no value is negative.
    """
    curves = [*curves, Curve("", others, "")]
    means = _list_means(curves, background=False, log=log) or _list_means(curves, background=True, log=log)
    if not means:
        return None
    low, high = min(means), max(means)
    if log:
        return ValueAxis(low / 1.1, high * 1.1, cells, log=True)
    if from_zero and low >= 0:
        return ValueAxis(0.0, high * 1.05 or 1.0, cells)
    margin = (high - low) * 0.04 or abs(high) * 0.1 or 1.0
    return ValueAxis(low - margin, high + margin, cells)


def _list_means(curves: Sequence[Curve], *, background: bool, log: bool) -> list[float]:
    points = [point for curve in curves if curve.background == background for point in curve.points]
    return [point.mean for point in points if point.finite and (point.mean > 0 or not log)]


def label_values(axis: ValueAxis) -> dict[int, str]:
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


def label_steps(first: float, last: float, width: int) -> dict[int, str]:
    """Return the labels below the step axis by the column of their tick."""
    if last <= first:
        return {0: format_step(first)}
    ticks = compute_ticks(first, last, max(2, width // 8))
    return {round((tick - first) / (last - first) * (width - 1)): format_step(tick) for tick in ticks}


def render_step_labels(ticks: Mapping[int, str], indent: int, width: int, unit: str) -> str:
    """Return the labels below the step axis, and its unit if there is room."""
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
