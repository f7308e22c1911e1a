"""Line plots as inline SVG, with gaps where a value is not finite, and without external resources.

The size suits a phone, so that the text stays legible there; a wide page shows two plots side by side.
Coordinates have two decimals, so equal data give equal bytes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.monitor.series import Point, merge_points
from app.ticks import compute_ticks
from app.units import format_number

WIDTH, HEIGHT = 400, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 8, 10, 30
_MAX_POINTS = 400
_LARGEST_VALUE = 1e300


@dataclass(frozen=True)
class PlotLine:
    """One line of a plot; `css_class` selects its color in the page's style sheet."""

    name: str
    points: Sequence[Point]
    css_class: str


@dataclass(frozen=True)
class _Axes:
    """The ranges of both axes, and the mapping of values to the picture."""

    x: tuple[float, float]
    y: tuple[float, float]

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return the pixel position of a value, clamped to the plot area."""
        across = _to_fraction(x, self.x)
        up = _to_fraction(y, self.y)
        return _LEFT + across * (WIDTH - _LEFT - _RIGHT), HEIGHT - _BOTTOM - up * (HEIGHT - _TOP - _BOTTOM)


def _to_fraction(value: float, limits: tuple[float, float]) -> float:
    low, high = limits
    return min(1.0, max(0.0, (value - low) / (high - low)))


def draw_lines(title: str, lines: Sequence[PlotLine], x_label: str, *, from_zero: bool = False) -> Markup:
    """Return a plot of the lines; empty if none has a finite value."""
    thinned_lines = [(line, _thin_out(line.points)) for line in lines]
    finite = [point for _, points in thinned_lines for point in points if point.finite]
    if not finite:
        return Markup()
    low = min(point.low for point in finite)
    axes = _Axes(
        _find_axis_limits(min(point.step for point in finite), max(point.step for point in finite)),
        _find_axis_limits(min(0.0, low) if from_zero else low, max(point.high for point in finite)),
    )
    parts = [*_draw_axes(axes, x_label)]
    for line, points in thinned_lines:
        parts += _draw_band(axes, line, points)
    for line, points in thinned_lines:
        parts += _draw_line(axes, line, points)
    label = Markup("{}: {}").format(title, ", ".join(line.name for line in lines))
    return Markup('<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, label, Markup().join(parts)
    )


def _find_axis_limits(low: float, high: float) -> tuple[float, float]:
    """Return the ends of an axis that holds both values and is not empty."""
    low = min(max(low, -_LARGEST_VALUE), _LARGEST_VALUE)
    high = min(max(high, -_LARGEST_VALUE), _LARGEST_VALUE)
    if high - low > 1e-9 * max(abs(low), abs(high), 1e-300):
        return low, high
    margin = abs(low) / 2 or 1.0
    return low - margin, high + margin


def _draw_axes(axes: _Axes, x_label: str) -> Iterator[Markup]:
    for value in compute_ticks(*axes.y, 5):
        _, y = axes.place(axes.x[0], value)
        yield Markup('<line class="grid" x1="{}" x2="{}" y1="{:.2f}" y2="{:.2f}"/>').format(
            _LEFT, WIDTH - _RIGHT, y, y
        )
        yield Markup('<text x="{}" y="{:.2f}" text-anchor="end">{}</text>').format(
            _LEFT - 5, y + 4, format_number(value, 3)
        )
    for value in compute_ticks(*axes.x, 6):
        x, _ = axes.place(value, axes.y[0])
        yield Markup('<text x="{:.2f}" y="{}" text-anchor="middle">{}</text>').format(
            min(x, WIDTH - _RIGHT - 10), HEIGHT - _BOTTOM + 14, format_number(value, 3)
        )
    yield Markup('<text x="{}" y="{}" text-anchor="end" class="axis">{}</text>').format(
        WIDTH - _RIGHT, HEIGHT - 2, x_label
    )


def _thin_out(points: Sequence[Point]) -> list[Point]:
    """Merge neighbors until few enough points remain; each keeps the mean and extremes of its values."""
    thinned = list(points)
    while len(thinned) > _MAX_POINTS:
        unpaired = thinned[-1:] if len(thinned) % 2 else []
        pairs = zip(thinned[::2], thinned[1::2], strict=False)
        thinned = [merge_points(a, b) for a, b in pairs] + unpaired
    return thinned


def _split_at_gaps(points: Iterable[Point]) -> Iterator[list[Point]]:
    """Yield runs of finite points; a missing value ends a run."""
    run: list[Point] = []
    for point in points:
        if point.finite:
            run.append(point)
        if point.missing and run:
            yield run
            run = []
    if run:
        yield run


def _draw_band(axes: _Axes, line: PlotLine, points: Sequence[Point]) -> Iterator[Markup]:
    """Yield the area between the extremes where points stand for several values."""
    for run in _split_at_gaps(points):
        if len(run) > 1 and any(point.low < point.high for point in run):
            edge = [axes.place(point.step, point.high) for point in run]
            edge += [axes.place(point.step, point.low) for point in reversed(run)]
            yield Markup('<path class="band {}" d="M{}Z"/>').format(line.css_class, _join_points(edge))


def _draw_line(axes: _Axes, line: PlotLine, points: Sequence[Point]) -> Iterator[Markup]:
    for run in _split_at_gaps(points):
        places = [axes.place(point.step, point.mean) for point in run]
        if len(places) > 1:
            yield Markup('<path class="curve {}" d="M{}"/>').format(line.css_class, _join_points(places))
        else:
            yield Markup('<circle class="dot {}" cx="{:.2f}" cy="{:.2f}" r="2"/>').format(
                line.css_class, *places[0]
            )


def _join_points(places: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in places)
