"""Metrics over steps, in bounded memory.

A `SeriesBuilder` takes values one at a time and keeps at most `LIMIT` points. Beyond that, neighbors are
merged in pairs, keeping their mean and extremes. `Series` is the immutable result that a chart draws.
"""

import math
from typing import Final, NamedTuple

import msgspec

LIMIT: Final = 4096
_LARGEST: Final = 1e290


class Point(NamedTuple):
    """Consecutive values merged into one: `finite` values, and `missing` ones that were NaN or infinite.

    Without finite values low, mean and high are NaN.
    """

    step: float
    mean: float
    low: float
    high: float
    finite: int
    missing: int


def _clamp(value: float) -> float:
    """Return the value, or the largest of which sums and differences are finite."""
    return max(-_LARGEST, min(_LARGEST, value))


def make_point(step: float, value: float | None) -> Point:
    """Return the point of one value."""
    if value is None or not math.isfinite(value):
        return Point(step, math.nan, math.nan, math.nan, 0, 1)
    value = _clamp(value)
    return Point(step, value, value, value, 1, 0)


def merge_points(a: Point, b: Point) -> Point:
    """Return two points merged into one, at the step of the later one."""
    missing = a.missing + b.missing
    if not a.finite or not b.finite:
        finite = a if a.finite else b
        return Point(b.step, finite.mean, finite.low, finite.high, finite.finite, missing)
    count = a.finite + b.finite
    mean = (a.mean * a.finite + b.mean * b.finite) / count
    return Point(b.step, mean, min(a.low, b.low), max(a.high, b.high), count, missing)


class Series(msgspec.Struct, frozen=True):
    """A metric: its points in order, the last raw value, and the number of missing values."""

    name: str
    points: tuple[Point, ...]
    last: float | None
    total: int
    missing: int
    missing_since: float | None = None


class SeriesBuilder:
    """Collects the values of a metric in at most `limit` points."""

    def __init__(self, name: str, limit: int = LIMIT) -> None:
        self.name = name
        self._limit = limit
        self._points: list[Point] = []
        self._values_per_point = 1
        self._start_point()
        self._step = 0.0
        self._last: float | None = None
        self._missing = 0
        self._missing_since: float | None = None
        self._total = 0
        self._series: Series | None = None

    def _start_point(self) -> None:
        self._sum = 0.0
        self._low = math.inf
        self._high = -math.inf
        self._count = 0
        self._gaps = 0

    def add(self, step: float, value: float | None) -> None:
        """Add a value; None, NaN and infinity count as missing."""
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
            value = _clamp(value)
            self._count += 1
            self._sum += value
            self._low = min(self._low, value)
            self._high = max(self._high, value)
        if self._count + self._gaps >= self._values_per_point:
            self._close_point()

    def _build_open_point(self) -> Point:
        if not self._count:
            return make_point(self._step, None)._replace(missing=self._gaps)
        mean = self._sum / self._count
        return Point(self._step, mean, self._low, self._high, self._count, self._gaps)

    def _close_point(self) -> None:
        self._points.append(self._build_open_point())
        self._start_point()
        if len(self._points) >= self._limit:
            pairs = zip(self._points[::2], self._points[1::2], strict=True)
            self._points = [merge_points(a, b) for a, b in pairs]
            self._values_per_point *= 2

    def series(self) -> Series:
        """Return the series so far."""
        if self._series is None:
            points = (
                (*self._points, self._build_open_point()) if self._count + self._gaps else tuple(self._points)
            )
            self._series = Series(
                self.name, points, self._last, self._total, self._missing, self._missing_since
            )
        return self._series
