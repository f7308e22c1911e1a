"""The state of a session, and the events that lead from one state to the next.

`apply` rejects an event that cannot follow, so every journal prefix that it accepts is a valid state. Billed
time is counted from the entries alone: by the monotonic clock within one machine, by what a new conductor
has observed across machines, and never backwards.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec.structs import replace

from app.session.journal import events
from app.session.journal.events import AttemptAssessed, Parameter
from app.session.journal.journal import Entry
from app.session.snapshot import DecisionView
from phases.contract.protocol import Value

PhaseStatus = Literal[
    "waiting", "running", "stopping", "ended", "gate", "done", "failed", "skipped", "left_out"
]
FINISHED_STATUSES: tuple[PhaseStatus, ...] = ("done", "failed", "skipped", "left_out")
MINOR_EVENTS = (events.NoticePosted, events.ProviderBillRead, events.HoldSet)
_NO_STEPS = (events.ConductorStarted, *MINOR_EVENTS)
_EVENTS_AFTER_END = events.ConductorStarted | events.NoticePosted | events.PodKept
MAX_NOTICES = 20
# A container that crashed is restarted within minutes; a person who starts a stopped pod returns later.
RESTART_SECONDS = 300.0


class InvalidEventError(ValueError):
    """An event cannot follow the state before it."""


class AttemptRecord(msgspec.Struct, frozen=True):
    """One execution of a phase.

    `started` is by the wall clock, `elapsed_at_start` in billed seconds of the session. `machine` is where
    it started: its deadline is by the clock of that machine.
    """

    number: int
    started: float
    elapsed_at_start: float
    spec: events.AttemptStarted
    end: events.AttemptEnded | None = None
    assessment: AttemptAssessed | None = None
    machine: str = ""


class PhaseRecord(msgspec.Struct, frozen=True):
    """The progress of one phase.

    `gate_up` is when its gate opened, in seconds that the pod has been up (`State.pod_time`).
    `retry_decision` is the decision that requested the next attempt. `over_budget` is set at a gate before an
    attempt, and `budget_overridden` after the operator decided to start the attempt anyway. `changes` are the
    parameters that decisions at earlier gates gave it in place of the plan's.
    """

    id: str
    status: PhaseStatus = "waiting"
    attempts: tuple[AttemptRecord, ...] = ()
    gate_since: float = 0.0
    gate_up: float = 0.0
    retry_decision: events.GateDecided | None = None
    over_budget: events.OverBudget | None = None
    budget_overridden: bool = False
    stop_reason: str = ""
    stop_stalled: bool = False
    changes: dict[str, Parameter] = {}

    @property
    def last(self) -> AttemptRecord | None:
        """The latest attempt."""
        return self.attempts[-1] if self.attempts else None

    @property
    def attempt_number(self) -> int:
        """The number of the latest attempt, or of the next one at a gate before it."""
        return len(self.attempts) + (1 if self.over_budget is not None else 0)

    @property
    def is_running(self) -> bool:
        """Whether an attempt is running or being stopped."""
        return self.status in ("running", "stopping")

    @property
    def metrics(self) -> dict[str, Value]:
        """The metrics of the latest assessed attempt."""
        assessments = [attempt.assessment for attempt in self.attempts if attempt.assessment]
        return assessments[-1].metrics if assessments else {}


class BilledTime(msgspec.Struct, frozen=True):
    """The time at the last entry; `elapsed` is the billed seconds since the session's start."""

    machine: str = ""
    wall: float = 0.0
    mono: float = 0.0
    elapsed: float = 0.0

    def compute_elapsed(self, mono: float) -> float:
        """Return the billed seconds at a later moment on the same machine."""
        return self.elapsed + max(0.0, mono - self.mono)


