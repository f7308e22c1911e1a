"""Numbers and metric values as text."""

import math

from app.session.snapshot import Value
from app.units import trim_decimal


def format_number(number: float | None, digits: int = 4) -> str:
    """Return a number with that many significant digits; `NaN` if it is missing or not finite."""
    if number is None or not math.isfinite(number):
        return "NaN"
    if float(number).is_integer() and abs(number) < 1e7:  # noqa: PLR2004
        return f"{number:,.0f}"
    if abs(number) >= 10**digits:
        return f"{number:,.0f}"
    text = f"{number:.{digits}g}"
    return f"{number:.1e}" if "e" in text else text


def format_value(value: Value | list[Value]) -> str:
    """Return the value of a parameter."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return format_number(value)
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return value


def format_metric(value: Value) -> str:
    """Return the value of a metric; None stands for one that was not finite when it was reported."""
    return "NaN" if value is None else format_value(value)


def format_step(step: float) -> str:
    """Return a step for an axis: `950`, `1.2k`, `300k`, `1.5M`."""
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if abs(step) >= limit:
            return trim_decimal(step / limit) + unit
    return trim_decimal(step) if abs(step) >= 1 or step == 0 else f"{step:.2g}"


def format_count(count: float, digits: int = 4) -> str:
    """Return a count in few characters: `950`, `12,300`, `37.6M`, `2e+12`."""
    if abs(count) >= 1e9:  # noqa: PLR2004 - the largest unit of a step is a million
        return f"{count:.2g}"
    return format_step(count) if abs(count) >= 1e5 else format_number(count, digits)  # noqa: PLR2004
