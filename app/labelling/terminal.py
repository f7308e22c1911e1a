"""The screen of `gonogo label` in a plain terminal: one answer, one key for each kind of failure."""

import contextlib
import os
import select
import shutil
import sys
import termios
import textwrap
import tty
from collections.abc import Callable, Iterator
from typing import Final

from app.labelling.failed_answers import FailedAnswer
from app.labelling.labeller import Labeller
from app.monitor.sanitize import clean_text
from phases.contract.labels import FAILURE_KINDS

KEYS: Final = {str(number): kind for number, kind in enumerate(FAILURE_KINDS, 1)}
"""The kind of failure that each key labels."""
_LONGEST_TEXT: Final = 20_000
_CLEAR: Final = "\x1b[2J\x1b[H"
_QUIT: Final = ("q", "\x03", "\x04", "")
_ESCAPE: Final = "\x1b"
_ESCAPE_SECONDS: Final = 0.05


def run_labelling(
    labeller: Labeller,
    session: str,
    read_key: Callable[[], str],
    write: Callable[[str], object],
    measure: Callable[[], os.terminal_size] = shutil.get_terminal_size,
) -> None:
    """Show one answer after the other and label each with the key that is pressed, until all are or `q`.

    Args:
        labeller: the answers.
        session: the session's id, for the first line.
        read_key: waits for a key; blank at the end of input.
        write: writes to the terminal.
        measure: returns columns and lines of the terminal.
    """
    page = 0
    while (answer := labeller.current) is not None:
        columns, lines = measure()
        pages = paginate(answer, columns, lines)
        page = min(page, len(pages) - 1)
        write(_CLEAR + "\n".join(format_screen(labeller, session, pages, page, columns)))
        key = read_key()
        if key in _QUIT:
            return
        if key == " ":
            page = (page + 1) % len(pages)
        elif key == "u":
            labeller.undo()
            page = 0
        elif key in KEYS:
            labeller.label(KEYS[key])
            page = 0


def paginate(answer: FailedAnswer, columns: int, lines: int) -> list[list[str]]:
    """Return instruction and answer as pages that fit between the first line and the keys."""
    height = max(3, lines - 2 - len(_format_keys(columns)))
    body = ["Instruction", *_wrap(answer.instruction, columns), "", "Answer", *_wrap(answer.answer, columns)]
    return [body[start : start + height] for start in range(0, len(body), height)]


def format_screen(
    labeller: Labeller, session: str, pages: list[list[str]], page: int, columns: int
) -> list[str]:
    """Return the lines of the screen; nothing on it names the model."""
    progress = f"{labeller.labelled} of {labeller.total} failed answers labelled"
    if len(pages) > 1:
        progress += f"   page {page + 1} of {len(pages)}, space: next"
    keys = _format_keys(columns)
    return [f"{session}   {progress}"[: columns - 1], *pages[page], "", *keys]


def _format_keys(columns: int) -> list[str]:
    """Return the keys and what they do, in two columns if they fit."""
    texts = [f"{key}  {FAILURE_KINDS[kind]}" for key, kind in KEYS.items()]
    half = (len(texts) + 1) // 2
    width = max(map(len, texts[:half])) + 3
    rows = texts
    if width + max(map(len, texts)) < columns:
        right = [*texts[half:], ""]
        rows = [f"{left:{width}}{other}".rstrip() for left, other in zip(texts[:half], right, strict=False)]
    return [row[: columns - 1] for row in (*rows, "u  undo   q  quit (continue later with the same command)")]


def _wrap(text: str, columns: int) -> list[str]:
    """Return the lines of a text as they fit, indented; a blank text is shown as such."""
    lines: list[str] = []
    for line in clean_text(text.strip("\n"), _LONGEST_TEXT).split("\n"):
        lines += textwrap.wrap(line, columns - 3, replace_whitespace=False, drop_whitespace=False) or [""]
    if not any(line.strip() for line in lines):
        return ["  (blank)"]
    return [f"  {line.rstrip()}" for line in lines]


@contextlib.contextmanager
def open_keyboard() -> Iterator[Callable[[], str]]:
    """Read single keys from the terminal while this is entered, and restore its settings afterwards."""
    descriptor = sys.stdin.fileno()
    settings = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield lambda: _read_key(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, settings)


def _read_key(descriptor: int) -> str:
    """Return the next key; the sequence of a function or arrow key counts as one key without meaning."""
    key = os.read(descriptor, 1).decode(errors="replace")
    if key != _ESCAPE:
        return key
    while select.select([descriptor], [], [], _ESCAPE_SECONDS)[0]:
        key += os.read(descriptor, 1).decode(errors="replace")
        if key[-1].isalpha() or key[-1] == "~":
            break
    return key
