"""The screen in a real pseudo-terminal: whatever ends it, the terminal is as it was."""

import fcntl
import os
import pty
import re
import select
import signal
import stat
import struct
import sys
import termios
import time
from pathlib import Path

import pytest

from app.tui import crash
from tests.tui import fake

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 60.0
LEAVES_ALTERNATE_SCREEN, SHOWS_CURSOR = b"\x1b[?1049l", b"\x1b[?25h"


class Terminal:
    """A child in a pseudo-terminal of 80x24."""

    def __init__(self, which: str, script: str = 'exec "$@"', **environment: str) -> None:
        """Start the cockpit by a shell script, whose arguments are the command."""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            environment |= {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8"}
            command = [sys.executable, "-m", "tests.tui.fake", which]
            os.execve("/bin/sh", ["sh", "-c", script, "sh", *command], environment)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.seen = b""

    def read_until(self, wanted: bytes) -> None:
        end = time.monotonic() + PATIENCE
        while wanted not in self.seen:
            assert time.monotonic() < end, self.seen[-2000:]
            if not self._read():
                break

    def read_all(self) -> None:
        while self._read():
            pass

    def _read(self) -> bool:
        if not select.select([self.master], [], [], PATIENCE)[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:  # the child has closed its end
            return False
        self.seen += data
        return bool(data)

    def ends(self) -> int:
        end = time.monotonic() + PATIENCE
        while not (exit_of := os.waitpid(self.pid, os.WNOHANG))[0]:
            if time.monotonic() > end:
                os.killpg(self.pid, signal.SIGKILL)
                raise AssertionError("the screen did not end")
            time.sleep(0.01)
        return os.waitstatus_to_exitcode(exit_of[1])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_detaches_and_restores_the_terminal(number: signal.Signals) -> None:
    terminal = Terminal("running")
    terminal.read_until(b"PHASES")
    os.kill(terminal.pid, number)
    terminal.read_all()
    assert terminal.ends() == 0
    restored = terminal.seen.rindex(LEAVES_ALTERNATE_SCREEN)
    assert SHOWS_CURSOR in terminal.seen[restored:]
    assert b"Come back with: gonogo attach" in terminal.seen[restored:]


def test_the_last_words_are_not_cut_at_the_edge() -> None:
    terminal = Terminal("gate")
    terminal.read_until(b"criteria pass")
    os.kill(terminal.pid, signal.SIGTERM)
    terminal.read_all()
    assert terminal.ends() == 0
    said = terminal.seen[terminal.seen.rindex(LEAVES_ALTERNATE_SCREEN) :]
    assert b"Waiting costs" in said
    lines = re.sub(rb"\x1b\[[0-?]*[a-zA-Z]", b"", said).splitlines()
    assert max(map(len, lines)) <= 80


def test_a_terminal_that_goes_away_ends_the_screen() -> None:
    terminal = Terminal("running")
    terminal.read_until(b"PHASES")
    os.close(terminal.master)
    assert terminal.ends() == 0


def test_a_screen_whose_parent_keeps_the_hangup_to_itself_ends_too() -> None:
    terminal = Terminal("running", 'trap : HUP; "$@"')
    terminal.read_until(b"PHASES")
    os.close(terminal.master)
    assert terminal.ends() == 0


def test_a_crash_restores_the_terminal_and_keeps_the_details_to_the_operator(tmp_path: Path) -> None:
    terminal = Terminal("crash", TMPDIR=str(tmp_path))
    terminal.read_until(LEAVES_ALTERNATE_SCREEN)
    terminal.read_all()
    assert terminal.ends() == 1
    restored = terminal.seen.rindex(LEAVES_ALTERNATE_SCREEN)
    assert SHOWS_CURSOR in terminal.seen[restored:]
    [details] = tmp_path.iterdir()
    said = f"gonogo: the screen failed: ValueError. Details are in {details}\r\n"
    assert said.encode() in terminal.seen[restored:]
    assert b"Come back with: gonogo attach" in terminal.seen[restored:]
    assert fake.SECRET.encode() not in terminal.seen
    assert len(terminal.seen[restored:].splitlines()) < 10
    assert stat.S_IMODE(details.stat().st_mode) == 0o600
    assert details.read_text().startswith("Traceback")
    assert details.read_text().endswith("ValueError: made to fail with [secret HF_TOKEN]\n")


def test_details_that_cannot_be_masked_are_not_written(tmp_path: Path) -> None:
    def unreadable(data: bytes) -> bytes:
        raise FileNotFoundError("plan.json")

    said = crash.report_crash(ValueError("made to fail"), tmp_path, unreadable)
    assert said == ("gonogo: the screen failed: ValueError; details could not be written: FileNotFoundError")
    assert not list(tmp_path.iterdir())


def test_a_screen_that_was_written_to_is_repainted() -> None:
    terminal = Terminal("running")
    terminal.read_until(b"PHASES")
    for key in (b"?", b"q"):  # what is below is painted again where it was covered
        os.write(terminal.master, key)
        terminal.seen = b""
        terminal.read_until(b"Keys" if key == b"?" else b"PHASES")
    terminal.seen = b""
    os.write(terminal.master, b"\x0c")
    terminal.read_until(b"PHASES")
    terminal.read_until(b"stop phase")
    os.kill(terminal.pid, signal.SIGTERM)
    terminal.read_all()
    assert terminal.ends() == 0
