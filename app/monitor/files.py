"""Following a phase's files by byte offset: its log, its progress, the numbers in its log.

A tail reads a bounded number of bytes a poll and keeps a bounded number of records, whatever the size of the
file and of its lines. A line without its end is not there yet and is read again; a file that was cut or
replaced is read from its start.
"""

import math
import os
import re
import stat
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec

from app.monitor.sanitize import clean_line, clean_text
from app.session.snapshot import MachineSample, ProgressView
from phases.contract.protocol import Artifact, Line, MetricPoint, Notice, Progress, Sample, standard_json

CHUNK = 1 << 20
_LONGEST_LOG_LINE = 8192
_LONGEST_TEXT = 8000
_LONGEST_NAME = 100
_MOST_NAMES = 64
_MOST_TEXTS = 16
_RATE_SECONDS = 180.0
_RATE_POINTS = 600
_LINE_END = re.compile(rb"\r?\n|\r")

Mask = Callable[[bytes], bytes]
"""What takes secrets out of whole lines."""


def unmasked(data: bytes) -> bytes:
    """Return the same."""
    return data


class _File:
    """A growing file: reads from an offset and notices when the file is not the one it was."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self.skipping = False  # inside a line that is too long: nothing counts until its end
        self._inode: int | None = None

    def read(self, *, behind: int | None = None) -> tuple[bytes, bool]:
        """Return at most `CHUNK` bytes from the offset, and whether the file began anew.

        With `behind`, a reader that is farther than that from the end goes on that far from it.
        """
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return b"", False
        try:
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode):
                return b"", False
            anew = self._inode is not None and (about.st_ino != self._inode or about.st_size < self.offset)
            self._inode = about.st_ino
            if anew:
                self.offset, self.skipping = 0, False
            if behind is not None and about.st_size - self.offset > behind:
                self.offset, self.skipping = about.st_size - behind, True
            return os.pread(descriptor, CHUNK, self.offset), anew
        finally:
            os.close(descriptor)

    def whole_lines(self, ends: bytes = b"\n", *, behind: int | None = None) -> tuple[list[bytes], int, bool]:
        """Return the next whole lines, how many were too long to read, and whether the file began anew."""
        data, anew = self.read(behind=behind)
        end = max(data.rfind(ends[i : i + 1]) for i in range(len(ends))) + 1
        if end == 0:
            overlong = len(data) == CHUNK
            new = overlong and not self.skipping
            if overlong:
                self.offset, self.skipping = self.offset + len(data), True
            return [], int(new), anew
        self.offset += end
        lines = re.split(b"[" + ends + b"]", data[: end - 1])
        if self.skipping:
            self.skipping = False
            lines = lines[1:]
        return lines, 0, anew


class LogTail:
    """The last lines of a log as a terminal would show them, from the end backwards as far as they are kept.

    Attributes:
        lines: the last whole lines.
        first: the number of `lines[0]`, counting those that this tail has read from 0.
        partial: what there is of the line that has not ended.
        skipped: whether the start of the log, or a part of it, was passed over.
    """

    def __init__(self, path: Path, most: int = 5000, mask: Mask = unmasked) -> None:
        self._mask = mask
        self.lines: deque[str] = deque(maxlen=most)
        self.first = 0
        self.partial = ""
        self.skipped = False
        self._file = _File(path)

    def poll(self) -> bool:
        """Read on; False when there was nothing new."""
        file, before = self._file, (self._file.offset, self.partial)
        data, anew = file.read(behind=CHUNK)
        if anew:
            self.first += len(self.lines)
            self.lines.clear()
        if file.skipping:
            self.skipped = True
            end = _LINE_END.search(data)
            file.skipping = end is None
            passed = len(data) if end is None else end.end()
            file.offset += passed
            data = data[passed:]
        whole, _, rest = data.rpartition(b"\n")
        file.offset += len(data) - len(rest)
        if len(rest) < len(data):
            self._add(self._mask(whole).split(b"\n"))
        self._unfinished(rest)
        return anew or (file.offset, self.partial) != before

    def _add(self, raw: Sequence[bytes]) -> None:
        most = self.lines.maxlen or 0
        self.first += max(0, len(self.lines) + len(raw) - most)
        self.lines.extend(_log_line(line) for line in islice(raw, max(0, len(raw) - most), None))

    def _unfinished(self, rest: bytes) -> None:
        """Show the line that has not ended; pass over what is too long to be read again each time."""
        shown = self._mask(rest)
        self.partial = _log_line(shown)
        if len(rest) > _LONGEST_LOG_LINE:
            rewritten = rest.rfind(b"\r", 0, -1) + 1
            if rewritten == 0:
                self._add([shown])
                self._file.skipping, self.partial = True, ""
            self._file.offset += rewritten or len(rest)


def _log_line(raw: bytes) -> str:
    """Return a line of a log; of one that is too long, what was written last or else its start."""
    if len(raw) > _LONGEST_LOG_LINE:
        raw = raw[raw.rfind(b"\r", 0, -1) + 1 :]
    return clean_line(raw[:_LONGEST_LOG_LINE]) + (" …" if len(raw) > _LONGEST_LOG_LINE else "")


class Series(Protocol):
    """What collects the values of one metric, and bounds itself."""

    def add(self, step: float, value: float | None) -> None:
        """Take a value at a step; None is a gap."""


S = TypeVar("S", bound=Series)


class ProgressTail(Generic[S]):
    """What a phase has reported: bad lines are counted and passed over, texts are cleaned.

    With `behind`, what is farther than that from the end of the file is passed over too.

    Attributes:
        series: what `new_series` made for each metric, by name.
        samples, notices, artifacts: the last of each; of several artifacts of one path, the last.
        bad: how many lines were none of the protocol.
    """

    def __init__(
        self,
        path: Path,
        new_series: Callable[[str], S] | None = None,
        *,
        most: int = 200,
        mask: Mask = unmasked,
        behind: int | None = None,
    ) -> None:
        self._behind = behind
        self._file = _File(path)
        self._mask = mask
        self._decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)
        self._new_series = new_series
        self._most = most
        self._begin()

    def _begin(self) -> None:
        self.series: dict[str, S] = {}
        self.samples: deque[Sample] = deque(maxlen=self._most)
        self.notices: deque[Notice] = deque(maxlen=self._most)
        self.artifacts: dict[str, Artifact] = {}
        self.bad = 0
        self._progress: Progress | None = None
        self._first = (0.0, 0.0)
        self._pace: deque[tuple[float, float]] = deque(maxlen=_RATE_POINTS)

    @property
    def progress(self) -> ProgressView | None:
        """The last progress, with its rates."""
        last = self._progress
        if last is None:
            return None
        view = ProgressView(last.done, last.total, last.unit, last.time)
        if not self._pace:
            return view
        return msgspec.structs.replace(
            view,
            rate=_rate(self._pace[0], (last.time, last.done)),
            average=_rate(self._first, (last.time, last.done)),
            since=self._first[0],
        )

    def poll(self) -> bool:
        """Read on, a chunk at most; False when there was nothing new."""
        before = self._file.offset
        lines, overlong, anew = self._file.whole_lines(behind=self._behind)
        if anew:
            self._begin()
        self.bad += overlong
        for line in self._decoded(self._mask(b"\n".join(lines)).split(b"\n")):
            self._take(line)
        return anew or self._file.offset != before

    def _decoded(self, lines: Sequence[bytes]) -> list[Line]:
        try:
            return self._decoder.decode_lines(b"\n".join(lines))
        except (ValueError, RecursionError):  # a line is bad: find out which
            good = []
            for line in filter(bytes.strip, lines):
                try:
                    good.append(self._decoder.decode(standard_json(line)))
                except (ValueError, RecursionError):
                    self.bad += 1
            return good

    def _take(self, line: Line) -> None:
        match line:
            case MetricPoint():
                self._add_values(line)
            case Progress():
                self._progress = msgspec.structs.replace(line, unit=clean_text(line.unit, _LONGEST_NAME))
                self._add_pace(line.time, line.done)
            case Sample():
                self.samples.append(_clean_sample(line))
            case Notice():
                self.notices.append(msgspec.structs.replace(line, text=clean_text(line.text, _LONGEST_TEXT)))
            case Artifact():
                path = clean_text(line.path, _LONGEST_TEXT)
                self.artifacts.pop(path, None)
                self.artifacts[path] = msgspec.structs.replace(
                    line, path=path, sha256=clean_text(line.sha256, _LONGEST_NAME)
                )
                if len(self.artifacts) > self._most:
                    del self.artifacts[next(iter(self.artifacts))]

    def _add_pace(self, time: float, done: float) -> None:
        """Keep when units were done: what is before the first, as loading, is no pace."""
        if self._pace and (done < self._pace[-1][1] or time < self._pace[-1][0]):
            self._pace.clear()  # begun again, or the clock was set back
        if done <= (self._pace[-1][1] if self._pace else 0.0):
            return
        if not self._pace:
            self._first = (time, done)
        self._pace.append((time, done))
        # The first units may be slow too, as while kernels are compiled for each new shape.
        half = (self._first[1] + done) / 2
        while len(self._pace) > 2 and (  # noqa: PLR2004
            self._pace[0][0] < time - _RATE_SECONDS or self._pace[1][1] <= half
        ):
            self._pace.popleft()

    def _add_values(self, metric: MetricPoint) -> None:
        if self._new_series is None:
            return
        for name, value in metric.values.items():
            series = self.series.get(name)
            if series is None:
                shown = clean_line(name[:_LONGEST_NAME])
                if shown != name or len(self.series) >= _MOST_NAMES:
                    self.bad += 1
                    continue
                series = self.series[name] = self._new_series(name)
            series.add(metric.step, value)


def _rate(first: tuple[float, float], last: tuple[float, float]) -> float | None:
    """Return the units a second; None where there is no time between two reports."""
    return (last[1] - first[1]) / (last[0] - first[0]) if last[0] > first[0] else None


def _clean_sample(sample: Sample) -> Sample:
    texts = {
        clean_text(name, _LONGEST_NAME): clean_text(text, _LONGEST_TEXT)
        for name, text in islice(sample.texts.items(), _MOST_TEXTS)
    }
    return msgspec.structs.replace(sample, title=clean_text(sample.title, _LONGEST_NAME), texts=texts)


class MachineTail:
    """The machine's samples while an attempt ran; lines that are none are passed over."""

    def __init__(self, path: Path) -> None:
        self._file = _File(path)
        self._decoder = msgspec.json.Decoder(MachineSample)

    def poll(self) -> list[MachineSample]:
        """Return the samples of the next chunk; none when there was nothing new."""
        lines, _, _ = self._file.whole_lines()
        found = []
        for line in lines:
            with suppress(ValueError, RecursionError):
                found.append(self._decoder.decode(line))
        return found


