"""Packages with the names of gonogo's own, and users and folders that a container lacks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import UserError
from app.session import runtime_folder
from tests.session.conftest import Toy

PROGRAM = "import sys, gonogo; sys.exit(gonogo.main())"


def run(folder: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "PYTHONPATH"))
    }
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, *arguments],
        cwd=folder,
        env=environment | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )
    assert "Traceback" not in done.stdout
    return done.returncode, done.stdout


def test_packages_of_the_same_names_on_the_path_do_no_harm(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    for name in ("app", "phases", "widgets"):
        (foreign / name).mkdir(parents=True)
        (foreign / name / "__init__.py").write_text(f"print('foreign {name}')")
    toy = Toy(tmp_path)
    program = "import app, os; print(os.environ['PYTHONPATH'])"
    toy.write({"command": [sys.executable, "-c", program], "gate": {"ask": "never"}})
    places = {"PYTHONPATH": str(foreign), "HOME": str(tmp_path)}
    try:
        code, said = run(tmp_path, "run", "--headless", "--yes", **places)
        assert (code, "session finished" in said, "foreign" in said.replace(str(foreign), "")) == (
            0,
            True,
            False,
        ), said
        # The phase has its own packages.
        assert run(tmp_path, "log", **places) == (0, f"foreign app\n{foreign}\n")
    finally:
        toy.kill_everything()


@pytest.mark.parametrize("blocked", ["missing", "squatted", "link", "file", "open to others"])
def test_a_session_with_a_long_path_needs_no_certain_runtime_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocked: str
) -> None:
    short = tmp_path / "t"
    short.mkdir()
    first = short / f"gonogo-{os.getuid()}"
    monkeypatch.setattr(runtime_folder, "_TEMPORARY_FOLDERS", (str(short),))
    monkeypatch.setattr(runtime_folder, "LONGEST_FOLDER", 200)
    match blocked:
        case "squatted":
            monkeypatch.setattr(os, "getuid", lambda: 12345)
            (short / "gonogo-12345").mkdir()
            with pytest.raises(UserError, match="XDG_RUNTIME_DIR"):
                runtime_folder.find_runtime_folder({})
            return
        case "link":
            first.symlink_to(tmp_path)
        case "file":
            first.touch()
        case "open to others":
            first.mkdir()
            first.chmod(0o777)
    found = runtime_folder.find_runtime_folder({"XDG_RUNTIME_DIR": str(tmp_path / "no" / "such")})
    assert found == (first if blocked == "missing" else short / f"gonogo-{os.getuid()}-2")
    assert found.stat().st_mode & 0o777 == 0o700
    assert runtime_folder.find_runtime_folder({}) == found
    own = tmp_path / "own"
    own.mkdir(mode=0o700)
    assert runtime_folder.find_runtime_folder({"XDG_RUNTIME_DIR": str(own)}) == own


# The interpreter may be readable by root alone, so everything is imported before the user changes.
AS_ANOTHER_USER = """
import contextlib, importlib, io, json, os, pkgutil, sys, traceback
import app
from app.cli import main
for module in pkgutil.walk_packages(app.__path__, "app."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
b"x".decode("utf-8-sig")
os.setgroups([])
os.setgid(54321)
os.setuid(54321)
for home in ("/root", "/dev/null", "/nonexistent", ""):
    os.environ["HOME"] = home
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "XDG_STATE_HOME"):
        os.environ.pop(name, None)
    for command in json.loads(sys.argv[1]):
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            try:
                code = main(command.split())
            except SystemExit as error:
                code = error.code
            except BaseException:
                traceback.print_exc()
                code = 99
        print(json.dumps([home, command, code, said.getvalue()]))
"""
COMMANDS = (
    *("status", "sessions", "log", "stop", "hold", "keep", "decide go", "report", "bundle", "label"),
    *("finish", "run --headless --yes", "attach --headless", "attach --headless --read-only", "serve"),
)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_an_unknown_user_who_may_not_write_gets_one_message(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    toy.write({"command": ["true"], "gate": {"ask": "never"}})
    try:
        assert run(tmp_path, "run", "--headless", "--yes", HOME=str(tmp_path))[0] == 0
        for folder in (tmp_path, *tmp_path.parents):
            if folder.name.startswith(("pytest-", "test_")):
                folder.chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-P", "-c", AS_ANOTHER_USER, json.dumps(COMMANDS)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=100,
            check=True,
        )
    finally:
        toy.kill_everything()
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(outcomes) == 4 * len(COMMANDS)
    for outcome in outcomes:
        assert "Traceback" not in outcome[3], outcome
        assert outcome[2] in (1, 2) or outcome[1] == "sessions", outcome
        assert outcome[3].count("\n") <= 40, outcome
