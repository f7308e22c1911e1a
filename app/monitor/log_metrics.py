"""The one reader of a log: metrics, progress, values that are not finite, and patterns that find nothing.

The conductor, the screens, the gate and the report use it, so that all of them see the same values.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from app.monitor.bounded_pattern import BoundedPattern
from app.monitor.finiteness import FinitenessWatch, NotFinite, is_loss_or_gradient
from app.monitor.log_format import LogFormat
from app.monitor.log_numbers import (
    NamedValue,
    complete_number,
    find_rank,
    find_values,
    join_thousands,
    parse_captured,
    unwrap_numbers,
)
from app.monitor.log_progress import ProgressFinder
from app.monitor.pace import Pace, ProgressView
from app.monitor.sanitize import clean_line
from app.monitor.series import SeriesBuilder
from app.monitor.tails import CHUNK, LONGEST_LOG_LINE, FileTail
from app.monitor.trainers import PRESETS, Preset

_NOT_FINITE: Final = re.compile(r"(?<![\w.])[-+]?(?:nan|inf(?:inity)?)(?![\w])", re.IGNORECASE)
_WATCHED: Final = re.compile(r"loss|norm", re.IGNORECASE)
_STEP: Final = re.compile(
    r"(?<![\w/])(?:global[ _])?(?:step|iter(?:ation)?)s?['\"]?[ \t]*[:=#]?[ \t]*(\d+)\b", re.IGNORECASE
)
# A pattern without a match is suspicious after this number of values of other metrics, or after this share of
# the steps, because trainers may log every 500 steps only.
_ENOUGH_VALUES: Final = 5
_ENOUGH_STEPS: Final = 20
_ENOUGH_SHARE: Final = 0.25
_ENOUGH_LINES: Final = 500
_LineValues = dict[str, tuple[float, str]]
"""The values in a line, each with its name there, by metric."""


class LogMetrics:
    """Follows a log and collects what its format describes.

    A newline or a carriage return ends a line. If lines name their rank, those of the lowest one count.
    The step of a value is the last progress, or else a count of values that all metrics share, so that values
    which are logged at different intervals are drawn next to those of the same time.

    Attributes:
        series: the values of each metric, by name.
        has_steps: whether the log has the step of a value; otherwise values are counted.
        lines: the number of lines read, without those of progress.
    """

    def __init__(
        self, path: Path, log_format: LogFormat, *, chunk: int = CHUNK, most_behind: int | None = None
    ) -> None:
        """Follow a log from its start, or from at most `most_behind` bytes before its end."""
        self._file = FileTail(path, chunk)
        self._most_behind = most_behind
        self._format = log_format
        self._preset: Preset | None = PRESETS.get(log_format.preset)
        self._patterns = {name: BoundedPattern(text) for name, text in log_format.patterns.items()}
        self._reset()

    def _reset(self) -> None:
        progress: tuple[str, ...] = (self._format.progress,) if self._format.progress else ()
        total = ""
        if self._preset is not None and not progress:
            progress, total = self._preset.progress, self._preset.total
        self._progress_finder = ProgressFinder(progress, total)
        self._progress_at = 0.0
        self._pace = Pace()
        self._watch = FinitenessWatch()
        self._rank: int | None = None
        self._whole_names: set[str] = set()
        self.lines = 0
        self._reset_values()

    def _reset_values(self) -> None:
        self._first: dict[str, float | None] = {}
        self._last: dict[str, float | None] = {}
        self._last_step: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self.series: dict[str, SeriesBuilder] = {}
        self.has_steps = False

    def poll(self) -> bool:
        """Read the next chunk; return whether anything was new."""
        before = self._file.offset
        lines, _, restarted = self._file.read_lines(b"\n\r", most_behind=self._most_behind)
        if restarted:
            self._reset()
        for raw in lines:
            self.read_line(clean_line(raw[:LONGEST_LOG_LINE]))
        return restarted or self._file.offset != before

    def finish(self) -> None:
        """Read to the end of a log that no longer grows; its last line may lack a newline."""
        while self.poll():
            pass
        rest, _ = self._file.read()
        if rest and not self._file.is_skipping:
            self._file.offset += len(rest)
            self.read_line(clean_line(rest[:LONGEST_LOG_LINE]))

    @property
    def progress(self) -> ProgressView | None:
        """The last progress with its rates."""
        count = self._progress_finder.count
        if count is None:
            return None
        return self._pace.measure(ProgressView(count.done, count.total, count.unit, self._progress_at))

    @property
    def last_values(self) -> dict[str, float | None]:
        """The last number of each name; None for NaN and infinity."""
        return dict(self._last)

    def results(self) -> dict[str, float | None]:
        """Return the last number of each name, and its first as `first_<name>`; None for NaN and infinity."""
        return self._last | {f"first_{name}": value for name, value in self._first.items()}

    def find_not_finite(self) -> tuple[NotFinite, ...]:
        """Return the metrics, losses and gradients that were not finite at times, causes first."""
        return self._watch.list_findings()

    def find_slow_patterns(self) -> list[str]:
        """Return the names of the patterns that were switched off because they took too long."""
        slow = [name for name, pattern in self._patterns.items() if pattern.is_off]
        return slow + ["progress" for pattern in self._progress_finder.patterns if pattern.is_off]

    def find_unmatched(self) -> list[str]:
        """Return the patterns that have matched nothing, or the preset if none of its metrics has a value."""
        if self._preset is not None:
            return [] if self.counts else [self._format.preset]
        unmatched = [name for name in self._patterns if name not in self.counts]
        if self._format.progress and self._progress_finder.count is None:
            unmatched.append("progress")
        return unmatched

    def has_enough_to_match(self) -> bool:
        """Return whether the log is far enough that each pattern should have matched."""
        count = self._progress_finder.count
        has_advanced = (
            count is not None
            and count.total is not None
            and not self._progress_finder.is_preparing
            and count.done >= max(_ENOUGH_STEPS, _ENOUGH_SHARE * count.total)
        )
        has_values = max(self.counts.values(), default=0) >= _ENOUGH_VALUES
        return has_advanced or has_values or self.lines >= _ENOUGH_LINES

    def read_line(self, line: str) -> None:
        """Read a complete line."""
        if not line or line.isspace():
            return
        self._progress_finder.read(line)
        self.lines += not self._progress_finder.is_line
        if self._progress_finder.is_line and self._progress_finder.count is not None:
            self._progress_at = self._file.modified
            self._pace.add(self._progress_at, self._progress_finder.count.done)
        is_watched = self._watch.has_findings or _has_not_finite(line)
        named_values = find_values(line) if self._preset or (is_watched and _WATCHED.search(line)) else []
        line_values = self._match_preset(named_values) if self._preset else self._match_patterns(line)
        if not named_values and not line_values:
            return
        self._watch_values(line, named_values, line_values)
        if line_values and self._accept_rank(line):
            line_step = _find_step(line)
            for metric, (value, _) in line_values.items():
                self._add(metric, value, line_step)

    def _watch_values(self, line: str, named_values: list[NamedValue], line_values: _LineValues) -> None:
        rank = find_rank(line)
        for metric, (value, _) in line_values.items():
            self._watch.add(metric, value, line, rank)
        sources = {source for _, source in line_values.values()} | line_values.keys()
        for each in named_values:
            if each.name not in sources and is_loss_or_gradient(each.name):
                self._watch.add(each.name, each.value, line, rank)

    def _accept_rank(self, line: str) -> bool:
        """Return whether the line is from the lowest rank seen, and drop the values of a higher one."""
        rank = find_rank(line)
        if self._rank is not None and rank < self._rank:
            self._reset_values()
        self._rank = rank if self._rank is None else min(rank, self._rank)
        return rank == self._rank

    def _match_preset(self, named_values: list[NamedValue]) -> _LineValues:
        assert self._preset is not None
        training = {value.name: value.value for value in named_values if not value.is_validation}
        validation = {value.name: value.value for value in named_values if value.is_validation}
        line_values: _LineValues = {}
        for metric, names in self._preset.metrics.items():
            values = training | validation if metric.startswith("val") else training
            _take_first(line_values, metric, names, values)
        for metric, names in self._preset.validation.items():
            _take_first(line_values, metric, names, validation)
        return line_values

    def _match_patterns(self, line: str) -> _LineValues:
        variants = _vary_line(line) if self._patterns else ()
        line_values: _LineValues = {}
        for metric, pattern in self._patterns.items():
            for variant in variants:
                value = self._search(metric, pattern, variant)
                if value is not None:
                    line_values[metric] = value, metric
                    break
        return line_values

    def _search(self, metric: str, pattern: BoundedPattern, variant: "_Variant") -> float | None:
        """Return the number of the first match that does not begin inside a word, or else of any match.

        So `loss: ...` is the loss in `bbox_loss: 0.3, loss: 1.9`, but that of `train_loss: 1.9` as well.
        """
        within: float | None = None
        start = 0
        while match := pattern.search(variant.text, start):
            value = variant.read_number(match.start(1), match.end(1))
            if not _begins_within_word(variant.text, match.start()):
                if value is not None:
                    self._whole_names.add(metric)
                return value
            within = value if within is None else within
            start = max(match.end(), match.start() + 1)
        return None if metric in self._whole_names else within

    def _add(self, metric: str, number: float, line_step: float | None) -> None:
        value = number if math.isfinite(number) else None
        count = self._progress_finder.count
        last_step = self._last_step.get(metric, -1.0)
        step = count.done if count is not None else line_step
        self.has_steps = self.has_steps or step is not None
        if step is None or step < last_step:
            step = max(last_step + 1, max(self._last_step.values(), default=0.0))
        if self._progress_finder.is_line and step == last_step and value == self._last.get(metric):
            return  # A bar that is drawn again repeats its values.
        self._last_step[metric] = step
        self._first.setdefault(metric, value)
        self._last[metric] = value
        self.counts[metric] = self.counts.get(metric, 0) + 1
        self.series.setdefault(metric, SeriesBuilder(metric)).add(step, value)


class _Variant(NamedTuple):
    """A line as patterns see it; at the positions in `not_finite`, a 0 replaces NaN or infinity."""

    text: str
    not_finite: tuple[tuple[int, int], ...] = ()

    def read_number(self, start: int, end: int) -> float | None:
        """Return the number that a pattern captured, or None if it captured none."""
        if any(start < last and first < end for first, last in self.not_finite):
            return math.nan
        return parse_captured(complete_number(self.text, start, end)) if start >= 0 else None


def _has_not_finite(line: str) -> bool:
    lower = line.lower()  # Searching for plain text spares most lines the expression.
    return ("nan" in lower or "inf" in lower) and _NOT_FINITE.search(line) is not None


def _vary_line(line: str) -> list[_Variant]:
    """Return the distinct variants of a line: without wrappers and NaN, unchanged, without separators."""
    plain = unwrap_numbers(line)
    parts, spans, last, length = [], [], 0, 0
    for match in _NOT_FINITE.finditer(plain):
        parts += [plain[last : match.start()], "0"]
        length += match.start() - last + 1
        spans.append((length - 1, length))
        last = match.end()
    text = "".join([*parts, plain[last:]])
    others = dict.fromkeys((line, join_thousands(line)))
    return [_Variant(text, tuple(spans)), *(_Variant(other) for other in others if other != text)]


def _take_first(
    line_values: _LineValues, metric: str, names: tuple[str, ...], values: Mapping[str, float]
) -> None:
    """Add the first of a metric's names that a line has."""
    name = next((name for name in names if name in values), None)
    if name is not None and metric not in line_values:
        line_values[metric] = values[name], name


def _find_step(line: str) -> float | None:
    """Return the number of the step that a line names."""
    match = _STEP.search(line)
    return float(match[1]) if match else None


def _begins_within_word(text: str, start: int) -> bool:
    """Return whether the character at `start` continues a word or a path."""
    return start > 0 and (text[start - 1].isalnum() or text[start - 1] in "_/") and text[start].isalnum()


def read_log(path: Path, log_format: LogFormat) -> LogMetrics:
    """Return the metrics of a log that no longer grows."""
    log = LogMetrics(path, log_format)
    log.finish()
    return log


def describe_unmatched(name: str) -> str:
    """Return that a pattern or preset has matched nothing, and what to do."""
    what = f"the preset {name}" if name in PRESETS else f"the pattern of {name}"
    return (
        f"{what} has matched nothing in the log so far. Unless it only matches at the end, try it with "
        "`gonogo check --log output.log`"
    )
