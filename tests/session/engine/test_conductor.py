import asyncio
import io
import itertools
import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from app.session import requests, start
from app.session.attempt_log import print_log
from app.session.clock import SystemClock
from app.session.engine.conductor import Conductor
from app.session.folder import Settings
from app.session.gate import judge
from app.session.journal import events, journal
from app.session.journal.fold import recover
from app.session.journal.state import InvalidEventError
from app.session.requests import Refused
from tests.session.conftest import FAST, JumpingClock, Operator
from tests.session.engine.programs import ASK, GOOD, SCORE, WAIT, count_runs

Phase = Callable[..., dict[str, Any]]


def test_phases_run_in_order_until_the_session_finishes(toy: Any, sh: Phase) -> None:
    toy.start(sh(SCORE % 0.7, **GOOD, headline="{score:.0%}"), sh("echo second"))
    session = toy.over()
    assert session.state == "finished"
    assert [p.state for p in session.phases] == ["done", "done"]
    assert session.find_phase("p1").verdict == "go"
    assert session.find_phase("p1").headline == "70%"
    assert session.find_phase("p1").attempts[0].metrics == {"score": 0.7}
    assert session.decisions == ()
    toy.assert_nothing_left()


def test_a_gate_shows_its_evidence_and_waits(toy: Any, sh: Phase) -> None:
    toy.start(
        sh(SCORE % 0.4, **GOOD), sh("true"), settings=Settings(poll=0.02, tick=0.05, grace=0.5, guard=0.0)
    )
    gate = toy.gate().gate
    assert (gate.phase, gate.attempt, gate.because, gate.verdict) == ("p1", 1, "plan", "investigate")
    assert [(c.name, c.passed, c.values) for c in gate.criteria] == [("good", False, {"score": 0.4})]
    assert gate.next_phase == "p2"
    for session in itertools.islice(toy.client.watch(threading.Event()), 10):  # Silence never approves.
        assert session.state == "gate"


def test_go_against_the_verdict_needs_a_reason(toy: Any, sh: Phase) -> None:
    client = toy.start(sh(SCORE % 0.4, **GOOD))
    toy.gate()
    with pytest.raises(Refused, match="needs a reason: the verdict is investigate"):
        client.decide("p1", 1, "go", reason="  ")
    client.decide("p1", 1, "go", reason="known noise", by="ada")
    session = toy.over()
    assert session.state == "finished"
    decision = session.decisions[0]
    assert (decision.kind, decision.by, decision.reason, decision.overrides) == (
        "go",
        "ada",
        "known noise",
        True,
    )
    assert decision.verdict == "investigate"


