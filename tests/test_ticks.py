"""Ticks of an axis."""

from hypothesis import given
from hypothesis import strategies as st

from app.ticks import compute_log_ticks, compute_ticks


def test_a_span_too_small_for_a_float_has_one_tick() -> None:
    assert compute_ticks(0.0, 5e-324, 4) == [0.0]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e9), st.integers(1, 12))
def test_ticks_are_within_and_not_too_many(low: float, span: float, most: int) -> None:
    ticks = compute_ticks(low, low + span, most)
    assert 1 <= len(ticks) <= most + 2
    assert all(low - span * 1e-6 <= t <= low + span * (1 + 1e-6) for t in ticks)


@given(st.floats(1e-9, 1e3), st.floats(1.5, 1e9), st.integers(2, 12))
def test_log_ticks_are_within_and_not_too_many(low: float, factor: float, most: int) -> None:
    ticks = compute_log_ticks(low, low * factor, most)
    assert 1 <= len(ticks) <= most
    assert all(low <= t <= low * factor for t in ticks)


def test_ticks_are_round() -> None:
    assert compute_ticks(0, 10, 6) == [0, 2, 4, 6, 8, 10]
    assert compute_ticks(0.13, 0.87, 5) == [0.2, 0.4, 0.6000000000000001, 0.8]
    assert compute_ticks(1170, 1230, 4) == [1180, 1200, 1220]
