"""Numbers and named values in lines of any trainer's log.

The grammar knows what trainers print: scientific notation, NaN and infinity, thousands separators, numpy and
torch wrappers, quoted names and values, prefixes that name the rank.
"""

import re
from typing import Final, NamedTuple

# The atomic group keeps a match from ending inside a number, as in the 2 of `2026-01-31` or `2.5.1`.
_DIGITS: Final = r"[-+]?(?>(?:\d{1,3}(?:[,_]\d{3})+(?!\d)|\d+)(?:\.\d*)?|\.\d+)(?>[eE][-+]?\d+)?(?!\d|\.\d)"
_NOT_FINITE: Final = r"[-+]?(?:nan|inf(?:inity)?)(?![A-Za-z0-9_])"
NUMBER: Final = rf"(?:(?i:{_NOT_FINITE})|{_DIGITS})"
"""A regular expression, without groups, of one number."""

_NUMBER: Final = re.compile(NUMBER)
_SCALE: Final = r"[kKMB](?![\w/])"
_SCALES: Final = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9}
# A group such as (\S+) also captures a comma, a bracket, a percent sign or a unit.
_CAPTURED: Final = re.compile(
    rf"[\s\['\"($]*(?P<number>{NUMBER})(?:(?P<scale>{_SCALE})|[A-Za-z]{{1,4}}(?:/[a-z]{{1,6}})?)?[^\w.+-]*"
)
_THOUSANDS: Final = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?!\d|,\d)")
_SCALED: Final = re.compile(rf"{NUMBER}(?:{_SCALE})?")
_WRAPPED: Final = re.compile(
    r"\b(?:(?:np|numpy|torch|jnp|jax|mx)\.)?(?:b?float\d*|u?int\d*|tensor|Tensor|[aA]rray|Decimal|DeviceArray)"
    rf"\(\s*\[?\s*['\"]?({NUMBER})['\"]?\s*\]?(?:,[^()]*(?:\([^()]*\)[^()]*)?)?\)"
)
_PAIR: Final = re.compile(
    r"(?<![\w/])(?P<name>[A-Za-z][\w/.@-]*(?:\([\w/ ]{1,12}\))?"
    # `loss is nan` names no metric, but Megatron prints `number of nan iterations`.
    r"(?:[ \t]+(?!(?i:nan|inf|infinity)\b(?![ \t](?:iter|step|grad|value|count)))"
    r"[A-Za-z(][\w/.@()-]*){0,5})['\"]?"
    rf"(?:[ \t]*(?:[:=]|[=-]>)[ \t]*|[ \t]+)[\['\"$]{{0,2}}(?P<value>{NUMBER})(?![\w.]*[:-]\d|%\|)"
    rf"(?P<scale>{_SCALE})?"
)
_RANK: Final = re.compile(
    r"\[(?:rank|default|local_rank|node\d+\.rank)[ :=_]?(\d+)\]"
    r"|^\W*rank[ :=_]*(\d+)\s*[\]:|>-]|^\[\d+,(\d+)\]<std"
    r"|\b(?:step|epoch|iter\w*)[ :=]*\d+[ ,|]+rank[ :=]*(\d+)",
    re.IGNORECASE,
)
_RANK_WITHIN: Final = 160
_VALIDATION: Final = re.compile(
    r"(?<![\w/.-])(?:val|valid|validation|eval|evaluation|evaluating|test|dev)(?![\w/.-])", re.IGNORECASE
)
_TRAINING: Final = re.compile(r"(?<![\w/.-])(?:train|training)(?![\w/.-])", re.IGNORECASE)
_UNIT: Final = re.compile(r"\((\w+)(?:/\w+)*\)")
_SEPARATORS: Final = re.compile(r"[\s/.\-@()]+")
_WORDS_BEFORE: Final = frozenset({
    "info", "debug", "warning", "warn", "error", "notice", "with", "and", "at", "the", "for", "has", "now",
    "current", "currently", "running", "avg", "average", "averaged", "mean", "smoothed", "final", "last",
    "epoch", "step", "iter", "iteration", "batch", "finished", "done", "completed",
})  # fmt: skip
_WORDS_AFTER: Final = ("_is", "_was", "_became", "_of", "_equals", "_at")


class NamedValue(NamedTuple):
    """A value in a line.

    Attributes:
        name: its name in lower case with underscores: `Tokens/sec` is `tokens_sec`.
        value: the number; NaN and infinity as they are.
        is_validation: whether the words before it say that it belongs to a validation.
    """

    name: str
    value: float
    is_validation: bool


def parse_number(text: str) -> float | None:
    """Return the number that a text consists of, or None."""
    text = text.strip().strip("'\"")
    wrapped = _WRAPPED.fullmatch(text)
    text = wrapped[1] if wrapped else text
    return _to_number(text) if _NUMBER.fullmatch(text) else None


def parse_captured(text: str) -> float | None:
    """Return the number that a pattern captured, with punctuation, a unit or a scale such as `12.5k`."""
    match = _CAPTURED.fullmatch(text)
    return _to_number(match["number"], match["scale"]) if match else parse_number(text)


def _to_number(text: str, scale: str | None = None) -> float:
    return float(text.replace(",", "").replace("_", "")) * _SCALES.get(scale or "", 1.0)


def complete_number(line: str, start: int, end: int) -> str:
    """Return what a pattern captured, with the rest of a number that it cut: `2.0` of `2.0e-05` or `2.0k`."""
    captured = line[start:end]
    first = len(captured) - len(captured.lstrip())
    number = _SCALED.match(line, start + first)
    return number[0] if number is not None and number.end() > end else captured


def unwrap_numbers(line: str) -> str:
    """Return a line with `np.float64(1.25)` and `tensor(1.25, device='cuda:0')` as `1.25`."""
    return _WRAPPED.sub(r"\1", line) if "(" in line else line


def join_thousands(line: str) -> str:
    """Return a line with `12,345.6` as `12345.6`."""
    return _THOUSANDS.sub(lambda match: match[0].replace(",", ""), line)


def find_rank(line: str) -> int:
    """Return the rank that the prefix of a line names; 0 if it names none."""
    match = _RANK.search(line, 0, _RANK_WITHIN)
    return int(next(filter(None, match.groups()))) if match else 0


def find_values(line: str) -> list[NamedValue]:
    """Return the named values in a line, in their order."""
    line = unwrap_numbers(line)
    values = []
    mentions_validation = _VALIDATION.search(line) is not None
    for match in _PAIR.finditer(line):
        number = _to_number(match["value"], match["scale"])
        is_validation = mentions_validation and _is_validation(line[: match.start()])
        values.append(NamedValue(normalize_name(match["name"]), number, is_validation))
    return values


def _is_validation(before: str) -> bool:
    """Return whether the words before a value say that it belongs to a validation."""
    return _VALIDATION.search(before) is not None and _TRAINING.search(before) is None


def normalize_name(name: str) -> str:
    """Return a name in lower case with underscores, without words such as `INFO`, `average` or `is`."""
    name = _SEPARATORS.sub("_", _UNIT.sub(r" \1", name).lower()).strip("_")
    words = name.split("_")
    while len(words) > 1 and words[0] in _WORDS_BEFORE:
        words = words[1:]
    name = "_".join(words)
    for word in _WORDS_AFTER:
        name = name.removesuffix(word)
    return name
