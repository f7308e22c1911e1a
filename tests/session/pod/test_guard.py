import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.session import start
from app.session.attempt import process
from app.session.clock import SystemClock
from app.session.engine import guard_orders
from app.session.engine.guard_orders import GuardSupervisor
from app.session.folder import SessionFolder, Settings
from app.session.journal.state import State
from app.session.money.deadlines import PodStop
from app.session.pod import guard
from tests.session.conftest import Operator
from tests.session.pod.plans import GUARDED, UNATTENDED, WAIT, format_head, wait_until

Phase = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def session_folder(tmp_path: Path) -> Path:
    """The folder of a session, as far as the guard can tell."""
    (tmp_path / "journal.jsonl").touch()
    return tmp_path


def guard_pid(toy: Any) -> int:
    return int(json.loads((toy.folder / guard.PROCESS_FILE).read_text())["pid"])


def test_guard_and_conductor_restart_each_other(toy: Any, sh: Phase) -> None:
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


def test_a_terminated_conductor_is_not_restarted(toy: Any, sh: Phase) -> None:
    toy.start(sh(WAIT), settings=GUARDED)
    wait_until(lambda: process.is_recorded_alive(toy.folder / guard.PROCESS_FILE))
    os.kill(toy.conductor_pid(), signal.SIGTERM)
    wait_until(lambda: not process.is_recorded_alive(toy.folder / guard.PROCESS_FILE))
    wait_until(lambda: process.find_process(toy.conductor_pid()) is None)
    toy.rejoin()
    (toy.root / "go").touch()
    assert toy.over().state == "finished"


def test_an_unanswered_gate_stops_the_pod_and_is_never_approved(toy: Any, sh: Phase) -> None:
    stops = toy.root / "stops"
    head = UNATTENDED.format(stop_after="0.5 s").replace("stops;", f"{stops};").replace("stops'", f"{stops}'")
    head = head.replace("test -e stop", f"test -e {toy.root}/stop")
    client = toy.start(sh("true", gate={"ask": "always"}), head=head, settings=GUARDED)
    toy.gate()
    wait_until(lambda: stops.exists() and stops.read_text().count("second") >= 2)  # All commands, repeatedly.
    assert toy.client.read_snapshot().state == "gate"
    (toy.root / "stoppable").touch()
    (toy.root / "stopped").touch()
    session = toy.until(lambda s: any("the pod is stopped" in n for n in s.notices))
    notices = "\n".join(session.notices)
    assert "the gate of p1 was not decided" in notices
    assert "trying again in 1 s" in notices
    assert "the session is bundled" in notices
    assert list((toy.artifacts / "bundles").glob("*.tar"))
    assert session.state == "gate"
    assert session.decisions == ()
    client.decide("p1", 1, "go")
    assert toy.over().state == "finished"
    client.keep_pod()
    toy.assert_nothing_left()


def test_the_guard_stops_the_pod_if_the_conductor_cannot_be_started(tmp_path: Path) -> None:
    output = tmp_path / "output"
    orders = {
        "tick": 0.01,
        "boot_id": process.read_boot_id(),
        "due": 100,
        "why": "the budget is spent",
        "commands": [["no-such-command"], ["sh", "-c", f'echo "$0" > {output}', "$POD"]],
        "confirm": [],
        "conductor": ["false"],  # The conductor does not start.
    }
    now = [0.0]
    (tmp_path / guard.ORDERS_FILE).write_text(json.dumps(orders))

    def pause(seconds: float) -> None:
        now[0] += max(seconds, 1.0)
        if output.exists():
            (tmp_path / guard.ORDERS_FILE).write_text(json.dumps(orders | {"stand_down": True}))

    guard.Guard(tmp_path, {**os.environ, "POD": "pod-7"}, pause, lambda: now[0]).run()
    assert output.read_text() == "pod-7\n"
    reports = [json.loads(line)["text"] for line in (tmp_path / guard.REPORTS_FILE).read_text().splitlines()]
    assert reports[-3:] == [
        "stopping the pod: the budget is spent",
        "no-such-command: failed",
        "sh: the pod is stopped",
    ]


