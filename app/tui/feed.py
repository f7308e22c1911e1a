"""The reader: follows the session and the files of the phase that is looked at, and makes views of them.

It runs in a thread of its own. It reads a bounded amount before each view, so that the first view comes at
once and a long history fills in behind it.
"""

import errno
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Final

import msgspec

from app.monitor.files import LogTail, MachineTail, Mask, unmasked
from app.monitor.machine_sample import MachineSample
from app.monitor.preview import read_first_rows
from app.monitor.progress import ProgressTail, read_progress
from app.monitor.sanitize import clean_line, clean_text
from app.monitor.series import Series, SeriesBuilder
from app.session.snapshot import OVER, AttemptView, PhaseView, SessionSnapshot
from app.tui.screens.screen import Session
from phases.contract.protocol import Artifact, Result, normalize_json
from widgets.frame import AttemptArtifacts, AttemptOutput, Frame, LogLines, MemoryUse

MOST_MEMORY_POINTS: Final = 512
MOST_EARLIER: Final = 3
MOST_ARTIFACTS: Final = 500
LARGEST_RESULT: Final = 32_000_000
LONGEST_OUTCOME: Final = 64_000
TIME_BETWEEN_VIEWS: Final = 0.9
READING_TIME: Final = 0.15


class AttemptReader:
    """Follows the files of one attempt."""

    def __init__(self, phase: str, attempt: AttemptView, mask: Mask = unmasked) -> None:
        folder = Path(attempt.folder)
        self.phase, self.attempt = phase, attempt.number
        self._log = LogTail(folder / "output.log", mask=mask)
        self._progress = ProgressTail(folder / "progress.jsonl", mask=mask)
        self._find_output: AttemptOutput | None = None

    def read(self, seconds: float, clock: Callable[[], float]) -> AttemptOutput:
        """Read for at most about that long; `reading` in the record says that there is more."""
        until = clock() + seconds
        log_more = progress_more = True
        while (log_more or progress_more) and clock() < until:
            log_more = log_more and self._log.poll()
            progress_more = progress_more and self._progress.poll()
        return self._picture(reading=progress_more)

    def _picture(self, *, reading: bool) -> AttemptOutput:
        log, progress = self._log, self._progress
        lines = (*log.lines, log.partial) if log.partial else tuple(log.lines)
        series: dict[str, Series] = {name: builder.series() for name, builder in progress.series.items()}
        return AttemptOutput(
            self.phase,
            self.attempt,
            series,
            LogLines(log.first, lines),
            tuple(progress.samples),
            tuple(progress.artifacts.values()),
            tuple(progress.notices),
            reading=reading,
        )


class MemoryReader:
    """Follows the memory in use over the whole session: a chunk of one attempt's samples a view."""

    def __init__(self) -> None:
        self._tails: dict[tuple[str, int], MachineTail] = {}
        self._series: dict[tuple[str, int], dict[int | None, SeriesBuilder]] = {}
        self._over: set[tuple[str, int]] = set()

    def read(self, snapshot: SessionSnapshot) -> tuple[MemoryUse, ...]:
        """Read on; return what is known of each attempt, in the order in which they ran."""
        begun = [(each.started, phase.id, each) for phase in snapshot.phases for each in phase.attempts]
        begun.sort(key=lambda found: found[0])
        for _, phase, attempt in begun:
            key = phase, attempt.number
            if key in self._over:
                continue
            samples = self._tail(key, attempt).poll()
            self._add(key, samples)
            if samples:
                break
            if attempt.ended is not None:
                self._over.add(key)
        keys = [(phase, attempt.number) for _, phase, attempt in begun]
        return tuple(self._use(key) for key in keys if key in self._series)

    def _tail(self, key: tuple[str, int], attempt: AttemptView) -> MachineTail:
        if key not in self._tails:
            self._tails[key] = MachineTail(Path(attempt.folder) / "machine.jsonl")
        return self._tails[key]

    def _add(self, key: tuple[str, int], samples: Sequence[MachineSample]) -> None:
        for sample in samples:
            series = self._series.setdefault(key, {None: SeriesBuilder("RAM", MOST_MEMORY_POINTS)})
            series[None].add(sample.time, sample.memory_used)
            for gpu in sample.gpus:
                if gpu.index not in series:
                    series[gpu.index] = SeriesBuilder(f"GPU{gpu.index}", MOST_MEMORY_POINTS)
                series[gpu.index].add(sample.time, gpu.memory_used)

    def _use(self, key: tuple[str, int]) -> MemoryUse:
        found = {index: builder.series() for index, builder in self._series[key].items()}
        gpus = {index: series for index, series in found.items() if index is not None}
        return MemoryUse(*key, gpus, found[None])


