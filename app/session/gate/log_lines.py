"""Lines of a log without the prefixes of launchers, loggers and containers, which name the stream."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

TRACEBACK: Final = "Traceback (most recent call last)"
_PREFIX: Final = re.compile(
    r"^(?:\x20*(?:\[(?:rank|default)[ :=]?\d+\]:?|\(\w[\w .=-]* pid=[^)]*\)"
    r"|std(?:err|out):|\[\d+,\d+\]<std\w+>:?"
    r"|(?:ERROR|WARNING|INFO|CRITICAL) \d\d-\d\d \d\d:\d\d:\d\d \[[\w./]+:\d+\]))+\x20?"
)
_STREAM: Final = re.compile(r"\[(rank|default)[ :=]?(\d+)\]|\((\w[\w .=-]* pid=\d+)|\[\d+,(\d+)\]<")
# A prefix of any other kind is learnt from the lines in which it precedes the header of a traceback.
_BEFORE_TRACEBACK: Final = re.compile(rf"(?P<prefix>.{{0,120}}?\w.{{0,120}}?){re.escape(TRACEBACK)}:?\W*$")
_GROUP: Final = "Exception Group " + TRACEBACK
_GROUP_PREFIX: Final = r"(?:\x20*\|)+\x20?"
_NO_PREFIX: Final = re.compile(r"Exception Group $|\btraceback\s*:\s*$")
_NUMBERS: Final = re.compile(r"\d+")
_TIMES: Final = re.compile(r"\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d(?:[.,]\d+)?")
_RANK: Final = re.compile(r"rank \d+$")
_MAX_PREFIXES: Final = 16
_MIN_LINES_OF_STREAM: Final = 3


class Line(NamedTuple):
    """A line without its prefix; `stream` is `rank 3`, the name of a process, or "" if it names none."""

    number: int
    stream: str
    text: str


def split_lines(raw_lines: Sequence[str]) -> list[Line]:
    """Return the lines of a log that are not empty, each with its number and stream."""
    raw = [(number, line) for number, line in enumerate(raw_lines) if line.strip()]
    prefix = _learn_prefixes(line for _, line in raw)
    parts = [_split_line(number, line, prefix) for number, line in raw]
    # Numbers of lines are not streams.
    lengths = Counter(line.stream for line in parts)
    return [
        line
        if lengths[line.stream] >= _MIN_LINES_OF_STREAM or _RANK.match(line.stream)
        else line._replace(stream="")
        for line in parts
    ]


def _learn_prefixes(lines: Iterable[str]) -> re.Pattern[str] | None:
    """Return an expression of the prefixes before tracebacks, with any numbers in them, or None."""
    learned: dict[str, None] = {}
    for line in lines:
        if _GROUP in line:
            learned[_GROUP_PREFIX] = None
        match = _BEFORE_TRACEBACK.match(line) if TRACEBACK in line else None
        if match and not _NO_PREFIX.search(match["prefix"]) and len(learned) < _MAX_PREFIXES:
            parts = map(re.escape, _NUMBERS.split(match["prefix"]))
            learned[r"\d+".join(parts)] = None
    return re.compile("|".join(learned)) if learned else None


def _split_line(number: int, line: str, learned: re.Pattern[str] | None) -> Line:
    before = _PREFIX.match(line)
    if before is None:
        before = learned.match(line) if learned else None
        if before is None:
            return Line(number, "", line)
        rest = line[before.end() :]
        return Line(number, _name_stream(before[0]) or _TIMES.sub("", before[0]).strip(), rest)
    return Line(number, _name_stream(before[0]), line[before.end() :])


def _name_stream(prefix: str) -> str:
    match = _STREAM.search(prefix)
    if match is None:
        return ""
    rank = match[2] or match[4]
    return f"rank {rank}" if rank else match[3]
