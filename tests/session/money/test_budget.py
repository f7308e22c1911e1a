from collections.abc import Callable
from typing import Any

import pytest

from app.session.headless import STOPPED_BY_VERDICT, follow
from app.session.requests import Refused

Phase = Callable[..., dict[str, Any]]

# One dollar per second.
DEAR = """
[session]
name = "Dear"
model = "none"
budget_usd = {budget}

[pod]
gpu = "none"
usd_per_hour = 3600.0

[unattended]
landing = "1 s"
warn_at = [0.01, 0.9]
"""


def estimate(low: float, high: float) -> dict[str, Any]:
    return {"estimate": {"hours": [0.0, 1.0], "usd": [low, high]}}


def test_a_phase_over_budget_needs_an_override_with_a_reason(toy: Any, sh: Phase) -> None:
    client = toy.start(sh("echo ran", **estimate(500.0, 600.0)), head=DEAR.format(budget=100.0))
    session = toy.gate()
    gate = session.gate
    assert (gate.phase, gate.attempt, gate.because, gate.verdict) == ("p1", 1, "budget", "stop")
    assert gate.options == ("go", "skip", "stop")
    assert "The phase needs $501.00 or more" in gate.advice[0]
    assert session.find_phase("p1").attempts == ()
    with pytest.raises(Refused, match="needs a reason"):
        client.decide("p1", 1, "go")
    with pytest.raises(Refused, match="this gate does not accept retry"):
        client.decide("p1", 1, "retry")
    client.decide("p1", 1, "go", reason="the estimate is far too high")
    session = toy.over()
    assert session.state == "finished"
    assert session.decisions[0].overrides
    assert (toy.locate_attempt("p1") / "output.log").read_text() == "ran\n"


def test_deciding_by_verdict_stops_before_a_phase_over_budget(toy: Any, sh: Phase) -> None:
    client = toy.start(sh("echo ran", **estimate(500.0, 600.0)), head=DEAR.format(budget=100.0))
    assert follow(client, lambda line: None, decide_by_verdict=True) == STOPPED_BY_VERDICT
    assert client.read_snapshot().find_phase("p1").state == "waiting"


def test_an_attempt_ends_when_the_budget_minus_the_landing_is_spent(toy: Any, sh: Phase) -> None:
    toy.start(sh("exec sleep 60", **estimate(0.0, 1.0)), head=DEAR.format(budget=2.0))
    session = toy.gate()
    assert session.gate.because == "failed"
    assert session.find_phase("p1").attempts[0].reason == "deadline"
    assert session.find_phase("p1").elapsed < 10
    assert session.money.spent_usd >= 1.0


def test_budget_warnings_are_posted_once(toy: Any, sh: Phase) -> None:
    toy.start(
        sh("while [ ! -e go ]; do sleep 0.02; done", **estimate(0.0, 1.0)), head=DEAR.format(budget=60.0)
    )
    session = toy.until(lambda s: s.notices)
    assert "1% of the budget is spent" in session.notices[0]
    toy.kill_conductor()
    toy.rejoin()
    (toy.root / "go").touch()
    assert sum("1% of" in n for n in toy.over().notices) == 1
