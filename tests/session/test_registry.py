"""The order of sessions, their names, and damaged ones among them."""

import itertools
import os
import shutil
import signal
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.cli import main
from app.session import registry, start
from app.session.client import SessionClient
from app.session.folder import SessionFolder
from app.session.registry import SessionError
from phases.contract import files
from tests.session.conftest import Operator, Toy, wait_for
from tests.session.engine.programs import ASK, WAIT, count_runs

Phase = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def limited() -> Iterator[None]:
    """Fails a test that waits for a pipe."""

    def fail(*_: object) -> None:
        raise KeyboardInterrupt("it waits for ever")

    signal.signal(signal.SIGALRM, fail)
    signal.alarm(60)
    yield
    signal.alarm(0)


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    def set_zone(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield set_zone
    monkeypatch.undo()
    time.tzset()


def copy_session(folder: Path, copy: Path) -> Path:
    return Path(shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("control.sock", "reserve")))


def rename_and_date(folder: Path, name: str, created: float) -> Path:
    new = folder.rename(folder.with_name(name))
    info = SessionFolder(new).info
    record = files.read_json(info, dict)
    files.write_json(info, {**record, "id": name, "created": created})
    return new


def test_a_running_session_is_found_although_an_earlier_one_has_a_later_name(
    toy: Any, sh: Phase, zone: Callable[[str], None]
) -> None:
    zone("Europe/Berlin")
    toy.start(sh("true"))
    toy.over()
    earlier = toy.folder
    zone("America/New_York")
    toy.start(sh(WAIT))
    running = toy.folder
    assert running.name < earlier.name
    zone("Asia/Tokyo")
    assert start.open_session(toy.plan(sh("true")), approved="test") == running
    assert registry.find_session(toy.root, None) == running
    assert registry.list_sessions(toy.root) == [earlier, running]
    assert not (toy.artifacts / "archive" / running.name).exists()


def test_sessions_of_earlier_versions_are_ordered_by_their_journals(toy: Any, sh: Phase) -> None:
    toy.start(sh("true"))
    toy.over()
    first = rename_and_date(toy.folder, "20990101-000000", 0.0)
    toy.start(sh("true"))
    toy.over()
    second = rename_and_date(toy.folder, "20000101-000000", 0.0)
    for folder in (second, first):
        os.utime(SessionFolder(folder).info)
    assert registry.list_sessions(toy.root) == [first, second]


def test_a_clock_that_was_set_back_does_not_hide_a_running_session(toy: Any, sh: Phase) -> None:
    toy.start(sh("true"))
    toy.over()
    rename_and_date(toy.folder, "20990101-000000", 4e9)
    toy.start(sh(WAIT))
    assert start.find_unfinished(toy.plan(sh("true"))) == toy.folder
    assert registry.find_session(toy.root, None) == toy.folder


def test_sessions_of_one_second_in_two_folders_have_two_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sh: Phase
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(time, "strftime", lambda *_: "20260101-000000")
    folders = []
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        folders.append(start.open_session(Toy(tmp_path / name).plan(sh("true")), approved="test"))
    assert [folder.name for folder in folders] == [f"20260101-000000{end}" for end in ("", "-2", "-3")]
    for folder in folders:
        assert registry.find_session(tmp_path, folder.name) == folder


def test_an_id_that_several_sessions_have_names_none(toy: Any, sh: Phase) -> None:
    toy.start(sh("true"))
    toy.over()
    toy.assert_nothing_left()  # A conductor that ends still writes files.
    other = toy.artifacts / "other" / "sessions" / toy.folder.name
    copy_session(toy.folder, other)
    with pytest.raises(SessionError, match="several sessions have the id"):
        registry.find_session(toy.root, toy.folder.name)
    assert registry.find_session(toy.root, str(other)) == other


def replace_by_pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def replace_by_folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def replace_by_socket(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mknod(path, stat.S_IFSOCK | 0o600)


def replace_by_link(path: Path, target: str) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


INFINITE = '{"boot_id": "b", "pid_namespace": "n", "pid": 1e999, "start_time": 1e999, "socket": ""}'
DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty journal": lambda folder: (folder / "journal.jsonl").write_bytes(b""),
    "binary journal": lambda folder: (folder / "journal.jsonl").write_bytes(bytes(range(256)) * 9),
    "pipe as journal": lambda folder: replace_by_pipe(folder / "journal.jsonl"),
    "folder as journal": lambda folder: replace_by_folder(folder / "journal.jsonl"),
    "loop as journal": lambda folder: replace_by_link(folder / "journal.jsonl", "journal.jsonl"),
    "device as journal": lambda folder: replace_by_link(folder / "journal.jsonl", "/dev/zero"),
    "socket as journal": lambda folder: replace_by_socket(folder / "journal.jsonl"),
    "pipe as record": lambda folder: replace_by_pipe(folder / "session.json"),
    "folder as record": lambda folder: replace_by_folder(folder / "session.json"),
    "pipe as plan": lambda folder: replace_by_pipe(folder / "plan.json"),
    "device as plan": lambda folder: replace_by_link(folder / "plan.json", "/dev/zero"),
    "nested plan": lambda folder: (folder / "plan.json").write_bytes(b"[" * 100_000),
    "no plan": lambda folder: (folder / "plan.json").unlink(),
    "another plan": lambda folder: (folder / "plan.json").write_text(
        (folder / "plan.json").read_text().replace('"p1"', '"p2"')
    ),
    "pipe as conductor": lambda folder: replace_by_pipe(folder / "conductor.json"),
    "infinite conductor": lambda folder: (folder / "conductor.json").write_text(INFINITE),
    "pipe as attempts": lambda folder: (shutil.rmtree(folder / "attempts"), os.mkfifo(folder / "attempts")),
    "pipe as log": lambda folder: replace_by_pipe(folder / "attempts/p1/1/output.log"),
    "pipe as result": lambda folder: replace_by_pipe(folder / "attempts/p1/1/result.json"),
    "pipe as progress": lambda folder: replace_by_pipe(folder / "attempts/p1/1/progress.jsonl"),
    "pipe as samples": lambda folder: replace_by_pipe(folder / "attempts/p1/1/machine.jsonl"),
    "pipe as environment": lambda folder: replace_by_pipe(folder / "environment.json"),
    "pipe as labels": lambda folder: replace_by_pipe(folder / "labels.jsonl"),
}
COMMANDS = (
    *(
        "status",
        "status --json",
        "log",
        "log --phase p1",
        "attach --headless",
        "attach --headless --read-only",
    ),
    *("report", "bundle --list", "bundle", "finish --yes", "label"),
    *("stop", "hold", "keep", "decide go", "retry", "serve"),
)


