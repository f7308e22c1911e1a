"""What happened in a session: gathered from its journal and from what its attempts left."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.monitor.files import LogMetrics, ProgressTail
from app.plan.schema import Phase, Plan
from app.session import projection as view
from app.session.clock import Clock
from app.session.folder import SessionFolder
from app.session.gate import judge
from app.session.journal import journal
from app.session.journal.events import Judged
from app.session.journal.state import Attempt, State, recover
from app.session.masking import Masker
from app.session.snapshot import AttemptView, MachineSample, PhaseView, SessionSnapshot
from phases.contract.protocol import Artifact, Notice, Result, Sample
from widgets.series import Series, SeriesBuilder

_MOST_SAMPLES = 6
_LARGEST_COMPARISON = 32 << 20
_GIB = 2**30


class NoStory(Exception):  # noqa: N818 - it is what there is not
    """There is nothing to tell of; the message says why and what to do."""


@dataclass(frozen=True)
class Memory:
    """The memory of one GPU, or of the host, in GiB over the minutes of an attempt, and what there was."""

    name: str
    series: Series
    peak: float
    total: float


@dataclass(frozen=True)
class AttemptStory:
    """One attempt: what the journal says, what it reported, and what the machine did meanwhile."""

    view: AttemptView
    judged: Judged | None
    result: Result | None
    series: dict[str, Series]
    samples: tuple[Sample, ...]
    notices: tuple[Notice, ...]
    artifacts: tuple[Artifact, ...]
    memory: tuple[Memory, ...]


@dataclass(frozen=True)
class PhaseStory:
    """One phase: as planned, as it stands, and its attempts."""

    plan: Phase
    view: PhaseView
    attempts: tuple[AttemptStory, ...]

    @property
    def last(self) -> AttemptStory | None:
        """The latest attempt that was judged, or else the latest."""
        judged = [attempt for attempt in self.attempts if attempt.judged] or self.attempts
        return judged[-1] if judged else None


class Category(msgspec.Struct, frozen=True):
    """The rates of the three models on one kind of prompt."""

    category: str
    prompts: int
    base_rate: float
    sft_rate: float
    dpo_rate: float


class TierLine(msgspec.Struct, frozen=True):
    """One thing that a tier asks for; `met` is None where nobody knows."""

    criterion: str
    met: bool | None
    evidence: str


class Tier(msgspec.Struct, frozen=True):
    """A tier of success, and why it was reached or not; None: nothing is missed, but not all is shown."""

    name: str
    reached: bool | None
    lines: list[TierLine] = []


class Comparison(msgspec.Struct, frozen=True):
    """What `phases.comparison` wrote: metrics by name, rates of each category, and the tiers of success."""

    metrics: dict[str, float | str | bool | None]
    categories: list[Category] = []
    tiers: list[Tier] = []


@dataclass(frozen=True)
class Story:
    """A session. `damage` says what of its journal cannot be read."""

    plan: Plan
    state: State
    session: SessionSnapshot
    phases: tuple[PhaseStory, ...]
    comparison: Comparison | None
    comparison_text: str
    damage: str


def read(folder: Path, outputs: Path, clock: Clock, machine: str, masker: Masker) -> Story:
    """Gather the story of a session, as it stands.

    Args:
        folder: the session's folder.
        outputs: where its phases wrote.
        clock: the present.
        machine: the name of this machine's boot; on the machine of the session time goes on, elsewhere the
            story ends with the journal's last line.
        masker: what masks the secrets in what phases wrote.

    Raises:
        NoStory: the session has not begun, or its records cannot be read at all.
    """
    files = SessionFolder(folder)
    try:
        plan = Plan.model_validate_json(files.plan.read_bytes())
        state, damage = recover(journal.read(files.journal))
    except (OSError, ValueError) as error:
        raise NoStory(f"{folder}: expected a session that has begun: {first_line(error)}") from None
    if state.started is None:
        raise NoStory(f"{folder}: the session has not begun")
    here = state.time.machine == machine
    wall, mono = (clock.wall(), clock.mono()) if here else (state.time.wall, state.time.mono)
    session = view.snapshot(folder, plan, state, view.Live(), wall, mono)
    phases = tuple(
        PhaseStory(
            plan.phase(phase.id),
            phase,
            tuple(
                _attempt(
                    files.attempt(phase.id, attempt.number), plan.phase(phase.id), attempt, shown, masker
                )
                for attempt, shown in zip(record.attempts, phase.attempts, strict=True)
            ),
        )
        for record, phase in zip(state.phases, session.phases, strict=True)
    )
    text = _start_of(outputs / "final_comparison.txt")
    return Story(plan, state, session, phases, _comparison(outputs), text.decode(errors="replace"), damage)


def first_line(error: Exception) -> str:
    """Return the first line of an error's message."""
    return str(error).split("\n", 1)[0]


def _attempt(
    folder: Path, phase: Phase, attempt: Attempt, shown: AttemptView, masker: Masker
) -> AttemptStory:
    progress = ProgressTail(folder / "progress.jsonl", SeriesBuilder)
    log = LogMetrics(folder / "output.log", phase.metrics, SeriesBuilder)
    for tail in (progress, log) if phase.metrics else (progress,):
        _read_all(tail)
    try:
        result = judge.read_result(folder / "result.json", masker)
    except ValueError:
        result = None
    return AttemptStory(
        view=shown,
        judged=attempt.judged,
        result=result,
        series={name: builder.series() for name, builder in (log.series | progress.series).items()},
        samples=tuple(progress.samples)[:_MOST_SAMPLES],
        notices=tuple(n for n in progress.notices if n.level != "info"),
        artifacts=tuple(progress.artifacts.values()),
        memory=_memory(folder / "machine.jsonl"),
    )


def _read_all(tail: ProgressTail[SeriesBuilder] | LogMetrics[SeriesBuilder]) -> None:
    while tail.poll():
        pass


def _memory(path: Path) -> tuple[Memory, ...]:
    """Return the memory of each GPU; without one, that of the phase's processes and of the whole host."""
    used: dict[str, SeriesBuilder] = {}
    peak: dict[str, float] = {}
    total: dict[str, float] = {}
    start = None
    try:
        lines = path.open("rb")
    except FileNotFoundError:
        return ()
    with lines:
        for line in lines:
            try:
                sample = msgspec.json.decode(line, type=MachineSample)
            except msgspec.DecodeError:
                continue
            start = sample.time if start is None else start
            parts = [(f"GPU {g.index}", g.memory_used, g.memory_total) for g in sample.gpus]
            for name, bytes_used, bytes_total in parts or _host_memory(sample):
                used.setdefault(name, SeriesBuilder(name)).add((sample.time - start) / 60, bytes_used / _GIB)
                peak[name] = max(peak.get(name, 0.0), bytes_used / _GIB)
                total[name] = bytes_total / _GIB
    return tuple(Memory(name, used[name].series(), peak[name], total[name]) for name in used)


def _host_memory(sample: MachineSample) -> list[tuple[str, int, int]]:
    host = [("host", sample.memory_used, sample.memory_total)]
    if sample.phase_memory is None:
        return host
    return [("phase", sample.phase_memory, sample.memory_total), *host]


def _comparison(outputs: Path) -> Comparison | None:
    """Return the comparison, or None if there is none yet."""
    try:
        return msgspec.json.decode(_start_of(outputs / "final_comparison.json"), type=Comparison)
    except msgspec.DecodeError:
        return None


def _start_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_COMPARISON)
    except OSError:
        return b""
