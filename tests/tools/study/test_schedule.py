"""Tasks of a study: their order, their limit of time, and continuing."""

import os
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tools.study import schedule as module
from tools.study.schedule import Schedule
from tools.study.tasks import Task


def make_task(name: str, code: str, *needs: str) -> Task:
    return Task(name, "", (sys.executable, "-c", code), needs)


def append(path: Path, text: str) -> str:
    return f"open({str(path)!r}, 'a').write({text!r})"


@pytest.fixture
def messages() -> list[str]:
    return []


def run(
    tasks: list[Task], folder: Path, messages: list[str], *, jobs: int = 2, seconds: float = 60
) -> Schedule:
    schedule = Schedule(tasks, folder, jobs, messages.append)
    schedule.run(seconds)
    return schedule


def test_tasks_wait_for_what_they_need_and_run_once(tmp_path: Path, messages: list[str]) -> None:
    order = tmp_path / "order"
    tasks = [
        make_task("last", append(order, "c"), "middle"),
        make_task("middle", append(order, "b"), "first"),
        make_task("first", append(order, "a")),
    ]
    assert run(tasks, tmp_path / "tasks", messages).list_unfinished() == []
    assert order.read_text() == "abc"
    assert run(tasks, tmp_path / "tasks", messages).list_unfinished() == []
    assert order.read_text() == "abc"
    # Another command line is another task.
    tasks[2] = make_task("first", append(order, "A"))
    run(tasks, tmp_path / "tasks", messages)
    assert order.read_text() == "abcA"


def test_a_failure_stops_its_dependents_alone(tmp_path: Path, messages: list[str]) -> None:
    tasks = [
        make_task("broken", "raise SystemExit('no memory')"),
        make_task("after", "1", "broken"),
        make_task("other", "1"),
    ]
    schedule = run(tasks, tmp_path, messages)
    assert schedule.list_failed() == ["broken"]
    assert schedule.list_unfinished() == ["broken", "after"]
    assert any("no memory" in message for message in messages)


WAITS = """
import pathlib, signal, sys, time
path = pathlib.Path({path!r})
if path.exists():
    sys.exit()
signal.signal(signal.SIGTERM, lambda *a: (path.write_text("saved"), sys.exit(143)))
print("ready", flush=True)
time.sleep(60)
"""


def test_at_the_limit_phases_save_and_a_later_run_continues(
    tmp_path: Path, messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 5.0)
    saved = tmp_path / "saved"
    tasks = [make_task("long", WAITS.format(path=str(saved))), make_task("after", "1", "long")]
    started = time.monotonic()
    schedule = run(tasks, tmp_path / "tasks", messages, seconds=8)
    assert time.monotonic() - started < 9
    assert saved.read_text() == "saved"
    assert schedule.list_failed() == []
    assert schedule.list_unfinished() == ["long", "after"]
    assert run(tasks, tmp_path / "tasks", messages).list_unfinished() == []
    record = schedule.read_record(tasks[0])
    assert record is not None
    assert record.seconds > 2  # of both runs


def test_a_phase_that_ignores_the_stop_is_killed(
    tmp_path: Path, messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 1.0)
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    started = time.monotonic()
    run([make_task("stubborn", stubborn)], tmp_path, messages, seconds=3)
    assert time.monotonic() - started < 10


def test_a_stop_of_the_study_stops_its_phases(tmp_path: Path, messages: list[str]) -> None:
    timer = threading.Timer(2.0, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    schedule = run([make_task("long", "import time; time.sleep(60)")], tmp_path, messages)
    assert schedule.list_unfinished() == ["long"]
    assert schedule.list_failed() == []
    assert any(message.startswith("stopped long") for message in messages)


def test_no_more_tasks_run_at_once_than_allowed(tmp_path: Path, messages: list[str]) -> None:
    order = tmp_path / "order"
    code = f"{append(order, '(')}; import time; time.sleep(0.3); {append(order, ')')}"
    run([make_task(name, code) for name in "abc"], tmp_path / "tasks", messages, jobs=1)
    assert order.read_text() == "()()()"


def test_tasks_are_divided_among_gpus_unless_they_use_all(tmp_path: Path, messages: list[str]) -> None:
    # Each task waits for the others, so that all of them run at once.
    code = (
        "import os, sys, time, pathlib; folder = pathlib.Path({folder!r}); "
        "(folder / {name!r}).write_text(os.environ.get('CUDA_VISIBLE_DEVICES', 'all'))\n"
        "while len(list(folder.iterdir())) < 5: time.sleep(0.01)"
    )
    seen = tmp_path / "seen"
    seen.mkdir()
    tasks = [make_task(name, code.format(folder=str(seen), name=name)) for name in "abcde"]
    tasks[2] = replace(tasks[2], uses_all_gpus=True)
    Schedule(tasks, tmp_path / "tasks", 5, messages.append, {"CUDA_VISIBLE_DEVICES": "all"}, gpus=2).run(60)
    assert {path.name: path.read_text() for path in seen.iterdir()} == {
        "a": "0",
        "b": "1",
        "c": "all",
        "d": "0",
        "e": "1",
    }
