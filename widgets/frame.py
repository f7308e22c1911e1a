"""What the screens draw: one immutable picture of the session and of the attempt that is looked at."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.monitor.series import Series
from app.session.snapshot import AttemptView, GateView, PhaseView, SessionSnapshot
from phases.contract.protocol import Artifact, Notice, Sample


@dataclass(frozen=True)
class LogLines:
    """The end of a log: `lines[0]` is line `first` of the log, counted from 0."""

    first: int = 0
    lines: tuple[str, ...] = ()

    @property
    def end(self) -> int:
        """The number of the line after the last."""
        return self.first + len(self.lines)


@dataclass(frozen=True)
class AttemptOutput:
    """What an attempt's files have said so far; the numbers of samples and artifacts kept are bounded.

    `earlier` holds the metrics of the phase's attempts before, by their numbers.
    """

    phase: str
    attempt: int
    series: Mapping[str, Series] = field(default_factory=dict)
    log: LogLines = LogLines()
    samples: tuple[Sample, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    notices: tuple[Notice, ...] = ()
    earlier: Mapping[int, Mapping[str, Series]] = field(default_factory=dict)
    reading: bool = False


@dataclass(frozen=True)
class AttemptArtifacts:
    """What an attempt says that it wrote; relative paths start at the plan's folder."""

    phase: str
    attempt: int
    artifacts: tuple[Artifact, ...]


@dataclass(frozen=True)
class MemoryUse:
    """Memory in use while an attempt ran, in bytes over seconds since the epoch: of each GPU, and RAM."""

    phase: str
    attempt: int
    gpus: Mapping[int, Series]
    ram: Series

    def peak(self, gpu: int | None = None) -> float | None:
        """Return the most that a GPU, or else the RAM, has held; None where nothing was measured."""
        series = self.ram if gpu is None else self.gpus.get(gpu)
        return max((p.high for p in series.points if p.finite), default=None) if series else None


@dataclass(frozen=True)
class Frame:
    """The session at one moment, and the record of the phase that the operator looks at.

    `now` is the viewer's clock; `lost` says why the snapshot is old, where it is; `outcome` is the text that
    the last phase of a finished session wrote; `memory` is that of each attempt and `deliveries` what each
    wrote, in the order in which they ran.
    """

    snapshot: SessionSnapshot
    now: float
    output: AttemptOutput | None = None
    lost: str = ""
    outcome: tuple[str, ...] = ()
    memory: tuple[MemoryUse, ...] = ()
    artifacts: tuple[AttemptArtifacts, ...] = ()

    @property
    def phase(self) -> PhaseView | None:
        """The phase whose record is shown, or else the one that runs or waits at its gate."""
        return self.snapshot.phase(self.output.phase) if self.output else self.snapshot.current

    @property
    def attempt(self) -> AttemptView | None:
        """The attempt whose record is shown."""
        phase, output = self.phase, self.output
        if phase is None or output is None:
            return None
        return next((a for a in phase.attempts if a.number == output.attempt), None)

    @property
    def position(self) -> tuple[int, int]:
        """The number of the current phase, counted from 1, and of all; after the last, both are equal."""
        phases = self.snapshot.phases
        over = sum(phase.state in ("done", "failed", "skipped") for phase in phases)
        current = self.snapshot.current
        return (phases.index(current) + 1 if current else min(over, len(phases))), len(phases)


def compute_waiting_cost(frame: Frame, gate: GateView) -> float:
    """Return what waiting at the gate has cost so far, in dollars."""
    return max(0.0, frame.now - gate.opened) / 3600 * frame.snapshot.money.usd_per_hour
