"""The events that the operator's requests lead to."""

from typing import Any

import pytest

from app.session import requests
from app.session.engine.operator_requests import build_event, check_allowed
from app.session.journal import events
from app.session.journal.state import State
from app.session.requests import Refused


def test_a_repeated_request_changes_nothing() -> None:
    hold = requests.Hold(on=True, by="me")
    assert build_event(State(), hold, stops_pod=False) == events.HoldSet(on=True, by="me")
    assert build_event(State(hold=True), hold, stops_pod=False) is None
    assert build_event(State(), requests.GetSnapshot(), stops_pod=False) is None


def test_a_phase_that_does_not_run_cannot_be_stopped() -> None:
    with pytest.raises(Refused, match="no phase is running"):
        build_event(State(), requests.StopPhase(by="me"), stops_pod=False)


@pytest.mark.parametrize(
    ("is_over", "stops_pod", "refused"),
    [(False, True, "the session is not over"), (True, False, "the pod is not going to be stopped")],
)
def test_a_pod_is_kept_only_after_the_end_and_before_its_stop(
    is_over: bool, stops_pod: bool, refused: str
) -> None:
    over: Any = events.SessionEnded(finished=True, reason="")
    with pytest.raises(Refused, match=refused):
        build_event(State(ended=over if is_over else None), requests.KeepPod(by="me"), stops_pod=stops_pod)
    kept = build_event(State(ended=over), requests.KeepPod(by="me"), stops_pod=True)
    assert kept == events.PodKept(by="me")


def test_after_the_end_only_the_pod_can_be_kept() -> None:
    over: Any = events.SessionEnded(finished=True, reason="")
    check_allowed(State(ended=over), requests.KeepPod(by="me"))
    with pytest.raises(Refused, match="the session is over"):
        check_allowed(State(ended=over), requests.Hold(on=True, by="me"))
