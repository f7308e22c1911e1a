"""Plots as inline SVG: lines over steps, with gaps where a value was not finite, and nothing from outside.

Drawn at the width of a phone, so that their text stays legible there; a page shows two beside each other.
Values are placed with two decimals, so the same data give the same bytes.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from widgets.format import format_number
from widgets.series import Point, merged

WIDTH, HEIGHT = 400, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 8, 10, 30
_MOST_POINTS = 400
_BAND_NEEDS = 2
_ENDLESS = 1e300


@dataclass(frozen=True)
class Curve:
    """One line of a plot; `look` is the class that the page's style sheet gives it."""

    name: str
    points: Sequence[Point]
    look: str


@dataclass(frozen=True)
class _Frame:
    """Where values of the axes lie on the picture."""

    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a point."""
        across, up = (
            min(1.0, max(0.0, (value - low) / (high - low)))
            for value, (low, high) in ((x, self.x), (y, self.y))
        )
        return _LEFT + across * (WIDTH - _LEFT - _RIGHT), HEIGHT - _BOTTOM - up * (HEIGHT - _TOP - _BOTTOM)


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return round numbers from `low` to `high`: multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s for s in (power, 2 * power, 5 * power, 10 * power) if s >= rough * (1 - 1e-9))
    return [i * step for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def line_plot(title: str, curves: Sequence[Curve], across: str, *, from_zero: bool = False) -> Markup:
    """Return a plot of curves, or nothing if none of them has a finite value."""
    drawn = [(curve, _thinned(curve.points)) for curve in curves]
    finite = [point for _, points in drawn for point in points if point.finite]
    if not finite:
        return Markup()
    low = min(p.low for p in finite)
    frame = _Frame(
        _span(min(p.step for p in finite), max(p.step for p in finite)),
        _span(min(0.0, low) if from_zero else low, max(p.high for p in finite)),
    )
    parts = [*_axes(frame, across)]
    for curve, points in drawn:
        parts += _band(frame, curve, points)
    for curve, points in drawn:
        parts += _line(frame, curve, points)
    label = Markup("{}: {}").format(title, ", ".join(curve.name for curve in curves))
    return Markup('<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, label, Markup().join(parts)
    )


def _span(low: float, high: float) -> tuple[float, float]:
    """Return an axis that holds both values, within reason, and is not empty."""
    low, high = (min(max(value, -_ENDLESS), _ENDLESS) for value in (low, high))
    if high - low > 1e-9 * max(abs(low), abs(high), 1e-300):
        return low, high
    margin = abs(low) / 2 or 1.0
    return low - margin, high + margin


def _axes(frame: _Frame, across: str) -> Iterator[Markup]:
    for value in ticks(*frame.y, 4):
        _, y = frame.at(frame.x[0], value)
        yield Markup('<line class="grid" x1="{}" x2="{}" y1="{:.2f}" y2="{:.2f}"/>').format(
            _LEFT, WIDTH - _RIGHT, y, y
        )
        yield Markup('<text x="{}" y="{:.2f}" text-anchor="end">{}</text>').format(
            _LEFT - 5, y + 4, format_number(value, 3)
        )
    for value in ticks(*frame.x, 5):
        x, _ = frame.at(value, frame.y[0])
        yield Markup('<text x="{:.2f}" y="{}" text-anchor="middle">{}</text>').format(
            min(x, WIDTH - _RIGHT - 10), HEIGHT - _BOTTOM + 14, format_number(value, 3)
        )
    yield Markup('<text x="{}" y="{}" text-anchor="end" class="axis">{}</text>').format(
        WIDTH - _RIGHT, HEIGHT - 2, across
    )


def _thinned(points: Sequence[Point]) -> list[Point]:
    """Return few enough points, each the mean and extremes of its neighbours."""
    out = list(points)
    while len(out) > _MOST_POINTS:
        pairs = zip(out[::2], out[1::2], strict=False)
        out = [merged(a, b) for a, b in pairs] + (out[-1:] if len(out) % 2 else [])
    return out


def _stretches(points: Iterable[Point]) -> Iterator[list[Point]]:
    """Yield the stretches of points without a gap."""
    stretch: list[Point] = []
    for point in points:
        if point.finite:
            stretch.append(point)
        if point.missing and stretch:
            yield stretch
            stretch = []
    if stretch:
        yield stretch


def _band(frame: _Frame, curve: Curve, points: Sequence[Point]) -> Iterator[Markup]:
    """Yield the range between the extremes, where points stand for several values."""
    for stretch in _stretches(points):
        if len(stretch) >= _BAND_NEEDS and any(point.low < point.high for point in stretch):
            edge = [frame.at(p.step, p.high) for p in stretch]
            edge += [frame.at(p.step, p.low) for p in reversed(stretch)]
            yield Markup('<path class="band {}" d="M{}Z"/>').format(curve.look, _path(edge))


def _line(frame: _Frame, curve: Curve, points: Sequence[Point]) -> Iterator[Markup]:
    for stretch in _stretches(points):
        places = [frame.at(p.step, p.mean) for p in stretch]
        if len(places) > 1:
            yield Markup('<path class="curve {}" d="M{}"/>').format(curve.look, _path(places))
        else:
            yield Markup('<circle class="dot {}" cx="{:.2f}" cy="{:.2f}" r="2"/>').format(
                curve.look, *places[0]
            )


def _path(places: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in places)