class State(msgspec.Struct, frozen=True):
    """A session as recorded in its journal.

    `time` counts what is billed, and stops at the session's end. `pod_time` continues after the end. It
    counts the seconds that the pod has been up, so a restart of the container does not begin a wait again.
    `changed_up`, `returned_up` and `ended_up` are moments of it: of the last step of the session, of a
    person's return to a stop that was due, and of the session's end, which was on `ended_machine`.
    """

    started: events.SessionStarted | None = None
    started_wall: float = 0.0
    phases: tuple[PhaseRecord, ...] = ()
    decisions: tuple[DecisionView, ...] = ()
    hold: bool = False
    stop_request: events.SessionStopRequested | None = None
    ended: events.SessionEnded | None = None
    pod_kept: bool = False
    returned_up: float | None = None
    changed_up: float = 0.0
    ended_up: float = 0.0
    ended_machine: str = ""
    notices: tuple[str, ...] = ()
    notice_keys: frozenset[str] = frozenset()
    provider: events.ProviderBillRead | None = None
    provider_at: float = 0.0
    time: BilledTime = BilledTime()
    pod_time: BilledTime = BilledTime()
    machine: str = ""
    epoch: int = 0

    @property
    def current(self) -> PhaseRecord | None:
        """The first phase that is not finished."""
        return next((p for p in self.phases if p.status not in FINISHED_STATUSES), None)

    def find_missing_phases(self, ids: Iterable[str]) -> str:
        """Return the names of the phases of the session that are not among these, or "" if all are."""
        known = set(ids)
        return ", ".join(phase.id for phase in self.phases if phase.id not in known)

    def find_phase(self, phase_id: str) -> PhaseRecord:
        """Return the phase with an id.

        Raises:
            InvalidEventError: the session does not have this phase.
        """
        for phase in self.phases:
            if phase.id == phase_id:
                return phase
        raise InvalidEventError(f"the session does not have a phase {phase_id}")


def apply(state: State, entry: Entry) -> State:
    """Return the state after one more entry.

    Raises:
        InvalidEventError: the event cannot follow.
    """
    event = entry.event
    if (state.started is None) != isinstance(event, events.SessionStarted):
        raise InvalidEventError("a journal begins with the start of the session and has only one")
    if state.ended is not None and not isinstance(event, _EVENTS_AFTER_END):
        raise InvalidEventError(f"{type(event).__name__} after the session's end")
    pod_time = _advance_time(state.pod_time, entry)
    # A session that is over is not billed.
    state = replace(state, pod_time=pod_time, time=state.time if state.ended is not None else pod_time)
    if not isinstance(event, _NO_STEPS):
        state = replace(state, changed_up=pod_time.elapsed)
    state = replace(state, epoch=entry.epoch)
    return _apply_event(state, entry)


def _advance_time(before: BilledTime, entry: Entry) -> BilledTime:
    event = entry.event
    if isinstance(event, events.SessionStarted):
        return BilledTime("", entry.wall, entry.mono)
    if not isinstance(event, events.ConductorStarted):
        return BilledTime(before.machine, entry.wall, entry.mono, before.compute_elapsed(entry.mono))
    if event.machine == before.machine:
        elapsed = max(before.compute_elapsed(entry.mono), event.up or 0.0)
        return BilledTime(before.machine, entry.wall, entry.mono, elapsed)
    if not before.machine:  # The session's first conductor: cost counts from the pod's start.
        elapsed = max(before.compute_elapsed(entry.mono), event.pod_age or 0.0)
        return BilledTime(event.machine, entry.wall, entry.mono, elapsed)
    if event.up is not None:
        return BilledTime(event.machine, entry.wall, entry.mono, max(before.elapsed, event.up))
    # A journal of an earlier version: the time between two pods is not billed.
    gap = max(0.0, entry.wall - before.wall)
    billed = gap if event.pod_age is None else min(gap, event.pod_age)
    return BilledTime(event.machine, entry.wall, entry.mono, before.elapsed + billed)


