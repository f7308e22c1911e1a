"""The requests that clients send to the conductor over its socket, and its response.

A request is one JSON line, `{"do": ..., ...}`, and its response another: `{"snapshot": ...}` or
`{"refused": "reason"}`. After `subscribe`, snapshots keep coming.
"""

import getpass
import os

import msgspec

from app.errors import UserError
from app.session.journal.events import Parameter
from app.session.snapshot import DecisionKind, SessionSnapshot

LONGEST_REQUEST = 64 * 1024


class Request(msgspec.Struct, frozen=True, tag_field="do", forbid_unknown_fields=True):
    """Base of all requests."""


class GetSnapshot(Request, frozen=True, tag="snapshot"):
    """Return the current snapshot."""


class Subscribe(Request, frozen=True, tag="subscribe"):
    """Send a snapshot now, on each change, and at least once a second."""


class Decide(Request, frozen=True, kw_only=True, tag="decide"):
    """Decide the open gate of this attempt.

    `changes` are parameters of the attempt that a retry or another batch starts. With `go`, `plan_changes`
    are parameters of later phases, and the phases in `left_out` do not run.
    """

    phase: str
    attempt: int
    kind: DecisionKind
    by: str
    reason: str = ""
    changes: dict[str, Parameter] = {}
    plan_changes: dict[str, dict[str, Parameter]] = {}
    left_out: tuple[str, ...] = ()


class StopPhase(Request, frozen=True, tag="stop_phase"):
    """Stop the running attempt; its gate opens."""

    by: str


class StopSession(Request, frozen=True, tag="stop_session"):
    """Stop the running attempt and end the session."""

    by: str


class Hold(Request, frozen=True, tag="hold"):
    """Open a gate after the current phase, regardless of its verdict; `on=False` cancels that."""

    on: bool
    by: str


class KeepPod(Request, frozen=True, tag="keep_pod"):
    """Do not stop the pod after the session's end."""

    by: str


class Ask(Request, frozen=True, kw_only=True, tag="ask"):
    """Ask models at the open gate of this attempt: an instruction, or the suite's prompt with a key.

    The models stay loaded while the gate is open and a process that asked, such as `pid`, runs. No `models`
    means all that exist. Greedy decoding ignores the seed; without one, each question has another.
    """

    phase: str
    attempt: int
    by: str
    pid: int
    instruction: str = ""
    prompt: str = ""
    models: tuple[str, ...] = ()
    sampled: bool = False
    seed: int | None = None


class CancelQuestion(Request, frozen=True, tag="cancel_question"):
    """End the answers to a question."""

    number: int


AnyRequest = (
    GetSnapshot | Subscribe | Decide | StopPhase | StopSession | Hold | KeepPod | Ask | CancelQuestion
)


class Response(msgspec.Struct, frozen=True, omit_defaults=True):
    """The snapshot after a request, or the reason why the request was refused."""

    snapshot: SessionSnapshot | None = None
    refused: str = ""


class Refused(UserError):  # noqa: N818 - a refusal is an expected response
    """The conductor refused a request; the message says why and what it would accept."""


def get_current_user() -> str:
    """Return the user name that requests are recorded under."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
