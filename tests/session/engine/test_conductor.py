import asyncio
import contextlib
import io
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.session import registry, start
from app.session.attempt import process
from app.session.attempt.liveness import Liveness
from app.session.client import Refused
from app.session.clock import SystemClock
from app.session.engine.conductor import Conductor
from app.session.folder import SOCKET_PATH_LIMIT, ConductorRecord, Settings
from app.session.journal import events, journal
from app.session.journal.state import InvalidEventError, recover
from tests.session.conftest import FAST, JumpingClock, Operator, wait_for

Phase = Callable[..., dict[str, Any]]

SCORE = """echo '{"metrics": {"score": %s}}' > $GONOGO_RESULT"""
ASK = {"gate": {"ask": "always"}}
GOOD = {
    "reports": ["score"],
    "criteria": [{"name": "good", "expr": "score > 0.5"}],
    "gate": {"ask": "unless_go"},
}
WAIT = "while [ ! -e go ]; do sleep 0.02; done"


def journalled(folder: Path) -> list[Any]:
    replay = journal.read_journal(folder / "journal.jsonl")
    assert replay.damage == ""
    return [entry.event for entry in replay.entries]


def runs(toy: Any, phase: str = "p1", attempt: int = 1) -> int:
    log = toy.attempt(phase, attempt) / "output.log"
    return log.read_text().count("ran") if log.exists() else 0


def test_phases_run_one_after_another_to_the_end(toy: Any, sh: Phase) -> None:
    toy.start(sh(SCORE % 0.7, **GOOD, headline="{score:.0%}"), sh("echo second"))
    session = toy.over()
    assert session.state == "finished"
    assert [p.state for p in session.phases] == ["done", "done"]
    assert session.phase("p1").verdict == "go"
    assert session.phase("p1").headline == "70%"
    assert session.phase("p1").attempts[0].metrics == {"score": 0.7}
    assert session.decisions == ()
    toy.assert_nothing_left()