class LogMetrics(Generic[S]):
    """The numbers that regular expressions find in a log: for commands that report nothing else.

    Each pattern has one group, the number. A line is what ends in a newline or a carriage return; the step of
    a number is how many its pattern found before it.

    Attributes:
        series: what `new_series` made for each pattern, by name.
    """

    def __init__(
        self, path: Path, patterns: Mapping[str, str], new_series: Callable[[str], S] | None = None
    ) -> None:
        self._file = _File(path)
        self._patterns = {name: re.compile(pattern) for name, pattern in patterns.items()}
        self._new_series = new_series
        self._begin()

    def _begin(self) -> None:
        self._first: dict[str, float | None] = {}
        self._last: dict[str, float | None] = {}
        self._count = dict.fromkeys(self._patterns, 0)
        self.series: dict[str, S] = {}

    def poll(self) -> bool:
        """Read on, a chunk at most; False when there was nothing new."""
        before = self._file.offset
        lines, _, anew = self._file.whole_lines(b"\n\r")
        if anew:
            self._begin()
        for raw in lines:
            line = clean_line(raw[:_LONGEST_LOG_LINE])
            for name, pattern in self._patterns.items():
                match = pattern.search(line)
                if match:
                    self._add(name, match[1])
        return anew or self._file.offset != before

    def _add(self, name: str, text: str | None) -> None:
        try:
            number = float(text or "")
        except ValueError:
            return
        value = number if math.isfinite(number) else None
        self._first.setdefault(name, value)
        self._last[name] = value
        if self._new_series is not None:
            if name not in self.series:
                self.series[name] = self._new_series(name)
            self.series[name].add(self._count[name], value)
        self._count[name] += 1

    def results(self) -> dict[str, float | None]:
        """Return the last number of each name, and as `first_...` its first; None for NaN and infinities."""
        return self._last | {f"first_{name}": value for name, value in self._first.items()}