class DeliveryReader:
    """What the attempts of the session wrote: of one that has ended, as its result says, read once."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._ended: dict[tuple[str, int], tuple[Artifact, ...]] = {}

    def read(self, snapshot: SessionSnapshot, output: AttemptOutput | None) -> tuple[AttemptArtifacts, ...]:
        """Return what is known; the attempt that is looked at is known while it runs."""
        begun = [(each.started, phase.id, each) for phase in snapshot.phases for each in phase.attempts]
        begun.sort(key=lambda found: found[0])
        found = []
        for _, phase, attempt in begun:
            written = self._of(phase, attempt)
            if output is not None and (output.phase, output.attempt) == (phase, attempt.number):
                paths = {each.path for each in written}
                written += tuple(each for each in output.artifacts if each.path not in paths)
            if written:
                found.append(AttemptArtifacts(phase, attempt.number, written))
        return tuple(found)

    def _of(self, phase: str, attempt: AttemptView) -> tuple[Artifact, ...]:
        if attempt.ended is None:
            return ()
        key = phase, attempt.number
        if key not in self._ended:
            self._ended[key] = artifacts_of(Path(attempt.folder) / "result.json", self._mask)
        return self._ended[key]


class EarlierAttempts:
    """The metrics of a phase's attempts that have ended: each is read once, the latest first."""

    def __init__(self, phase: PhaseView) -> None:
        self.phase, self.attempt = phase.id, phase.attempts[-1].number
        last_first = phase.attempts[-2 : -2 - MOST_EARLIER : -1]
        self._tails: dict[int, ProgressTail] = {
            each.number: ProgressTail(Path(each.folder) / "progress.jsonl") for each in last_first
        }
        self._unread = list(self._tails)

    def read(self, seconds: float, clock: Callable[[], float]) -> dict[int, dict[str, Series]]:
        """Read on for at most about that long; return what has been read."""
        until = clock() + seconds
        while self._unread and clock() < until:
            if not self._tails[self._unread[0]].poll():
                del self._unread[0]
        return {
            number: {name: builder.series() for name, builder in tail.series.items()}
            for number, tail in self._tails.items()
        }


