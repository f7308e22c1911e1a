"""Metrics over steps, bounded in memory."""

import math

from hypothesis import given
from hypothesis import strategies as st

from app.monitor.series import SeriesBuilder


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=1, max_size=300))
def test_a_series_keeps_count_mean_and_extremes(values: list[float]) -> None:
    builder = SeriesBuilder("loss")
    for step, value in enumerate(values):
        builder.add(step, value)
    points = builder.series().points
    finite = [v for v in values if math.isfinite(v)]
    assert sum(p.finite for p in points) == len(finite)
    assert sum(p.missing for p in points) == len(values) - len(finite)
    if finite:
        assert min(p.low for p in points if p.finite) == min(finite)
        assert max(p.high for p in points if p.finite) == max(finite)


def test_since_when_values_are_missing() -> None:
    builder = SeriesBuilder("loss")
    for step, value in enumerate([1.0, math.nan, 2.0, math.nan, math.inf]):
        builder.add(step, value)
    assert builder.series().missing_since == 3
    assert builder.series().last is None
    builder.add(5, 1.0)
    assert builder.series().missing_since is None
