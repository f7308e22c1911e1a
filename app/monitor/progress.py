"""Read progress.jsonl: the progress, metrics, samples, notices and artifacts that a phase reports."""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from app.monitor.pace import Pace, ProgressView
from app.monitor.sanitize import clean_line, clean_text
from app.monitor.series import SeriesBuilder
from app.monitor.tails import FileTail, Mask, mask_nothing
from phases.contract.protocol import Artifact, Line, MetricPoint, Notice, Progress, Sample, normalize_json

_MAX_TEXT = 8000
_MAX_NAME = 100
_MAX_SERIES = 64
_MAX_SAMPLE_TEXTS = 16
_MAX_PACE_POINTS = 256
_PACE_SECONDS = 5.0

_DECODER: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


class ProgressTail:
    """The reports of a phase so far. Texts are cleaned; invalid lines are counted and ignored.

    Attributes:
        series: the values of each metric, by name.
        samples: the last samples.
        notices: the last notices.
        artifacts: the last artifacts, by path.
        bad: the number of invalid lines.
        pace: units per second over time, None before the second report.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_records: int = 200,
        mask: Mask = mask_nothing,
        most_behind: int | None = None,
    ) -> None:
        """Follow a file from its start, or from at most `most_behind` bytes before its end."""
        self._most_behind = most_behind
        self._file = FileTail(path)
        self._mask = mask
        self._max_records = max_records
        self._reset()

    def _reset(self) -> None:
        self.series: dict[str, SeriesBuilder] = {}
        self.samples: deque[Sample] = deque(maxlen=self._max_records)
        self.notices: deque[Notice] = deque(maxlen=self._max_records)
        self.artifacts: dict[str, Artifact] = {}
        self.bad = 0
        self._progress: Progress | None = None
        self._pace = Pace()
        self.pace: SeriesBuilder | None = None
        self._pace_since: Progress | None = None

    @property
    def progress(self) -> ProgressView | None:
        """The last progress with its rates."""
        last = self._progress
        if last is None:
            return None
        return self._pace.measure(ProgressView(last.done, last.total, last.unit, last.time))

    def poll(self) -> bool:
        """Read the next chunk; return whether anything was new."""
        before = self._file.offset
        lines, too_long, restarted = self._file.read_lines(
            most_behind=self._most_behind, is_complete=_is_line
        )
        if restarted:
            self._reset()
        self.bad += too_long
        decoded, bad = _decode(self._mask(b"\n".join(lines)).split(b"\n"))
        self.bad += bad
        for line in decoded:
            self._add(line)
        return restarted or self._file.offset != before

    def _add(self, line: Line) -> None:
        match line:
            case MetricPoint():
                self._add_values(line)
            case Progress():
                self._progress = msgspec.structs.replace(line, unit=self._show(line.unit, _MAX_NAME))
                self._add_pace(line)
                self._pace.add(line.time, line.done)
            case Sample():
                self.samples.append(self._clean_sample(line))
            case Notice():
                self.notices.append(msgspec.structs.replace(line, text=self._show(line.text, _MAX_TEXT)))
            case Artifact():
                self._add_artifact(line)

    def _add_pace(self, report: Progress) -> None:
        """Add the units per second since an earlier report, some seconds ago so that they are not jumpy."""
        since = self._pace_since
        if since is None or report.done < since.done or report.time < since.time:
            self._pace_since = report
        elif report.time - since.time >= _PACE_SECONDS:
            self.pace = self.pace or SeriesBuilder("pace", _MAX_PACE_POINTS)
            self.pace.add(report.time, (report.done - since.done) / (report.time - since.time))
            self._pace_since = report

    def _add_artifact(self, artifact: Artifact) -> None:
        path = self._show(artifact.path, _MAX_TEXT)
        self.artifacts.pop(path, None)
        self.artifacts[path] = msgspec.structs.replace(
            artifact, path=path, sha256=self._show(artifact.sha256, _MAX_NAME)
        )
        if len(self.artifacts) > self._max_records:
            del self.artifacts[next(iter(self.artifacts))]

    def _clean_sample(self, sample: Sample) -> Sample:
        texts = {
            self._show(name, _MAX_NAME): self._show(text, _MAX_TEXT)
            for name, text in islice(sample.texts.items(), _MAX_SAMPLE_TEXTS)
        }
        return msgspec.structs.replace(sample, title=self._show(sample.title, _MAX_NAME), texts=texts)

    def _show(self, text: str, longest: int) -> str:
        """Return a text for a person; in JSON, escapes hide what it shows once it is decoded."""
        return clean_text(text, longest, self._mask)

    def _add_values(self, metric: MetricPoint) -> None:
        for name, value in metric.values.items():
            series = self.series.get(name)
            if series is None:
                if clean_line(name[:_MAX_NAME]) != name or len(self.series) >= _MAX_SERIES:
                    self.bad += 1
                    continue
                series = self.series[name] = SeriesBuilder(name)
            series.add(metric.step, value)


def read_progress(path: Path, mask: Mask = mask_nothing) -> ProgressTail:
    """Return everything that a phase has reported, read to the end of the file."""
    tail = ProgressTail(path, mask=mask)
    while tail.poll():
        pass
    return tail


def iterate_lines(path: Path) -> Iterator[Line]:
    """Yield the valid lines of a progress file as they are, in their order."""
    file = FileTail(path)
    while True:
        before = file.offset
        lines, _, _ = file.read_lines(is_complete=_is_line)
        if file.offset == before:
            return
        yield from _decode(lines)[0]


def _decode(lines: Sequence[bytes]) -> tuple[list[Line], int]:
    """Return the valid lines and the number of invalid ones."""
    try:
        return _DECODER.decode_lines(b"\n".join(lines)), 0
    except (ValueError, RecursionError):  # a line is invalid: decode one by one to find it
        decoded: list[Line] = []
        bad = 0
        for line in filter(bytes.strip, lines):
            try:
                decoded.append(_DECODER.decode(normalize_json(line)))
            except (ValueError, RecursionError):
                bad += 1
        return decoded, bad


def _is_line(rest: bytes) -> bool:
    """Return whether a text is a valid line: a torn one is not, because it ends inside its object."""
    if not rest.rstrip().endswith(b"}"):
        return False
    try:
        _DECODER.decode(normalize_json(rest))
    except (ValueError, RecursionError):
        return False
    return True
