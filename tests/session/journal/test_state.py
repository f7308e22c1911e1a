from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.session.journal import events
from app.session.journal.events import AnyEvent
from app.session.journal.fold import fold, recover
from app.session.journal.journal import Entry, Replay
from app.session.journal.state import (
    FINISHED_STATUSES,
    InvalidEventError,
    PhaseRecord,
    State,
    apply,
    diff_parameters,
)

START = events.SessionStarted(
    id="s", plan_sha256="0", profile="", seed=1, phases=["a", "b", "c"], approved="test",
    usd_per_hour=3.6, budget_usd=1.0,
)  # fmt: skip


def entries(*history: AnyEvent, step: float = 1.0) -> list[Entry]:
    return [Entry(n + 1, 1, 100 + n * step, n * step, event) for n, event in enumerate(history)]


def conductor(machine: str = "m", pod_age: float | None = None) -> events.ConductorStarted:
    return events.ConductorStarted(pid=1, machine=machine, pod_age=pod_age)


def started(phase: str = "a", attempt: int = 1) -> events.AttemptStarted:
    return events.AttemptStarted(phase=phase, attempt=attempt, parameters={}, cookie="c")


def ended(phase: str = "a", attempt: int = 1, seconds: float = 1.0) -> events.AttemptEnded:
    return events.AttemptEnded(
        phase=phase, attempt=attempt, ended=5.0, seconds=seconds, reason="exited", code=0
    )


def assessed(phase: str = "a", attempt: int = 1, gate: str = "plan") -> events.AttemptAssessed:
    return events.AttemptAssessed(phase=phase, attempt=attempt, verdict="go", gate=gate, metrics={"x": 1})


def decided(kind: str = "go", phase: str = "a", attempt: int = 1) -> events.GateDecided:
    return events.GateDecided(phase=phase, attempt=attempt, kind=kind, by="me", verdict="go")  # type: ignore[arg-type]


def possible_events(state: State) -> Iterator[AnyEvent]:
    """Yield the events that the conductor could record next."""
    yield conductor()
    yield events.NoticePosted(text="n")
    if state.ended is not None:
        yield events.PodKept(by="me")
        return
    yield events.HoldSet(on=not state.hold, by="me")
    phase = state.current
    if phase is None:
        yield events.SessionEnded(finished=True)
        return
    number = len(phase.attempts)
    yield events.SessionStopRequested(by="me")
    match phase.status:
        case "waiting":
            yield started(phase.id, number + 1)
            yield events.OverBudget(phase=phase.id, attempt=number + 1, left_usd=1, needs_usd=2)
        case "running" | "stopping":
            yield ended(phase.id, number)
            yield events.AttemptStopRequested(phase=phase.id, attempt=number, by="me")
        case "ended":
            for gate in ("", "plan", "failed", "hold"):
                yield assessed(phase.id, number, gate)
        case "gate":
            for kind in (
                ("go", "skip", "stop") if phase.over_budget else ("go", "retry", "batch", "skip", "stop")
            ):
                yield decided(kind, phase.id, phase.attempt_number)
    if phase.status not in ("running", "stopping", "ended"):
        yield events.SessionEnded(finished=False)


def assert_valid(state: State) -> None:
    statuses = [p.status for p in state.phases]
    busy = [s for s in statuses if s in ("running", "stopping", "ended", "gate")]
    assert len(busy) <= 1
    first_open = next((i for i, s in enumerate(statuses) if s not in FINISHED_STATUSES), len(statuses))
    assert all(s == "waiting" for s in statuses[first_open + 1 :])
    for phase in state.phases:
        assert_attempts_valid(phase)
    assert state.time.elapsed >= 0
    if state.ended and state.ended.finished:
        assert all(s in FINISHED_STATUSES for s in statuses)


def assert_attempts_valid(phase: PhaseRecord) -> None:
    assert [a.number for a in phase.attempts] == list(range(1, len(phase.attempts) + 1))
    assert all(a.end is not None for a in phase.attempts[:-1])  # Never two at the same time.
    if phase.status in ("gate", "done", "failed") and not phase.over_budget:
        assert phase.last is not None
        assert phase.last.assessment is not None
    if phase.status in ("running", "stopping"):
        assert phase.last is not None
        assert phase.last.end is None


@st.composite
def histories(draw: st.DrawFn) -> list[Entry]:
    state, history = State(), []
    wall, mono = 1000.0, 50.0
    event: AnyEvent = START
    for seq in range(1, draw(st.integers(1, 40)) + 1):
        entry = Entry(seq, 1, wall, mono, event)
        history.append(entry)
        state = apply(state, entry)
        event = draw(st.sampled_from(list(possible_events(state))))
        wall += draw(st.floats(-1e6, 1e6))  # The wall clock may jump.
        mono += draw(st.floats(0, 1e5))
    return history


