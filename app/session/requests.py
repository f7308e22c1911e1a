"""What clients ask the conductor over its socket: JSON lines, each answered by one line.

A request is `{"do": ..., ...}`; the answer is `{"snapshot": ...}` or `{"refused": "why"}`. After `subscribe`,
snapshots keep coming.
"""

import msgspec

from app.session.journal.events import Parameter
from app.session.snapshot import DecisionKind, SessionSnapshot

LONGEST_REQUEST = 64 * 1024


class Request(msgspec.Struct, frozen=True, tag_field="do", forbid_unknown_fields=True):
    """Base of all requests."""


class Look(Request, frozen=True, tag="snapshot"):
    """Give the session as it stands."""


class Subscribe(Request, frozen=True, tag="subscribe"):
    """Give the session now, on each change, and at least once a second."""


class Decide(Request, frozen=True, kw_only=True, tag="decide"):
    """Decide the gate of this attempt."""

    phase: str
    attempt: int
    kind: DecisionKind
    by: str
    reason: str = ""
    changes: dict[str, Parameter] = {}


class StopPhase(Request, frozen=True, tag="stop_phase"):
    """End the running attempt; a gate opens."""

    by: str


class StopSession(Request, frozen=True, tag="stop_session"):
    """End the running attempt and the session."""

    by: str


class Hold(Request, frozen=True, tag="hold"):
    """Open a gate after the current phase, whatever it finds."""

    on: bool
    by: str


class KeepPod(Request, frozen=True, tag="keep_pod"):
    """After the session's end: do not stop the pod."""

    by: str


AnyRequest = Look | Subscribe | Decide | StopPhase | StopSession | Hold | KeepPod


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What comes back: the session, or why not."""

    snapshot: SessionSnapshot | None = None
    refused: str = ""


class Refused(Exception):  # noqa: N818 - it is an answer
    """The conductor does not do what was asked; the message says why and what would be accepted."""
