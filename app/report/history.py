"""The history of a session, read from its journal and the files of its attempts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.errors import take_first_line
from app.monitor.log_metrics import read_log
from app.monitor.machine_sample import MachineSample
from app.monitor.progress import read_progress
from app.monitor.series import Series, SeriesBuilder
from app.plan.schema import Phase, Plan
from app.report.comparison_file import ModelComparison, read_comparison, read_comparison_text
from app.session import projection
from app.session.asking.transcript import locate_transcript, read_transcript, restore_questions
from app.session.asking.view import QuestionView
from app.session.clock import Clock
from app.session.folder import SessionFolder
from app.session.gate import judge
from app.session.journal.events import AttemptAssessed
from app.session.journal.fold import recover_file
from app.session.journal.state import AttemptRecord, State
from app.session.masking import Masker
from app.session.snapshot import AttemptView, PhaseView, SessionSnapshot
from phases.contract.files import open_regular_file
from phases.contract.labels import LABELS_FILE, AnswerId, FailureLabel, read_labels
from phases.contract.protocol import Artifact, Notice, Result, Sample

_MAX_SAMPLES = 6
_GIB = 2**30


class HistoryError(Exception):
    """A session has not started or cannot be read; the message says why."""


@dataclass(frozen=True)
class MemoryUsage:
    """Memory of a GPU, of the phase's processes or of the host, in GiB over the attempt's minutes."""

    name: str
    series: Series
    peak: float
    total: float


@dataclass(frozen=True)
class AttemptHistory:
    """One attempt: its journal entries, its reports, and the memory it used."""

    view: AttemptView
    assessment: AttemptAssessed | None
    result: Result | None
    series: dict[str, Series]
    samples: tuple[Sample, ...]
    notices: tuple[Notice, ...]
    artifacts: tuple[Artifact, ...]
    memory: tuple[MemoryUsage, ...]


@dataclass(frozen=True)
class PhaseHistory:
    """One phase: its plan, its present state and its attempts."""

    plan: Phase
    view: PhaseView
    attempts: tuple[AttemptHistory, ...]

    @property
    def last(self) -> AttemptHistory | None:
        """The latest attempt with a verdict, or the latest attempt if none has one."""
        with_verdict = [attempt for attempt in self.attempts if attempt.assessment]
        candidates = with_verdict or self.attempts
        return candidates[-1] if candidates else None


@dataclass(frozen=True)
class GateQuestions:
    """The questions to the models at a gate: its phase's title and attempt, and the transcript's path."""

    phase: str
    attempt: int
    transcript: str
    questions: tuple[QuestionView, ...]


@dataclass(frozen=True)
class SessionHistory:
    """A session, with the questions at its gates and the labels of failed answers.

    `damage` describes the part of its journal that cannot be read.
    """

    plan: Plan
    state: State
    session: SessionSnapshot
    phases: tuple[PhaseHistory, ...]
    comparison: ModelComparison | None
    comparison_text: str
    labels: Mapping[AnswerId, FailureLabel]
    questions: tuple[GateQuestions, ...]
    damage: str


def load_history(folder: Path, outputs: Path, clock: Clock, machine: str, masker: Masker) -> SessionHistory:
    """Return the history of a session up to now.

    Args:
        folder: the session's folder.
        outputs: the folder that its phases wrote to.
        clock: the current time.
        machine: the name of this machine's boot. On the session's own machine its clock still runs;
            elsewhere the history ends with the last journal entry.
        masker: masks secrets in what the phases wrote.

    Raises:
        HistoryError: the session has not started, or its records cannot be read.
    """
    files = SessionFolder(folder)
    try:
        plan = Plan.model_validate_json(files.read_plan())
        state, damage = recover_file(files.journal)
    except (OSError, ValueError) as error:
        raise HistoryError(
            f"{folder}: expected a session that has started: {take_first_line(error)}"
        ) from None
    if state.started is None:
        raise HistoryError(f"{folder}: the session has not started")
    if missing := state.find_missing_phases(phase.id for phase in plan.phases):
        raise HistoryError(f"{files.plan} was changed: it lacks the phases {missing} of the journal")
    if state.time.machine == machine:
        wall, mono = clock.wall(), clock.mono()
    else:
        wall, mono = state.time.wall, state.time.mono
    session = projection.project_session(folder, plan, state, projection.Live(), wall, mono)
    phases = []
    for record, view in zip(state.phases, session.phases, strict=True):
        phase = plan.find_phase(view.id)
        attempts = tuple(
            _load_attempt(files.locate_attempt(view.id, attempt.number), phase, attempt, attempt_view, masker)
            for attempt, attempt_view in zip(record.attempts, view.attempts, strict=True)
        )
        phases.append(PhaseHistory(phase, view, attempts))
    return SessionHistory(
        plan=plan,
        state=state,
        session=session,
        phases=tuple(phases),
        comparison=read_comparison(outputs),
        comparison_text=read_comparison_text(outputs),
        labels=_read_labels(folder),
        questions=tuple(_read_questions(folder, session)),
        damage=damage,
    )


def _read_questions(folder: Path, session: SessionSnapshot) -> Iterator[GateQuestions]:
    """Yield the questions of each gate at which some were asked, in the order of the phases."""
    for phase in session.phases:
        # One more than the attempts: the budget may open a gate before an attempt.
        for attempt in range(1, len(phase.attempts) + 2):
            path = locate_transcript(folder, phase.id, attempt)
            questions = restore_questions(read_transcript(path))
            if questions:
                name = path.relative_to(folder).as_posix()
                yield GateQuestions(phase.title, attempt, name, tuple(questions))


def _read_labels(folder: Path) -> Mapping[AnswerId, FailureLabel]:
    """Return the session's labels, or none if they cannot be read."""
    try:
        return read_labels(folder / LABELS_FILE)
    except (OSError, ValueError):
        return {}


