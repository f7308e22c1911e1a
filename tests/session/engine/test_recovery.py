import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.session import registry, start
from app.session.folder import Settings
from app.session.journal import events
from tests.session.conftest import Operator, wait_for
from tests.session.engine.programs import ASK, SCORE, WAIT, count_runs, read_events

Phase = Callable[..., dict[str, Any]]


def test_a_killed_conductor_is_replaced_and_no_phase_runs_twice(toy: Any, sh: Phase) -> None:
    toy.start(sh(f"echo ran; {WAIT}; " + SCORE % 0.9, reports=["score"]), sh("echo ran"))
    toy.until(lambda s: count_runs(toy))
    toy.kill_conductor()
    assert toy.client.read_snapshot().find_phase("p1").state == "running"  # From the journal.
    toy.rejoin()
    (toy.root / "go").touch()
    session = toy.over()
    assert session.find_phase("p1").attempts[0].metrics == {"score": 0.9}
    assert [len(p.attempts) for p in session.phases] == [1, 1]
    assert (count_runs(toy), count_runs(toy, "p2")) == (1, 1)
    assert [type(e) for e in read_events(toy.folder)].count(events.ConductorStarted) == 2


def test_an_exit_recorded_without_a_conductor_is_taken_over(toy: Any, sh: Phase) -> None:
    toy.start(sh(f"echo ran; {WAIT}; exit 4"))
    toy.until(lambda s: count_runs(toy))
    toy.kill_conductor()
    (toy.root / "go").touch()
    exit_path = toy.locate_attempt("p1") / "exit.json"
    while not exit_path.exists():
        pass
    toy.rejoin()
    session = toy.gate()
    assert session.find_phase("p1").attempts[0].exit_code == 4
    assert count_runs(toy) == 1


def test_a_killed_shim_opens_a_gate_with_an_unknown_exit(toy: Any, sh: Phase) -> None:
    client = toy.start(sh(f"echo ran; {WAIT}; " + SCORE % 0.9, reports=["score"]))
    toy.until(lambda s: count_runs(toy))
    record = toy.locate_attempt("p1") / "shim.json"
    shim = json.loads(record.read_text())["pid"]
    os.kill(shim, signal.SIGKILL)
    toy.until(lambda s: json.loads(record.read_text())["pid"] != shim, "another shim")
    (toy.root / "go").touch()
    session = toy.gate()
    assert session.gate.because == "failed"
    assert "exit is unknown" in session.gate.advice[0]
    assert session.gate.metrics == {"score": 0.9}  # The result is shown.
    assert count_runs(toy) == 1
    client.decide("p1", 1, "go", reason="its result is complete")
    assert toy.over().state == "finished"


def test_a_session_continues_after_all_its_processes_were_killed(toy: Any, sh: Phase) -> None:
    client = toy.start(sh("echo ran; [ -e again ] || sleep 60"))
    toy.until(lambda s: count_runs(toy))
    toy.kill_everything()
    (toy.root / "again").touch()
    client = toy.rejoin()
    assert toy.gate().find_phase("p1").attempts[0].reason == "unknown"
    client.decide("p1", 1, "retry")
    assert toy.over().state == "finished"
    assert [count_runs(toy, "p1", n) for n in (1, 2)] == [1, 1]


def test_a_second_conductor_exits(toy: Any, sh: Phase) -> None:
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
    assert [type(e) for e in read_events(toy.folder)].count(events.ConductorStarted) == 2


def test_a_conductor_that_dies_while_a_command_waits_for_it_is_replaced(
    toy: Any, sh: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordinary, started = start.build_launch_command, list[Path]()

    def command(folder: Path) -> list[str]:
        started.append(folder)
        return ["true"] if len(started) == 1 else ordinary(folder)

    monkeypatch.setattr(start, "build_launch_command", command)
    monkeypatch.setattr(start, "_START_RETRY", 0.0)
    toy.start(sh("true"))
    assert toy.over().state == "finished"
    assert len(started) > 1


def test_a_torn_line_is_moved_and_reported(toy: Any, sh: Phase) -> None:
    toy.start(sh("true", **ASK))
    toy.gate()
    toy.kill_conductor()
    with (toy.folder / "journal.jsonl").open("ab") as file:
        file.write(b'{"v":1,"seq":7')
    toy.rejoin()
    session = toy.gate()
    assert "torn" in session.notices[-1]
    assert (toy.folder / "journal.jsonl.torn-2").read_bytes() == b'{"v":1,"seq":7'


def test_a_damaged_journal_is_read_only_and_its_line_is_named(toy: Any, sh: Phase) -> None:
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
    session = toy.client.read_snapshot()
    assert session.find_phase("p1").state == "running"  # Up to the damaged line.
    assert "line 4" in session.notices[-1]


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
    """Run a container with the session's conductor; kill it with all its processes at the end."""
    with subprocess.Popen([*UNSHARE, sys.executable, "-c", CONTAINER, str(session)]) as first:
        try:
            yield
        finally:
            first.kill()


@pytest.mark.skipif(
    subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode != 0,
    reason="creating a PID namespace needs root",
)
def test_a_session_continues_after_a_container_restart(
    toy: Any, sh: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNPOD_POD_ID", "pod")
    plan = toy.plan(sh("echo ran; [ -e again ] || sleep 600"), sh("true"))
    settings = Settings(poll=0.02, tick=0.1, grace=0.5, guard=0.1)
    toy.folder = start.open_session(plan, approved="test", settings=settings)
    toy.client = Operator(toy.folder)
    with container(toy.folder):
        wait_for(toy.client.has_conductor)
        toy.until(lambda s: count_runs(toy))
    toy.assert_nothing_left()
    (toy.root / "again").touch()
    with container(toy.folder):  # The same PIDs now belong to other processes.
        session = toy.gate()
        assert session.find_phase("p1").attempts[0].reason == "unknown"
        wait_for(toy.client.has_conductor)
        toy.client.decide("p1", 1, "retry")
        assert toy.over().state == "finished"
    assert [count_runs(toy, "p1", n) for n in (1, 2)] == [1, 1]
    machines = [e.machine for e in read_events(toy.folder) if isinstance(e, events.ConductorStarted)]
    assert len(machines) == len(set(machines)) == 2