def test_a_phase_sees_what_it_is_promised_and_no_more(
    toy: Any, sh: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_PASSWORD", "hunter2")
    monkeypatch.setenv("NAMED_TOKEN", "token-in-the-plan")
    monkeypatch.setenv("HF_HOME", "/models")
    monkeypatch.setenv("HF_TOKEN", "hf-not-in-the-plan")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("GONOGO_ENGINE_ARGS", "{}")
    monkeypatch.setenv("GONOGO_COOKIE", "of-an-attempt-around-this")
    named = 'secrets = ["NAMED_TOKEN"]\nenvironment = ["WANDB_MODE"]\n[pod]'
    head = toy.head.replace("[pod]", named)
    toy.start(sh("env; pwd"), head=head)
    toy.over()
    log = (toy.attempt("p1") / "output.log").read_text()
    assert "hunter2" not in log
    assert "hf-not-in-the-plan" not in log
    assert "WANDB_MODE=offline" in log
    assert "GONOGO_ENGINE_ARGS={}" in log
    assert "of-an-attempt-around-this" not in log
    assert "NAMED_TOKEN=token-in-the-plan" in log
    assert "HF_HOME=/models" in log
    assert f"GONOGO_RESULT={toy.attempt('p1')}/result.json" in log
    assert log.splitlines()[-1] == str(toy.root)
    records = [p for p in toy.folder.rglob("*") if p.is_file() and p.name != "output.log"]
    assert records
    assert not any(b"token-in-the-plan" in p.read_bytes() for p in records)


def test_a_gate_shows_the_evidence_and_waits(toy: Any, sh: Phase) -> None:
    toy.start(
        sh(SCORE % 0.4, **GOOD), sh("true"), settings=Settings(poll=0.02, tick=0.05, grace=0.5, guard=0.0)
    )
    gate = toy.gate().gate
    assert (gate.phase, gate.attempt, gate.because, gate.verdict) == ("p1", 1, "plan", "investigate")
    assert [(c.name, c.passed, c.values) for c in gate.criteria] == [("good", False, {"score": 0.4})]
    assert gate.next_phase == "p2"
    for session in itertools.islice(toy.client.watch(threading.Event()), 10):  # silence never approves
        assert session.state == "gate"


def test_going_on_against_the_verdict_needs_a_reason(toy: Any, sh: Phase) -> None:
    client = toy.start(sh(SCORE % 0.4, **GOOD))
    toy.gate()
    with pytest.raises(Refused, match="needs a reason: the verdict is investigate"):
        client.decide("p1", 1, "go", reason="  ")
    client.decide("p1", 1, "go", reason="known noise", by="ada")
    session = toy.over()
    assert session.state == "finished"
    taken = session.decisions[0]
    assert (taken.kind, taken.by, taken.reason, taken.overrides) == ("go", "ada", "known noise", True)
    assert taken.verdict == "investigate"


def test_of_two_deciders_the_first_wins_and_the_other_is_told(toy: Any, sh: Phase) -> None:
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


def test_a_failed_phase_opens_a_gate_and_go_is_an_override(toy: Any, sh: Phase) -> None:
    client = toy.start(sh("echo broken; exit 3"))
    session = toy.gate()
    assert session.gate.because == "failed"
    assert session.gate.advice == ("It ended with exit code 3. Read the end of its log.",)
    assert session.phase("p1").attempts[0].exit_code == 3
    with pytest.raises(Refused, match="needs a reason"):
        client.decide("p1", 1, "go")
    with pytest.raises(Refused, match="critical"):
        client.decide("p1", 1, "skip")
    client.decide("p1", 1, "skip", reason="not needed today")
    assert [p.state for p in toy.over().phases] == ["skipped"]


@pytest.mark.parametrize(
    ("result", "said"),
    [("not json", "result cannot be read"), ('{"metrics": [1]}', "result cannot be read")],
)
def test_a_result_that_is_none_fails_the_phase(toy: Any, sh: Phase, result: str, said: str) -> None:
    toy.start(sh(f"echo '{result}' > $GONOGO_RESULT"))
    gate = toy.gate().gate
    assert gate.because == "failed"
    assert said in gate.advice[0]


def test_a_retry_is_a_new_attempt_with_a_recorded_difference(toy: Any, sh: Phase) -> None:
    client = toy.start(sh('echo "$0 $1"; [ "$1" = 2 ]', params={"batch_size": 4}))
    toy.path.unlink()  # the session has its own copy
    toy.gate()
    client.decide("p1", 1, "retry", changes={"batch_size": 2})
    session = toy.over()
    first, second = session.phase("p1").attempts
    assert (first.number, first.exit_code, second.number, second.exit_code) == (1, 1, 2, 0)
    assert second.changed == {"batch_size": (4, 2)}
    assert second.parameters == {"batch_size": 2}
    spec = json.loads((toy.attempt("p1", 2) / "spec.json").read_text())
    assert spec["argv"][-2:] == ["--batch-size", "2"]
    assert (spec["parent"], spec["changed"]) == (1, {"batch_size": [4, 2]})
    assert session.decisions[0].changes == {"batch_size": 2}


def test_another_batch_is_counted_and_passed_on(toy: Any, sh: Phase) -> None:
    client = toy.start(sh('echo "$0 $@"', batch=True, **ASK))
    session = toy.gate()
    assert session.gate.options == ("go", "retry", "batch", "skip", "stop")
    client.decide("p1", 1, "batch")
    session = toy.until(lambda s: s.gate and s.gate.attempt == 2)
    assert session.phase("p1").attempts[1].batch == 2
    assert (toy.attempt("p1", 2) / "output.log").read_text() == "--batch 2\n"
    client.decide("p1", 2, "batch")
    session = toy.until(lambda s: s.gate and s.gate.attempt == 3)
    assert session.phase("p1").attempts[2].parameters == {"batch": 3}
    client.decide("p1", 3, "go")
    assert toy.over().state == "finished"


def test_a_batch_of_a_phase_that_has_none_is_refused(toy: Any, sh: Phase) -> None:
    client = toy.start(sh("true", **ASK))
    toy.gate()
    with pytest.raises(
        Refused, match="this gate does not accept batch; expected one of: go, retry, skip, stop"
    ):
        client.decide("p1", 1, "batch")


def test_hold_opens_a_gate_whatever_was_found(toy: Any, sh: Phase) -> None:
    client = toy.start(sh(WAIT), sh("true"))
    toy.until(lambda s: s.phase("p1").state == "running")
    assert client.hold(True).hold
    (toy.root / "go").touch()
    session = toy.gate()
    assert session.gate.because == "hold"
    assert not session.hold
    client.decide("p1", 1, "go")
    assert toy.over().state == "finished"


def test_a_phase_is_stopped_and_its_gate_opens(toy: Any, sh: Phase) -> None:
    client = toy.start(
        sh("trap 'echo saved; exit 0' TERM; echo ran; while :; do sleep 0.02; done"), sh("true")
    )
    toy.until(lambda s: runs(toy))
    client.stop_phase()
    session = toy.gate()
    assert session.gate.because == "stopped"
    assert session.phase("p1").attempts[0].reason == "stopped"
    assert "saved" in (toy.attempt("p1") / "output.log").read_text()
    with pytest.raises(Refused, match="no phase is running"):
        client.stop_phase()


def test_a_session_is_stopped_with_its_running_phase(toy: Any, sh: Phase) -> None:
    client = toy.start(sh("trap '' TERM; echo ran; sleep 60"), sh("true"))
    toy.until(lambda s: runs(toy))
    client.stop_session()
    session = toy.over()
    assert session.state == "stopped"
    assert [p.state for p in session.phases] == ["failed", "waiting"]
    toy.assert_nothing_left()
    with pytest.raises(Refused):
        Operator(toy.folder).hold(True)


def test_a_conductor_that_was_killed_mid_phase_is_replaced_and_nothing_runs_twice(
    toy: Any, sh: Phase
) -> None:
    toy.start(sh(f"echo ran; {WAIT}; " + SCORE % 0.9, reports=["score"]), sh("echo ran"))
    toy.until(lambda s: runs(toy))
    toy.kill_conductor()
    assert toy.client.snapshot().phase("p1").state == "running"  # told from the journal
    toy.rejoin()
    (toy.root / "go").touch()
    session = toy.over()
    assert session.phase("p1").attempts[0].metrics == {"score": 0.9}
    assert [len(p.attempts) for p in session.phases] == [1, 1]
    assert (runs(toy), runs(toy, "p2")) == (1, 1)
    assert [type(e) for e in journalled(toy.folder)].count(events.ConductorStarted) == 2


def test_an_exit_that_was_recorded_while_no_conductor_lived_is_taken_over(toy: Any, sh: Phase) -> None:
    toy.start(sh(f"echo ran; {WAIT}; exit 4"))
    toy.until(lambda s: runs(toy))
    toy.kill_conductor()
    (toy.root / "go").touch()
    exit_path = toy.attempt("p1") / "exit.json"
    while not exit_path.exists():
        pass
    toy.rejoin()
    session = toy.gate()
    assert session.phase("p1").attempts[0].exit_code == 4
    assert runs(toy) == 1


def test_what_could_not_be_killed_is_told(toy: Any, sh: Phase) -> None:
    toy.start(sh(f"echo ran; {WAIT}"))
    toy.until(lambda s: runs(toy))
    toy.kill_conductor()
    (toy.root / "go").touch()
    path = toy.attempt("p1") / "exit.json"
    wait_for(path.exists)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"survivors": [4242]}))
    toy.rejoin()
    assert any("PID 4242 could not be killed" in n for n in toy.over().notices)


