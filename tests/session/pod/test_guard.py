import json
import os
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
from app.session.client import Refused
from app.session.folder import Settings
from app.session.journal import events, journal
from app.session.journal.journal import Entry
from app.session.journal.state import fold
from app.session.money import deadlines
from app.session.pod import guard
from tests.session.conftest import Operator

Phase = Callable[..., dict[str, Any]]
GUARDED = Settings(poll=0.02, tick=0.1, grace=0.5, guard=0.1)
WAIT = "while [ ! -e go ]; do sleep 0.02; done"

UNATTENDED = """
[session]
name = "Unattended"
model = "none"
budget_usd = 10.0

[pod]
gpu = "none"
usd_per_hour = 3.6
stop_command = ["sh", "-c", 'echo first >> stops; test -e stoppable']
stop_fallbacks = [["sh", "-c", 'echo second >> stops']]
stopped_command = ["sh", "-c", 'test -e stopped']

[unattended]
stop_after = "{stop_after}"
"""


def guard_pid(toy: Any) -> int:
    return int(json.loads((toy.folder / guard.PROCESS_FILE).read_text())["pid"])


def wait(condition: Callable[[], Any]) -> Any:
    ends = time.monotonic() + 30
    while not (found := condition()):
        assert time.monotonic() < ends
        time.sleep(0.02)
    return found


def test_guard_and_conductor_start_each_other_again(toy: Any, sh: Phase) -> None:
    toy.start(sh(WAIT), settings=GUARDED)
    wait(lambda: process.is_recorded_alive(toy.folder / guard.PROCESS_FILE))
    first = toy.conductor_pid()
    os.kill(first, signal.SIGKILL)
    wait(lambda: toy.conductor_pid() != first)
    assert any("conductor was gone" in n for n in toy.until(lambda s: s.notices).notices)
    watcher = guard_pid(toy)
    os.kill(watcher, signal.SIGKILL)
    wait(lambda: guard_pid(toy) != watcher)
    (toy.root / "go").touch()
    assert toy.over().state == "finished"
    toy.assert_nothing_left()


def test_a_conductor_that_is_told_to_leave_is_not_brought_back(toy: Any, sh: Phase) -> None:
    toy.start(sh(WAIT), settings=GUARDED)
    wait(lambda: process.is_recorded_alive(toy.folder / guard.PROCESS_FILE))
    os.kill(toy.conductor_pid(), signal.SIGTERM)
    wait(lambda: not process.is_recorded_alive(toy.folder / guard.PROCESS_FILE))
    wait(lambda: process.find_process(toy.conductor_pid()) is None)
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
    wait(lambda: stops.exists() and stops.read_text().count("second") >= 2)  # each way, again and again
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


@pytest.mark.parametrize(
    ("elapsed", "due", "why"),
    [
        (0.0, 50 + 7200, "was not decided"),
        (8000.0, 100.0 + (10000 - 900 - 8000), "the budget is spent"),
        (9999.0, 50 + 900.0, "the budget is spent"),  # not before the second reminder
    ],
)
def test_when_an_unanswered_gate_stops_the_pod(
    toy: Any, sh: Phase, elapsed: float, due: float, why: str
) -> None:
    plan = toy.plan(sh("true"), head=UNATTENDED.format(stop_after="2 h"))
    happened = [
        events.SessionStarted(
            id="s", plan_sha256="", profile="", seed=1, phases=["p1"], approved="", usd_per_hour=3.6,
            budget_usd=10.0,
        ),
        events.ConductorStarted(pid=1, machine="m"),
        events.AttemptStarted(phase="p1", attempt=1, parameters={}, cookie="c", deadline=70.0),
        events.AttemptEnded(phase="p1", attempt=1, ended=0, seconds=1, reason="exited", code=0),
        events.AttemptAssessed(phase="p1", attempt=1, verdict="go", gate="plan"),
    ]  # fmt: skip
    entries = [Entry(n, 1, 0.0, 50.0, event) for n, event in enumerate(happened, 1)]
    found = deadlines.find_pod_stop(plan, fold(entries), elapsed, 100.0)
    assert found is not None
    assert found[0] == pytest.approx(due)
    assert why in found[1]
    assert deadlines.find_pod_stop(plan, fold(entries[:3]), 0.0, 100.0) == (70 + 900, "the budget is spent")
    assert deadlines.find_pod_stop(plan, fold(entries[:2]), 0.0, 100.0) == (100 + 9100, "the budget is spent")
    assert deadlines.find_pod_stop(plan, fold(entries[:4]), 9999.0, 100.0) == (
        100 + 900,
        "the budget is spent",
    )
    without = plan.model_copy(update={"pod": plan.pod.model_copy(update={"stop_command": ()})})
    assert deadlines.find_pod_stop(without, fold(entries), elapsed, 100.0) is None
    # The guard's own restart changes nothing; who comes back to a session that had died has time to look.
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
    moved = [*entries, Entry(6, 2, 9e9, 1e6, events.ConductorStarted(pid=2, machine="another"))]
    waits = fold(moved).current
    assert waits is not None
    assert waits.gate_mono == 1e6
    assert msgspec.structs.replace(waits, gate_mono=50.0) == fold(entries).current


