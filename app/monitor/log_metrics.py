"""The numbers that a plan's regular expressions find in the log of a command."""

import math
import re
from collections.abc import Mapping
from pathlib import Path

from app.monitor.files import LONGEST_LOG_LINE, FileTail
from app.monitor.sanitize import clean_line
from app.monitor.series import SeriesBuilder


class LogMetrics:
    """Follows a log and collects the numbers in it.

    Each pattern has one group, the number. A newline or a carriage return ends a line. The step of a number
    is the count of numbers that its pattern found before.

    Attributes:
        series: the numbers of each pattern, by name.
    """

    def __init__(self, path: Path, patterns: Mapping[str, str]) -> None:
        self._file = FileTail(path)
        self._patterns = {name: re.compile(pattern) for name, pattern in patterns.items()}
        self._reset()

    def _reset(self) -> None:
        self._first: dict[str, float | None] = {}
        self._last: dict[str, float | None] = {}
        self._count = dict.fromkeys(self._patterns, 0)
        self.series: dict[str, SeriesBuilder] = {}

    def poll(self) -> bool:
        """Read the next chunk; return whether anything was new."""
        before = self._file.offset
        lines, _, restarted = self._file.read_lines(b"\n\r")
        if restarted:
            self._reset()
        for raw in lines:
            line = clean_line(raw[:LONGEST_LOG_LINE])
            for name, pattern in self._patterns.items():
                match = pattern.search(line)
                if match:
                    self._add(name, match[1])
        return restarted or self._file.offset != before

    def _add(self, name: str, text: str | None) -> None:
        try:
            number = float(text or "")
        except ValueError:
            return
        value = number if math.isfinite(number) else None
        self._first.setdefault(name, value)
        self._last[name] = value
        self.series.setdefault(name, SeriesBuilder(name)).add(self._count[name], value)
        self._count[name] += 1

    def results(self) -> dict[str, float | None]:
        """Return the last number of each name, and its first as `first_<name>`; None for NaN and infinity."""
        return self._last | {f"first_{name}": value for name, value in self._first.items()}


def read_log_metrics(path: Path, patterns: Mapping[str, str]) -> LogMetrics:
    """Return the numbers of a log, read to its end."""
    metrics = LogMetrics(path, patterns)
    if patterns:
        while metrics.poll():
            pass
    return metrics