def test_what_cannot_follow_is_never_written(toy: Any, sh: Phase) -> None:
    toy.folder = start.open_session(toy.plan(sh("true")), approved="test", settings=FAST)
    conductor = Conductor(toy.folder, SystemClock(), dict(os.environ))
    with pytest.raises(InvalidEventError):
        conductor.record(events.HoldSet(on=True, by="me"))
    assert conductor.folder.journal.read_bytes() == b""
    conductor.journal.close()


def test_a_killed_shim_leaves_an_unknown_exit_to_the_operator(toy: Any, sh: Phase) -> None:
    client = toy.start(sh(f"echo ran; {WAIT}; " + SCORE % 0.9, reports=["score"]))
    toy.until(lambda s: runs(toy))
    shim = json.loads((toy.attempt("p1") / "shim.json").read_text())["pid"]
    os.kill(shim, signal.SIGKILL)
    again = toy.attempt("p1") / "shim.json"
    toy.until(lambda s: json.loads(again.read_text())["pid"] != shim, "another shim")
    (toy.root / "go").touch()
    session = toy.gate()
    assert session.gate.because == "failed"
    assert "exit is unknown" in session.gate.advice[0]
    assert session.gate.metrics == {"score": 0.9}  # what it delivered is there to judge
    assert runs(toy) == 1
    client.decide("p1", 1, "go", reason="its result is whole")
    assert toy.over().state == "finished"


def test_everything_killed_at_once_is_rejoined(toy: Any, sh: Phase) -> None:
    client = toy.start(sh("echo ran; [ -e again ] || sleep 60"))
    toy.until(lambda s: runs(toy))
    toy.kill_everything()
    (toy.root / "again").touch()
    client = toy.rejoin()
    assert toy.gate().phase("p1").attempts[0].reason == "unknown"
    client.decide("p1", 1, "retry")
    assert toy.over().state == "finished"
    assert [runs(toy, "p1", n) for n in (1, 2)] == [1, 1]


