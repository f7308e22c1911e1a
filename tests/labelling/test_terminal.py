"""The screen of `gonogo label`: it fits, hides the model, and takes one key for each label."""

import contextlib
import os
import pty
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.labelling.failed_answers import FailedAnswer
from app.labelling.labeller import Labeller
from app.labelling.terminal import KEYS, format_screen, paginate, run_labelling
from phases.contract.labels import FAILURE_KINDS, read_labels

LONG = "\n\n".join(f"Paragraph {n}: " + "many words that go on " * 20 for n in range(12))
ANSWERS = [
    FailedAnswer("Name three planets.", "Mars and \x1b]0;title\x07Venus", (("base", "a"),)),
    FailedAnswer("Write a story.", LONG, (("sft", "b"),)),
    FailedAnswer("Say yes.", "", (("dpo", "c"),)),
]


def run(labeller: Labeller, keys: str, size: tuple[int, int] = (80, 24)) -> list[str]:
    """Press keys and return every screen that was drawn."""
    screens: list[str] = []
    presses = iter(keys)
    run_labelling(labeller, "s1", lambda: next(presses, ""), screens.append, lambda: os.terminal_size(size))
    return [screen.removeprefix("\x1b[2J\x1b[H") for screen in screens]


@pytest.fixture
def labeller(tmp_path: Path) -> Labeller:
    return Labeller(ANSWERS, tmp_path / "labels.jsonl", "ada")


def test_each_kind_has_a_key(labeller: Labeller, tmp_path: Path) -> None:
    assert list(KEYS) == list("123456789")
    run(labeller, "19x5")
    assert [label.kind for label in read_labels(tmp_path / "labels.jsonl").values()] == [
        *("wrong", "prompt", "repetition"),
    ]


def test_keys_undo_and_quit(labeller: Labeller, tmp_path: Path) -> None:
    screens = run(labeller, "1u2q3")
    assert [screen.split("   ")[1].split(" failed")[0] for screen in screens] == [
        *("0 of 3", "1 of 3", "0 of 3", "1 of 3"),
    ]
    assert [label.kind for label in read_labels(tmp_path / "labels.jsonl").values()] == ["form"]


@pytest.mark.parametrize("size", [(80, 24), (60, 24), (200, 50), (40, 20)])
def test_every_screen_fits(labeller: Labeller, size: tuple[int, int]) -> None:
    for screen in run(labeller, "1" + " " * 12 + "11", size):
        lines = screen.split("\n")
        assert len(lines) <= size[1]
        assert max(map(len, lines)) < size[0]
        assert "q  quit" in lines[-1]


def test_a_long_answer_has_pages(labeller: Labeller) -> None:
    pages = paginate(ANSWERS[1], 80, 24)
    assert len(pages) > 3
    text = " ".join(line.strip() for page in pages for line in page)
    assert all(f"Paragraph {n}:" in text for n in range(12))
    screens = run(labeller, "1" + " " * len(pages))
    assert "page 1 of" in screens[1]
    assert "page 2 of" in screens[2]
    assert "page 1 of" in screens[len(pages) + 1]


def test_no_screen_names_a_model_or_runs_what_an_answer_contains(labeller: Labeller) -> None:
    screens = "\n".join(run(labeller, "1 1"))
    assert "\x1b]0;" not in screens
    for name in ("base", "sft", "SFT", "dpo", "DPO"):
        assert name not in screens
    assert "(blank)" in "\n".join(run(labeller, ""))


def test_all_kinds_are_explained(labeller: Labeller) -> None:
    text = "\n".join(format_screen(labeller, "s1", [[]], 0, 80))
    assert all(meaning in text for meaning in FAILURE_KINDS.values())


# In a real terminal


@pytest.fixture
def session(tmp_path: Path) -> Path:
    fixture = Path(__file__).parents[1] / "fixtures" / "before_redesign" / "rehearsal"
    shutil.copytree(fixture, tmp_path / "artifacts")
    [info] = (tmp_path / "artifacts").glob("sessions/*/session.json")
    return info.parent


@pytest.fixture
def start(session: Path) -> Iterator[Callable[[], int]]:
    started: list[tuple[int, int]] = []

    def fork() -> int:
        pid, terminal = pty.fork()
        if not pid:
            # A job in the background of a script ignores Ctrl-C, and so would what it starts.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.environ |= {"COLUMNS": "80", "LINES": "24"}
            os.execv(sys.executable, [sys.executable, "-m", "app.cli", "label", str(session)])
        started.append((pid, terminal))
        return terminal

    yield fork
    for pid, terminal in started:
        os.close(terminal)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def read_to_end(terminal: int) -> str:
    """Return what the terminal shows until its process ends, or fail after a minute."""
    shown = ""
    with contextlib.suppress(OSError):
        while select.select([terminal], [], [], 60)[0]:
            data = os.read(terminal, 65536)
            if not data:
                return shown
            shown += data.decode(errors="replace")
        raise AssertionError(f"the process goes on after {shown!r}")
    return shown


def wait_for(terminal: int, text: str) -> str:
    """Return what the terminal shows until a text appears, or fail after a minute."""
    shown = ""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                shown += os.read(terminal, 65536).decode(errors="replace")
            except OSError:  # the process has ended
                break
        if text in shown:
            return shown
    raise AssertionError(f"{text!r} is not in {shown!r}")


def test_the_command_labels_in_a_terminal_and_continues(session: Path, start: Callable[[], int]) -> None:
    terminal = start()
    wait_for(terminal, "0 of ")
    for keys, progress in ((b"1", "1 of"), (b"\x1b[A2", "2 of"), (b"u", "1 of")):
        os.write(terminal, keys)
        wait_for(terminal, f"   {progress} ")
    os.write(terminal, b"q")
    shown = wait_for(terminal, "run the same command again")
    assert "1 of " in shown
    assert {label.kind for label in read_labels(session / "labels.jsonl").values()} == {"wrong"}
    again = start()
    wait_for(again, "   1 of ")
    os.write(again, b"\x03")
    # The terminal may drop output that is written just before the process ends.
    assert "Traceback" not in read_to_end(again)
