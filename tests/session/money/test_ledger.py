from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.monitor.pace import ProgressView
from app.plan.schema import Phase, Plan, Pod, Session
from app.plan.values import Range
from app.session.journal import events
from app.session.journal.fold import fold
from app.session.journal.journal import Entry
from app.session.journal.state import State
from app.session.money import ledger

HOUR = 3600.0


def plan() -> Plan:
    phases = [
        Phase.model_validate({"id": name, "title": name, "command": ["x"], "estimate": {"hours": (1.0, 2.0)}})
        for name in ("a", "b")
    ]
    return Plan(
        path=Path("/p.toml"),
        folder=Path("/"),
        profile=None,
        session=Session.model_validate({"name": "s", "model": "m", "budget_usd": 10.0}),
        pod=Pod.model_validate({"gpu": "g", "usd_per_hour": 2.0}),
        phases=tuple(phases),
    )


def running(at: float = 0.0) -> State:
    events_so_far = [
        events.SessionStarted(
            id="s", plan_sha256="", profile="", seed=1, phases=["a", "b"], approved="", usd_per_hour=2.0,
            budget_usd=10.0,
        ),
        events.ConductorStarted(pid=1, machine="m"),
        events.AttemptStarted(phase="a", attempt=1, parameters={}, cookie="c"),
    ]  # fmt: skip
    return fold([Entry(n + 1, 1, at, at, e) for n, e in enumerate(events_so_far)])


def progress(
    done: float, total: float | None, rate: float | None = None, average: float | None = None
) -> ProgressView:
    return ProgressView(done, total, "rows", 0.0, rate, average)


def test_without_a_pace_the_estimate_counts_down() -> None:
    record = running().find_phase("a")
    assert ledger.estimate_remaining(plan(), record, 0.5 * HOUR, None) == Range(0.5 * HOUR, 1.5 * HOUR)
    assert ledger.estimate_remaining(plan(), record, 3 * HOUR, None) == Range(0, 0)
    assert ledger.estimate_remaining(plan(), record, HOUR, progress(1, 1000)) == Range(0, HOUR)
    assert ledger.estimate_remaining(plan(), record, HOUR, progress(50, None)) == Range(0, HOUR)


def test_the_remaining_time_follows_the_measured_pace() -> None:
    record = running().find_phase("a")
    remaining = ledger.estimate_remaining(plan(), record, 100.0, progress(25, 100, rate=0.5, average=0.25))
    assert remaining == Range(
        pytest.approx(150 * 0.9), pytest.approx(300 * 1.1)
    )  # rate: 150 s; average: 300 s
    assert ledger.estimate_remaining(plan(), record, 100.0, progress(100, 100)) == Range(0, 0)


def test_spent_idle_and_forecast_add_up() -> None:
    state = running()
    elapsed = 0.5 * HOUR
    current = ledger.estimate_remaining(
        plan(), state.find_phase("a"), elapsed, progress(50, 100, average=50 / elapsed)
    )
    money = ledger.compute_money(plan(), state, elapsed, 1000.0, current)
    assert money.spent_usd == 1.0
    assert money.idle_usd == 0.0
    assert money.forecast_usd == Range(pytest.approx(1 + 0.9 + 2), pytest.approx(1 + 1.1 + 4))
    assert money.ends_at == Range(
        pytest.approx(1000 + 0.45 * HOUR + HOUR), pytest.approx(1000 + 0.55 * HOUR + 2 * HOUR)
    )


def test_time_outside_attempts_is_idle() -> None:
    state = running()
    ended = events.AttemptEnded(phase="a", attempt=1, ended=0, seconds=600, reason="exited", code=0)
    judged = events.AttemptAssessed(phase="a", attempt=1, verdict="go", gate="plan")
    state = fold([Entry(4, 1, 0, 700, ended), Entry(5, 1, 0, 710, judged)], state)
    money = ledger.compute_money(plan(), state, 1000.0, 0.0, None)
    assert money.idle_seconds == 400
    assert money.spent_usd == pytest.approx(1000 / HOUR * 2)
    assert money.forecast_usd.low == pytest.approx(money.spent_usd + 2)


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(0, 1e6)), max_size=20))
def test_the_cost_never_falls_when_the_clock_jumps(jumps: list[tuple[float, float]]) -> None:
    state, mono, spent = running(), 0.0, 0.0
    for seq, (wall, later) in enumerate(jumps, 4):
        mono += later
        state = fold([Entry(seq, 1, wall, mono, events.NoticePosted(text=""))], state)
        money = ledger.compute_money(plan(), state, state.time.compute_elapsed(mono), wall, None)
        assert money.spent_usd >= spent
        assert money.idle_usd >= 0
        assert money.forecast_usd.low >= money.spent_usd
        spent = money.spent_usd
    assert spent == pytest.approx(mono / HOUR * 2)
