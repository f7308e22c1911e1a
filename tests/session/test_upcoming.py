"""The criteria of the gates that may open next, with the values that are known before they open."""

from pathlib import Path

import pytest

from app.plan.read import load_plan
from app.plan.schema import Plan
from app.session.journal import events
from app.session.journal.fold import fold
from app.session.journal.journal import Entry
from app.session.journal.state import State
from app.session.upcoming import find_upcoming_gates

PLAN = """
[session]
name = "Toy"
model = "none"
budget_usd = 10.0

[pod]
gpu = "none"
usd_per_hour = 2.0

[[phase]]
id = "base"
title = "Base"
command = ["true"]
estimate = { hours = [1, 2] }
reports = ["rate"]
gate = { ask = "never" }

[[phase]]
id = "train"
title = "Train"
command = ["true"]
estimate = { hours = [1, 2] }
criteria = [{ name = "low loss", expr = "loss < 1" }]
reports = ["loss"]
gate = { ask = "unless_go" }

[[phase]]
id = "test"
title = "Test"
command = ["true"]
estimate = { hours = [1, 2] }
criteria = [{ name = "better", expr = "rate > base.rate" }]
reports = ["rate"]
gate = { ask = "always" }
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    (tmp_path / "plan.toml").write_text(PLAN)
    return load_plan(tmp_path / "plan.toml")


def state(*later: events.AnyEvent) -> State:
    start = events.SessionStarted(
        id="s",
        plan_sha256="",
        profile="",
        seed=1,
        phases=["base", "train", "test"],
        approved="test",
        usd_per_hour=2.0,
        budget_usd=10.0,
    )
    found = (start, *later)
    return fold([Entry(i, 1, 1000.0 + i, 10.0 + i, event) for i, event in enumerate(found, 1)])


def run(phase: str) -> events.AttemptStarted:
    return events.AttemptStarted(phase=phase, attempt=1, parameters={}, cookie="c")


def end(phase: str, gate: str = "", **metrics: float) -> tuple[events.AnyEvent, ...]:
    return (
        events.AttemptEnded(phase=phase, attempt=1, ended=1010.0, seconds=5.0, reason="exited", code=0),
        events.AttemptAssessed(phase=phase, attempt=1, verdict="go", gate=gate, metrics=dict(metrics)),
    )


BASE_DONE = (run("base"), *end("base", rate=0.2))


def test_the_running_phase_comes_before_the_gate_that_is_certain(plan: Plan) -> None:
    gates = find_upcoming_gates(plan, state(*BASE_DONE, run("train")), {"loss": 0.8})
    assert [(gate.phase, gate.is_certain) for gate in gates] == [("train", False), ("test", True)]
    [low_loss] = gates[0].criteria
    assert (low_loss.passed, low_loss.values) == (True, {"loss": 0.8})
    [better] = gates[1].criteria
    assert (better.passed, better.values) == (None, {"rate": None, "base.rate": 0.2})


def test_values_of_the_running_phase_are_not_those_of_a_later_one(plan: Plan) -> None:
    gates = find_upcoming_gates(plan, state(*BASE_DONE, run("train")), {"loss": 2.0, "rate": 0.9})
    assert gates[0].criteria[0].passed is False
    assert gates[1].criteria[0].values["rate"] is None


def test_a_phase_whose_gate_never_asks_is_left_out(plan: Plan) -> None:
    gates = find_upcoming_gates(plan, state(run("base")), {})
    assert [gate.phase for gate in gates] == ["test"]


def test_a_hold_makes_the_gate_of_the_running_phase_certain(plan: Plan) -> None:
    held = state(*BASE_DONE, run("train"), events.HoldSet(on=True, by="me"))
    assert [(gate.phase, gate.is_certain) for gate in find_upcoming_gates(plan, held, {})] == [
        ("train", True)
    ]


def test_at_a_gate_and_after_the_end_nothing_is_upcoming(plan: Plan) -> None:
    at_gate = state(*BASE_DONE, run("train"), *end("train", gate="plan", loss=0.5))
    assert find_upcoming_gates(plan, at_gate, {}) == ()
    over = state(*BASE_DONE, events.SessionEnded(finished=False))
    assert find_upcoming_gates(plan, over, {}) == ()


def test_a_value_that_is_not_finite_is_unknown(plan: Plan) -> None:
    gates = find_upcoming_gates(plan, state(*BASE_DONE, run("train")), {"loss": None})
    assert gates[0].criteria[0].passed is None
