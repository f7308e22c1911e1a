"""The state of a session: a pure fold of its journal. Nothing else holds truth.

`apply` refuses an event that cannot follow, so that every prefix of a journal that it accepts is a valid
state. Time is counted here, from the entries alone: within one machine by the monotonic clock, across
machines by the wall clock, and never backwards.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec.structs import replace

from app.session.journal import events
from app.session.journal.events import Judged, Parameter
from app.session.journal.journal import Entry, Replay
from app.session.snapshot import DecisionView, Value

Standing = Literal["waiting", "running", "stopping", "ended", "gate", "done", "failed", "skipped"]
PAST: tuple[Standing, ...] = ("done", "failed", "skipped")
_AFTER_THE_END = events.ConductorStarted | events.Noticed | events.PodKept


class Impossible(ValueError):  # noqa: N818 - as its siblings
    """An event that cannot follow the state before it."""


class Attempt(msgspec.Struct, frozen=True):
    """One execution of a phase, as far as it is known."""

    number: int
    started: float
    began: float
    spec: events.AttemptStarted
    end: events.AttemptEnded | None = None
    judged: Judged | None = None


class PhaseRecord(msgspec.Struct, frozen=True):
    """One phase: `wanted` is what a decision asks of the next attempt.

    `over_budget` is set at a gate before an attempt, and `budget_overridden` when the operator passed it.
    """

    id: str
    standing: Standing = "waiting"
    attempts: tuple[Attempt, ...] = ()
    gate_since: float = 0.0
    gate_mono: float = 0.0
    wanted: events.Decided | None = None
    over_budget: events.OverBudget | None = None
    budget_overridden: bool = False
    stop_reason: str = ""
    stop_stalled: bool = False

    @property
    def last(self) -> Attempt | None:
        """The latest attempt."""
        return self.attempts[-1] if self.attempts else None

    @property
    def at(self) -> int:
        """The number of the attempt that the phase is at: the latest, or the next at a gate before it."""
        return len(self.attempts) + (self.over_budget is not None)

    @property
    def metrics(self) -> dict[str, Value]:
        """What the latest judged attempt delivered."""
        judged = [a.judged for a in self.attempts if a.judged]
        return judged[-1].metrics if judged else {}


class Time(msgspec.Struct, frozen=True):
    """The session's own clock at the last entry: `elapsed` billed seconds since its start."""

    machine: str = ""
    wall: float = 0.0
    mono: float = 0.0
    elapsed: float = 0.0

    def at(self, mono: float) -> float:
        """Return the billed seconds at a later moment on the same machine."""
        return self.elapsed + max(0.0, mono - self.mono)


class State(msgspec.Struct, frozen=True):
    """A session, as its journal tells it."""

    started: events.SessionStarted | None = None
    started_wall: float = 0.0
    phases: tuple[PhaseRecord, ...] = ()
    decisions: tuple[DecisionView, ...] = ()
    hold: bool = False
    stop_asked: events.SessionStopAsked | None = None
    ended: events.SessionEnded | None = None
    pod_kept: bool = False
    came_back: float | None = None  # when a person last started a conductor again, by the monotonic clock
    notices: tuple[str, ...] = ()
    said: frozenset[str] = frozenset()
    provider: events.Reconciled | None = None
    provider_at: float = 0.0
    time: Time = Time()
    pod_known: bool = False
    machine: str = ""
    epoch: int = 0

    @property
    def current(self) -> PhaseRecord | None:
        """The first phase that is not over, if any."""
        return next((p for p in self.phases if p.standing not in PAST), None)

    def phase(self, phase_id: str) -> PhaseRecord:
        """Return the phase of that id.

        Raises:
            Impossible: there is none.
        """
        for phase in self.phases:
            if phase.id == phase_id:
                return phase
        raise Impossible(f"there is no phase {phase_id}")


def fold(entries: Iterable[Entry], state: State | None = None) -> State:
    """Return the state after the entries.

    Raises:
        Impossible: an event cannot follow those before it.
    """
    state = state or State()
    for entry in entries:
        state = apply(state, entry)
    return state


