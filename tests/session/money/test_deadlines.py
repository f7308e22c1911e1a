from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from app.session.journal import events
from app.session.journal.fold import fold
from app.session.journal.journal import Entry
from app.session.money import deadlines
from tests.session.pod.plans import UNATTENDED, format_head

Phase = Callable[..., dict[str, Any]]


GATE = [
    events.SessionStarted(
        id="s", plan_sha256="", profile="", seed=1, phases=["p1"], approved="", usd_per_hour=3.6,
        budget_usd=10.0,
    ),
    events.ConductorStarted(pid=1, machine="m"),
    events.AttemptStarted(phase="p1", attempt=1, parameters={}, cookie="c", deadline=70.0),
    events.AttemptEnded(phase="p1", attempt=1, ended=0, seconds=1, reason="exited", code=0),
    events.AttemptAssessed(phase="p1", attempt=1, verdict="go", gate="plan"),
]  # fmt: skip


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
    entries = [Entry(n, 1, 0.0, 50.0, event) for n, event in enumerate(GATE, 1)]
    stop = deadlines.find_pod_stop(plan, fold(entries), elapsed, 100.0)
    assert stop is not None
    assert stop.due == pytest.approx(due)
    assert why in stop.reason
    assert deadlines.find_pod_stop(plan, fold(entries[:3]), 0.0, 100.0) == (70 + 900, "the budget is spent")
    assert deadlines.find_pod_stop(plan, fold(entries[:2]), 0.0, 100.0) == (100 + 9100, "the budget is spent")
    # The landing time after a phase counts from its end, so it passes although nothing happens.
    assert deadlines.find_pod_stop(plan, fold(entries[:4]), 9999.0, 100.0) == (
        50 + 900,
        "the budget is spent",
    )
    without = plan.model_copy(update={"pod": plan.pod.model_copy(update={"stop_command": ()})})
    assert deadlines.find_pod_stop(without, fold(entries), elapsed, 100.0) is None
    # A restart by the guard changes nothing. A person who returns to a due stop gets time to look.
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


def test_a_restart_of_the_container_does_not_begin_a_wait_again(toy: Any, sh: Phase) -> None:
    plan = toy.plan(sh("true"), head=UNATTENDED.format(stop_after="20 s"))
    entries = [Entry(n, 1, 0.0, 50.0, event) for n, event in enumerate(GATE, 1)]
    for restart in (1, 2):  # Each container lives for 8 seconds, on another machine.
        start = events.ConductorStarted(
            pid=2, machine=f"m{restart}", up=8.0 * restart, away=2.0, has_grace=False
        )
        entries.append(Entry(len(entries) + 1, 1 + restart, 10.0 * restart, 5.0, start))
    assert deadlines.find_pod_stop(plan, fold(entries), 0.0, 5.0) == (
        5 + 20 - 16,
        "the gate of p1 was not decided",
    )


def test_low_budget_never_extends_the_wait_at_a_gate(toy: Any, sh: Phase) -> None:
    head = UNATTENDED.format(stop_after="8 s") + '[notify]\nevery = "1000 h"\n'
    plan = toy.plan(sh("true"), head=head)
    state = fold(Entry(n, 1, 0.0, 50.0, event) for n, event in enumerate(GATE, 1))
    stop = deadlines.find_pod_stop(plan, state, 9999.0, 50.0)
    assert stop is not None
    assert stop.due == 58.0


def test_only_a_person_who_was_away_gets_time_to_look_and_only_once(toy: Any, sh: Phase) -> None:
    plan = toy.plan(sh("true"), head=UNATTENDED.format(stop_after="2 h"))
    state = fold(Entry(n, 1, 0.0, 50.0, event) for n, event in enumerate(GATE, 1))
    due = 50 + 7200 + 100.0
    assert deadlines.needs_grace(plan, state, 0.0, due, away=3600.0)
    assert not deadlines.needs_grace(plan, state, 0.0, due, away=5.0)  # A container that crashes.
    assert not deadlines.needs_grace(plan, state, 0.0, 100.0, away=3600.0)  # The stop is hours away.
    returned = msgspec.structs.replace(state, returned_up=7200.0)
    assert not deadlines.needs_grace(plan, returned, 0.0, due, away=3600.0)  # It has begun.
    assert deadlines.needs_grace(plan, returned, 0.0, due + 7200, away=3600.0)


def test_budgets_beyond_all_clocks_give_a_deadline(toy: Any, sh: Phase) -> None:
    head = UNATTENDED.format(stop_after="2 h").replace("budget_usd = 10.0", "budget_usd = 1e9")
    plan = toy.plan(sh("true"), head=head.replace("usd_per_hour = 3.6", "usd_per_hour = 1e-5"))
    assert deadlines.compute_seconds_to_landing(plan, 0.0) == 1e9


def test_a_deadline_by_the_clock_of_another_machine_does_not_count(toy: Any, sh: Phase) -> None:
    plan = toy.plan(sh("true"), head=UNATTENDED.format(stop_after="2 h"))
    entries = [Entry(n, 1, 0.0, 50.0, event) for n, event in enumerate(GATE[:3], 1)]
    moved = events.ConductorStarted(pid=2, machine="another", up=0.0, away=1.0, has_grace=False)
    entries.append(Entry(4, 2, 0.0, 1e6, moved))
    stop = deadlines.find_pod_stop(plan, fold(entries), 0.0, 1e6)
    assert stop is not None
    assert stop.due > 1e6


def test_a_finished_session_in_a_restarted_container_keeps_its_deadline(toy: Any, sh: Phase) -> None:
    plan = toy.plan(sh("true"), head=format_head(toy, "20 s"))
    entries = [
        Entry(n, 1, 0.0, 50.0, event)
        for n, event in enumerate((*GATE[:2], events.SessionEnded(finished=False)), 1)
    ]
    restarted = events.ConductorStarted(pid=2, machine="another", up=12.0, away=1.0, has_grace=False)
    state = fold([*entries, Entry(4, 2, 12.0, 5.0, restarted)])
    assert deadlines.find_pod_stop(plan, state, 0.0, 5.0) == (5 + 20 - 12, "the session is over")
    assert state.time.elapsed == 0  # A session that is over is not billed.
    later = events.ConductorStarted(pid=2, machine="another", up=12.0, away=9000.0, has_grace=False)
    assert deadlines.find_pod_stop(plan, fold([*entries, Entry(4, 2, 9e3, 5.0, later)]), 0.0, 5.0) is None


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
