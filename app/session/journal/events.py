"""The events of a session: one small type each. The journal stores them and `fold` reads them.

An event records what was measured or decided and the evidence for it. It does not repeat what the plan holds,
such as texts and estimates. The tags and field names are the file format of the journal.
"""

import msgspec

from app.plan.values import ConditionResult, Verdict
from app.session.snapshot import DecisionKind
from phases.contract.protocol import Value

Parameter = Value | list[Value]
# Fields that earlier versions did not write; they are omitted if they are None.
ADDED_FIELDS = ("up", "away", "has_grace", "transcript", "transcript_sha256", "plan_changes", "left_out")


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of all events."""


class SessionStarted(Event, frozen=True, kw_only=True, tag="session_started"):
    """The session was created from a plan that was approved in the way `approved` says."""

    id: str
    plan_sha256: str
    profile: str
    seed: int
    phases: list[str]
    approved: str
    usd_per_hour: float
    budget_usd: float


class ConductorStarted(Event, frozen=True, kw_only=True, tag="conductor_started"):
    """A conductor took over the session, which begins a new epoch.

    `machine` names the boot and the pod's incarnation; `mono` values are comparable within one machine.
    `pod_age` is the time since the pod started. If it is None, cost counts from the start of the session.
    `by_guard` is true if the guard started the conductor, not a person. `up` is how long the pod has been up
    with this session by all that is on disk, and `away` how long no process of the session was seen.
    `has_grace` is true if a person returned to a stop that is due, and so has time to look first; in
    journals that do not have these fields they are None.
    """

    pid: int
    machine: str
    pod_age: float | None = None
    by_guard: bool = False
    up: float | None = None
    away: float | None = None
    has_grace: bool | None = None


class OverBudget(Event, frozen=True, kw_only=True, tag="over_budget"):
    """A gate opened before a phase because the phase needs more than the rest of the budget."""

    phase: str
    attempt: int
    left_usd: float
    needs_usd: float


class AttemptStarted(Event, frozen=True, kw_only=True, tag="attempt_started"):
    """An attempt is about to start.

    `changed` holds the old and new values of the parameters that differ from the previous attempt. `deadline`
    is when the attempt is ended because of its cost, by the monotonic clock of this boot.
    """

    phase: str
    attempt: int
    parameters: dict[str, Parameter]
    cookie: str
    deadline: float | None = None
    batch: int = 1
    changed: dict[str, tuple[Parameter, Parameter]] = {}


class AttemptStopRequested(Event, frozen=True, kw_only=True, tag="stop_asked"):
    """A person or gonogo requested the end of the running attempt; `stalled` if it reported no progress."""

    phase: str
    attempt: int
    by: str
    reason: str = ""
    stalled: bool = False


class AttemptEnded(Event, frozen=True, kw_only=True, tag="attempt_ended"):
    """An attempt ended as its shim recorded it."""

    phase: str
    attempt: int
    ended: float
    seconds: float
    reason: str
    code: int | None = None
    signal: int | None = None


class AttemptAssessed(Event, frozen=True, kw_only=True, tag="judged"):
    """An ended attempt was checked against its criteria.

    `gate` says why a gate opens and is empty if none does. `cause` is a key of `app.plan.causes` and is empty
    if nothing went wrong or the cause is not known.
    """

    phase: str
    attempt: int
    verdict: Verdict
    gate: str
    advice: list[str] = []
    criteria: list[ConditionResult] = []
    metrics: dict[str, Value] = {}
    computed_from: dict[str, str] = {}
    headline: str = ""
    cause: str = ""


class GateDecided(Event, frozen=True, kw_only=True, tag="decided"):
    """The operator decided a gate; `overrides` if the decision contradicts the verdict.

    `transcript` is the path, in the session's folder, of what was asked at the gate before; None if nothing
    was asked. `plan_changes` holds the old and new values of changed parameters of later phases, and
    `left_out` the later phases that will not run; both are None if there are none.
    """

    phase: str
    attempt: int
    kind: DecisionKind
    by: str
    verdict: Verdict
    reason: str = ""
    overrides: bool = False
    changes: dict[str, Parameter] = {}
    transcript: str | None = None
    transcript_sha256: str | None = None
    plan_changes: dict[str, dict[str, tuple[Parameter, Parameter]]] | None = None
    left_out: list[str] | None = None


class HoldSet(Event, frozen=True, kw_only=True, tag="hold_set"):
    """The operator requested, or no longer requests, a gate after the current phase."""

    on: bool
    by: str


class SessionStopRequested(Event, frozen=True, kw_only=True, tag="session_stop_asked"):
    """The operator requested the end of the session; a running attempt is ended first."""

    by: str
    reason: str = ""


class NoticePosted(Event, frozen=True, kw_only=True, tag="noticed"):
    """The operator is shown a text; a notice with a key is posted once per session."""

    text: str
    key: str = ""


class ProviderBillRead(Event, frozen=True, kw_only=True, tag="reconciled"):
    """The provider reported the pod's cost while the ledger said `ours_usd`."""

    usd: float
    ours_usd: float


class SessionEnded(Event, frozen=True, kw_only=True, tag="session_ended"):
    """The session is over; `finished` if every phase is, otherwise it was stopped."""

    finished: bool
    reason: str = ""


class PodKept(Event, frozen=True, kw_only=True, tag="pod_kept"):
    """The pod is not stopped after the session's end because the operator or another session keeps it."""

    by: str


AnyEvent = (
    SessionStarted
    | ConductorStarted
    | OverBudget
    | AttemptStarted
    | AttemptStopRequested
    | AttemptEnded
    | AttemptAssessed
    | GateDecided
    | HoldSet
    | SessionStopRequested
    | NoticePosted
    | ProviderBillRead
    | SessionEnded
    | PodKept
)