def recover(replay: Replay) -> tuple[State, str]:
    """Return the state that a journal tells, as far as it can be trusted, and what is wrong beyond that."""
    state = State()
    for entry in replay.entries:
        try:
            state = apply(state, entry)
        except Impossible as error:
            return state, f"line {entry.seq} of the journal: {error}"
    return state, replay.damage


def apply(state: State, entry: Entry) -> State:
    """Return the state after one more entry.

    Raises:
        Impossible: the event cannot follow.
    """
    event = entry.event
    if (state.started is None) != isinstance(event, events.SessionStarted):
        raise Impossible("a session starts with its start, once")
    if state.ended is not None and not isinstance(event, _AFTER_THE_END):
        raise Impossible(f"{type(event).__name__} after the session's end")
    if state.ended is None:  # what is over costs no more
        state = replace(state, time=_advance(state, entry))
    state = replace(state, epoch=entry.epoch)
    return _act(state, entry)


def _advance(state: State, entry: Entry) -> Time:
    before, event = state.time, entry.event
    if isinstance(event, events.SessionStarted):
        return Time("", entry.wall, entry.mono)
    if not isinstance(event, events.ConductorStarted) or event.machine == before.machine:
        return Time(before.machine, entry.wall, entry.mono, before.at(entry.mono))
    if not before.machine:  # the session's first conductor: the cost counts from the pod's start
        elapsed = max(before.at(entry.mono), event.pod_age or 0.0)
        return Time(event.machine, entry.wall, entry.mono, elapsed)
    # Another pod, or the machine was restarted: a pod that did not run was not billed.
    gap = max(0.0, entry.wall - before.wall)
    billed = gap if event.pod_age is None else min(gap, event.pod_age)
    return Time(event.machine, entry.wall, entry.mono, before.elapsed + billed)


def _act(state: State, entry: Entry) -> State:  # noqa: PLR0911, PLR0912 - a case an event
    event, wall = entry.event, entry.wall
    match event:
        case events.SessionStarted():
            phases = tuple(PhaseRecord(name) for name in event.phases)
            return replace(state, started=event, started_wall=wall, phases=phases)
        case events.ConductorStarted():
            return _conductor_started(state, event, entry)
        case events.AttemptStarted():
            return _attempt_started(state, event, wall)
        case events.StopAsked():
            phase = _current(state, event, "running", "stopping")
            stopping = replace(phase, standing="stopping", stop_reason=event.reason)
            return _with(state, replace(stopping, stop_stalled=event.stalled))
        case events.AttemptEnded():
            phase = _current(state, event, "running", "stopping")
            return _with(state, _with_last(replace(phase, standing="ended"), end=event))
        case events.Judged():
            phase = _with_last(_current(state, event, "ended"), judged=event)
            if not event.gate:
                return _with(state, replace(phase, standing="done"))
            return replace(_with(state, _gated(phase, entry)), hold=False)
        case events.OverBudget():
            return _over_budget(state, event, entry)
        case events.Decided():
            return _decided(state, event, wall)
        case events.HoldSet():
            return replace(state, hold=event.on)
        case events.SessionStopAsked():
            return replace(state, stop_asked=event)
        case events.Noticed():
            said = state.said | {event.key} if event.key else state.said
            return replace(state, notices=(*state.notices, event.text)[-20:], said=said)
        case events.Reconciled():
            return replace(state, provider=event, provider_at=wall)
        case events.PodKept():
            if state.ended is None:
                raise Impossible("the pod is kept only after the session's end")
            return replace(state, pod_kept=True)
        case events.SessionEnded():
            if event.finished and state.current is not None:
                raise Impossible("a session is not finished before its phases are")
            last = state.current
            if last is not None and last.standing == "gate":
                state = _with(state, replace(last, standing=_left_as(last)))
            return replace(state, ended=event)


