"""Readers of the files in a session's attempts. Each reads a bounded amount per call and continues later."""

import errno
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from app.monitor.evaluation_file import EvaluationAnswers, read_evaluation_answers
from app.monitor.log_format import LogFormat
from app.monitor.log_metrics import LogMetrics
from app.monitor.machine_sample import MachineSample
from app.monitor.progress import ProgressTail, read_progress
from app.monitor.sanitize import clean_text
from app.monitor.series import Series, SeriesBuilder
from app.monitor.tails import LogTail, MachineTail, Mask, mask_nothing
from app.session.snapshot import AttemptView, PhaseView, SessionSnapshot
from phases.contract.files import read_regular_file
from phases.contract.protocol import Artifact, Result, normalize_json
from widgets.frame import AttemptArtifacts, AttemptOutput, LogLines, MachineUse, ModelAnswers

MAX_MEMORY_POINTS: Final = 512
MAX_LOAD_POINTS: Final = 128
MAX_EARLIER_ATTEMPTS: Final = 3
MAX_ARTIFACTS: Final = 500
MAX_RESULT_BYTES: Final = 32_000_000
MAX_OUTCOME_BYTES: Final = 64_000
MAX_TEXT_BYTES: Final = 1 << 20
MAX_NAME: Final = 8000
_EVALUATION_NAME: Final = re.compile(r"eval_\w+\.json")
_LOG_CHUNK: Final = 64 << 10  # A frame is drawn between two chunks.

AttemptKey = tuple[str, int]
"""A phase's id and the number of an attempt."""


class AttemptReader:
    """Follows the files of one attempt."""

    def __init__(
        self, phase: str, attempt: AttemptView, mask: Mask = mask_nothing, log_format: LogFormat | None = None
    ) -> None:
        folder = Path(attempt.folder)
        self.key: AttemptKey = (phase, attempt.number)
        self._metrics = LogMetrics(folder / "output.log", log_format or LogFormat(), chunk=_LOG_CHUNK)
        self._log = LogTail(folder / "output.log", mask=mask)
        self._progress = ProgressTail(folder / "progress.jsonl", mask=mask)

    def read(self, seconds: float, clock: Callable[[], float], *, has_ended: bool = False) -> AttemptOutput:
        """Read for about `seconds`; `reading` in the output tells whether there is more.

        Args:
            seconds: the time to spend.
            clock: a monotonic clock.
            has_ended: whether the attempt has ended, so that the last line of its log is complete.
        """
        deadline = clock() + seconds
        log_continues = progress_continues = metrics_continue = True
        while (log_continues or progress_continues or metrics_continue) and clock() < deadline:
            log_continues = log_continues and self._log.poll()
            progress_continues = progress_continues and self._progress.poll()
            metrics_continue = metrics_continue and self._metrics.poll()
        if has_ended and not metrics_continue:
            self._metrics.finish()
        log, progress = self._log, self._progress
        lines = (*log.lines, log.partial) if log.partial else tuple(log.lines)
        return AttemptOutput(
            *self.key,
            series=_build_series(self._metrics.series | progress.series),
            log=LogLines(log.first, lines),
            samples=tuple(progress.samples),
            artifacts=tuple(progress.artifacts.values()),
            notices=tuple(progress.notices),
            reading=progress_continues or metrics_continue,
            pace=progress.pace.series() if progress.pace else None,
            step_unit="value" if self._metrics.series and not self._metrics.has_steps else "step",
        )


class EarlierAttemptsReader:
    """Reads the metrics of a phase's attempts before the last one, each once, the latest first."""

    def __init__(self, phase: PhaseView) -> None:
        self.key: AttemptKey = (phase.id, phase.attempts[-1].number)
        latest_first = phase.attempts[-2 : -2 - MAX_EARLIER_ATTEMPTS : -1]
        self._tails: dict[int, tuple[LogMetrics, ProgressTail]] = {}
        for attempt in latest_first:
            folder = Path(attempt.folder)
            log = LogMetrics(folder / "output.log", phase.log_format, chunk=_LOG_CHUNK)
            self._tails[attempt.number] = log, ProgressTail(folder / "progress.jsonl")
        self._unread = list(self._tails)

    def read(self, seconds: float, clock: Callable[[], float]) -> dict[int, dict[str, Series]]:
        """Read for about `seconds`; return what has been read so far, by the attempts' numbers."""
        deadline = clock() + seconds
        while self._unread and clock() < deadline:
            log, progress = self._tails[self._unread[0]]
            if not (log.poll() or progress.poll()):
                log.finish()
                del self._unread[0]
        return {
            number: _build_series(log.series | progress.series)
            for number, (log, progress) in self._tails.items()
        }