@pytest.fixture
def many(toy: Any, sh: Phase, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """A healthy session and copies of it, each damaged in another way, all in one folder of sessions."""
    toy.start(sh("echo ran"))
    toy.over()
    wait_for(lambda: not toy.client.has_conductor(), "the end of the conductor")
    folders = {}
    for number, damage in enumerate(("none", *DAMAGES), 1):
        folders[damage] = copy_session(toy.folder, toy.folder.with_name(f"copy{number}"))
        rename_and_date(folders[damage], f"copy{number}", 5e9 + number)
    for damage, apply in DAMAGES.items():
        apply(folders[damage])
    (toy.folder.parent / "loop").symlink_to("loop")
    (toy.folder.parent / "file").touch()
    monkeypatch.chdir(toy.root)
    return folders


def test_damaged_sessions_hide_no_others(
    toy: Any, many: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["sessions"]) == 2
    said = capsys.readouterr()
    assert str(toy.folder) in said.out
    assert str(many["none"]) in said.out
    assert all(folder.name in said.out + said.err for folder in many.values())
    assert "Traceback" not in said.err
    assert main(["status"]) == 0
    assert main(["status", "--session", toy.folder.name]) == 0


def test_no_command_hangs_or_fails_with_a_traceback_on_a_damaged_session(
    many: dict[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.tui.serve.LoopbackServer.serve", lambda server: None)
    failures = []
    for command, (damage, folder) in itertools.product(COMMANDS, many.items()):
        name, *options = command.split()
        place = [str(folder)] if name == "label" else ["--session", str(folder)]
        try:
            code = main([name, *options, *place])
        except Exception as error:
            failures.append((command, damage, repr(error)))
            continue
        said = capsys.readouterr()
        if "Traceback" in said.out + said.err or (code and not said.err.startswith("gonogo: ")):
            failures.append((command, damage, said.err))
    assert failures == []


def test_the_newest_session_is_not_replaced_while_it_cannot_be_read(toy: Any, sh: Phase) -> None:
    toy.start(sh("true"))
    toy.over()
    replace_by_pipe(toy.folder / "journal.jsonl")
    assert start.find_unfinished(toy.plan(sh("true"))) == toy.folder
    with pytest.raises(SessionError, match=r"not a regular file.*read-only"):
        start.ensure_conductor(toy.folder)


# Copies


@pytest.mark.parametrize("state", ["running", "gate", "phase only"])
def test_a_copy_of_a_running_session_disturbs_nothing(
    toy: Any, sh: Phase, tmp_path: Path, state: str
) -> None:
    toy.start(sh("echo ran", **ASK) if state == "gate" else sh(f"echo ran; {WAIT}"))
    if state == "gate":
        toy.gate()
    else:
        toy.until(lambda s: count_runs(toy))
    copy = tmp_path / "copy"
    copy_session(toy.folder, copy)
    if state == "phase only":
        toy.kill_conductor()
    with pytest.raises(SessionError, match=f"is a copy.*{toy.folder}"):
        start.ensure_conductor(copy)
    assert main(["stop", "--session", str(copy)]) == 2
    assert not (copy / "conductor.log").exists() or not SessionClient(copy).has_conductor()
    toy.rejoin()
    session = toy.client.read_snapshot()
    assert session.state == ("gate" if state == "gate" else "running")
    assert count_runs(toy) == 1


def test_a_copy_of_a_session_without_processes_can_be_continued(toy: Any, sh: Phase, tmp_path: Path) -> None:
    toy.start(sh("echo ran", **ASK))
    toy.gate()
    toy.kill_everything()
    copy = tmp_path / "copy"
    copy_session(toy.folder, copy)
    start.ensure_conductor(copy)
    assert Operator(copy).read_snapshot().gate is not None


def test_a_copy_next_to_its_original_is_not_continued_in_its_place(toy: Any, sh: Phase) -> None:
    toy.start(sh("true", **ASK))
    toy.gate()
    copy_session(toy.folder, toy.folder.with_name("backup"))
    assert start.find_unfinished(toy.plan(sh("true"))) == toy.folder
    toy.client.decide("p1", 1, "go")
    toy.over()
    assert start.find_unfinished(toy.plan(sh("true"))) is None