def test_only_the_first_of_two_decisions_counts(toy: Any, sh: Phase) -> None:
    toy.start(sh("true", **ASK), sh("sleep 0.3"))
    toy.gate()
    outcomes: list[str] = []

    def decide(name: str) -> None:
        try:
            Operator(toy.folder).decide("p1", 1, "go", by=name)
            outcomes.append(f"won {name}")
        except Refused as refused:
            outcomes.append(str(refused))

    threads = [threading.Thread(target=decide, args=(name,)) for name in ("ada", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winner = next(o.removeprefix("won ") for o in outcomes if o.startswith("won "))
    assert f"{winner} has already decided this gate: go" in outcomes
    assert len(toy.over().decisions) == 1


def test_a_failed_phase_opens_a_gate_where_go_needs_a_reason(toy: Any, sh: Phase) -> None:
    client = toy.start(sh("echo broken; exit 3"))
    session = toy.gate()
    assert session.gate.because == "failed"
    assert session.gate.advice == ("It ended with exit code 3. Read the end of its log.",)
    assert session.find_phase("p1").attempts[0].exit_code == 3
    with pytest.raises(Refused, match="needs a reason"):
        client.decide("p1", 1, "go")
    with pytest.raises(Refused, match="critical"):
        client.decide("p1", 1, "skip")
    client.decide("p1", 1, "skip", reason="not needed today")
    assert [p.state for p in toy.over().phases] == ["skipped"]


@pytest.mark.parametrize(
    ("result", "message"),
    [("not json", "result cannot be read"), ('{"metrics": [1]}', "result cannot be read")],
)
def test_an_invalid_result_fails_the_phase(toy: Any, sh: Phase, result: str, message: str) -> None:
    toy.start(sh(f"echo '{result}' > $GONOGO_RESULT"))
    gate = toy.gate().gate
    assert gate.because == "failed"
    assert message in gate.advice[0]


def test_a_retry_is_a_new_attempt_that_records_its_changes(toy: Any, sh: Phase) -> None:
    client = toy.start(sh('echo "$0 $1"; [ "$1" = 2 ]', params={"batch_size": 4}))
    toy.path.unlink()  # The session has its own copy.
    toy.gate()
    client.decide("p1", 1, "retry", changes={"batch_size": 2})
    session = toy.over()
    first, second = session.find_phase("p1").attempts
    assert (first.number, first.exit_code, second.number, second.exit_code) == (1, 1, 2, 0)
    assert second.changed == {"batch_size": (4, 2)}
    assert second.parameters == {"batch_size": 2}
    spec = json.loads((toy.locate_attempt("p1", 2) / "spec.json").read_text())
    assert spec["argv"][-2:] == ["--batch-size", "2"]
    assert (spec["parent"], spec["changed"]) == (1, {"batch_size": [4, 2]})
    assert session.decisions[0].changes == {"batch_size": 2}


def test_another_batch_is_counted_and_passed_to_the_phase(toy: Any, sh: Phase) -> None:
    client = toy.start(sh('echo "$0 $@"', batch=True, **ASK))
    session = toy.gate()
    assert session.gate.options == ("go", "retry", "batch", "skip", "stop")
    client.decide("p1", 1, "batch")
    session = toy.until(lambda s: s.gate and s.gate.attempt == 2)
    assert session.find_phase("p1").attempts[1].batch == 2
    assert (toy.locate_attempt("p1", 2) / "output.log").read_text() == "--batch 2\n"
    client.decide("p1", 2, "batch")
    session = toy.until(lambda s: s.gate and s.gate.attempt == 3)
    assert session.find_phase("p1").attempts[2].parameters == {"batch": 3}
    client.decide("p1", 3, "go")
    assert toy.over().state == "finished"


def test_a_batch_decision_is_refused_for_a_phase_without_batches(toy: Any, sh: Phase) -> None:
    client = toy.start(sh("true", **ASK))
    toy.gate()
    with pytest.raises(
        Refused, match="this gate does not accept batch; expected one of: go, retry, skip, stop"
    ):
        client.decide("p1", 1, "batch")


def test_hold_opens_a_gate_regardless_of_the_verdict(toy: Any, sh: Phase) -> None:
    client = toy.start(sh(WAIT), sh("true"))
    toy.until(lambda s: s.find_phase("p1").state == "running")
    assert client.hold(True).hold
    (toy.root / "go").touch()
    session = toy.gate()
    assert session.gate.because == "hold"
    assert not session.hold
    client.decide("p1", 1, "go")
    assert toy.over().state == "finished"


def test_stopping_a_phase_opens_its_gate(toy: Any, sh: Phase) -> None:
    client = toy.start(
        sh("trap 'echo saved; exit 0' TERM; echo ran; while :; do sleep 0.02; done"), sh("true")
    )
    toy.until(lambda s: count_runs(toy))
    client.stop_phase()
    session = toy.gate()
    assert session.gate.because == "stopped"
    assert session.find_phase("p1").attempts[0].reason == "stopped"
    assert "saved" in (toy.locate_attempt("p1") / "output.log").read_text()
    with pytest.raises(Refused, match="no phase is running"):
        client.stop_phase()


def test_stopping_a_session_ends_its_running_phase(toy: Any, sh: Phase) -> None:
    client = toy.start(sh("trap '' TERM; echo ran; sleep 60"), sh("true"))
    toy.until(lambda s: count_runs(toy))
    client.stop_session()
    session = toy.over()
    assert session.state == "stopped"
    assert [p.state for p in session.phases] == ["failed", "waiting"]
    toy.assert_nothing_left()
    with pytest.raises(Refused):
        Operator(toy.folder).hold(True)


def test_an_invalid_event_is_not_written(toy: Any, sh: Phase) -> None:
    toy.folder = start.open_session(toy.plan(sh("true")), approved="test", settings=FAST)
    conductor = Conductor(toy.folder, SystemClock(), dict(os.environ))
    with pytest.raises(InvalidEventError):
        conductor.record(events.HoldSet(on=True, by="me"))
    assert conductor.folder.journal.read_bytes() == b""
    conductor.journal.close()


def test_session_files_are_private(toy: Any, sh: Phase) -> None:
    toy.start(sh("true"))
    toy.over()
    toy.assert_nothing_left()
    for path in toy.folder.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_the_ledger_adds_up(toy: Any, sh: Phase) -> None:
    client = toy.start(sh("sleep 0.3", **ASK), sh("true"))
    toy.gate()
    toy.until(lambda s: s.money.idle_seconds > 0.3)
    client.decide("p1", 1, "go")
    session = toy.over()
    elapsed = sum(p.elapsed for p in session.phases) + session.money.idle_seconds
    assert session.money.spent_usd == pytest.approx(elapsed * 0.001)  # $3.60 an hour
    assert session.find_phase("p1").elapsed >= 0.3
    assert session.find_phase("p1").cost_usd == pytest.approx(session.find_phase("p1").elapsed * 0.001)
    assert session.money.forecast_usd.low == session.money.spent_usd
    later = Operator(toy.folder).read_snapshot()
    assert later.money == session.money


def test_a_printed_secret_is_masked_in_the_log_and_the_journal(
    toy: Any, sh: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_TOKEN", "s3cr3t-value")
    head = toy.head.replace("[pod]", 'secrets = ["HUB_TOKEN"]\n[pod]')
    result = """echo '{"metrics": {"word": "'$HUB_TOKEN'"}}' > $GONOGO_RESULT"""
    client = toy.start(sh(f"echo token $HUB_TOKEN; {result}", reports=["word"], headline="{word}"), head=head)
    session = toy.over()
    assert session.find_phase("p1").attempts[0].metrics == {"word": "[secret HUB_TOKEN]"}
    assert b"s3cr3t" not in (toy.folder / "journal.jsonl").read_bytes()
    printed = io.StringIO()
    print_log(client.folder.path, None, printed, follow=False)
    assert printed.getvalue() == "token [secret HUB_TOKEN]\n"


def test_a_secret_is_masked_in_a_shell_that_does_not_have_it(
    toy: Any, sh: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_TOKEN", "s3cr3t-value")
    client = toy.start(sh(WAIT), head=toy.head.replace("[pod]", 'secrets = ["HUB_TOKEN"]\n[pod]'))
    monkeypatch.delenv("HUB_TOKEN")
    assert client.make_masker().mask_text("s3cr3t-value") == "[secret HUB_TOKEN]"
    (toy.root / "go").touch()
    toy.over()
    toy.assert_nothing_left()
    assert "HUB_TOKEN is not set here" in client.make_masker().notices[0]


def test_a_jumping_wall_clock_does_not_change_durations_and_cost(toy: Any, sh: Phase) -> None:
    plan = toy.plan(
        sh("sleep 0.3; " + SCORE % 0.7, **GOOD, stall_after="20 s", stall_action="stop"), sh("true")
    )
    toy.folder = start.open_session(plan, approved="test", settings=FAST)
    conductor = Conductor(toy.folder, JumpingClock(), dict(os.environ))
    began = SystemClock().mono()
    asyncio.run(conductor.run())
    took = SystemClock().mono() - began
    session = conductor.build_snapshot()
    conductor.journal.close()
    assert session.state == "finished"
    assert [a.reason for p in session.phases for a in p.attempts] == ["exited", "exited"]
    assert 0.3 <= session.find_phase("p1").elapsed <= took
    assert session.money.spent_usd <= took * 0.001  # $3.60 an hour
    assert session.money.idle_seconds >= 0
    recovered, damage = recover(journal.read_journal(toy.folder / "journal.jsonl"))
    assert damage == ""
    assert recovered == conductor.state  # Replaying the journal gives the live state.


@pytest.mark.parametrize(("before", "after", "gate"), [(False, True, "hold"), (True, False, "")])
def test_a_hold_that_changes_while_an_attempt_is_assessed_counts(
    toy: Any, monkeypatch: pytest.MonkeyPatch, before: bool, after: bool, gate: str
) -> None:
    folder = start.open_session(
        toy.plan({"command": ["true"], "gate": {"ask": "never"}}), approved="test", settings=FAST
    )
    conductor = Conductor(folder, SystemClock(), {})
    conductor._take_over()
    conductor.record(events.AttemptStarted(phase="p1", attempt=1, parameters={}, cookie="c"))
    conductor.record(
        events.AttemptEnded(phase="p1", attempt=1, ended=1.0, seconds=1.0, reason="exited", code=0)
    )
    conductor.record(events.HoldSet(on=before, by="tester"))
    assess = judge.assess_attempt
    has_begun, may_end = threading.Event(), threading.Event()

    def assess_slowly(*arguments: Any) -> events.AttemptAssessed:
        has_begun.set()
        assert may_end.wait(10)
        return assess(*arguments)

    async def change_hold() -> None:
        await asyncio.to_thread(has_begun.wait)
        conductor.handle(requests.Hold(on=after, by="tester"))
        may_end.set()

    async def assess_and_change() -> None:
        phase = conductor.state.current
        assert phase is not None
        await asyncio.gather(conductor._assess(phase), change_hold())

    monkeypatch.setattr(judge, "assess_attempt", assess_slowly)
    asyncio.run(assess_and_change())
    assessment = conductor.state.find_phase("p1").last.assessment  # type: ignore[union-attr]
    assert assessment is not None
    assert assessment.gate == gate
    assert conductor.state.find_phase("p1").status == ("gate" if gate else "done")


def test_a_crash_in_a_pipeline_and_work_in_the_background_open_their_gates(toy: Any, sh: Phase) -> None:
    crash = f"{sys.executable} -c 'print(1); raise KeyError(2)' 2>&1 | cat"
    client = toy.start(sh(crash), sh("sleep 60 & true"))
    gate = toy.gate().gate
    assert (gate.phase, gate.because, gate.verdict) == ("p1", "warning", "investigate")
    assert "log ends with a crash: KeyError: 2" in gate.advice[0]
    client.decide("p1", 1, "go", reason="seen")
    gate = toy.until(lambda s: s.gate and s.gate.phase == "p2", "the second gate").gate
    assert "sleep " in gate.advice[0]
    assert "must wait for them" in gate.advice[0]
    client.stop_session()
    toy.over()
