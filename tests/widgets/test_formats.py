"""How numbers and texts are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from app.session.snapshot import Range
from widgets import format as fmt


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (59.9, "59s"),
        (200, "3m20s"),
        (2040, "34m"),
        (4200, "1h10m"),
        (200_000, "2d07h"),
        (-5, "0s"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert fmt.duration(seconds) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (2, 4, "2-4h"),
        (0.5, 0.75, "30-45m"),
        (0.25, 0.25, "15m"),
        (1.5, 2.5, "1.5-2.5h"),
        (0.005, 0.03, "18s-2m"),
    ],
)
def test_hours(low: float, high: float, text: str) -> None:
    assert fmt.hours(Range(low, high)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.81234, "0.8123"),
        (2e-4, "0.0002"),
        (5e-6, "5.0e-06"),
        (1_284_113.4, "1,284,113"),
        (3.0, "3"),
        (None, "NaN"),
        (float("inf"), "NaN"),
    ],
)
def test_number(value: float | None, text: str) -> None:
    assert fmt.number(value) == text


def test_money_and_sizes() -> None:
    assert fmt.usd_range(Range(11.2, 13.9)) == "$11.20-13.90"
    assert fmt.usd_round(25.0) == "$25"
    assert fmt.usd_round(7.5) == "$7.50"
    assert [fmt.size(n) for n in (512, 1400, 512_000_000)] == ["512 B", "1.4 kB", "512 MB"]
    assert fmt.gib(44.1 * 2**30) == "44.1"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s ago"), (2.9, "2 s ago"), (37, "35 s ago"), (61, "1m ago"), (4000, "1h06m ago")],
)
def test_age(seconds: float, text: str) -> None:
    assert fmt.age(seconds) == text


@given(st.text(max_size=50), st.integers(0, 30))
def test_fitted_text_has_its_width_and_obeys_nothing(text: str, width: int) -> None:
    fitted = fmt.fit(text, width)
    assert cell_len(fitted) == width
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in fitted)
