import errno
import fcntl
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.cli import main
from app.errors import UserError
from app.session.artifact_disk import describe_unusable, find_disk_problems, make_artifacts_folder
from app.session.start import open_session
from tests.session.conftest import Toy


def fail(number: int) -> Callable[..., Any]:
    def function(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return function


class SocketWithoutFiles(socket.socket):
    def bind(self, address: Any) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def lack(monkeypatch: pytest.MonkeyPatch, what: str) -> str:
    """Take a function away from the disk, and return what is said of that."""
    match what:
        case "locks":
            monkeypatch.setattr(fcntl, "flock", fail(errno.ENOLCK))
            return "it has no file locks (flock: No locks available)"
        case "effect of locks":
            monkeypatch.setattr(fcntl, "flock", lambda *_: None)
            return "its file locks (flock) lock nothing"
        case "sockets":
            monkeypatch.setattr(socket, "socket", SocketWithoutFiles)
            return "it has no unix sockets (Operation not permitted)"
        case _:
            monkeypatch.setattr(os, "fsync", fail(errno.EINVAL))
            return "it cannot write folders to disk (fsync: Invalid argument)"


def test_this_disk_has_it_all_and_nothing_is_left_on_it(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    assert find_disk_problems(deep) == []
    assert list(deep.iterdir()) == []


@pytest.mark.parametrize("what", ["locks", "effect of locks", "sockets", "fsync"])
def test_an_unsuitable_disk_is_reported_before_a_session_is_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    toy = Toy(tmp_path)
    plan = toy.plan({"command": ["true"]})
    said = lack(monkeypatch, what)
    assert find_disk_problems(tmp_path) == [said]
    with pytest.raises(UserError) as caught:
        open_session(plan, approved="test", register=False)
    assert said in str(caught.value)
    assert "session.artifacts" in str(caught.value)
    assert list(plan.artifacts.iterdir()) == []


def test_an_artifact_folder_that_cannot_be_made_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/nowhere/else")
    (tmp_path / "file").touch()
    (tmp_path / "disk").mkdir()
    (tmp_path / "good").symlink_to("disk")
    cases = {
        "link": "link is a link to /nowhere/else, which does not exist",
        "link/artifacts": "link is a link to /nowhere/else, which does not exist",
        "file": "file is not a folder",
        "file/artifacts": "file is not a folder",
    }
    for name, message in cases.items():
        assert message in describe_unusable(tmp_path / name)
        with pytest.raises(UserError, match=f"{message}. Correct that"):
            make_artifacts_folder(tmp_path / name)
    for name in ("good", "good/artifacts", "new/artifacts"):
        assert describe_unusable(tmp_path / name) == ""
        make_artifacts_folder(tmp_path / name)
    with pytest.raises(UserError, match="cannot be created"):
        make_artifacts_folder(Path("/proc/artifacts"))


@pytest.mark.parametrize("home", ["/dev/null", "/proc/none", "/proc", None])
def test_a_session_runs_without_a_writable_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: str | None
) -> None:
    toy = Toy(tmp_path)
    toy.write({"command": ["true"], "gate": {"ask": "never"}})
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    if home is None:
        monkeypatch.delenv("HOME")
        monkeypatch.setattr("pwd.getpwuid", fail_to_find)
    else:
        monkeypatch.setenv("HOME", home)
    try:
        code = main(["run", str(toy.path), "--headless", "--yes", "--decide-by-verdict"])
    finally:
        toy.kill_everything()
    said = capsys.readouterr()
    if home is None:
        assert (code, said.out) == (2, "")
        assert said.err == (
            "gonogo: this user has no home folder; set HOME or XDG_STATE_HOME to a folder of yours\n"
        )
    else:
        assert code == 0, said
        assert "the approval is not remembered" in said.err
        assert said.err.count("\n") == 1
        assert "session finished" in said.out


def fail_to_find(*_: object) -> None:
    raise KeyError("no such user")


@pytest.mark.parametrize("command", ["check", "run --headless --yes", "preflight", "init --yes", "drill"])
def test_a_path_that_is_not_utf8_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    (folder / "a.sh").touch()
    if not command.startswith("init"):
        toy = Toy(folder)
        toy.write({"command": ["true"]})
    monkeypatch.chdir(folder)
    try:
        code = main(command.split())
    except SystemExit as error:
        code = int(error.code or 0)
    said = capsys.readouterr()
    assert code == 2
    assert "caf\\xe9" in said.err + said.out
    assert "UTF-8" in said.err + said.out