class MachineReader:
    """Follows the machine over the session: one chunk of one attempt's samples per call."""

    def __init__(self) -> None:
        self._tails: dict[AttemptKey, MachineTail] = {}
        self._series: dict[AttemptKey, _MachineSeries] = {}
        self._complete: set[AttemptKey] = set()

    def read(self, snapshot: SessionSnapshot) -> tuple[MachineUse, ...]:
        """Read the next chunk; return what is known of each attempt, in the order of their starts."""
        attempts = _sort_attempts(snapshot)
        for phase, attempt in attempts:
            key = phase, attempt.number
            if key in self._complete:
                continue
            if key not in self._tails:
                self._tails[key] = MachineTail(Path(attempt.folder) / "machine.jsonl")
            samples = self._tails[key].poll()
            for sample in samples:
                self._series.setdefault(key, _MachineSeries()).add(sample)
            if samples:
                break
            if attempt.ended is not None:
                self._complete.add(key)
        keys = [(phase, attempt.number) for phase, attempt in attempts]
        return tuple(self._series[key].build_use(*key) for key in keys if key in self._series)


class _MachineSeries:
    """Collects the samples of one attempt."""

    def __init__(self) -> None:
        self._ram = SeriesBuilder("RAM", MAX_MEMORY_POINTS)
        self._cpu = SeriesBuilder("CPU", MAX_LOAD_POINTS)
        self._memory: dict[int, SeriesBuilder] = {}
        self._utilization: dict[int, SeriesBuilder] = {}
        self._power: dict[int, SeriesBuilder] = {}

    def add(self, sample: MachineSample) -> None:
        """Add a sample; values that the driver does not report are left out."""
        self._ram.add(sample.time, sample.memory_used)
        self._cpu.add(sample.time, sample.cpu)
        for gpu in sample.gpus:
            for builders, value, limit in (
                (self._memory, gpu.memory_used, MAX_MEMORY_POINTS),
                (self._utilization, gpu.utilisation, MAX_LOAD_POINTS),
                (self._power, gpu.power_watts, MAX_LOAD_POINTS),
            ):
                if value is not None:
                    if gpu.index not in builders:
                        builders[gpu.index] = SeriesBuilder(f"GPU{gpu.index}", limit)
                    builders[gpu.index].add(sample.time, value)

    def build_use(self, phase: str, attempt: int) -> MachineUse:
        """Return the machine's use so far."""
        memory, utilization, power = (
            {index: builder.series() for index, builder in builders.items()}
            for builders in (self._memory, self._utilization, self._power)
        )
        return MachineUse(phase, attempt, memory, self._ram.series(), utilization, power, self._cpu.series())


