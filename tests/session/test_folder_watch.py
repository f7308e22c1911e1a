"""A session's folder that is deleted or moved while a phase runs."""

import errno
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.session.client import SessionClient
from app.session.folder_watch import FolderWatch
from tests.session.conftest import Toy, processes_with, wait_for
from tests.session.engine.programs import WAIT, count_runs

Phase = Callable[..., dict[str, Any]]


def test_a_folder_is_gone_only_after_ten_seconds_without_it(tmp_path: Path) -> None:
    now = [0.0]
    folder = tmp_path / "session"
    folder.mkdir()
    (folder / "journal.jsonl").touch()
    watch = FolderWatch(folder, lambda: now[0])
    assert not watch.is_gone()
    folder.rename(tmp_path / "away")
    assert not watch.is_gone()
    now[0] = 9.0
    assert not watch.is_gone()
    (tmp_path / "away").rename(folder)
    assert not watch.is_gone()
    shutil.rmtree(folder)
    now[0] = 12.0
    assert not watch.is_gone()
    now[0] = 13.0
    (folder / "attempts").mkdir(parents=True)  # The phase makes the folder of its result again.
    assert not watch.is_gone()
    now[0] = 22.0
    assert watch.is_gone()


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ESTALE, errno.EMFILE])
def test_a_folder_that_cannot_be_read_is_not_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    now = [0.0]
    watch = FolderWatch(tmp_path, lambda: now[0])

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "stat", fail)
    for now[0] in (0.0, 100.0, 1e6):
        assert not watch.is_gone()


def test_the_phase_is_stopped_after_the_folder_was_deleted_or_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sh: Phase
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    toys = {name: Toy(tmp_path / name) for name in ("deleted", "moved")}
    script = f"trap 'touch saved; exit 0' TERM; echo ran; {WAIT}"
    try:
        for toy in toys.values():
            toy.root.mkdir()
            toy.start(sh(script))
            toy.until(lambda s, toy=toy: count_runs(toy))
            wait_for((toy.locate_attempt("p1") / "pid.json").exists)
        shutil.rmtree(toys["deleted"].folder, ignore_errors=True)
        moved = toys["moved"].folder.rename(tmp_path / "moved" / "elsewhere")
        for name, toy in toys.items():
            wait_for(
                lambda toy=toy: not processes_with(str(toy.folder)), f"the end of all processes of {name}"
            )
            assert (toy.root / "saved").exists(), name
        assert (
            SessionClient(moved).read_snapshot().find_phase("p1").state == "running"
        )  # The exit was not taken over.
        log = (moved / "conductor.log").read_text()
        assert "was deleted or moved" in log
        assert not toys["moved"].folder.exists()
        toys["moved"].folder = moved
        toys["moved"].rejoin()
        assert toys["moved"].gate().find_phase("p1").state == "gate"
        assert (moved / "attempts" / "p1" / "1" / "output.log").read_text().count("ran") == 1
    finally:
        for toy in toys.values():
            toy.kill_everything()


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("chattr"), reason="only root can use chattr")
def test_an_immutable_exit_record_does_not_keep_the_phase_running(toy: Any, sh: Phase) -> None:
    toy.start(sh(f"echo ran; {WAIT}"))
    toy.until(lambda s: count_runs(toy))
    reserved = toy.locate_attempt("p1") / "exit.json.new"
    if subprocess.run(["chattr", "+i", str(reserved)], capture_output=True, check=False).returncode:
        pytest.skip("this file system has no immutable files")
    try:
        (toy.root / "go").touch()
        assert toy.over().find_phase("p1").attempts[0].exit_code == 0
        assert count_runs(toy) == 1
    finally:
        subprocess.run(["chattr", "-i", str(reserved)], capture_output=True, check=False)