def test_of_two_conductors_one_goes_away(toy: Any, sh: Phase) -> None:
    toy.start(sh(WAIT))
    first = toy.conductor_pid()
    threads = [threading.Thread(target=start.ensure_conductor, args=(toy.folder,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert toy.conductor_pid() == first
    toy.kill_conductor()
    threads = [threading.Thread(target=start.ensure_conductor, args=(toy.folder,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (toy.root / "go").touch()
    toy.over()
    assert [type(e) for e in journalled(toy.folder)].count(events.ConductorStarted) == 2


def test_a_conductor_that_dies_while_another_starter_waits_for_it_is_replaced(
    toy: Any, sh: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordinary, started = start.launch_command, list[Path]()

    def command(folder: Path) -> list[str]:
        started.append(folder)
        return ["true"] if len(started) == 1 else ordinary(folder)

    monkeypatch.setattr(start, "launch_command", command)
    monkeypatch.setattr(start, "_START_RETRY", 0.0)
    toy.start(sh("true"))
    assert toy.over().state == "finished"
    assert len(started) > 1


def test_an_answer_that_a_dying_conductor_did_not_finish_is_none(toy: Any, sh: Phase) -> None:
    toy.folder = start.open_session(toy.plan(sh("true")), approved="test", settings=FAST)
    client = Operator(toy.folder)
    me = process.identify(os.getpid())
    assert me is not None
    path = client.folder.socket()
    client.folder.write_conductor(ConductorRecord(*me, str(path)))

    def answer() -> None:
        for _ in range(2):
            connection, _ = server.accept()
            connection.recv(1000)
            connection.sendall(b'{"snapshot": {"id"')
            connection.close()

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        thread = threading.Thread(target=answer)
        thread.start()
        assert not client.has_conductor()
        with pytest.raises(Refused, match="no conductor"):
            client.hold(True)
        thread.join()


def test_a_stalled_phase_is_shown_and_left_alone(toy: Any, sh: Phase) -> None:
    toy.start(sh(WAIT, stall_after="0.2 s"))
    assert toy.until(lambda s: s.phase("p1").stalled).phase("p1").state == "running"
    (toy.root / "go").touch()
    assert toy.over().state == "finished"


def test_a_stalled_phase_is_stopped_where_the_plan_says_so(toy: Any, sh: Phase) -> None:
    client = toy.start(
        sh("trap 'echo saved; exit 0' TERM; echo ran; " + WAIT, stall_after="0.3 s", stall_action="stop")
    )
    session = toy.gate()
    assert session.gate.because == "stopped"
    assert session.gate.advice[0].startswith("It stalled and was stopped, since it reported nothing for 0 s")
    assert session.phase("p1").attempts[0].reason == "stalled"
    assert "saved" in (toy.attempt("p1") / "output.log").read_text()
    (toy.root / "go").touch()
    client.decide("p1", 1, "retry")
    session = toy.over()
    assert [a.reason for a in session.phase("p1").attempts] == ["stalled", "exited"]


def test_a_conductor_that_comes_late_stops_nothing_for_a_silence_that_it_did_not_hear(tmp_path: Path) -> None:
    class Clock:
        now = 1000.0

        def wall(self) -> float:
            return self.now + 1e10  # set ahead since the phase wrote

        def mono(self) -> float:
            return self.now

    (tmp_path / "progress.jsonl").touch()
    clock = Clock()
    liveness = Liveness(tmp_path, clock)
    clock.now += 5
    liveness.poll()
    assert liveness.silence > 1e6
    assert liveness.observed_silence == 5


def test_progress_is_shown_with_what_is_left(toy: Any, python: Phase) -> None:
    program = """
import json, os, time
for done in range(1, 1000):
    with open(os.environ["GONOGO_PROGRESS"], "a") as file:
        line = {"type": "progress", "time": time.time(), "done": done, "total": 10, "unit": "rows"}
        file.write(json.dumps(line) + "\\n")
    if done >= 5:
        while not os.path.exists("go"):
            time.sleep(0.01)
        break
    time.sleep(0.02)
"""
    toy.start(python(program))
    session = toy.until(lambda s: s.phase("p1").progress and s.phase("p1").progress.done == 5)
    phase = session.phase("p1")
    assert (phase.progress.total, phase.progress.unit) == (10, "rows")
    assert phase.remaining.low <= phase.elapsed * 1.5
    assert session.money.spent_usd <= session.money.forecast_usd.low
    (toy.root / "go").touch()
    toy.over()


def test_numbers_are_read_from_the_log_of_a_program_that_reports_none(toy: Any, sh: Phase) -> None:
    toy.start(sh("echo loss=2.5; echo loss=1.25", metrics={"loss": "loss=([0-9.]+)"}, **ASK))
    assert toy.gate().gate.metrics == {"loss": 1.25, "first_loss": 2.5}


def test_a_damaged_journal_opens_read_only_and_says_which_line(toy: Any, sh: Phase) -> None:
    toy.start(sh("true", **ASK))
    toy.gate()
    toy.kill_conductor()
    path = toy.folder / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], lines[3].replace(b'"exited"', b'"exitet"'), *lines[4:]]))
    before = path.read_bytes()
    with pytest.raises(registry.SessionError, match=r"line 4: .*checksum.*read-only"):
        toy.rejoin()
    assert path.read_bytes() == before
    session = toy.client.snapshot()
    assert session.phase("p1").state == "running"  # as far as the journal can be trusted
    assert "line 4" in session.notices[-1]


def test_a_torn_line_is_set_aside_and_reported(toy: Any, sh: Phase) -> None:
    toy.start(sh("true", **ASK))
    toy.gate()
    toy.kill_conductor()
    with (toy.folder / "journal.jsonl").open("ab") as file:
        file.write(b'{"v":1,"seq":7')
    toy.rejoin()
    session = toy.gate()
    assert "torn" in session.notices[-1]
    assert (toy.folder / "journal.jsonl.torn-2").read_bytes() == b'{"v":1,"seq":7'


def test_a_folder_with_a_long_path_has_its_socket_elsewhere(toy: Any, sh: Phase) -> None:
    deep = toy.root / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    toy.root, toy.path = deep, deep / "session_plan.toml"
    client = toy.start(sh("true", **ASK))
    toy.gate()
    record = client.folder.read_conductor()
    assert record is not None
    assert len(record.socket) <= SOCKET_PATH_LIMIT
    client.decide("p1", 1, "go")
    toy.over()
    toy.assert_nothing_left()
    assert not Path(record.socket).exists()


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"null\n",
        b"[1, 2]\n",
        b'{"do": "dance"}\n',
        b'{"do": "decide"}\n',
        b"\xff\xfe\n",
        b"[" * 5000 + b"\n",
    ],
)
def test_what_is_no_request_is_refused_and_the_conductor_lives(toy: Any, sh: Phase, line: bytes) -> None:
    client = toy.start(sh("true", **ASK))
    toy.gate()
    record = client.folder.read_conductor()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(record.socket)
        connection.sendall(line)
        assert b'"refused":"not a request' in connection.makefile("rb").readline()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(record.socket)
        # Such a line is not read to its end.
        with pytest.raises(OSError, match=r"Broken pipe|Connection reset"):
            connection.sendall(b"x" * 100_000_000)
    assert client.snapshot().state == "gate"


def test_outputs_of_a_session_that_is_over_are_archived_and_other_profiles_left_alone(
    toy: Any, sh: Phase
) -> None:
    toy.start(sh("mkdir -p artifacts/data; echo 1 > artifacts/data/rows.jsonl"))
    toy.over()
    first = toy.folder
    (toy.artifacts / "README.md").write_text("kept")
    (toy.artifacts / "rehearsal" / "sessions").mkdir(parents=True)
    toy.start(sh("true"))
    toy.over()
    assert toy.folder != first
    assert (toy.artifacts / "archive" / first.name / "data" / "rows.jsonl").read_text() == "1\n"
    assert not (toy.artifacts / "data").exists()
    assert (toy.artifacts / "README.md").exists()
    assert (toy.artifacts / "rehearsal").is_dir()
    assert first.is_dir()


def test_an_unfinished_session_is_rejoined_and_not_replaced(toy: Any, sh: Phase) -> None:
    toy.start(sh("true", **ASK))
    toy.gate()
    first = toy.folder
    assert start.open_session(toy.plan(sh("false")), approved="test") == first


def test_private_files_are_private(toy: Any, sh: Phase) -> None:
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
    assert session.phase("p1").elapsed >= 0.3
    assert session.phase("p1").cost_usd == pytest.approx(session.phase("p1").elapsed * 0.001)
    assert session.money.forecast_usd.low == session.money.spent_usd
    later = Operator(toy.folder).snapshot()
    assert later.money == session.money


def test_a_secret_that_a_phase_prints_is_masked_in_what_is_shown_and_recorded(
    toy: Any, sh: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.session.attempt_log import follow_log

    monkeypatch.setenv("HUB_TOKEN", "s3cr3t-value")
    head = toy.head.replace("[pod]", 'secrets = ["HUB_TOKEN"]\n[pod]')
    result = """echo '{"metrics": {"word": "'$HUB_TOKEN'"}}' > $GONOGO_RESULT"""
    client = toy.start(sh(f"echo token $HUB_TOKEN; {result}", reports=["word"], headline="{word}"), head=head)
    session = toy.over()
    assert session.phase("p1").attempts[0].metrics == {"word": "[secret HUB_TOKEN]"}
    assert b"s3cr3t" not in (toy.folder / "journal.jsonl").read_bytes()
    printed = io.StringIO()
    follow_log(client.folder.path, None, False, printed)
    assert printed.getvalue() == "token [secret HUB_TOKEN]\n"


def test_a_shell_that_lacks_a_secret_masks_it_nevertheless(
    toy: Any, sh: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_TOKEN", "s3cr3t-value")
    client = toy.start(sh(WAIT), head=toy.head.replace("[pod]", 'secrets = ["HUB_TOKEN"]\n[pod]'))
    monkeypatch.delenv("HUB_TOKEN")
    assert client.masker().text("s3cr3t-value") == "[secret HUB_TOKEN]"
    (toy.root / "go").touch()
    toy.over()
    toy.assert_nothing_left()
    assert "HUB_TOKEN is not set here" in client.masker().notices[0]


def test_a_wall_clock_that_jumps_back_and_forth_changes_nothing_that_counts(toy: Any, sh: Phase) -> None:
    plan = toy.plan(
        sh("sleep 0.3; " + SCORE % 0.7, **GOOD, stall_after="20 s", stall_action="stop"), sh("true")
    )
    toy.folder = start.open_session(plan, approved="test", settings=FAST)
    conductor = Conductor(toy.folder, JumpingClock(), dict(os.environ))
    began = SystemClock().mono()
    asyncio.run(conductor.run())
    took = SystemClock().mono() - began
    session = conductor.snapshot()
    conductor.journal.close()
    assert session.state == "finished"
    assert [a.reason for p in session.phases for a in p.attempts] == ["exited", "exited"]
    assert 0.3 <= session.phase("p1").elapsed <= took
    assert session.money.spent_usd <= took * 0.001  # $3.60 an hour
    assert session.money.idle_seconds >= 0
    recovered, damage = recover(journal.read_journal(toy.folder / "journal.jsonl"))
    assert damage == ""
    assert recovered == conductor.state  # replay of the whole is the live state


CONTAINER = """
import sys, time
from pathlib import Path
from app.session import start
start.ensure_conductor(Path(sys.argv[1]))
time.sleep(600)
"""
UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]


@contextlib.contextmanager
def container(session: Path) -> Iterator[None]:
    """A container that conducts a session, and in the end is killed with all that runs in it."""
    with subprocess.Popen([*UNSHARE, sys.executable, "-c", CONTAINER, str(session)]) as first:
        try:
            yield
        finally:
            first.kill()


@pytest.mark.skipif(
    subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode != 0,
    reason="a PID namespace of its own needs root",
)
def test_a_container_restart_is_rejoined(toy: Any, sh: Phase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNPOD_POD_ID", "pod")
    plan = toy.plan(sh("echo ran; [ -e again ] || sleep 600"), sh("true"))
    settings = Settings(poll=0.02, tick=0.1, grace=0.5, guard=0.1)
    toy.folder = start.open_session(plan, approved="test", settings=settings)
    toy.client = Operator(toy.folder)
    with container(toy.folder):
        wait_for(toy.client.has_conductor)
        toy.until(lambda s: runs(toy))
    toy.assert_nothing_left()
    (toy.root / "again").touch()
    with container(toy.folder):  # the same PIDs are others now
        session = toy.gate()
        assert session.phase("p1").attempts[0].reason == "unknown"
        wait_for(toy.client.has_conductor)
        toy.client.decide("p1", 1, "retry")
        assert toy.over().state == "finished"
    assert [runs(toy, "p1", n) for n in (1, 2)] == [1, 1]
    machines = [e.machine for e in journalled(toy.folder) if isinstance(e, events.ConductorStarted)]
    assert len(machines) == len(set(machines)) == 2