def _apply_event(state: State, entry: Entry) -> State:  # noqa: PLR0911, PLR0912 - one case per event
    event, wall = entry.event, entry.wall
    match event:
        case events.SessionStarted():
            phases = tuple(PhaseRecord(name) for name in event.phases)
            return replace(state, started=event, started_wall=wall, phases=phases)
        case events.ConductorStarted():
            return _apply_conductor_start(state, event)
        case events.AttemptStarted():
            return _apply_attempt_start(state, event, wall)
        case events.AttemptStopRequested():
            phase = _require_phase(state, event, "running", "stopping")
            stopping = replace(phase, status="stopping", stop_reason=event.reason)
            return _replace_phase(state, replace(stopping, stop_stalled=event.stalled))
        case events.AttemptEnded():
            phase = _require_phase(state, event, "running", "stopping")
            return _replace_phase(state, _replace_last_attempt(replace(phase, status="ended"), end=event))
        case events.AttemptAssessed():
            phase = _replace_last_attempt(_require_phase(state, event, "ended"), assessment=event)
            if not event.gate:
                return _replace_phase(state, replace(phase, status="done"))
            return replace(_replace_phase(state, _open_gate(state, phase, entry)), hold=False)
        case events.OverBudget():
            return _apply_over_budget(state, event, entry)
        case events.GateDecided():
            return _apply_decision(state, event, wall)
        case events.HoldSet():
            return replace(state, hold=event.on)
        case events.SessionStopRequested():
            return replace(state, stop_request=event)
        case events.NoticePosted():
            keys = state.notice_keys | {event.key} if event.key else state.notice_keys
            return replace(state, notices=(*state.notices, event.text)[-MAX_NOTICES:], notice_keys=keys)
        case events.ProviderBillRead():
            return replace(state, provider=event, provider_at=wall)
        case events.PodKept():
            if state.ended is None:
                raise InvalidEventError("the pod can be kept only after the session's end")
            text = f"The pod is kept by {event.by}: it keeps running and billing until you stop it"
            return replace(state, pod_kept=True, notices=(*state.notices, text)[-MAX_NOTICES:])
        case events.SessionEnded():
            return _apply_session_end(state, event)


def _apply_conductor_start(state: State, event: events.ConductorStarted) -> State:
    is_restart = event.away is not None and event.away < RESTART_SECONDS
    if state.ended is not None and state.machine == state.ended_machine and is_restart:
        state = replace(state, ended_machine=event.machine)
    has_grace = event.has_grace
    if has_grace is None:
        has_grace = state.machine != "" and not event.by_guard
    returned_up = state.pod_time.elapsed if has_grace else state.returned_up
    return replace(state, machine=event.machine, returned_up=returned_up)


def _open_gate(state: State, phase: PhaseRecord, entry: Entry) -> PhaseRecord:
    return replace(phase, status="gate", gate_since=entry.wall, gate_up=state.pod_time.elapsed)


def _apply_over_budget(state: State, event: events.OverBudget, entry: Entry) -> State:
    phase = _require_waiting(state, event)
    return _replace_phase(state, _open_gate(state, replace(phase, over_budget=event), entry))


def _apply_attempt_start(state: State, event: events.AttemptStarted, wall: float) -> State:
    phase = _require_waiting(state, event)
    attempt = AttemptRecord(event.attempt, wall, state.time.elapsed, event, machine=state.machine)
    phase = replace(
        phase,
        status="running",
        attempts=(*phase.attempts, attempt),
        retry_decision=None,
        budget_overridden=False,
        stop_reason="",
        stop_stalled=False,
    )
    return _replace_phase(state, phase)


def _apply_decision(state: State, event: events.GateDecided, wall: float) -> State:
    phase = _require_phase(state, event, "gate")
    status_after: dict[str, PhaseStatus] = {
        "go": _choose_status_after_gate(phase),
        "skip": "skipped",
        "retry": "waiting",
        "batch": "waiting",
        "stop": _choose_status_after_gate(phase),
    }
    if phase.over_budget is not None:
        phase = replace(phase, over_budget=None, budget_overridden=event.kind == "go")
    elif event.kind in ("retry", "batch"):
        phase = replace(phase, retry_decision=event)
    decision = DecisionView(
        at=wall,
        phase=event.phase,
        attempt=event.attempt,
        kind=event.kind,
        verdict=event.verdict,
        by=event.by,
        reason=event.reason,
        overrides=event.overrides,
        changes=event.changes,
        transcript=event.transcript,
        plan_changes=event.plan_changes or {},
        left_out=tuple(event.left_out or ()),
    )
    state = _replace_phase(state, replace(phase, status=status_after[event.kind]))
    state = _apply_plan_changes(state, event)
    if event.kind == "stop":
        stop = events.SessionStopRequested(by=event.by, reason=event.reason)
        state = replace(state, stop_request=stop)
    return replace(state, decisions=(*state.decisions, decision))


