"""The immutable snapshot of a session, which the conductor sends and every screen renders.

It is the complete interface between the engine and its viewers: plain data with a few lookups. Times are in
seconds since the epoch, durations in seconds, money in US dollars, memory in bytes.
"""

from typing import Literal

import msgspec

from app.monitor.log_format import LogFormat
from app.monitor.machine_sample import MachineSample
from app.monitor.pace import ProgressView
from app.plan.values import ConditionResult, Range, Verdict
from app.session.asking.view import AskingView
from phases.contract.protocol import Value

PhaseState = Literal["waiting", "running", "stopping", "gate", "done", "failed", "skipped", "left_out"]
ENDED_PHASES: tuple[PhaseState, ...] = ("done", "failed", "skipped", "left_out")
SessionState = Literal["ready", "running", "gate", "finished", "stopped"]
OVER: tuple[SessionState, ...] = ("finished", "stopped")
DecisionKind = Literal["go", "retry", "batch", "skip", "stop"]


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of a phase; `folder` holds output.log, progress.jsonl, machine.jsonl and result.json.

    `elapsed_at_start` are the seconds that the session had been billed for when it started.
    """

    number: int
    folder: str
    started: float
    elapsed_at_start: float = 0.0
    parameters: dict[str, Value | list[Value]]
    ended: float | None = None
    exit_code: int | None = None
    signal: int | None = None
    reason: str = ""
    batch: int = 1
    changed: dict[str, tuple[Value | list[Value], Value | list[Value]]] = {}
    metrics: dict[str, Value] = {}


class PhaseView(msgspec.Struct, frozen=True, kw_only=True):
    """One phase of the plan; `headline` summarizes its result, once it has one.

    `measured_hours` come from earlier sessions on the same kind of machine, scaled to this plan's work.
    `values` are the last values of the running attempt's metrics, None for NaN and infinity; `log_format`
    says what to read from its log. `predicted_memory` is its predicted peak on each GPU, in bytes.
    `parameters` are those that it will start with, until it has an attempt. `changed` holds the plan's and
    the present value of those that were changed at earlier gates.
    """

    id: str
    title: str
    state: PhaseState
    critical: bool
    gate: Literal["always", "unless_go", "never"]
    estimate_hours: Range
    estimate_usd: Range
    measured_hours: Range | None = None
    elapsed: float = 0.0
    cost_usd: float = 0.0
    remaining: Range | None = None
    progress: ProgressView | None = None
    stalled: bool = False
    values: dict[str, float | None] = {}
    log_format: LogFormat = LogFormat()
    predicted_memory: float | None = None
    headline: str = ""
    verdict: Verdict | None = None
    parameters: dict[str, Value | list[Value]] = {}
    changed: dict[str, tuple[Value | list[Value], Value | list[Value]]] = {}
    attempts: tuple[AttemptView, ...] = ()


class GateView(msgspec.Struct, frozen=True, kw_only=True):
    """An open gate: its evidence, its verdict and the decisions that it accepts.

    `needs_reason` are the decisions among `options` that are refused without a reason. `cause` names the
    diagnosed problem, "" if there is none. `remedies` are the plan's untried parameter changes by cause,
    those for `cause` first.
    """

    phase: str
    attempt: int
    opened: float
    because: str
    verdict: Verdict
    advice: tuple[str, ...]
    criteria: tuple[ConditionResult, ...]
    metrics: dict[str, Value]
    computed_from: dict[str, str] = {}
    earlier: dict[str, dict[str, Value]] = {}
    options: tuple[DecisionKind, ...] = ("go", "retry", "skip", "stop")
    needs_reason: tuple[DecisionKind, ...] = ()
    parameters: dict[str, Value | list[Value]] = {}
    remedies: dict[str, tuple[dict[str, Value], ...]] = {}
    next_phase: str | None = None
    cause: str = ""


class UpcomingGate(msgspec.Struct, frozen=True, kw_only=True):
    """A gate that may open next. Its criteria are evaluated with the values that are known so far.

    `is_certain` says that it opens whatever the verdict; otherwise it opens only if the verdict is not go.
    """

    phase: str
    is_certain: bool
    criteria: tuple[ConditionResult, ...] = ()


class DecisionView(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded decision; one that `overrides` the verdict has a reason.

    `transcript` is the path, in the session's folder, of what the operator asked the models before.
    `plan_changes` are the old and new parameters of later phases; those in `left_out` will not run.
    """

    at: float
    phase: str
    attempt: int
    kind: DecisionKind
    verdict: Verdict
    by: str
    reason: str = ""
    overrides: bool = False
    changes: dict[str, Value | list[Value]] = {}
    transcript: str | None = None
    plan_changes: dict[str, dict[str, tuple[Value | list[Value], Value | list[Value]]]] = {}
    left_out: tuple[str, ...] = ()


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger. Spent counts from the pod's start, including time at gates; forecast and end are ranges.

    `provider_usd` is the provider's figure at `provider_at`, when the ledger had `provider_ours_usd`. It is
    None if the plan has no `pod.spent_command`, or that has not responded yet.
    """

    usd_per_hour: float
    budget_usd: float
    spent_usd: float
    idle_usd: float
    idle_seconds: float
    forecast_usd: Range
    ends_at: Range
    provider_usd: float | None = None
    provider_ours_usd: float | None = None
    provider_at: float | None = None


class SessionSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A session at one moment.

    Attributes:
        plan_folder: the folder that phases run in, which relative paths in their reports start at.
        asking: the models that can be asked at the open gate, and the questions; None without a conductor.
        hold: whether a gate opens after the current phase, regardless of its verdict.
        upcoming: the gates that may open next, in order.
        stops_at: when the pod will be stopped unless the operator acts.
    """

    id: str
    name: str
    model: str
    profile: str
    gpu: str
    folder: str
    artifacts: str
    plan_folder: str = ""
    state: SessionState
    started: float
    now: float
    phases: tuple[PhaseView, ...]
    money: Money
    decisions: tuple[DecisionView, ...] = ()
    gate: GateView | None = None
    asking: AskingView | None = None
    machine: MachineSample | None = None
    upcoming: tuple[UpcomingGate, ...] = ()
    hold: bool = False
    notices: tuple[str, ...] = ()
    stops_at: float | None = None

    def find_phase(self, phase_id: str) -> PhaseView:
        """Return the phase with this id.

        Raises:
            KeyError: the plan has no such phase.
        """
        for phase in self.phases:
            if phase.id == phase_id:
                return phase
        raise KeyError(phase_id)

    @property
    def current(self) -> PhaseView | None:
        """The phase that is running or waits at its gate, if any."""
        return next((p for p in self.phases if p.state in ("running", "stopping", "gate")), None)

    @property
    def stalled(self) -> bool:
        """Whether the running phase makes no progress, so that its end cannot be forecast."""
        return self.state == "running" and self.current is not None and self.current.stalled
