"""The axes of a chart: the range of values, ticks and their labels."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from app.monitor.series import Point
from app.ticks import compute_log_ticks, compute_ticks
from app.units import format_number
from widgets.curve import Curve
from widgets.format import format_step

LARGEST_STEP_LABEL: Final = 1e9
LONGEST_PLAIN_VALUE: Final = 1e4
LONGEST_LABEL: Final = 8


class ValueAxis(msgspec.Struct, frozen=True):
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
    if len(set(labels)) < len(ticks):
        return {axis.find_dot(tick) // 4: label for tick, label in _label_close_values(ticks).items()}
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


def _label_close_values(ticks: Sequence[float]) -> dict[float, str]:
    """Return labels with the decimals in which ticks differ; fewer labels if they are too long."""
    decimals = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
    labels = {tick: f"{tick:.{decimals}f}" for tick in ticks}
    if max(map(len, labels.values())) <= LONGEST_LABEL:
        return labels
    firsts = {_label_value(tick): tick for tick in reversed(ticks)}
    return {tick: label for label, tick in firsts.items()}


def label_steps(first: float, last: float, width: int) -> dict[int, str]:
    """Return the labels below the step axis by the column of their tick."""
    if last <= first:
        return {0: format_step(first)}
    ticks = compute_ticks(first, last, max(2, width // 8))
    return {round((tick - first) / (last - first) * (width - 1)): format_step(tick) for tick in ticks}


def render_step_labels(ticks: Mapping[int, str], indent: int, width: int, unit: str) -> str:
    """Return the labels below the step axis and its unit; labels without room are left out.

    A single label that has no room next to the unit replaces it.
    """
    columns = indent + width
    labels = _place_labels(ticks, indent, columns, columns - len(unit) - 1)
    if not labels and ticks:
        labels, unit = _place_labels(ticks, indent, columns, columns), ""
    row = [" "] * columns
    for start, text in (*labels.items(), (columns - len(unit), unit)):
        row[start : start + len(text)] = text
    return "".join(row)


def _place_labels(ticks: Mapping[int, str], indent: int, columns: int, end: int) -> dict[int, str]:
    """Return the labels that end before a column, by their first column, with a gap between them."""
    labels: dict[int, str] = {}
    free = 0
    for x in sorted(ticks):
        text = ticks[x]
        start = min(indent + x - len(text) // 2, columns - len(text))
        if start >= free and start + len(text) <= end:
            labels[start] = text
            free = start + len(text) + 1
    return labels
