"""Plans that cannot be read: each is one message, at once."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import main

LONG = "n" * 300
HEAD = '[session]\nname = "x"\nmodel = "m"\nbudget_usd = '
FILES: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "loop": lambda path: path.symlink_to(path.name),
    "device": lambda path: path.symlink_to("/dev/zero"),
    "socket": lambda path: socket.socket(socket.AF_UNIX).bind(str(path)),
    "50 MB": lambda path: path.write_bytes(b"# plan\n" * 7_500_000),
    "5,000 digits": lambda path: path.write_text(f"{HEAD}{'9' * 5000}\n"),
    "5,000 digits and underscores": lambda path: path.write_text(f"{HEAD}{'9_9' * 5000}\n"),
    "null in a text": lambda path: path.write_text(f'{HEAD}1\nartifacts = "a\\u0000b"\n'),
    "null in a key": lambda path: path.write_text(f'{HEAD}1\n"a\\u0000b" = 1\n'),
    "null in a phase": lambda path: path.write_text(f'{HEAD}1\n[[phase]]\nid = "a\\u0000b"\n'),
    "deep": lambda path: path.write_text(f"x = {'[' * 20_000}"),
    "deep tables": lambda path: path.write_text("[" + "a." * 5_000 + "a]\n"),
    "binary": lambda path: path.write_bytes(bytes(range(256))),
}
COMMANDS = ("check", "check --json", "run --headless --yes", "preflight", "drill")


@pytest.mark.parametrize("kind", FILES)
def test_a_plan_that_cannot_be_read_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    FILES[kind](Path("session_plan.toml"))
    for command in COMMANDS:
        try:
            code = main(command.split())
        except SystemExit as error:
            code = int(error.code or 0)
        said = capsys.readouterr()
        assert code in (1, 2), command
        assert "session_plan.toml" in said.out + said.err, command
        assert len(said.out + said.err) < 2000, command


@pytest.mark.parametrize("name", [LONG, "a\0b", f"{LONG}/{LONG}", "x" * 5000])
def test_a_name_that_no_file_can_have_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    commands = [
        *(
            ["check", name],
            ["run", "--headless", "--yes", name],
            ["check", "--log", name],
            ["preflight", name],
        ),
        *(["status", "--session", name], ["log", "--session", name], ["stop", "--session", name]),
        *(["label", name], ["verify", name], ["reproduce", name, "--headless"], ["serve", "--session", name]),
        *(["init", name, "--yes"], ["drill", name]),
    ]
    for command in commands:
        try:
            code = main(command)
        except SystemExit as error:
            code = int(error.code or 0)
        said = capsys.readouterr()
        assert code in (1, 2), command
        assert said.out + said.err, command