@settings(max_examples=300)
@given(histories(), st.data())
def test_every_prefix_is_a_valid_state_that_can_be_continued(
    history: list[Entry], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(history)))
    before = fold(history[:cut])
    assert_valid(before)
    assert fold(history[cut:], before) == fold(history)


@given(histories())
def test_time_never_goes_back(history: list[Entry]) -> None:
    elapsed = [fold(history[:n]).time.elapsed for n in range(len(history) + 1)]
    assert elapsed == sorted(elapsed)


@given(histories(), st.sampled_from([started("a"), ended("b"), assessed("c"), decided("go", "b"), START]))
def test_an_invalid_event_is_rejected_and_recovery_stops_before_it(
    history: list[Entry], event: AnyEvent
) -> None:
    state = fold(history)
    last = history[-1]
    wrong = Entry(last.seq + 1, 1, last.wall, last.mono, event)
    try:
        after = apply(state, wrong)
    except InvalidEventError:
        recovered, damage = recover(Replay((*history, wrong), "", 0))
        assert recovered == state
        assert f"line {wrong.seq}" in damage
    else:
        assert_valid(after)


def test_an_attempt_cannot_start_twice() -> None:
    with pytest.raises(InvalidEventError):
        fold(entries(START, conductor(), started(), started()))
    with pytest.raises(InvalidEventError):
        fold(entries(START, conductor(), started(), started(attempt=2)))


def test_a_session_does_not_finish_before_its_phases() -> None:
    with pytest.raises(InvalidEventError, match="not finished"):
        fold(entries(START, events.SessionEnded(finished=True)))


def test_a_retry_keeps_its_decision_until_it_starts() -> None:
    decision = events.GateDecided(
        phase="a", attempt=1, kind="retry", by="me", verdict="go", changes={"batch_size": 2}
    )
    state = fold(entries(START, conductor(), started(), ended(), assessed(), decision))
    phase = state.find_phase("a")
    assert phase.status == "waiting"
    assert phase.retry_decision is not None
    assert phase.retry_decision.changes == {"batch_size": 2}
    restarted = fold(
        entries(START, conductor(), started(), ended(), assessed(), decision, started(attempt=2))
    )
    assert restarted.find_phase("a").retry_decision is None


@pytest.mark.parametrize(
    ("gate", "kind", "standing"),
    [
        ("plan", "go", "done"),
        ("failed", "go", "failed"),
        ("stopped", "go", "failed"),
        ("plan", "skip", "skipped"),
        ("plan", "stop", "done"),
        ("failed", "stop", "failed"),
    ],
)
def test_the_status_of_a_phase_after_a_decision(gate: str, kind: str, standing: str) -> None:
    state = fold(entries(START, conductor(), started(), ended(), assessed(gate=gate), decided(kind)))
    assert state.find_phase("a").status == standing
    assert (state.stop_request is not None) == (kind == "stop")


def test_a_hold_opens_one_gate() -> None:
    held = entries(START, conductor(), started(), events.HoldSet(on=True, by="me"), ended())
    assert fold(held).hold
    state = fold(entries(*(e.event for e in held), assessed(gate="hold")))
    assert not state.hold


def test_time_without_a_pod_is_not_billed_and_a_new_pod_is_billed_from_its_start() -> None:
    history = [
        Entry(1, 1, 1000, 10, START),
        Entry(2, 1, 1001, 11, conductor("first", pod_age=60)),  # The pod was up for a minute before.
        Entry(3, 1, 1011, 21, events.NoticePosted(text="ten seconds later")),
        Entry(4, 2, 9000, 5, conductor("second", pod_age=30)),  # Hours later, another pod, up for 30 s.
        Entry(5, 2, 9001, 6, events.NoticePosted(text="a second later")),
    ]
    assert [fold(history[:n]).time.elapsed for n in (2, 3, 4, 5)] == [60, 70, 100, 101]


def test_a_restart_of_a_machine_of_unknown_age_is_billed_by_the_wall_clock_and_never_negative() -> None:
    first = [Entry(1, 1, 1000, 10, START), Entry(2, 1, 1000, 10, conductor("first"))]
    later = Entry(3, 2, 1100, 3, conductor("second"))
    earlier = Entry(3, 2, 500, 3, conductor("second"))
    assert fold([*first, later]).time.elapsed == 100
    assert fold([*first, earlier]).time.elapsed == 0


def test_a_finished_session_is_not_billed() -> None:
    over = entries(START, conductor(), events.SessionEnded(finished=False))
    state = fold(over)
    after = fold([Entry(4, 2, 9e9, 9e9, conductor())], state)
    assert after.time.elapsed == state.time.elapsed == 2


def test_differing_parameters_have_their_old_and_new_values() -> None:
    assert diff_parameters({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": [4]}) == {"b": (2, 3), "c": (None, [4])}
