"""Numbers and metric values as text."""

from app.units import format_number, format_value, trim_decimal
from phases.contract.protocol import Value


def format_metric(value: Value) -> str:
    """Return the value of a metric; None is a value that was not finite when it was reported."""
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