def _conductor_started(state: State, event: events.ConductorStarted, entry: Entry) -> State:
    phase = state.current
    if event.machine != state.machine and phase is not None and phase.standing == "gate":
        # On another machine the gate has waited since now: the pod was off.
        state = _with(state, replace(phase, gate_mono=entry.mono))
    again = state.machine != "" and not event.by_guard
    return replace(
        state,
        pod_known=state.pod_known or event.pod_age is not None,
        machine=event.machine,
        came_back=entry.mono if again else state.came_back,
    )


def _gated(phase: PhaseRecord, entry: Entry) -> PhaseRecord:
    return replace(phase, standing="gate", gate_since=entry.wall, gate_mono=entry.mono)


def _over_budget(state: State, event: events.OverBudget, entry: Entry) -> State:
    phase = state.current
    if phase is None or phase.id != event.phase or phase.standing != "waiting":
        raise Impossible(f"{event.phase} is not about to start")
    phase = replace(phase, over_budget=event)
    if phase.at != event.attempt:
        raise Impossible(f"attempt {event.attempt} of {event.phase} after {len(phase.attempts)}")
    return _with(state, _gated(phase, entry))


def _attempt_started(state: State, event: events.AttemptStarted, wall: float) -> State:
    phase = state.current
    if phase is None or phase.id != event.phase or phase.standing != "waiting":
        raise Impossible(f"{event.phase} cannot start now")
    if event.attempt != len(phase.attempts) + 1:
        raise Impossible(f"attempt {event.attempt} of {event.phase} after {len(phase.attempts)}")
    attempt = Attempt(event.attempt, wall, state.time.elapsed, event)
    attempts = (*phase.attempts, attempt)
    phase = replace(
        phase,
        standing="running",
        attempts=attempts,
        wanted=None,
        budget_overridden=False,
        stop_reason="",
        stop_stalled=False,
    )
    return _with(state, phase)


def _decided(state: State, event: events.Decided, wall: float) -> State:
    phase = _current(state, event, "gate")
    standing: dict[str, Standing] = {
        "go": _left_as(phase),
        "skip": "skipped",
        "retry": "waiting",
        "batch": "waiting",
        "stop": _left_as(phase),
    }
    if phase.over_budget is not None:
        standing |= {"go": "waiting", "stop": "waiting"}
        phase = replace(phase, over_budget=None, budget_overridden=event.kind == "go")
    elif event.kind in ("retry", "batch"):
        phase = replace(phase, wanted=event)
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
    )
    state = _with(state, replace(phase, standing=standing[event.kind]))
    if event.kind == "stop":
        stop = events.SessionStopAsked(by=event.by, reason=event.reason)
        state = replace(state, stop_asked=stop)
    return replace(state, decisions=(*state.decisions, decision))


def _left_as(phase: PhaseRecord) -> Standing:
    if phase.over_budget is not None:
        return "waiting"
    judged = phase.last.judged if phase.last else None
    return "failed" if judged and judged.gate in ("failed", "stopped") else "done"


def _current(
    state: State,
    event: events.StopAsked | events.AttemptEnded | Judged | events.Decided,
    *standings: Standing,
) -> PhaseRecord:
    phase = state.phase(event.phase)
    number = phase.at
    if phase.standing not in standings or number != event.attempt:
        raise Impossible(
            f"{type(event).__name__} of {event.phase} attempt {event.attempt}: "
            f"it is {phase.standing}, attempt {number}"
        )
    return phase


def _with(state: State, changed: PhaseRecord) -> State:
    return replace(state, phases=tuple(changed if p.id == changed.id else p for p in state.phases))


def _with_last(
    phase: PhaseRecord, *, end: events.AttemptEnded | None = None, judged: Judged | None = None
) -> PhaseRecord:
    last = phase.attempts[-1]
    last = replace(last, end=end or last.end, judged=judged or last.judged)
    return replace(phase, attempts=(*phase.attempts[:-1], last))


def parameter_changes(
    old: dict[str, Parameter], new: dict[str, Parameter]
) -> dict[str, tuple[Parameter, Parameter]]:
    """Return the parameters that differ, each with its old and new value."""
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return {name: (old.get(name), new.get(name)) for name in names}
