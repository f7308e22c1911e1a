import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.session import start
from app.session.attempt import process
from app.session.pod import guard
from tests.session.conftest import Operator
from tests.session.pod.plans import GUARDED, UNATTENDED, WAIT, wait_until

Phase = Callable[..., dict[str, Any]]


def guard_pid(toy: Any) -> int:
    return int(json.loads((toy.folder / guard.PROCESS_FILE).read_text())["pid"])


def test_guard_and_conductor_start_each_other_again(toy: Any, sh: Phase) -> None:
    toy.start(sh(WAIT), settings=GUARDED)
    wait_until(lambda: process.is_recorded_alive(toy.folder / guard.PROCESS_FILE))
    first = toy.conductor_pid()
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: toy.conductor_pid() != first)
    assert any("conductor was gone" in n for n in toy.until(lambda s: s.notices).notices)
    watcher = guard_pid(toy)
    os.kill(watcher, signal.SIGKILL)
    wait_until(lambda: guard_pid(toy) != watcher)
    (toy.root / "go").touch()
    assert toy.over().state == "finished"
    toy.assert_nothing_left()


def test_a_conductor_that_is_told_to_leave_is_not_brought_back(toy: Any, sh: Phase) -> None:
    toy.start(sh(WAIT), settings=GUARDED)
    wait_until(lambda: process.is_recorded_alive(toy.folder / guard.PROCESS_FILE))
    os.kill(toy.conductor_pid(), signal.SIGTERM)
    wait_until(lambda: not process.is_recorded_alive(toy.folder / guard.PROCESS_FILE))
    wait_until(lambda: process.find_process(toy.conductor_pid()) is None)
    toy.rejoin()
    (toy.root / "go").touch()
    assert toy.over().state == "finished"


def test_a_gate_that_nobody_answers_ends_with_the_pod_stopped_and_never_with_approval(
    toy: Any, sh: Phase
) -> None:
    stops = toy.root / "stops"
    head = UNATTENDED.format(stop_after="0.5 s").replace("stops;", f"{stops};").replace("stops'", f"{stops}'")
    head = head.replace("test -e stop", f"test -e {toy.root}/stop")
    client = toy.start(sh("true", gate={"ask": "always"}), head=head, settings=GUARDED)
    toy.gate()
    wait_until(lambda: stops.exists() and stops.read_text().count("second") >= 2)  # each way, again and again
    assert toy.client.snapshot().state == "gate"
    (toy.root / "stoppable").touch()
    (toy.root / "stopped").touch()
    session = toy.until(lambda s: any("the pod is stopped" in n for n in s.notices))
    said = "\n".join(session.notices)
    assert "the gate of p1 was not decided" in said
    assert "trying again in 1 s" in said
    assert "the session is bundled" in said
    assert list((toy.artifacts / "bundles").glob("*.tar"))
    assert session.state == "gate"
    assert session.decisions == ()
    client.decide("p1", 1, "go")
    assert toy.over().state == "finished"
    client.keep_pod()
    toy.assert_nothing_left()


def test_the_guard_stops_the_pod_when_the_conductor_cannot(tmp_path: Path) -> None:
    told = tmp_path / "told"
    orders = {
        "tick": 0.01,
        "boot_id": process.read_boot_id(),
        "due": 100,
        "why": "the budget is spent",
        "commands": [["no-such-command"], ["sh", "-c", f'echo "$0" > {told}', "$POD"]],
        "confirm": [],
        "conductor": ["false"],  # the conductor does not come up
    }
    now = [0.0]
    (tmp_path / guard.ORDERS_FILE).write_text(json.dumps(orders))

    def pause(seconds: float) -> None:
        now[0] += max(seconds, 1.0)
        if told.exists():
            (tmp_path / guard.ORDERS_FILE).write_text(json.dumps(orders | {"stand_down": True}))

    guard.Guard(tmp_path, {**os.environ, "POD": "pod-7"}, pause, lambda: now[0]).run()
    assert told.read_text() == "pod-7\n"
    said = [json.loads(line)["text"] for line in (tmp_path / guard.REPORTS_FILE).read_text().splitlines()]
    assert said[-3:] == [
        "stopping the pod: the budget is spent",
        "no-such-command: failed",
        "sh: the pod is stopped",
    ]


