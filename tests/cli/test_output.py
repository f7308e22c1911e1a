"""Everything that a command prints is plain text, and nothing that it writes is for everyone to change."""

import io
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import main
from app.cli.output import PlainOutput, find_terminal, remove_controls_from_output

HOSTILE = "a\x1b]0;OWNED\x07b\x1b[2Jc\x9b31md\x08e\rf\u202eg\x00h"
PLAN = """
[session]
name = "name\\u001b]0;OWNED\\u0007"
model = "model\\u001b[2J"
budget_usd = 5.0

[pod]
gpu = "gpu\\u009b31m"
usd_per_hour = 0.0
stop_command = ["stop\\u001b]0;OWNED\\u0007"]

[unattended]
stop_after = "1 s"
landing = "0 s"

[[phase]]
id = "a"
title = "title\\u001b[31m\\r"
command = ["sh", "-c", "ln -s /x artifacts/`printf 'l\\\\033]0;OWNED\\\\007'`; echo x > artifacts/x"]
estimate = { hours = [0.0, 0.001] }
gate = { ask = "never" }
"""


def test_text_keeps_lines_and_tabs_and_loses_what_a_terminal_would_execute() -> None:
    stream = io.StringIO()
    out = PlainOutput(stream)
    assert out.write(f"1\t{HOSTILE}\n2é\n") == len(f"1\t{HOSTILE}\n2é\n")
    assert stream.getvalue() == "1\tabcdefgh\n2é\n"
    out.write("\x1b")  # A sequence in two parts.
    out.write("]0;x")
    assert "\x1b" not in stream.getvalue()
    assert find_terminal(out) is stream


def test_streams_are_as_before_when_the_command_has_ended() -> None:
    before = sys.stdout, sys.stderr
    with remove_controls_from_output():
        assert isinstance(sys.stdout, PlainOutput)
        assert sys.stdout.encoding == before[0].encoding
    assert (sys.stdout, sys.stderr) == before


@pytest.mark.parametrize(
    "words",
    [["check", "no\x1b]0;OWNED\x07.toml"], ["status", "--session", "x\x1b[2J"], ["verify", "b\x9b31m"]],
)
def test_an_error_names_a_file_without_its_escapes(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) != 0
    shown = capsys.readouterr()
    assert "\x1b" not in shown.out + shown.err
    assert "\x9b" not in shown.out + shown.err


def test_a_hostile_plan_controls_no_terminal_and_umask_000_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "session_plan.toml").write_text(PLAN)
    (tmp_path / "session_plan.toml").chmod(0o600)
    environment = {**os.environ, "HOME": str(tmp_path / "home"), "XDG_STATE_HOME": str(tmp_path / "state")}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])

    def gonogo(*words: str) -> bytes:
        done = subprocess.run(
            ["sh", "-c", 'umask 000; exec "$@"', "sh", sys.executable, "-P", "-m", "app.cli", *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            check=False,
            timeout=60,
        )
        return done.stdout + done.stderr

    printed = gonogo("check") + gonogo("run", "--headless", "--yes") + gonogo("status") + gonogo("sessions")
    printed += gonogo("report") + gonogo("bundle") + gonogo("log") + gonogo("keep")
    assert b"session finished" in printed
    assert b"packed 100 %" in printed
    controls = {byte for byte in printed if byte < 0x20} - {0x0A}
    assert not controls
    assert b"\xc2\x9b" not in printed
    written = [path for path in tmp_path.rglob("*") if not path.is_symlink()]
    open_to_all = [path for path in written if path.stat().st_mode & stat.S_IWOTH]
    assert not [path for path in open_to_all if path.name != "session_plan.toml"]
    assert (tmp_path / "state" / "gonogo" / "approved").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full"])
@pytest.mark.parametrize("words", ["keys", "--help", "status"])
def test_streams_that_are_closed_or_full_are_no_traceback(
    tmp_path: Path, words: str, redirection: str
) -> None:
    environment = os.environ | {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    run = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m app.cli {words} {redirection}"],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode in {0, 1, 2}
    shown = run.stdout + run.stderr
    assert "Traceback" not in shown
    assert "Exception ignored" not in shown
    if redirection == ">/dev/full" and words == "keys":
        assert run.returncode == 2
        assert "No space left on device" in run.stderr
