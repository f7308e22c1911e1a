from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from app.session.journal import events
from app.session.journal.journal import Entry
from app.session.journal.state import fold
from app.session.money import deadlines
from tests.session.pod.plans import UNATTENDED, format_head

Phase = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("elapsed", "due", "why"),
    [
        (0.0, 50 + 7200, "was not decided"),
        (8000.0, 100.0 + (10000 - 900 - 8000), "the budget is spent"),
        (9999.0, 50 + 900.0, "the budget is spent"),  # Not before the second reminder.
    ],
)
def test_when_an_unanswered_gate_stops_the_pod(
    toy: Any, sh: Phase, elapsed: float, due: float, why: str
) -> None:
    plan = toy.plan(sh("true"), head=UNATTENDED.format(stop_after="2 h"))
    history = [
        events.SessionStarted(
            id="s", plan_sha256="", profile="", seed=1, phases=["p1"], approved="", usd_per_hour=3.6,
            budget_usd=10.0,
        ),
        events.ConductorStarted(pid=1, machine="m"),
        events.AttemptStarted(phase="p1", attempt=1, parameters={}, cookie="c", deadline=70.0),
        events.AttemptEnded(phase="p1", attempt=1, ended=0, seconds=1, reason="exited", code=0),
        events.AttemptAssessed(phase="p1", attempt=1, verdict="go", gate="plan"),
    ]  # fmt: skip
    entries = [Entry(n, 1, 0.0, 50.0, event) for n, event in enumerate(history, 1)]
    stop = deadlines.find_pod_stop(plan, fold(entries), elapsed, 100.0)
    assert stop is not None
    assert stop.due == pytest.approx(due)
    assert why in stop.reason
    assert deadlines.find_pod_stop(plan, fold(entries[:3]), 0.0, 100.0) == (70 + 900, "the budget is spent")
    assert deadlines.find_pod_stop(plan, fold(entries[:2]), 0.0, 100.0) == (100 + 9100, "the budget is spent")
    assert deadlines.find_pod_stop(plan, fold(entries[:4]), 9999.0, 100.0) == (
        100 + 900,
        "the budget is spent",
    )
    without = plan.model_copy(update={"pod": plan.pod.model_copy(update={"stop_command": ()})})
    assert deadlines.find_pod_stop(without, fold(entries), elapsed, 100.0) is None
    # A restart by the guard changes nothing. A person who returns to a dead session gets time to look.
    restarted = [
        *entries,
        Entry(6, 2, 0.0, 9000.0, events.ConductorStarted(pid=2, machine="m", by_guard=True)),
    ]
    assert deadlines.find_pod_stop(plan, fold(restarted), 0.0, 9000.0) == (
        50 + 7200,
        "the gate of p1 was not decided",
    )
    returned = [*entries, Entry(6, 2, 0.0, 9000.0, events.ConductorStarted(pid=2, machine="m"))]
    assert deadlines.find_pod_stop(plan, fold(returned), 0.0, 9000.0) == (
        9000 + 900,
        "the gate of p1 was not decided",
    )
    moved = [*entries, Entry(6, 2, 9e9, 1e6, events.ConductorStarted(pid=2, machine="another"))]
    waits = fold(moved).current
    assert waits is not None
    assert waits.gate_mono == 1e6
    assert msgspec.structs.replace(waits, gate_mono=50.0) == fold(entries).current


def test_when_a_finished_session_stops_the_pod(toy: Any, sh: Phase) -> None:
    plan = toy.plan(sh("true"), head=format_head(toy, "2 h"))
    history = [
        events.SessionStarted(
            id="s", plan_sha256="", profile="", seed=1, phases=["p1"], approved="", usd_per_hour=3.6,
            budget_usd=10.0,
        ),
        events.ConductorStarted(pid=1, machine="m"),
        events.SessionEnded(finished=False),
    ]  # fmt: skip
    entries = [Entry(n, 1, 0.0, 50.0, event) for n, event in enumerate(history, 1)]
    assert deadlines.find_pod_stop(plan, fold(entries), 0.0, 100.0) == (50 + 7200, "the session is over")
    assert deadlines.find_pod_stop(plan, fold(entries), 9999.0, 100.0) == (50 + 900, "the budget is spent")
    again = [*entries, Entry(4, 2, 0.0, 60.0, events.ConductorStarted(pid=2, machine="m", by_guard=True))]
    assert deadlines.find_pod_stop(plan, fold(again), 0.0, 100.0) == (50 + 7200, "the session is over")
    elsewhere = [*entries, Entry(4, 2, 0.0, 60.0, events.ConductorStarted(pid=2, machine="another"))]
    assert deadlines.find_pod_stop(plan, fold(elsewhere), 0.0, 100.0) is None
    kept = [*entries, Entry(4, 1, 0.0, 60.0, events.PodKept(by="me"))]
    assert deadlines.find_pod_stop(plan, fold(kept), 0.0, 100.0) is None
