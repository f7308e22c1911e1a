"""What can happen in a session: one small type an event. The journal holds these, `state.fold` reads them.

Values that the plan gives (texts, estimates) are not repeated here: an event records what was found or
decided, and what it was decided upon.
"""

import msgspec

from app.session.snapshot import CriterionView, DecisionKind, Value, Verdict

Parameter = Value | list[Value]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of all events."""


class SessionStarted(Event, frozen=True, kw_only=True, tag="session_started"):
    """The session was created: which plan, approved how, and what its cost counts from."""

    id: str
    plan_sha256: str
    profile: str
    seed: int
    phases: list[str]
    approved: str
    usd_per_hour: float
    budget_usd: float


class ConductorStarted(Event, frozen=True, kw_only=True, tag="conductor_started"):
    """A conductor took over: a new epoch.

    `machine` is the boot and the pod's incarnation, within which `mono` can be compared. `pod_age` is the
    time since the pod started, None where that is not known: cost then counts from the session's start.
    `by_guard` says that no person started it.
    """

    pid: int
    machine: str
    pod_age: float | None = None
    by_guard: bool = False


class OverBudget(Event, frozen=True, kw_only=True, tag="over_budget"):
    """A phase is not started, since what is left of the budget is less than it needs: a gate opens."""

    phase: str
    attempt: int
    left_usd: float
    needs_usd: float


class AttemptStarted(Event, frozen=True, kw_only=True, tag="attempt_started"):
    """An attempt is about to start; `changed` are the parameters that differ from the attempt before.

    `deadline` is when it is ended for its cost, by the monotonic clock of this boot.
    """

    phase: str
    attempt: int
    parameters: dict[str, Parameter]
    cookie: str
    deadline: float | None = None
    batch: int = 1
    changed: dict[str, tuple[Parameter, Parameter]] = {}


class StopAsked(Event, frozen=True, kw_only=True, tag="stop_asked"):
    """The running attempt is to be ended: by whom and why; `stalled` if that is since it reports nothing."""

    phase: str
    attempt: int
    by: str
    reason: str = ""
    stalled: bool = False


class AttemptEnded(Event, frozen=True, kw_only=True, tag="attempt_ended"):
    """An attempt ended, as its shim recorded it."""

    phase: str
    attempt: int
    ended: float
    seconds: float
    reason: str
    code: int | None = None
    signal: int | None = None


class Judged(Event, frozen=True, kw_only=True, tag="judged"):
    """What an attempt delivered and what the criteria say; `gate` says why a gate opens, "" for none.

    `cause` names what went wrong, as `app.plan.causes` lists it, "" where nothing did or nobody knows.
    """

    phase: str
    attempt: int
    verdict: Verdict
    gate: str
    advice: list[str] = []
    criteria: list[CriterionView] = []
    metrics: dict[str, Value] = {}
    computed_from: dict[str, str] = {}
    headline: str = ""
    cause: str = ""


class Decided(Event, frozen=True, kw_only=True, tag="decided"):
    """A gate was decided."""

    phase: str
    attempt: int
    kind: DecisionKind
    by: str
    verdict: Verdict
    reason: str = ""
    overrides: bool = False
    changes: dict[str, Parameter] = {}


class HoldSet(Event, frozen=True, kw_only=True, tag="hold_set"):
    """A gate is (or is no longer) to open after the current phase, whatever it finds."""

    on: bool
    by: str


class SessionStopAsked(Event, frozen=True, kw_only=True, tag="session_stop_asked"):
    """The session is to end, after the running attempt has been ended."""

    by: str
    reason: str = ""


class Noticed(Event, frozen=True, kw_only=True, tag="noticed"):
    """Something that the operator should know; what has a key is said once."""

    text: str
    key: str = ""


class Reconciled(Event, frozen=True, kw_only=True, tag="reconciled"):
    """The provider's own figure, and what the ledger said at that moment."""

    usd: float
    ours_usd: float


class SessionEnded(Event, frozen=True, kw_only=True, tag="session_ended"):
    """The session is over: every phase is, or it was stopped."""

    finished: bool
    reason: str = ""


class PodKept(Event, frozen=True, kw_only=True, tag="pod_kept"):
    """The pod is not to be stopped after the session's end: who sees to it from now on."""

    by: str


AnyEvent = (
    SessionStarted
    | ConductorStarted
    | OverBudget
    | AttemptStarted
    | StopAsked
    | AttemptEnded
    | Judged
    | Decided
    | HoldSet
    | SessionStopAsked
    | Noticed
    | Reconciled
    | SessionEnded
    | PodKept
)
