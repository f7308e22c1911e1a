"""Curves of a chart: their points, and the line styles that tell them apart without color."""

from collections.abc import Sequence
from typing import Final

import msgspec

from app.monitor.series import Point
from widgets import styles


class LineStyle(msgspec.Struct, frozen=True):
    """The pattern that tells a curve from others without its color.

    Attributes:
        pattern: `#` for each dot that is drawn, repeated along the curve.
        glyph: represents the curve in a legend.
        letter: fills the curve's cells on an ASCII terminal; empty approximates the dots with punctuation.
    """

    pattern: str
    glyph: str
    letter: str = ""

    @property
    def symbol(self) -> str:
        """The character of the curve in a legend on this terminal."""
        return (self.letter or ":") if styles.terminal.ascii else self.glyph


SOLID: Final = LineStyle("#", "─")
DASHED: Final = LineStyle("####....", "╌", "o")
DOTTED: Final = LineStyle("#...", "·", "+")
CHAIN: Final = LineStyle("########...#...", "╸", "%")
LINE_STYLES: Final = (SOLID, DASHED, CHAIN, DOTTED)


class Curve(msgspec.Struct, frozen=True):
    """One line of a chart. A `background` curve does not stretch the value axis and is cut at its ends."""

    name: str
    points: Sequence[Point]
    style: str
    background: bool = False
    line: LineStyle = SOLID


def smooth(points: Sequence[Point], weight: float) -> list[Point]:
    """Return the bias-corrected exponential moving average of the values, as Adam averages gradients.

    A point of several values counts as that many. Missing values stay missing and do not enter the average.

    Args:
        points: the curve.
        weight: of the average so far against the next value, from 0 to below 1.
    """
    averaged, mean, mass = [], 0.0, 0.0
    for point in points:
        if not point.finite:
            averaged.append(point)
            continue
        decay = weight**point.finite
        mean, mass = decay * mean + (1 - decay) * point.mean, decay * mass + (1 - decay)
        averaged.append(point._replace(mean=mean / mass))
    return averaged


def find_nearest(points: Sequence[Point], step: float) -> Point | None:
    """Return the point nearest to a step."""
    return min(points, key=lambda point: abs(point.step - step), default=None)
