"""The terminal around the cockpit: its character set, clipboard and title."""

import codecs
import os
import select
import subprocess
import sys
from collections.abc import Mapping

from widgets import styles
from widgets.text import replace_controls

_TIMEOUT = 5.0


def is_in_tmux(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether tmux is between the cockpit and the terminal."""
    return bool(environment.get("TMUX"))


def choose_characters() -> None:
    """Draw in ASCII if the operator asks for it or the terminal cannot show more.

    GONOGO_ASCII decides if it is set. In tmux, tmux knows what its client can show; elsewhere the locale
    decides.
    """
    setting = os.environ.get("GONOGO_ASCII")
    if setting is not None:
        styles.terminal.ascii = setting not in ("", "0")
    elif is_in_tmux() and (client_utf8 := _ask_tmux("display-message", "-p", "#{client_utf8}")):
        styles.terminal.ascii = client_utf8.strip() == b"0"
    else:
        locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "UTF-8")
        is_utf8_locale = "UTF" in locale.upper() or locale in ("C", "POSIX")
        # Python may use another encoding than the locale's; what it cannot write would end the screen.
        encodings = [stream.encoding for stream in (sys.__stdout__, sys.__stderr__) if stream is not None]
        is_utf8_output = all(codecs.lookup(encoding).name == "utf-8" for encoding in encodings)
        styles.terminal.ascii = not (is_utf8_locale and is_utf8_output)


def copy_to_tmux(text: str) -> bool:
    """Put a text into tmux's buffer, which passes it on to the clipboard; return whether that worked."""
    return _ask_tmux("load-buffer", "-w", "-", text=text) is not None


def _ask_tmux(*arguments: str, text: str = "") -> bytes | None:
    """Return the output of tmux; None if it fails, or is not installed here (as in a container)."""
    try:
        process = subprocess.run(
            ["tmux", *arguments],
            input=text.encode(errors="replace"),
            capture_output=True,
            check=False,
            timeout=_TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return process.stdout if process.returncode == 0 else None


def wait_for_hangup(descriptor: int) -> None:
    """Wait until a terminal is gone, for example because tmux or the connection has ended."""
    poll = select.poll()
    poll.register(descriptor, 0)  # A hangup is reported in any case.
    poll.poll()


def set_title(text: str) -> str:
    """Return the sequence that sets the terminal's title, which tmux shows in its status line."""
    return f"\x1b]2;{replace_controls(text)}\x07"


def show_notification(text: str, *, in_tmux: bool) -> str:
    """Return the sequences that make a terminal show a desktop notification.

    iTerm2, kitty and WezTerm know OSC 9, foot and urxvt OSC 777. Over SSH the terminal is unknown, and each
    ignores the other sequence, so both are sent. tmux passes them on if its `allow-passthrough` is set.
    """
    body = replace_controls(text).replace(";", ",")
    sequence = f"\x1b]9;{body}\x07\x1b]777;notify;gonogo;{body}\x07"
    return f"\x1bPtmux;{sequence.replace(chr(27), chr(27) * 2)}\x1b\\" if in_tmux else sequence
