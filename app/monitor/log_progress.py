"""Progress in a log: the plan's pattern, `step 50/21400`, or the bars of tqdm, rich and Keras."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import regex

from app.monitor.bounded_pattern import BoundedPattern
from app.monitor.log_numbers import join_thousands, parse_number

_COUNT: Final = r"\d[\d,]*(?:\.\d+)?[kMGT]?"
_STEP: Final = re.compile(
    r"(?<![\w/])(?:(?:global[ _])?step|iter(?:ation)?|batch|update|sample)(?:s|es)?(?:/max_steps)?['\"]?"
    r"[ \t]*[:=#(\[]*[ \t]*['\"]?(?P<done>\d[\d,]*)[ \t]*(?:/|of)[ \t]*(?P<total>\d[\d,]*)"
    r"(?![\d.]*[a-zA-Z/])",
    re.IGNORECASE,
)
# Each alternative begins with a letter or sign that is rare in logs, so that it is found fast.
_FRACTION: Final = re.compile(r"/[ \t]*\d|of[ \t]*\d|it[ \t]+\[")
_BARS: Final = (
    re.compile(rf"\d{{1,3}}%\|[^|]*\|[ \t]*(?P<done>{_COUNT})/(?P<total>{_COUNT})(?=[ \t]*(?:\[|$))"),
    re.compile(r"[━╸╺─]{3,}[ \t]*(?:\d{1,3}%[ \t]*)?(?P<done>\d+)/(?P<total>\d+)"),
    re.compile(r"^[ \t]*(?P<done>\d+)/(?P<total>\d+)[ \t]+[\[━]"),
    re.compile(rf"(?<![\w/])(?P<done>{_COUNT})/(?P<total>{_COUNT})[ \t]*\[\d+:\d\d"),
    re.compile(
        rf"^[ \t]*(?:\d{{1,3}}%\|?[ \t]*)?(?P<done>{_COUNT})/(?P<total>{_COUNT})(?:[ \t]*$|[ \t]+\d+:\d\d)"
    ),
    re.compile(r"(?i)\bepoch.*\[[ \t]*(?P<done>\d+)/(?P<total>\d+)(?:[ \t]*\(\d+%\))?\]"),
    re.compile(rf"(?<!\S)(?P<done>{_COUNT})(?P<total>)it[ \t]+\[\d+:\d"),
)
_DOWNLOAD: Final = re.compile(r"\d[kKMGT]?i?B/s|\bB/s")
# Bars of the preparation say nothing about the progress of a phase once they are complete.
_PREPARATION: Final = re.compile(
    r"map|filter|tokeni|generating|creating|processing|pack|convert|adding|applying|truncat|format|building|"
    r"casting|extracting|resolving|calculating|preprocess|capturing|compil|quantiz|flatten|group|dropping|"
    r"removing|shuffl|(?:train|eval|test) dataset",
    re.IGNORECASE,
)
# These never are: they are short, or nested in a training.
_NESTED: Final = re.compile(
    r"loading|fetching|download|sanity|validat|evaluat|\b(?:val|valid|eval)\b|safetensors|\.bin\b|\.json\b|upload|inference|"
    r"saving|writing",
    re.IGNORECASE,
)
_STALE_UPDATES: Final = 1000
_MAX_BARS: Final = 100
_SCALES: Final = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


class Count(NamedTuple):
    """The units that are done; `total` is None if it is unknown."""

    done: float
    total: float | None
    unit: str = "steps"


class _Bar(NamedTuple):
    state: Count
    update: int
    is_preparation: bool


class ProgressFinder:
    """Finds the progress of a phase in its log, line by line.

    A plan's or preset's pattern counts alone. Otherwise a line such as `step 50/21400` counts, and then the
    first bar that is not complete: the outermost, of which the others are a part.

    Attributes:
        count: the last progress, or None.
        is_line: whether the last line had this progress.
        is_preparing: whether the last progress is that of a bar of the preparation, such as tokenizing.
    """

    def __init__(self, patterns: Sequence[str] = (), total: str = "") -> None:
        """Find progress by patterns with two groups, units done and in total.

        Args:
            patterns: regular expressions; with one group it is the units done.
            total: regular expression of a line that names the total once.
        """
        self.patterns = tuple(BoundedPattern(text) for text in patterns)
        self._total_pattern = BoundedPattern(total) if total else None
        self._total: float | None = None
        self._bars: dict[tuple[str, float | None], _Bar] = {}
        self._updates = 0
        self._has_steps = False
        self.count: Count | None = None
        self.is_line = False
        self.is_preparing = False

    def read(self, line: str) -> None:
        """Read a line."""
        self.is_line = False
        count = self._read_patterns(line) if self.patterns else self._read_usual(line)
        if count is not None:
            self.count, self.is_line = count, True

    def _read_patterns(self, line: str) -> Count | None:
        if self._total_pattern is not None and (match := self._total_pattern.search(line)):
            self._total = parse_number(match[1])
        for pattern in self.patterns:
            if match := self._search(pattern, line):
                line = match.string
                numbers = [parse_number(group) for group in match.groups() if group is not None]
                total = numbers[1] if len(numbers) > 1 else self._total
                if len(numbers) == 1 and line[match.end(1) : match.end(1) + 1] == "%":
                    return None if numbers[0] is None else Count(numbers[0], 100.0, "%")
                if numbers and numbers[0] is not None:
                    return Count(numbers[0], total or None)
        return None

    @staticmethod
    def _search(pattern: BoundedPattern, line: str) -> "regex.Match[str] | None":
        """Return the match in a line, or in the line without thousands separators."""
        match = pattern.search(line)
        joined = join_thousands(line)
        return match if match or joined == line else pattern.search(joined)

    def _read_usual(self, line: str) -> Count | None:
        if _FRACTION.search(line) is None:  # This spares most lines the other searches.
            return None
        if match := _STEP.search(line):
            self._has_steps, self.is_preparing = True, False
            return Count(_to_number(match["done"]), _to_number(match["total"]) or None)
        return None if self._has_steps else self._read_bar(line)

    def _read_bar(self, line: str) -> Count | None:
        matches = (pattern.search(line) for pattern in _BARS)
        match = next((match for match in matches if match), None)
        if match is None or _DOWNLOAD.search(line, match.end()):
            return None
        title = re.sub(r"[\d.]+", "", line[: match.start()]).strip()
        if _NESTED.search(title):
            return None
        count = Count(_to_number(match["done"]), _to_number(match["total"]) if match["total"] else None)
        key = (_find_words(title), count.total)
        self._updates += 1
        # A bar keeps its place in the order, which is that of the first updates.
        self._bars[key] = _Bar(count, self._updates, _PREPARATION.search(title) is not None)
        if len(self._bars) > _MAX_BARS:
            del self._bars[next(iter(self._bars))]
        chosen = self._choose_bar()
        if chosen is None:
            self.count = None
            return None
        self.is_preparing = chosen.is_preparation
        return chosen.state if chosen.update == self._updates else None

    def _choose_bar(self) -> _Bar | None:
        """Return the first incomplete bar that still moves, or else the last complete one of the phase."""
        for bar in self._bars.values():
            is_complete = bar.state.total is not None and bar.state.done >= bar.state.total
            if not is_complete and self._updates - bar.update < _STALE_UPDATES:
                return bar
        complete = [bar for bar in self._bars.values() if not bar.is_preparation]
        return max(complete, key=lambda bar: bar.update, default=None)


def _find_words(title: str) -> str:
    """Return the words of a bar's title; values in it change from line to line."""
    return " ".join(re.findall(r"[A-Za-z]{2,}", title))[:60]


def _to_number(text: str) -> float:
    scale = _SCALES.get(text[-1:], 1.0)
    return float(text.rstrip("kMGT").replace(",", "")) * scale
