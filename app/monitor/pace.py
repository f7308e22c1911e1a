"""The pace of a phase in units per second, from the times at which it reported progress."""

from collections import deque

import msgspec

_RATE_SECONDS = 180.0
_MAX_POINTS = 600


class ProgressView(msgspec.Struct, frozen=True):
    """The last progress that the running attempt reported.

    Attributes:
        at: time of the report.
        rate: units per second over the last minutes, and over at most the later half of the units.
        average: units per second since the first unit, which was done at `since`.
    """

    done: float
    total: float | None
    unit: str
    at: float
    rate: float | None = None
    average: float | None = None
    since: float | None = None


class Pace:
    """Measures units per second. The time before the first unit, such as loading, is not pace."""

    def __init__(self) -> None:
        self._first_unit = (0.0, 0.0)
        self._points: deque[tuple[float, float]] = deque(maxlen=_MAX_POINTS)

    def add(self, time: float, done: float) -> None:
        """Record how many units were done at a time."""
        points = self._points
        if points and (done < points[-1][1] or time < points[-1][0]):
            points.clear()  # The phase started over, or the clock was set back.
        if done <= (points[-1][1] if points else 0.0):
            return
        if points and time == points[-1][0]:
            points.pop()  # A log that is read late gives all its units one time, by which all were done.
        if not points:
            self._first_unit = (time, done)
        points.append((time, done))
        # The first units may be slow as well, for example while kernels are compiled for each new shape.
        half = (self._first_unit[1] + done) / 2
        while len(points) > 2 and (  # noqa: PLR2004
            points[0][0] < time - _RATE_SECONDS or points[1][1] <= half
        ):
            points.popleft()

    def measure(self, view: ProgressView) -> ProgressView:
        """Return a view of the last progress with its rates."""
        if not self._points:
            return view
        now = (view.at, view.done)
        return msgspec.structs.replace(
            view,
            rate=_compute_rate(self._points[0], now),
            average=_compute_rate(self._first_unit, now),
            since=self._first_unit[0],
        )


def _compute_rate(first: tuple[float, float], last: tuple[float, float]) -> float | None:
    """Return the rate between two reports of time and units, or None if no time passed."""
    return (last[1] - first[1]) / (last[0] - first[0]) if last[0] > first[0] else None