class ArtifactReader:
    """Collects the files that attempts wrote: of an ended attempt from its result, which is read once."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._ended: dict[AttemptKey, tuple[Artifact, ...]] = {}

    def read(self, snapshot: SessionSnapshot, output: AttemptOutput | None) -> tuple[AttemptArtifacts, ...]:
        """Return the files of each attempt, and those that the selected attempt has reported so far."""
        collected = []
        for phase, attempt in _sort_attempts(snapshot):
            artifacts = self._read_ended(phase, attempt)
            if output is not None and (output.phase, output.attempt) == (phase, attempt.number):
                paths = {artifact.path for artifact in artifacts}
                artifacts += tuple(artifact for artifact in output.artifacts if artifact.path not in paths)
            if artifacts:
                collected.append(AttemptArtifacts(phase, attempt.number, artifacts))
        return tuple(collected)

    def _read_ended(self, phase: str, attempt: AttemptView) -> tuple[Artifact, ...]:
        if attempt.ended is None:
            return ()
        key = phase, attempt.number
        if key not in self._ended:
            self._ended[key] = read_artifacts(Path(attempt.folder) / "result.json", self._mask)
        return self._ended[key]


class EvaluationReader:
    """Reads the answers of the evaluations so far, each file once, while a gate is open."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._read: dict[str, EvaluationAnswers | None] = {}
        self._evaluations: tuple[ModelAnswers, ...] = ()

    def read(
        self, snapshot: SessionSnapshot, artifacts: tuple[AttemptArtifacts, ...]
    ) -> tuple[ModelAnswers, ...]:
        """Return the answers of each phase's latest attempt; none unless a gate is open."""
        if snapshot.gate is None:
            self._read, self._evaluations = {}, ()
            return ()
        answers = []
        for phase in snapshot.phases:
            last = phase.attempts[-1].number if phase.attempts else 0
            for files in artifacts:
                if (files.phase, files.attempt) == (phase.id, last):
                    answers += self._read_attempt(snapshot, phase, files)
        evaluations = tuple(answers)
        if evaluations != self._evaluations:  # The same object lets widgets keep what they have computed.
            self._evaluations = evaluations
        return self._evaluations

    def _read_attempt(
        self, snapshot: SessionSnapshot, phase: PhaseView, files: AttemptArtifacts
    ) -> list[ModelAnswers]:
        for artifact in files.artifacts:
            if not _EVALUATION_NAME.fullmatch(Path(artifact.path).name):
                continue
            if artifact.path not in self._read:
                self._read[artifact.path] = self._read_file(snapshot, artifact.path)
            answers = self._read[artifact.path]
            if answers is not None:
                model = phase.title.removesuffix(" evaluation")
                return [ModelAnswers(phase.id, model, answers.results, answers.results_few_shot)]
        return []

    def _read_file(self, snapshot: SessionSnapshot, path: str) -> EvaluationAnswers | None:
        try:
            return read_evaluation_answers(resolve_artifact(snapshot, path), self._mask)
        except OSError:
            return None


def _build_series(builders: Mapping[str, SeriesBuilder]) -> dict[str, Series]:
    return {name: builder.series() for name, builder in builders.items()}


def _sort_attempts(snapshot: SessionSnapshot) -> list[tuple[str, AttemptView]]:
    """Return all attempts with their phases, in the order of their starts."""
    attempts = [(phase.id, attempt) for phase in snapshot.phases for attempt in phase.attempts]
    return sorted(attempts, key=lambda item: item[1].started)


def resolve_artifact(snapshot: SessionSnapshot, path: str) -> Path:
    """Return the path of a file that a phase reported.

    Raises:
        PermissionError: it is outside the artifacts folder. A phase may report any path.
    """
    resolved = Path(snapshot.plan_folder, path).resolve()
    if not resolved.is_relative_to(Path(snapshot.artifacts).resolve()):
        raise PermissionError(errno.EACCES, "not shown, because it is outside the artifacts folder", path)
    return resolved


def read_artifacts(path: Path, mask: Mask = mask_nothing) -> tuple[Artifact, ...]:
    """Return the artifacts in a result file; empty if it cannot be read."""
    try:
        data = mask(read_regular_file(path, MAX_RESULT_BYTES))
        result = msgspec.json.decode(normalize_json(data), type=Result)
    except (OSError, ValueError, RecursionError):
        return ()
    return tuple(
        msgspec.structs.replace(
            artifact,
            path=clean_text(artifact.path, MAX_NAME, mask),
            sha256=clean_text(artifact.sha256, MAX_NAME, mask),
        )
        for artifact in result.artifacts[:MAX_ARTIFACTS]
    )


def read_outcome(snapshot: SessionSnapshot, mask: Mask = mask_nothing) -> tuple[str, ...]:
    """Return the lines of the last text file that the last phase wrote to the artifacts folder."""
    attempts = snapshot.phases[-1].attempts
    if not attempts:
        return ()
    progress = read_progress(Path(attempts[-1].folder) / "progress.jsonl")
    for path in reversed(progress.artifacts):
        if path.endswith(".txt"):
            try:
                text = read_regular_file(resolve_artifact(snapshot, path), MAX_TEXT_BYTES)
            except (OSError, ValueError):
                return ()
            return tuple(clean_text(text.decode(errors="replace"), MAX_OUTCOME_BYTES, mask).splitlines())
    return ()
