"""Metrics over steps, bounded in memory whatever their number.

A `SeriesBuilder` takes values one at a time and keeps at most `LIMIT` points: when there are more, each two
neighbours become one that keeps their mean and extremes. `Series` is the immutable picture that a chart
draws.
"""

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

LIMIT: Final = 4096


class Point(NamedTuple):
    """`finite` values that follow each other, seen as one; `missing` more were NaN or infinite.

    With none finite there is no mean: low, mean and high are NaN.
    """

    step: float
    mean: float
    low: float
    high: float
    finite: int
    missing: int


def make_point(step: float, value: float | None) -> Point:
    """Return the point of one value."""
    if value is None or not math.isfinite(value):
        return Point(step, math.nan, math.nan, math.nan, 0, 1)
    return Point(step, value, value, value, 1, 0)


def merge_points(a: Point, b: Point) -> Point:
    """Return two points as one; its step is the later one's."""
    missing = a.missing + b.missing
    if not a.finite or not b.finite:
        some = a if a.finite else b
        return Point(b.step, some.mean, some.low, some.high, some.finite, missing)
    count = a.finite + b.finite
    mean = (a.mean * a.finite + b.mean * b.finite) / count
    return Point(b.step, mean, min(a.low, b.low), max(a.high, b.high), count, missing)


@dataclass(frozen=True)
class Series:
    """One metric: its points as they came, the last raw value, and how many values were missing."""

    name: str
    points: tuple[Point, ...]
    last: float | None
    total: int
    missing: int
    missing_since: float | None = None


class SeriesBuilder:
    """Collects one metric's values in at most `limit` points."""

    def __init__(self, name: str, limit: int = LIMIT) -> None:
        self.name, self._limit = name, limit
        self._points: list[Point] = []
        self._a_point = 1  # values that make a point
        self._sum, self._low, self._high, self._count, self._gaps = 0.0, math.inf, -math.inf, 0, 0
        self._step = 0.0
        self._last: float | None = None
        self._missing = 0
        self._missing_since: float | None = None
        self._total = 0
        self._series: Series | None = None

    def add(self, step: float, value: float | None) -> None:
        """Take a value; None, NaN and infinities count as missing."""
        self._series = None
        self._total += 1
        self._step = step
        if value is None or not math.isfinite(value):
            self._last = None
            self._missing += 1
            self._gaps += 1
            if self._missing_since is None:
                self._missing_since = step
        else:
            self._last = value
            self._missing_since = None
            self._count += 1
            self._sum += value
            self._low = min(self._low, value)
            self._high = max(self._high, value)
        if self._count + self._gaps >= self._a_point:
            self._close_point()

    def _open_point(self) -> Point:
        if not self._count:
            return make_point(self._step, None)._replace(missing=self._gaps)
        mean = self._sum / self._count
        return Point(self._step, mean, self._low, self._high, self._count, self._gaps)

    def _close_point(self) -> None:
        self._points.append(self._open_point())
        self._sum, self._low, self._high, self._count, self._gaps = 0.0, math.inf, -math.inf, 0, 0
        if len(self._points) >= self._limit:
            pairs = zip(self._points[::2], self._points[1::2], strict=True)
            self._points = [merge_points(a, b) for a, b in pairs]
            self._a_point *= 2

    def series(self) -> Series:
        """Return the picture as it stands."""
        if self._series is None:
            points = (*self._points, self._open_point()) if self._count + self._gaps else tuple(self._points)
            self._series = Series(
                self.name, points, self._last, self._total, self._missing, self._missing_since
            )
        return self._series