class SessionFeed:
    """Makes the views of a session."""

    def __init__(
        self,
        session: Session,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        mask: Mask = unmasked,
    ) -> None:
        self._mask = mask
        self._session, self._clock, self._monotonic = session, clock, monotonic
        self._chosen: str | None = None
        self._reader: AttemptReader | None = None
        self._earlier: EarlierAttempts | None = None
        self._memory = MemoryReader()
        self._deliveries = DeliveryReader(mask)
        self._outcome: tuple[str, ...] = ()
        self._shown: SessionSnapshot | None = None

    def look_at(self, phase: str | None) -> None:
        """Read the record of this phase from the next view on, and make that now; None is what runs."""
        self._chosen = phase
        self._session.request_snapshot()

    def frames(self, stopping: Event) -> Iterator[Frame]:
        """Yield views until asked to stop: the first without a history, then as things change."""
        last, looked_at = 0.0, self._chosen
        for snapshot in self._session.watch(stopping):
            if stopping.is_set():
                return
            if self._shown is None:
                yield Frame(snapshot, self._clock())
            elif (
                self._monotonic() - last < TIME_BETWEEN_VIEWS
                and looked_at == self._chosen
                and not changed(self._shown, snapshot)
            ):
                continue
            last, looked_at = self._monotonic(), self._chosen
            self._shown = snapshot
            frame = self.frame(snapshot)
            yield frame
            while frame.output is not None and frame.output.reading and not stopping.is_set():
                frame = self.frame(snapshot)
                yield frame

    def read_first_rows(self, snapshot: SessionSnapshot, path: str) -> tuple[str, ...]:
        """Return the first rows of what a phase wrote, or the names in a folder.

        Raises:
            OSError: it cannot be read, or is not below the artifacts.
        """
        return read_first_rows(below_artifacts(snapshot, path), self._mask)

    def frame(self, snapshot: SessionSnapshot) -> Frame:
        """Return the view of a snapshot, with what the files say by now."""
        output = self._find_output(snapshot)
        if snapshot.state == "finished" and not self._outcome:
            self._outcome = outcome(snapshot, self._mask)
        now = self._clock()
        lost = "" if snapshot.machine or snapshot.state in OVER else "no conductor"
        artifacts = self._deliveries.read(snapshot, output)
        return Frame(snapshot, now, output, lost, self._outcome, self._memory.read(snapshot), artifacts)

    def _find_output(self, snapshot: SessionSnapshot) -> AttemptOutput | None:
        wanted = self._chosen
        if wanted is None or wanted not in {p.id for p in snapshot.phases}:
            begun = [p for p in snapshot.phases if p.attempts]
            phase = snapshot.current or (begun[-1] if begun else None)
        else:
            phase = snapshot.phase(wanted)
        if phase is None or not phase.attempts:
            self._reader = None
            return AttemptOutput(phase.id, 0) if phase else None
        attempt, reader = phase.attempts[-1], self._reader
        if reader is None or (reader.phase, reader.attempt) != (phase.id, attempt.number):
            reader = self._reader = AttemptReader(phase.id, attempt, self._mask)
        output = reader.read(READING_TIME, self._monotonic)
        if output.reading or len(phase.attempts) == 1:
            return output
        earlier = self._earlier
        if earlier is None or (earlier.phase, earlier.attempt) != (phase.id, attempt.number):
            earlier = self._earlier = EarlierAttempts(phase)
        return replace(output, earlier=earlier.read(READING_TIME, self._monotonic))


def changed(before: SessionSnapshot, after: SessionSnapshot) -> bool:
    """Return whether anything happened that the operator should see at once."""
    return before.state != after.state or any(
        a.state != b.state or len(a.attempts) != len(b.attempts)
        for a, b in zip(before.phases, after.phases, strict=True)
    )


def below_artifacts(snapshot: SessionSnapshot, path: str) -> Path:
    """Return where a file is that a phase says it wrote.

    Raises:
        PermissionError: it is not below the artifacts: what a phase says may be anything.
    """
    found = Path(snapshot.plan_folder, path).resolve()
    if not found.is_relative_to(Path(snapshot.artifacts).resolve()):
        raise PermissionError(errno.EACCES, "is not below the artifacts, and not shown", path)
    return found


def artifacts_of(path: Path, mask: Mask = unmasked) -> tuple[Artifact, ...]:
    """Return what a result says was written; what cannot be read says nothing."""
    try:
        if path.stat().st_size > LARGEST_RESULT:
            return ()
        result = msgspec.json.decode(normalize_json(mask(path.read_bytes())), type=Result)
    except (OSError, ValueError, RecursionError):
        return ()
    return tuple(
        msgspec.structs.replace(each, path=clean_line(each.path), sha256=clean_line(each.sha256))
        for each in result.artifacts[:MOST_ARTIFACTS]
    )


def outcome(snapshot: SessionSnapshot, mask: Mask = unmasked) -> tuple[str, ...]:
    """Return the text that the last phase wrote below the artifacts, where it wrote one."""
    attempts = snapshot.phases[-1].attempts
    if not attempts:
        return ()
    progress = read_progress(Path(attempts[-1].folder) / "progress.jsonl")
    for path in reversed(progress.artifacts):
        if path.endswith(".txt"):
            try:
                with below_artifacts(snapshot, path).open("rb") as file:
                    text = mask(file.read(LONGEST_OUTCOME)).decode(errors="replace")
                return tuple(clean_text(text, LONGEST_OUTCOME).splitlines())
            except OSError:
                return ()
    return ()
