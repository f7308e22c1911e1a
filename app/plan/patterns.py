"""The regular expressions of a plan that read a log: checks, and warnings about numbers that they cut."""

import difflib
from collections.abc import Iterator
from typing import Final

import regex

from app.monitor.trainers import PRESETS

# One, two and four decimals, because a pattern may require any of these.
_FRACTIONS: Final = ("1.5", "1.55", "1.5555")
_LONGER_FRACTIONS: Final = (
    "2.0e-05",
    "2.00e-05",
    "2.0000e-05",
    "1.5E+02",
    "1.55E+02",
    "1.5555E+02",
    "1.234567",
)
_WITH_THOUSANDS: Final = ("12,345", "12,345.6", "12,345.67", "12,345.6789")
_AFTER: Final = ("", " ", ",", "'", "}", "]", ")", " |", ";", "%", " x")
_TIMEOUT: Final = 0.2


def check_metric_pattern(text: str) -> str:
    """Return a pattern of a metric; ValueError if it is not a regular expression with one group."""
    if _count_groups(text) != 1:
        raise ValueError(
            f"expected a regular expression with one group, the number; this has {_count_groups(text)}"
        )
    return text


def check_progress_pattern(text: str) -> str:
    """Return a pattern of progress; ValueError if it is not a regular expression with one or two groups."""
    if text and _count_groups(text) not in (1, 2):
        raise ValueError(
            "expected a regular expression with two groups, the steps done and in total, or only the first; "
            f"this has {_count_groups(text)}"
        )
    return text


def check_preset(name: str) -> str:
    """Return the name of a preset; ValueError if there is none of that name."""
    if name not in PRESETS:
        close = difflib.get_close_matches(name, PRESETS, 1)
        advice = f"did you mean {close[0]}?" if close else f"presets: {', '.join(PRESETS)}"
        raise ValueError(f"expected a preset or a table of regular expressions; {advice}")
    return name


def _count_groups(text: str) -> int:
    try:
        return int(regex.compile(text).groups)
    except (regex.error, OverflowError, RecursionError, ValueError) as error:
        raise ValueError(f"expected a regular expression: {error}") from None


def describe_cut_number(text: str) -> str:
    """Return how a pattern of a metric cuts a number, such as 2.0 of 2.0e-05; "" if it does not."""
    head, group, tail = _split_at_group(text)
    if not group:
        return ""
    flags = "".join(match[0] for match in regex.finditer(r"\(\?[aiLmsux]+\)", head))
    numbers: list[str] = []
    if any(fraction in _capture(flags, group, tail, fraction) for fraction in _FRACTIONS):
        numbers += _LONGER_FRACTIONS
    # A pattern that names the comma stops there on purpose.
    if "," not in group + tail[:1]:
        numbers += _WITH_THOUSANDS
    for number in numbers:
        captured = list(_capture(flags, group, tail, number))
        if captured and number not in captured:
            return f"its group reads {captured[0]} of {number}"
    return ""


def _capture(flags: str, group: str, tail: str, number: str) -> Iterator[str]:
    """Yield what the group of a pattern captures at a number, before each of some usual characters."""
    try:
        pattern = regex.compile(f"{flags}(?P<number_>{group}){tail}")
    except regex.error:  # The group refers to another, for example.
        return
    for after in _AFTER:
        try:
            match = pattern.match(number + after, timeout=_TIMEOUT)
        except TimeoutError:
            return
        captured = match["number_"].strip(" ,'|") if match else ""
        if captured:
            yield captured


def _split_at_group(text: str) -> tuple[str, str, str]:
    """Return a pattern before, inside and after its first capturing group."""
    start, depth, is_in_class, position = -1, 0, False, 0
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1
        elif is_in_class:
            is_in_class = character != "]"
        elif character == "[":
            is_in_class = True
            position += text.startswith(("]", "^]"), position + 1) + text.startswith("^]", position + 1)
        elif character == "(":
            is_capturing = not text.startswith("?", position + 1) or text.startswith("?P<", position + 1)
            depth += start >= 0
            if start < 0 and is_capturing:
                start = position + 1
        elif character == ")" and start >= 0:
            if depth == 0:
                group = regex.sub(r"^\?P<\w+>", "", text[start:position])
                return text[: start - 1], group, text[position + 1 :]
            depth -= 1
        position += 1
    return text, "", ""
