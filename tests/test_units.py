"""Durations, sizes and money as text."""

import sys

import pytest

from app.plan.values import Range
from app.units import (
    format_age,
    format_duration,
    format_gib,
    format_hours,
    format_number,
    format_size,
    format_usd_range,
    format_usd_short,
)


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
    assert format_duration(seconds) == text


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
    assert format_hours(Range(low, high)) == text


def test_money_and_sizes() -> None:
    assert format_usd_range(Range(11.2, 13.9)) == "$11.20-13.90"
    assert format_usd_short(25.0) == "$25"
    assert format_usd_short(7.5) == "$7.50"
    assert [format_size(n) for n in (512, 1400, 512_000_000)] == ["512 B", "1.4 kB", "512 MB"]
    assert format_gib(44.1 * 2**30) == "44.1"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s ago"), (2.9, "2 s ago"), (37, "35 s ago"), (61, "1m ago"), (4000, "1h06m ago")],
)
def test_age(seconds: float, text: str) -> None:
    assert format_age(seconds) == text


def test_the_age_of_the_largest_float_is_formatted() -> None:
    assert format_age(sys.float_info.max).endswith(" ago")


def test_a_number_with_a_fraction_has_the_separator_that_a_whole_one_has() -> None:
    assert format_number(1670.4) == format_number(1670) == "1,670"
    assert format_number(999.5) == "999.5"
