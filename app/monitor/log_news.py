"""Whether a log says something new: a line that only repeats, such as a heartbeat, is not progress."""

import re
from collections import deque
from pathlib import Path
from typing import Final

from app.monitor.sanitize import clean_line
from app.monitor.tails import FileTail

_CHUNK: Final = 64 << 10
_KNOWN_LINES: Final = 256
_LONGEST_LINE: Final = 500
_LINE_ENDS: Final = re.compile(rb"[\r\n]+")
# Parts in which two heartbeats differ: dates, times of day and durations.
_TIMES: Final = re.compile(
    r"\d{4}-\d\d-\d\d[T ]?|\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?|\b1[5-9]\d{8}(?:\.\d+)?\b"
    r"|\b\d+(?:\.\d+)? ?(?:ms|s|secs?|seconds?|m|mins?|minutes?|h|hours?)\b",
    re.IGNORECASE,
)
_HEARTBEAT: Final = re.compile(
    r"heart ?beat|keep[- ]?alive|\balive\b|still (?:running|working|waiting)|\bwaiting\b|\bping\b|\bidle\b"
    r"|\bpolling\b|\bretry",
    re.IGNORECASE,
)


def simplify_line(line: str) -> str:
    """Return a line without times; of a heartbeat, also without its counters."""
    text = _TIMES.sub("", line[:_LONGEST_LINE])
    return re.sub(r"\d+", "", text) if _HEARTBEAT.search(text) else text


class LogNews:
    """Follows a log, and tells new lines from repetitions of the last ones."""

    def __init__(self, path: Path) -> None:
        self._file = FileTail(path)
        self._recent_lines: deque[str] = deque(maxlen=_KNOWN_LINES)

    def poll(self) -> bool:
        """Read what was added since the last call; return whether any of it is new.

        Text without a line end is new, because programs print dots for progress.
        """
        data, restarted = self._file.read(most_behind=_CHUNK)
        self._file.offset += len(data)
        *lines, rest = _LINE_ENDS.split(data)
        has_news = restarted or bool(rest)
        for raw in filter(None, lines):
            line = simplify_line(clean_line(raw))
            if line not in self._recent_lines:
                self._recent_lines.append(line)
                has_news = True
        return has_news
