"""Plots as SVG."""

import math
import re
from xml.etree import ElementTree as ET

from hypothesis import example, given
from hypothesis import strategies as st

from app.monitor.series import SeriesBuilder
from app.report.svg_plot import HEIGHT, WIDTH, PlotLine, draw_lines

VALUES = st.none() | st.floats(allow_nan=True, allow_infinity=True)


def curve(values: list[float | None], name: str = "loss") -> PlotLine:
    builder = SeriesBuilder(name)
    for step, value in enumerate(values):
        builder.add(step, value)
    return PlotLine(name, builder.series().points, "c0")


@given(st.lists(VALUES, max_size=60), st.booleans())
@example(values=[-2e300], from_zero=False)
@example(values=[2e300, 2e300], from_zero=False)
def test_whatever_was_measured_is_drawn_inside_the_picture(
    values: list[float | None], from_zero: bool
) -> None:
    svg = draw_lines("loss", [curve(values)], "step", from_zero=from_zero)
    finite = [v for v in values if v is not None and math.isfinite(v)]
    assert bool(svg) == bool(finite)
    if not svg:
        return
    root = ET.fromstring(svg)
    assert "nan" not in svg.lower().replace("role", "")
    for path in root.iter("path"):
        for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", path.attrib["d"]):
            assert -0.01 <= float(x) <= WIDTH + 0.01
            assert -0.01 <= float(y) <= HEIGHT + 0.01


def test_a_value_that_is_not_finite_is_a_gap() -> None:
    def curves(values: list[float | None]) -> int:
        return draw_lines("loss", [curve(values)], "step").count('class="curve')

    assert curves([3, 2, 1, 0.5]) == 1
    assert curves([3, 2, None, 1, 0.5]) == 2
    assert curves([3, 2, math.nan, math.inf, 1, 0.5]) == 2
    assert draw_lines("loss", [curve([None, math.nan])], "step") == ""


def test_names_are_escaped() -> None:
    svg = draw_lines("<b>", [curve([1, 2], '"><script>')], "<i>")
    assert "<script" not in svg
    ET.fromstring(svg)


def test_many_points_make_a_small_picture() -> None:
    svg = draw_lines("loss", [curve([math.sin(i / 999) for i in range(200_000)])], "step")
    assert len(svg) < 40_000
    assert "band" in svg
