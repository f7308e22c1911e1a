"""Durations in a plan, such as `90 s`, `15 min` or `2 h`; the plan holds seconds."""

import re
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_LONGEST_SECONDS = 9e8  # A plan that is read back is written in seconds, which have at most nine digits.
_SECONDS = {"s": 1, "sec": 1, "min": 60, "h": 3600}


def _parse_duration(text: object) -> float:
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*(s|sec|min|h)", text) if isinstance(text, str) else None
    if match is None:
        raise ValueError('expected a duration such as "90 s", "15 min" or "2 h"')
    # Whole microseconds, so that a duration is the same after it was written and read.
    seconds = round(float(match[1]) * _SECONDS[match[2]], 6)
    if seconds > _LONGEST_SECONDS:
        raise ValueError(f"expected a duration of at most {_LONGEST_SECONDS / 3600:,.0f} h")
    return seconds


def _format_duration(seconds: float) -> str:
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + " s"


Duration = Annotated[
    float,
    BeforeValidator(_parse_duration),
    PlainSerializer(_format_duration),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?\s*(s|sec|min|h)$"}),
]
