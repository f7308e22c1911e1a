"""The operator's requests that are not decisions, and the events that they lead to."""

from app.session import requests
from app.session.journal.events import AnyEvent, AttemptStopRequested, HoldSet, PodKept, SessionStopRequested
from app.session.journal.state import State
from app.session.requests import AnyRequest, Refused

_ALLOWED_AFTER_END = requests.GetSnapshot | requests.Subscribe | requests.KeepPod


def check_allowed(state: State, request: AnyRequest) -> None:
    """Check that the session is running, or that the request is also allowed after its end.

    Raises:
        Refused: the session is over.
    """
    if state.ended is not None and not isinstance(request, _ALLOWED_AFTER_END):
        raise Refused("the session is over")


def build_event(state: State, request: AnyRequest, *, stops_pod: bool) -> AnyEvent | None:
    """Return the event that a request leads to, or None if it changes nothing.

    Args:
        state: the session.
        request: a request other than a decision.
        stops_pod: whether the pod is going to be stopped.

    Raises:
        Refused: the state does not allow the request.
    """
    match request:
        case requests.StopPhase(by=by):
            return _stop_phase(state, by)
        case requests.StopSession(by=by) if state.stop_request is None:
            return SessionStopRequested(by=by)
        case requests.Hold(on=on, by=by) if state.hold != on:
            return HoldSet(on=on, by=by)
        case requests.KeepPod(by=by):
            return _keep_pod(state, by, stops_pod)
        case _:
            return None


def _stop_phase(state: State, by: str) -> AttemptStopRequested | None:
    phase = state.current
    if phase is None or phase.last is None or not phase.is_running:
        raise Refused("no phase is running")
    if phase.status != "running":
        return None  # It is already being stopped.
    return AttemptStopRequested(phase=phase.id, attempt=phase.last.number, by=by)


def _keep_pod(state: State, by: str, stops_pod: bool) -> PodKept:
    if state.ended is None:
        raise Refused("the session is not over; decide an open gate with `gonogo decide`")
    if not stops_pod:
        raise Refused("the pod is not going to be stopped")
    return PodKept(by=by)
