"""Numbers, durations, sizes and money as text, the same in screens, commands, reports and messages."""

import math
from collections.abc import Sequence
from typing import Final, Protocol

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86400

Value = int | float | str | bool | None


class _Range(Protocol):
    """An estimate with two ends."""

    @property
    def low(self) -> float: ...

    @property
    def high(self) -> float: ...


def format_duration(seconds: float) -> str:
    """Return a duration in at most two units: `45s`, `3m20s`, `34m`, `1h10m`, `2d03h`."""
    if not math.isfinite(seconds):
        return "unknown"
    total = max(0, int(seconds))
    if total < MINUTE:
        return f"{total}s"
    if total < 10 * MINUTE:
        return f"{total // MINUTE}m{total % MINUTE:02}s"
    if total < HOUR:
        return f"{total // MINUTE}m"
    if total < DAY:
        return f"{total // HOUR}h{total % HOUR // MINUTE:02}m"
    return f"{total // DAY}d{total % DAY // HOUR:02}h"


def format_duration_range(seconds: _Range) -> str:
    """Return a range of durations, such as `1h05m-1h20m`, or a single one if both ends read the same."""
    low, high = format_duration(seconds.low), format_duration(seconds.high)
    return low if low == high else f"{low}-{high}"


def format_clock(seconds: float) -> str:
    """Return elapsed time as `03:42:10`."""
    total = max(0, int(seconds))
    return f"{total // HOUR:02}:{total % HOUR // MINUTE:02}:{total % MINUTE:02}"


def format_age(seconds: float) -> str:
    """Return how long ago something happened, such as `4 s ago`; coarser the longer ago it was."""
    if not math.isfinite(seconds):
        return "at an unknown time"
    if seconds < 10:  # noqa: PLR2004
        return f"{max(0, int(seconds))} s ago"
    if seconds < MINUTE:
        return f"{int(seconds) // 5 * 5} s ago"
    return f"{format_duration(int(seconds) // MINUTE * MINUTE).removesuffix('00s')} ago"


def format_hours(hours: _Range) -> str:
    """Return a range of hours in the unit that suits it: `2-4h`, `30-45m`, `20-40s`."""
    low, high = hours.low * HOUR, hours.high * HOUR
    if high >= 1.5 * HOUR:
        unit, suffix = HOUR, "h"
    elif high >= 1.5 * MINUTE:
        unit, suffix = MINUTE, "m"
    else:
        unit, suffix = 1, "s"
    if unit > 1 and low < 0.75 * unit:  # The low end would round to nothing in this unit.
        return f"{_format_hours_in_own_unit(low)}-{round(high / unit)}{suffix}"
    if unit == HOUR:
        first, last = trim_decimal(low / unit), trim_decimal(high / unit)
    else:
        first, last = str(round(low / unit)), str(round(high / unit))
    return f"{first}{suffix}" if first == last else f"{first}-{last}{suffix}"


def _format_hours_in_own_unit(seconds: float) -> str:
    if seconds >= 1.5 * MINUTE:
        return f"{round(seconds / MINUTE)}m"
    return f"{round(seconds)}s"


def trim_decimal(number: float) -> str:
    """Return a number with one decimal, or none if that is zero: `1.5`, `2`."""
    return f"{number:.1f}".removesuffix(".0")


def format_usd(amount: float) -> str:
    """Return money with cents: `$0.99`, `$1,204.00`."""
    return f"${amount:,.2f}"


def format_usd_short(amount: float) -> str:
    """Return money without cents if they are zero: `$25`, `$7.50`. For amounts that a person set."""
    return format_usd(amount).removesuffix(".00")


def format_usd_range(amount: _Range) -> str:
    """Return a range of money: `$11.20-13.90`."""
    low, high = f"{amount.low:,.2f}", f"{amount.high:,.2f}"
    return f"${low}" if low == high else f"${low}-{high}"


def format_gib(size: float) -> str:
    """Return bytes in GiB without the unit: `44.1`. For memory."""
    gib = size / 2**30
    return f"{gib:.0f}" if gib >= 99.95 else f"{gib:.1f}"  # noqa: PLR2004 - keeps three digits


def format_size(size: float) -> str:
    """Return bytes in decimal units: `512 B`, `1.4 MB`, `64 GB`. For files and disks."""
    if size < 999.5:  # noqa: PLR2004 - keeps three digits
        return f"{size:.0f} B"
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 999.5:  # noqa: PLR2004
            return f"{size:.0f} {unit}" if size >= 99.5 else f"{trim_decimal(size)} {unit}"  # noqa: PLR2004
    return f"{trim_decimal(size / 1000)} TB"


def format_number(number: float | None, digits: int = 4) -> str:
    """Return a number with that many significant digits; `NaN` if it is missing or not finite."""
    try:
        is_finite = number is not None and math.isfinite(number)
    except OverflowError:  # An integer beyond the range of floats.
        return "inf"
    if number is None or not is_finite:
        return "NaN"
    if float(number).is_integer() and abs(number) < 1e7:  # noqa: PLR2004
        return f"{number:,.0f}"
    if abs(number) >= 10**digits:
        return f"{number:,.0f}"
    text = f"{number:,.{digits}g}"
    return f"{number:.1e}" if "e" in text else text


def format_value(value: Value | Sequence[Value]) -> str:
    """Return the value of a parameter."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return format_number(value)
    if isinstance(value, str):
        return value
    return ", ".join(str(item) for item in value)