def test_a_decision_while_the_session_is_bundled_cancels_the_stop(tmp_path: Path) -> None:
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


def test_orders_of_another_boot_and_unreadable_orders_are_ignored(tmp_path: Path) -> None:
    output = tmp_path / "output"
    orders: dict[str, Any] = {"due": 1, "boot_id": "another", "why": "", "commands": [["touch", str(output)]]}
    rounds = [5]

    def pause(seconds: float) -> None:
        rounds[0] -= 1
        (tmp_path / guard.ORDERS_FILE).write_bytes(b"{" if rounds[0] else b'{"stand_down": true}')

    (tmp_path / guard.ORDERS_FILE).write_text(json.dumps(orders))
    guard.Guard(tmp_path, {}, pause, lambda: 1e9).run()
    assert not output.exists()


def test_a_guard_exits_when_its_session_folder_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    folder.mkdir()
    (folder / "session.json").touch()

    def pause(seconds: float) -> None:
        shutil.rmtree(folder)

    guard.Guard(folder, {}, pause).run()
    assert not folder.exists()


def test_a_failing_stop_command_is_tried_again(tmp_path: Path) -> None:
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
    assert pauses[:3] == [1.0, 1.0, 1.0]  # A second, then two, with a heartbeat in between.
    reports = [json.loads(line)["text"] for line in (tmp_path / guard.REPORTS_FILE).read_text().splitlines()]
    assert reports[1:] == [
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

def broken(folder, cookie):
    raise RuntimeError("a defect")

exit_record.read_exit = broken
conductor.main(Path(sys.argv[1]), detach=lambda: None)
"""


def test_the_guard_replaces_a_conductor_that_fails(toy: Any, sh: Phase) -> None:
    toy.folder = start.open_session(toy.plan(sh("echo ran")), approved="test", settings=GUARDED)
    argv = [sys.executable, "-P", "-c", FAILING, str(toy.folder)]
    failed = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "RuntimeError: a defect" in failed.stderr
    toy.client = Operator(toy.folder)
    session = toy.over()
    assert session.state == "finished"
    assert any("conductor was gone and has been started again" in n for n in session.notices)
    assert (toy.locate_attempt("p1") / "output.log").read_text() == "ran\n"
    toy.assert_nothing_left()


QUICK = msgspec.structs.replace(GUARDED, hang=1.0)


def test_a_stopped_guard_is_replaced(toy: Any, sh: Phase) -> None:
    toy.start(sh(WAIT), settings=QUICK)
    wait_until(lambda: process.is_recorded_alive(toy.folder / guard.PROCESS_FILE))
    first = guard_pid(toy)
    os.kill(first, signal.SIGSTOP)
    wait_until(lambda: guard_pid(toy) != first)
    assert process.find_process(first) is None
    assert any("The guard did not respond" in n for n in toy.client.read_snapshot().notices)


def test_a_stopped_conductor_is_replaced(toy: Any, sh: Phase) -> None:
    toy.start(sh(f"echo ran; {WAIT}"), settings=QUICK)
    toy.until(lambda s: s.find_phase("p1").attempts)
    first = toy.conductor_pid()
    os.kill(first, signal.SIGSTOP)
    wait_until(lambda: toy.conductor_pid() != first and toy.client.has_conductor())
    assert any("did not respond and was killed" in n for n in toy.until(lambda s: s.notices).notices)
    (toy.root / "go").touch()
    assert toy.over().state == "finished"
    assert (toy.locate_attempt("p1") / "output.log").read_text() == "ran\n"


@pytest.mark.parametrize("signal_number", [signal.SIGSTOP, signal.SIGKILL])
def test_a_conductor_is_replaced_while_the_stop_of_the_pod_has_no_effect(
    toy: Any, sh: Phase, signal_number: int
) -> None:
    toy.start(sh("true", gate={"ask": "always"}), head=format_head(toy, "1 s"), settings=QUICK)
    toy.gate()
    wait_until((toy.root / "stops").exists)  # The command succeeds, but the pod keeps running.
    first = toy.conductor_pid()
    os.kill(first, signal_number)
    wait_until(lambda: toy.conductor_pid() != first and toy.client.has_conductor())
    toy.client.decide("p1", 1, "go")
    toy.until(lambda s: s.state == "finished")


def test_a_guard_that_cannot_start_programs_is_replaced_and_the_pod_is_stopped(toy: Any, sh: Phase) -> None:
    toy.start(sh("true", gate={"ask": "always"}), head=format_head(toy, "3 s"), settings=QUICK)
    toy.gate()
    wait_until(lambda: process.is_recorded_alive(toy.folder / guard.PROCESS_FILE))
    first = guard_pid(toy)
    # It can still open its orders and its heartbeat, one at a time, but no pipe to a program.
    most = len(list(Path(f"/proc/{first}/fd").iterdir())) + 1
    resource.prlimit(first, resource.RLIMIT_NOFILE, (most, most))
    wait_until((toy.root / "stops").exists)
    assert guard_pid(toy) != first
    assert process.find_process(first) is None


def test_guard_and_conductor_that_are_killed_a_second_apart_are_replaced(toy: Any, sh: Phase) -> None:
    toy.start(sh(WAIT), settings=Settings(poll=0.02, guard=5.0))  # The intervals of a real session.
    wait_until(lambda: process.is_recorded_alive(toy.folder / guard.PROCESS_FILE))
    conductor, watcher = toy.conductor_pid(), guard_pid(toy)
    os.kill(conductor, signal.SIGKILL)
    time.sleep(1.0)
    os.kill(watcher, signal.SIGKILL)
    wait_until(lambda: toy.conductor_pid() != conductor and guard_pid(toy) != watcher)
    wait_until(lambda: process.is_recorded_alive(toy.folder / guard.PROCESS_FILE))
    wait_until(toy.client.has_conductor)


@pytest.mark.parametrize("damage", ["", "{", "[]", "deleted", "folder"])
def test_lost_orders_are_written_again(toy: Any, sh: Phase, damage: str) -> None:
    toy.start(sh("true", gate={"ask": "always"}), head=format_head(toy, "2 h"), settings=GUARDED)
    toy.gate()
    path = toy.folder / guard.ORDERS_FILE
    wait_until(lambda: path.exists() and "was not decided" in path.read_text())
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "deleted":
        path.write_text(damage)
    wait_until(lambda: path.is_file() and "was not decided" in path.read_text())


@pytest.mark.parametrize("damage", [b"", b"{", b"null"])
def test_lost_orders_do_not_cancel_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    orders = {"tick": 0.01, "boot_id": process.read_boot_id(), "due": 1, "why": "", "bundle": ["true"]}
    orders["commands"] = [["touch", str(tmp_path / "stopped")]]
    (tmp_path / guard.ORDERS_FILE).write_text(json.dumps(orders))
    now = [100.0]

    def pause(seconds: float) -> None:
        now[0] += 1
        (tmp_path / guard.ORDERS_FILE).write_text(json.dumps({"stand_down": True}))

    guard_ = guard.Guard(tmp_path, os.environ, pause, lambda: now[0])
    guard_._read_orders()
    (tmp_path / guard.ORDERS_FILE).write_bytes(damage)
    guard_.stop_pod()
    assert (tmp_path / "stopped").exists()


def test_a_stop_command_that_signals_its_group_reaches_nothing_else(tmp_path: Path) -> None:
    orders = {"due": 1, "why": "", "commands": [["sh", "-c", "kill 0"], ["touch", str(tmp_path / "stopped")]]}
    orders |= {"boot_id": process.read_boot_id(), "tick": 0.01}
    (tmp_path / guard.ORDERS_FILE).write_text(json.dumps(orders))
    program = "import sys; from pathlib import Path; from app.session.pod import guard; "
    argv = [sys.executable, "-P", "-c", program + "guard.main(Path(sys.argv[1]))", str(tmp_path)]
    with subprocess.Popen(argv, start_new_session=True, stdin=subprocess.DEVNULL) as guarding:
        wait_until((tmp_path / "stopped").exists)
        assert guarding.poll() is None
        (tmp_path / guard.ORDERS_FILE).write_text(json.dumps({"stand_down": True}))
        assert guarding.wait(30) == 0


def test_a_stop_command_without_its_variable_is_not_run(tmp_path: Path) -> None:
    output = tmp_path / "output"
    orders = {"tick": 0.01, "boot_id": process.read_boot_id(), "due": 1, "why": ""}
    orders["commands"] = [
        ["sh", "-c", f'echo "$0" >> {output}', "$NO_SUCH_POD"],
        ["sh", "-c", f'echo "$0" >> {output}', "${EMPTY_POD}"],
        ["touch", str(tmp_path / "fallback")],
    ]
    (tmp_path / guard.ORDERS_FILE).write_text(json.dumps(orders))

    def pause(seconds: float) -> None:
        (tmp_path / guard.ORDERS_FILE).write_text(json.dumps({"stand_down": True}))

    guard.Guard(tmp_path, {**os.environ, "EMPTY_POD": ""}, pause, lambda: 100.0).run()
    assert not output.exists()
    assert (tmp_path / "fallback").exists()
    reports = (tmp_path / guard.REPORTS_FILE).read_text()
    assert "not run, because NO_SUCH_POD is not set" in reports
    assert "not run, because EMPTY_POD is not set" in reports


def test_a_phase_that_ignores_term_past_its_deadline_does_not_keep_the_pod(toy: Any, sh: Phase) -> None:
    head = format_head(toy, "2 h").replace("budget_usd = 10.0", "budget_usd = 0.0022")
    head = head.replace("[unattended]", '[unattended]\nlanding = "0.2 s"')
    phase = sh("trap '' TERM; while :; do sleep 0.1; done", estimate={"hours": [0, 0]})
    toy.start(phase, head=head, settings=msgspec.structs.replace(GUARDED, grace=3.0))
    wait_until((toy.root / "stops").exists)
    assert toy.gate().find_phase("p1").attempts[0].reason == "deadline"


def test_a_pod_is_not_stopped_at_a_gate_while_another_session_runs_on_it(
    toy: Any, sh: Phase, tmp_path: Path
) -> None:
    toy.start(sh("true", gate={"ask": "always"}), head=format_head(toy, "1 s"), settings=GUARDED)
    (tmp_path / "other").mkdir()
    other = type(toy)(tmp_path / "other")
    other.start(sh(WAIT), settings=GUARDED)
    toy.gate()
    time.sleep(3)
    assert not (toy.root / "stops").exists()
    (other.root / "go").touch()
    other.over()
    wait_until((toy.root / "stops").exists)


@pytest.mark.parametrize("is_made_again", [False, True])
def test_the_pod_is_stopped_after_the_folder_of_its_session_was_deleted(
    tmp_path: Path, is_made_again: bool
) -> None:
    folder, now = tmp_path / "session", [100.0]
    folder.mkdir()
    (folder / "session.json").touch()
    orders = {"tick": 1, "boot_id": process.read_boot_id(), "due": 1e6, "why": "", "gone_wait": 60.0}
    orders["commands"] = [["touch", str(tmp_path / "stopped")]]
    (folder / guard.ORDERS_FILE).write_text(json.dumps(orders))
    stopped_at: list[float] = []

    class StoppedError(Exception):
        pass

    def pause(seconds: float) -> None:
        now[0] += seconds
        shutil.rmtree(folder, ignore_errors=True)
        if is_made_again:  # As by a phase that writes its result.
            (folder / "attempts" / "p1").mkdir(parents=True)
        if (tmp_path / "stopped").exists():
            stopped_at.append(now[0])
            raise StoppedError

    with pytest.raises(StoppedError):
        guard.Guard(folder, os.environ, pause, lambda: now[0]).run()
    assert 160 <= stopped_at[0] < 175


def test_the_pod_is_stopped_if_the_folder_is_deleted_before_the_guard_reads_its_orders(
    toy: Any, sh: Phase
) -> None:
    plan = toy.plan(sh("true"), head=format_head(toy, "1 s"))
    folder = SessionFolder(start.open_session(plan, approved="test", register=False))
    supervisor = GuardSupervisor(
        plan, folder, SystemClock(), environment=dict(os.environ), settings=GUARDED, mask=str
    )
    shutil.rmtree(folder.path)
    with pytest.raises(FileNotFoundError):
        supervisor.give_orders(State(), PodStop(2**40, "the budget is spent"), stand_down=False)
    # The conductor is killed: it does nothing more.
    wait_until((toy.root / "stops").exists)
    assert not folder.path.exists()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_guard_with_pipes_or_folders_in_place_of_its_files_starts_the_conductor_and_stops_the_pod(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    for name in (guard.REPORTS_FILE, guard.LOCK_FILE, guard.PROCESS_FILE, "conductor.log", "conductor.json"):
        make(tmp_path / name)
    orders = {"due": 1, "why": "", "boot_id": process.read_boot_id(), "tick": 0.01}
    orders["conductor"] = ["touch", str(tmp_path / "started")]
    orders["commands"] = [["touch", str(tmp_path / "stopped")]]
    command = [sys.executable, "-P", "-m", "app.session.pod.guard", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as guarding:
        assert guarding.stdin is not None
        guarding.stdin.write(json.dumps(orders).encode())
        guarding.stdin.close()
        wait_until((tmp_path / "stopped").exists)
        assert (tmp_path / "started").exists()
        guarding.kill()


def test_orders_that_cannot_replace_the_file_reach_the_guard(
    toy: Any, sh: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = toy.plan(sh("true"), head=format_head(toy, "60 s"))
    folder = SessionFolder(start.open_session(plan, approved="test", register=False))
    supervisor = GuardSupervisor(
        plan, folder, SystemClock(), environment=dict(os.environ), settings=GUARDED, mask=str
    )
    monkeypatch.setattr(supervisor, "_replace_guard", lambda orders: "")
    guard_ = guard.Guard(folder.path, {})
    orders, write_record = folder.path / guard.ORDERS_FILE, guard_orders.write_record

    def write(path: Path, value: object) -> None:
        if path == orders:  # It is immutable.
            raise PermissionError(errno.EPERM, "Operation not permitted", str(path))
        write_record(path, value)

    def read_reason() -> str:
        guard_._read_orders()
        return str(guard_._orders["why"])

    supervisor.give_orders(State(), PodStop(2**40, "the budget is spent"), stand_down=False)
    assert read_reason() == "the budget is spent"
    with monkeypatch.context() as patch:
        patch.setattr(guard_orders, "write_record", write)
        supervisor.give_orders(State(), PodStop(1, "the gate was not decided"), stand_down=False)
        assert read_reason() == "the gate was not decided"
        supervisor.give_orders(State(), PodStop(2, "the session is over"), stand_down=False)
        assert read_reason() == "the session is over"
    supervisor.give_orders(State(), PodStop(3, "the budget is spent"), stand_down=False)
    assert read_reason() == "the budget is spent"


def test_a_folder_in_place_of_the_record_of_the_conductor_is_moved_away(toy: Any, sh: Phase) -> None:
    toy.start(sh(WAIT), settings=GUARDED)
    record = toy.folder / "conductor.json"
    record.unlink()
    record.mkdir()
    wait_until(record.is_file)
    (toy.root / "go").touch()
    assert toy.over().state == "finished"


def test_a_bundle_that_a_restart_interrupted_is_not_begun_again(tmp_path: Path) -> None:
    orders = {"due": 1, "boot_id": process.read_boot_id(), "why": "", "bundle_takes": 60.0}
    orders |= {"bundle": ["touch", str(tmp_path / "bundled")], "commands": [["true"]]}
    (tmp_path / guard.BUNDLE_FILE).touch()
    guard_ = guard.Guard(tmp_path, os.environ, lambda seconds: None, lambda: 100.0)
    guard_._bundle(orders)
    assert not (tmp_path / "bundled").exists()
    os.utime(tmp_path / guard.BUNDLE_FILE, (1, 1))
    guard_._bundle(orders)
    assert (tmp_path / "bundled").exists()
    assert not (tmp_path / guard.BUNDLE_FILE).exists()


@pytest.mark.parametrize("damage", ["immutable", "emptied", "appended"])
def test_the_pod_is_stopped_if_the_end_of_a_phase_cannot_be_recorded(
    toy: Any, sh: Phase, damage: str
) -> None:
    settings = msgspec.structs.replace(GUARDED, hang=1.0)
    toy.start(sh(WAIT), head=format_head(toy, "1 s"), settings=settings)
    wait_until((toy.locate_attempt("p1") / "pid.json").exists)
    journal = toy.folder / "journal.jsonl"
    if damage == "immutable":
        change_immutable("+i", journal)
    else:
        with journal.open("w" if damage == "emptied" else "a") as file:
            file.write("" if damage == "emptied" else "{}\n")
    try:
        assert not (toy.root / "stops").exists()  # The phase still runs.
        (toy.root / "go").touch()
        wait_until((toy.root / "stops").exists)
    finally:
        if damage == "immutable":
            change_immutable("-i", journal)


def test_a_guard_waits_for_the_processes_of_the_attempt(tmp_path: Path) -> None:
    now, stopped_at = [100.0], []
    cookie = f"idle-{os.getpid()}"
    orders = {"tick": 1, "boot_id": process.read_boot_id(), "due": 1e6, "why": "", "gone_wait": 60.0}
    orders |= {"hang": 20.0, "attempt": str(tmp_path / "attempt"), "cookie": cookie}
    orders["commands"] = [["touch", str(tmp_path / "stopped")]]
    (tmp_path / guard.ORDERS_FILE).write_text(json.dumps(orders))
    program = subprocess.Popen(["sleep", "600"], env=os.environ | {process.COOKIE: cookie})

    class StoppedError(Exception):
        pass

    def pause(seconds: float) -> None:
        now[0] += 10.0
        if now[0] == 1000.0:
            program.kill()
            program.wait()
        if (tmp_path / "stopped").exists():
            stopped_at.append(now[0])
            raise StoppedError

    with program, pytest.raises(StoppedError):
        guard.Guard(tmp_path, os.environ, pause, lambda: now[0]).run()
    assert 1080 <= stopped_at[0] < 1110


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("chattr"), reason="only root can use chattr")
def test_orders_reach_the_guard_of_a_folder_that_cannot_be_written(toy: Any, sh: Phase) -> None:
    toy.start(sh(WAIT, gate={"ask": "always"}), head=format_head(toy, "3 s"), settings=GUARDED)
    wait_until((toy.locate_attempt("p1") / "pid.json").exists)
    change_immutable("+i", toy.folder)
    try:
        (toy.root / "go").touch()
        toy.gate()
        toy.client.decide("p1", 1, "retry")
        toy.until(lambda s: s.gate and s.gate.attempt == 2)
        wait_until((toy.root / "stops").exists)
    finally:
        change_immutable("-i", toy.folder)


def test_a_guard_follows_the_orders_that_were_given_last(tmp_path: Path) -> None:
    def write(name: str, given: object, why: str) -> None:
        orders = {"due": 1e6, "boot_id": process.read_boot_id(), "why": why, "given": given}
        (tmp_path / name).write_text(json.dumps(orders))

    def read_reason() -> str:
        guard_._read_orders()
        return str(guard_._orders["why"])

    guard_ = guard.Guard(tmp_path, {}, now=lambda: 100.0)
    write(guard.ORDERS_FILE, 5.0, "first")
    assert read_reason() == "first"
    write(guard.SPARE_ORDERS_FILE, 6.0, "second")
    assert read_reason() == "second"
    for given in (None, "x", 5.5, 101.0, 1e300):
        write(guard.ORDERS_FILE, given, "older, or not from this boot")
        assert read_reason() == "second"
    write(guard.ORDERS_FILE, 7.0, "third")
    assert read_reason() == "third"


def change_immutable(change: str, path: Path) -> None:
    """Makes a file or folder immutable, or not; skips the test where that is impossible."""
    command = ["chattr", change, str(path)]
    if not shutil.which("chattr") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no immutable files here")
