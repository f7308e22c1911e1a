from itertools import pairwise

import pytest

from app.monitor.series import SeriesBuilder
from widgets.axis import fit_value_axis
from widgets.curve import Curve, smooth


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("values", [[1e308, -1e308], [1.7e308, 1.7e308], [-1.7e308], [5e-324, 1e308]])
def test_the_largest_numbers_have_a_place_on_the_axis(values: list[float], log: bool) -> None:
    builder = SeriesBuilder("loss", limit=4)
    for step, value in enumerate(values * 20):
        builder.add(step, value)
    series = builder.series()
    assert series.last == values[-1]
    curve = Curve("loss", smooth(series.points, 0.9), "")
    axis = fit_value_axis([curve, Curve("raw", series.points, "")], 5, log)
    if axis is None:  # No value is positive.
        assert log
        return
    dots = [axis.find_dot(point.mean) for point in sorted(series.points, key=lambda point: point.mean)]
    assert all(high >= low for high, low in pairwise(dots))
