"""Numbers as text."""

import pytest

from app.units import format_number


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
    assert format_number(value) == text