def test_who_comes_back_while_the_session_is_bundled_keeps_the_pod(tmp_path: Path) -> None:
    orders: dict[str, Any] = {
        "tick": 0.01,
        "boot_id": process.read_boot_id(),
        "due": 1,
        "why": "the gate of p1 was not decided",
        "commands": [["touch", str(tmp_path / "stopped")]],
    }
    decided = json.dumps({"stand_down": True, "due": None})
    orders["bundle"] = ["sh", "-c", f"echo '{decided}' > {tmp_path / guard.ORDERS_FILE}"]
    (tmp_path / guard.ORDERS_FILE).write_text(json.dumps(orders))
    guard.Guard(tmp_path, os.environ, lambda seconds: None, lambda: 100.0).run()
    assert not (tmp_path / "stopped").exists()
    assert "the stop of the pod was cancelled" in (tmp_path / guard.REPORTS_FILE).read_text()


def test_orders_of_another_boot_or_none_do_nothing(tmp_path: Path) -> None:
    told = tmp_path / "told"
    orders: dict[str, Any] = {"due": 1, "boot_id": "another", "why": "", "commands": [["touch", str(told)]]}
    left = [5]

    def pause(seconds: float) -> None:
        left[0] -= 1
        (tmp_path / guard.ORDERS_FILE).write_bytes(b"{" if left[0] else b'{"stand_down": true}')

    (tmp_path / guard.ORDERS_FILE).write_text(json.dumps(orders))
    guard.Guard(tmp_path, {}, pause, lambda: 1e9).run()
    assert not told.exists()


def test_a_guard_whose_session_was_removed_goes_away(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    folder.mkdir()

    def pause(seconds: float) -> None:
        folder.rmdir()

    guard.Guard(folder, {}, pause).run()
    assert not folder.exists()


# What fails


def test_a_stop_command_that_fails_twice_is_tried_again(tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    command = ["sh", "-c", f"echo x >> {tries}; [ $(wc -l < {tries}) -ge 3 ]"]
    orders = {"tick": 0.01, "boot_id": process.read_boot_id(), "due": 100, "why": "", "commands": [command]}
    (tmp_path / guard.ORDERS_FILE).write_text(json.dumps(orders))
    now, pauses = [100.0], list[float]()

    def pause(seconds: float) -> None:
        now[0] += seconds
        pauses.append(seconds)
        if len(tries.read_text().splitlines()) >= 3:
            (tmp_path / guard.ORDERS_FILE).write_text(json.dumps(orders | {"stand_down": True, "due": None}))

    guard.Guard(tmp_path, os.environ, pause, lambda: now[0]).run()
    assert pauses[:2] == [1.0, 2.0]
    said = [json.loads(line)["text"] for line in (tmp_path / guard.REPORTS_FILE).read_text().splitlines()]
    assert said[1:] == [
        "sh: failed",
        "the pod could not be stopped; trying again in 1 s (try 1)",
        "sh: failed",
        "the pod could not be stopped; trying again in 2 s (try 2)",
        "sh: the pod is stopped",
    ]


FAILING = """
import sys
from pathlib import Path
from app.session.attempt import exit_record
from app.session.engine import conductor

def broken(folder):
    raise RuntimeError("a defect")

exit_record.read_exit = broken
conductor.main(Path(sys.argv[1]), detach=lambda: None)
"""


def test_a_conductor_that_fails_leaves_the_guard_on_which_starts_another(toy: Any, sh: Phase) -> None:
    toy.folder = start.open_session(toy.plan(sh("echo ran")), approved="test", settings=GUARDED)
    argv = [sys.executable, "-P", "-c", FAILING, str(toy.folder)]
    failed = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "RuntimeError: a defect" in failed.stderr
    toy.client = Operator(toy.folder)
    session = toy.over()
    assert session.state == "finished"
    assert any("conductor was gone and has been started again" in n for n in session.notices)
    assert (toy.attempt("p1") / "output.log").read_text() == "ran\n"
    toy.assert_nothing_left()