def _load_attempt(
    folder: Path, phase: Phase, attempt: AttemptRecord, view: AttemptView, masker: Masker
) -> AttemptHistory:
    progress = read_progress(folder / "progress.jsonl")
    log = read_log(folder / "output.log", phase.log_format)
    try:
        result = judge.read_result(folder / "result.json", masker)
    except ValueError:
        result = None
    return AttemptHistory(
        view=view,
        assessment=attempt.assessment,
        result=result,
        series={name: builder.series() for name, builder in (log.series | progress.series).items()},
        samples=tuple(progress.samples)[:_MAX_SAMPLES],
        notices=tuple(notice for notice in progress.notices if notice.level != "info"),
        artifacts=tuple(progress.artifacts.values()),
        memory=_read_memory(folder / "machine.jsonl"),
    )


def _read_memory(path: Path) -> tuple[MemoryUsage, ...]:
    """Return the memory of each GPU or, without a GPU, of the phase's processes and the host."""
    used: dict[str, SeriesBuilder] = {}
    peak: dict[str, float] = {}
    total: dict[str, float] = {}
    start = None
    try:
        file = open_regular_file(path)
    except OSError:
        return ()
    with file:
        for line in file:
            try:
                sample = msgspec.json.decode(line, type=MachineSample)
            except msgspec.DecodeError:
                continue
            if start is None:
                start = sample.time
            for name, bytes_used, bytes_total in _list_memory(sample):
                gib = bytes_used / _GIB
                used.setdefault(name, SeriesBuilder(name)).add((sample.time - start) / 60, gib)
                peak[name] = max(peak.get(name, 0.0), gib)
                total[name] = bytes_total / _GIB
    return tuple(MemoryUsage(name, used[name].series(), peak[name], total[name]) for name in used)


def _list_memory(sample: MachineSample) -> list[tuple[str, int, int]]:
    """Return name, used bytes and total bytes of the memories in a sample."""
    gpus = [
        (f"GPU {gpu.index}", gpu.memory_used, gpu.memory_total)
        for gpu in sample.gpus
        if gpu.memory_used is not None and gpu.memory_total is not None
    ]
    if gpus:
        return gpus
    host = ("host", sample.memory_used, sample.memory_total)
    if sample.phase_memory is None:
        return [host]
    return [("phase", sample.phase_memory, sample.memory_total), host]