def test_the_drill_stops_a_pod_that_is_none_and_approves_nothing(toy: Any, sh: Phase) -> None:
    from app.session.pod.drill import drill

    lines: list[str] = []
    real = toy.root / "really-stopped"
    head = UNATTENDED.format(stop_after="2 h").replace("echo first >> stops", f"touch {real}")
    assert drill(toy.plan(sh("touch ran"), head=head), lines.append)
    said = "\n".join(lines)
    assert "the gate of drill was not decided" in said
    assert "the session is bundled" in said
    assert "touch: the pod is stopped" in said
    assert not real.exists()
    assert not (toy.root / "ran").exists()
    assert not toy.artifacts.exists()


def test_a_plan_that_cannot_stop_its_pod_fails_the_drill(toy: Any, sh: Phase) -> None:
    from app.session.pod.drill import drill

    lines: list[str] = []
    assert not drill(toy.plan(sh("true")), lines.append)
    assert "no pod.stop_command" in lines[0]


def test_a_guard_whose_session_was_removed_goes_away(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    folder.mkdir()

    def pause(seconds: float) -> None:
        folder.rmdir()

    guard.Guard(folder, {}, pause).run()
    assert not folder.exists()


# After the session's end


def stopping(toy: Any, stop_after: str) -> str:
    """The head of a plan whose stop command leaves a file, which confirms it."""
    command = f"""["sh", "-c", 'echo x >> {toy.root}/stops']"""
    return f"""{toy.head}
stop_command = {command}
stopped_command = ["test", "-e", "{toy.root}/stops"]
[unattended]
stop_after = "{stop_after}"
"""


def test_a_session_that_is_over_does_not_leave_its_pod_running(toy: Any, sh: Phase) -> None:
    toy.start(sh("true"), head=stopping(toy, "0.5 s"), settings=GUARDED)
    assert toy.over().state == "finished"
    wait(lambda: any("sh: the pod is stopped" in n for n in toy.client.snapshot().notices))
    said = "\n".join(toy.client.snapshot().notices)
    assert "The pod keeps running and is stopped in 0 s unless you run `gonogo keep`" in said
    assert "stopping the pod: the session is over" in said
    assert "the session is bundled" in said
    assert (toy.root / "stops").exists()
    assert toy.client.snapshot().state == "finished"
    toy.client.keep_pod()
    toy.assert_nothing_left()


def test_a_pod_that_is_kept_is_not_stopped_whoever_was_killed(toy: Any, sh: Phase) -> None:
    client = toy.start(sh(WAIT), head=stopping(toy, "2 h"), settings=GUARDED)
    with pytest.raises(Refused, match="the session is not over"):
        client.keep_pod()
    (toy.root / "go").touch()
    toy.over()
    session = toy.client.snapshot()
    assert session.stops_at == pytest.approx(time.time() + 7200, abs=60)
    spent = session.money.spent_usd
    first = toy.conductor_pid()
    toy.kill_conductor()
    wait(lambda: toy.conductor_pid() != first and client.has_conductor())  # the guard saw to it
    session = client.snapshot()
    assert session.stops_at == pytest.approx(time.time() + 7200, abs=60)
    assert session.money.spent_usd == spent
    with pytest.raises(Refused, match="the session is over"):
        client.hold(True)
    client.keep_pod()
    toy.assert_nothing_left()
    assert not (toy.root / "stops").exists()
    assert client.snapshot().stops_at is None
    kept = [e.event for e in journal.read_journal(toy.folder / "journal.jsonl").entries]
    assert sum(isinstance(event, events.PodKept) for event in kept) == 1


def test_whoever_comes_back_after_all_was_killed_has_the_pod_of_a_session_that_is_over_stopped(
    toy: Any, sh: Phase
) -> None:
    toy.start(sh("true"), head=stopping(toy, "2 h"), settings=GUARDED)
    toy.over()
    toy.kill_everything()
    assert start.needs_conductor(toy.folder)
    toy.rejoin()
    wait(lambda: process.is_recorded_alive(toy.folder / guard.PROCESS_FILE))
    assert toy.client.snapshot().stops_at == pytest.approx(time.time() + 7200, abs=60)
    toy.client.keep_pod()
    toy.assert_nothing_left()
    assert not start.needs_conductor(toy.folder)
    toy.rejoin()  # nothing more is owed
    assert not toy.client.has_conductor()


def test_the_pod_of_another_day_is_not_stopped(toy: Any, sh: Phase, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.start(sh("true"), head=stopping(toy, "2 h"), settings=GUARDED)
    toy.over()
    toy.kill_everything()
    monkeypatch.setenv("RUNPOD_POD_ID", "another")
    assert not start.needs_conductor(toy.folder)


def test_a_pod_is_not_stopped_under_another_session(toy: Any, sh: Phase, tmp_path: Path) -> None:
    toy.start(sh("true"), head=stopping(toy, "2 h"), settings=GUARDED)
    toy.over()
    before = toy.client.snapshot().stops_at
    (tmp_path / "rehearsal").mkdir()
    other = type(toy)(tmp_path / "rehearsal")
    other.start(sh(WAIT), settings=GUARDED)  # it cannot stop the pod: the wait begins anew
    wait(lambda: toy.client.snapshot().stops_at > before + 1)
    (other.root / "go").touch()
    other.over()
    (tmp_path / "next").mkdir()
    other = type(toy)(tmp_path / "next")
    other.start(sh(WAIT), head=stopping(other, "2 h"), settings=GUARDED)  # it sees to the pod at its own end
    wait(lambda: not toy.client.has_conductor())
    kept = [e.event for e in journal.read_journal(toy.folder / "journal.jsonl").entries]
    assert events.PodKept(by=f"session {other.folder.name}") in kept


def test_when_the_pod_of_a_session_that_is_over_is_stopped(toy: Any, sh: Phase) -> None:
    plan = toy.plan(sh("true"), head=stopping(toy, "2 h"))
    happened = [
        events.SessionStarted(
            id="s", plan_sha256="", profile="", seed=1, phases=["p1"], approved="", usd_per_hour=3.6,
            budget_usd=10.0,
        ),
        events.ConductorStarted(pid=1, machine="m"),
        events.SessionEnded(finished=False),
    ]  # fmt: skip
    entries = [Entry(n, 1, 0.0, 50.0, event) for n, event in enumerate(happened, 1)]
    assert deadlines.find_pod_stop(plan, fold(entries), 0.0, 100.0) == (50 + 7200, "the session is over")
    assert deadlines.find_pod_stop(plan, fold(entries), 9999.0, 100.0) == (50 + 900, "the budget is spent")
    again = [*entries, Entry(4, 2, 0.0, 60.0, events.ConductorStarted(pid=2, machine="m", by_guard=True))]
    assert deadlines.find_pod_stop(plan, fold(again), 0.0, 100.0) == (50 + 7200, "the session is over")
    elsewhere = [*entries, Entry(4, 2, 0.0, 60.0, events.ConductorStarted(pid=2, machine="another"))]
    assert deadlines.find_pod_stop(plan, fold(elsewhere), 0.0, 100.0) is None
    kept = [*entries, Entry(4, 1, 0.0, 60.0, events.PodKept(by="me"))]
    assert deadlines.find_pod_stop(plan, fold(kept), 0.0, 100.0) is None


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
