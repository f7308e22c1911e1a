"""The immutable data that the screens draw: the session at one moment and the output of one attempt."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from app.monitor.evaluation_file import CheckedAnswer
from app.monitor.series import Series
from app.session.snapshot import ENDED_PHASES, AttemptView, GateView, PhaseView, SessionSnapshot
from app.units import HOUR
from phases.contract.protocol import Artifact, Notice, Sample


class LogLines(msgspec.Struct, frozen=True):
    """The end of a log: `lines[0]` is line `first` of the log, counted from 0."""

    first: int = 0
    lines: tuple[str, ...] = ()

    @property
    def end(self) -> int:
        """The number of the line after the last."""
        return self.first + len(self.lines)

    def line(self, number: int) -> str:
        """Return the line of that number."""
        return self.lines[number - self.first]


class AttemptOutput(msgspec.Struct, frozen=True):
    """The files that an attempt has written so far, as read for the screen.

    Attributes:
        phase: the phase's id.
        attempt: its number.
        series: the metrics by name.
        log: the end of the log.
        samples: the last samples; their number is bounded, as is that of the artifacts.
        artifacts: the files that the attempt reported.
        notices: warnings and errors that the attempt reported.
        earlier: the metrics of the phase's earlier attempts, by their numbers.
        reading: whether more of the files remains to be read.
        pace: units of progress per second, over seconds since the epoch.
        step_unit: what the steps of the metrics are: values of each metric if the log names no steps.
    """

    phase: str
    attempt: int
    series: Mapping[str, Series] = {}
    log: LogLines = LogLines()
    samples: tuple[Sample, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    notices: tuple[Notice, ...] = ()
    earlier: Mapping[int, Mapping[str, Series]] = {}
    reading: bool = False
    pace: Series | None = None
    step_unit: Literal["step", "value"] = "step"


class AttemptArtifacts(msgspec.Struct, frozen=True):
    """The files that an attempt reported; relative paths start at the plan's folder."""

    phase: str
    attempt: int
    artifacts: tuple[Artifact, ...]


class ModelAnswers(msgspec.Struct, frozen=True):
    """The answers of the model that a phase evaluated, also after solved examples if it was asked so."""

    phase: str
    model: str
    answers: tuple[CheckedAnswer, ...]
    after_examples: tuple[CheckedAnswer, ...] = ()


class MachineUse(msgspec.Struct, frozen=True):
    """The machine during an attempt, over seconds since the epoch.

    Attributes:
        phase: the phase's id.
        attempt: its number.
        gpus: memory in use on each GPU, in bytes.
        ram: host memory in use, in bytes.
        utilization: of each GPU, in percent.
        power: of each GPU, in watts.
        cpu: share of all cores in use, in percent.
    """

    phase: str
    attempt: int
    gpus: Mapping[int, Series]
    ram: Series
    utilization: Mapping[int, Series] = {}
    power: Mapping[int, Series] = {}
    cpu: Series | None = None

    def peak(self, gpu: int | None = None) -> float | None:
        """Return the peak of a GPU, or of RAM if `gpu` is None; None if nothing was measured."""
        series = self.ram if gpu is None else self.gpus.get(gpu)
        return max((p.high for p in series.points if p.finite), default=None) if series else None


class Frame(msgspec.Struct, frozen=True):
    """The session at one moment, and the output of the attempt that the operator looks at.

    Attributes:
        snapshot: the session.
        now: the viewer's clock, seconds since the epoch.
        output: of the selected attempt; None if no phase has started.
        disconnected: why the snapshot is out of date; empty if it is not.
        outcome: the text that the last phase of a finished session wrote.
        machine_use: of each attempt, in the order in which they started.
        artifacts: of each attempt, in the same order.
        evaluations: what the evaluated models answered, in the order of the phases, while a gate is open.
    """

    snapshot: SessionSnapshot
    now: float
    output: AttemptOutput | None = None
    disconnected: str = ""
    outcome: tuple[str, ...] = ()
    machine_use: tuple[MachineUse, ...] = ()
    artifacts: tuple[AttemptArtifacts, ...] = ()
    evaluations: tuple[ModelAnswers, ...] = ()

    @property
    def phase(self) -> PhaseView | None:
        """The selected phase, by default the one that runs or waits at its gate."""
        return self.snapshot.find_phase(self.output.phase) if self.output else self.snapshot.current

    @property
    def attempt(self) -> AttemptView | None:
        """The selected attempt."""
        phase, output = self.phase, self.output
        if phase is None or output is None:
            return None
        return next((a for a in phase.attempts if a.number == output.attempt), None)

    @property
    def position(self) -> tuple[int, int]:
        """The number of the current phase, counted from 1, and of all phases; both are equal at the end."""
        phases = self.snapshot.phases
        current = self.snapshot.current
        if current:
            return phases.index(current) + 1, len(phases)
        ended = sum(phase.state in ENDED_PHASES for phase in phases)
        return min(ended, len(phases)), len(phases)


def compute_waiting_cost(frame: Frame, gate: GateView) -> float:
    """Return the cost of waiting at the gate so far, in dollars."""
    return max(0.0, frame.now - gate.opened) / HOUR * frame.snapshot.money.usd_per_hour