def _apply_plan_changes(state: State, event: events.GateDecided) -> State:
    """Return the state with the changes that a decision makes to phases that have not started."""
    changes, left_out = event.plan_changes or {}, event.left_out or []
    for phase_id in (*changes, *left_out):
        phase = state.find_phase(phase_id)
        if event.kind != "go" or phase.status != "waiting" or phase.attempts:
            raise InvalidEventError(f"{event.kind} after {event.phase} cannot change {phase_id}")
        if phase_id in left_out:
            phase = replace(phase, status="left_out")
        else:
            values = {name: new for name, (_, new) in changes[phase_id].items()}
            phase = replace(phase, changes={**phase.changes, **values})
        state = _replace_phase(state, phase)
    return state


def _apply_session_end(state: State, event: events.SessionEnded) -> State:
    phase = state.current
    if event.finished and phase is not None:
        raise InvalidEventError("a session is not finished before its phases are")
    if phase is not None and phase.status == "gate":
        state = _replace_phase(state, replace(phase, status=_choose_status_after_gate(phase)))
    return replace(state, ended=event, ended_up=state.pod_time.elapsed, ended_machine=state.machine)


def _choose_status_after_gate(phase: PhaseRecord) -> PhaseStatus:
    if phase.over_budget is not None:
        return "waiting"
    assessment = phase.last.assessment if phase.last else None
    return "failed" if assessment and assessment.gate in ("failed", "stopped") else "done"


def _require_phase(
    state: State,
    event: events.AttemptStopRequested | events.AttemptEnded | AttemptAssessed | events.GateDecided,
    *statuses: PhaseStatus,
) -> PhaseRecord:
    """Return the event's phase if it has one of the statuses and is at the event's attempt."""
    phase = state.find_phase(event.phase)
    if phase.status not in statuses or phase.attempt_number != event.attempt:
        raise InvalidEventError(
            f"{type(event).__name__} of {event.phase} attempt {event.attempt}: "
            f"the phase is {phase.status} at attempt {phase.attempt_number}"
        )
    return phase


def _require_waiting(state: State, event: events.OverBudget | events.AttemptStarted) -> PhaseRecord:
    """Return the event's phase if it is next to run and the event's attempt is its next one."""
    phase = state.current
    if phase is None or phase.id != event.phase or phase.status != "waiting":
        raise InvalidEventError(f"{event.phase} cannot start now")
    if event.attempt != len(phase.attempts) + 1:
        raise InvalidEventError(f"attempt {event.attempt} of {event.phase} after {len(phase.attempts)}")
    return phase


def _replace_phase(state: State, phase: PhaseRecord) -> State:
    return replace(state, phases=tuple(phase if p.id == phase.id else p for p in state.phases))


def _replace_last_attempt(
    phase: PhaseRecord, *, end: events.AttemptEnded | None = None, assessment: AttemptAssessed | None = None
) -> PhaseRecord:
    last = phase.attempts[-1]
    last = replace(last, end=end or last.end, assessment=assessment or last.assessment)
    return replace(phase, attempts=(*phase.attempts[:-1], last))


def diff_parameters(
    old: dict[str, Parameter], new: dict[str, Parameter]
) -> dict[str, tuple[Parameter, Parameter]]:
    """Return the parameters that differ, each with its old and new value."""
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return {name: (old.get(name), new.get(name)) for name in names}
