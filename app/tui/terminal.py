"""The terminal around the cockpit: its character set, clipboard and title."""

import os
import subprocess
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
    elif is_in_tmux():
        client_utf8 = subprocess.run(
            ["tmux", "display-message", "-p", "#{client_utf8}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT,
        )
        styles.terminal.ascii = client_utf8.stdout.strip() == "0"
    else:
        locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "UTF-8")
        styles.terminal.ascii = "UTF" not in locale.upper() and locale not in ("C", "POSIX")


def copy_to_tmux(text: str) -> bool:
    """Put a text into tmux's buffer, which passes it on to the clipboard; return whether that worked."""
    process = subprocess.run(
        ["tmux", "load-buffer", "-w", "-"], input=text.encode(), check=False, timeout=_TIMEOUT
    )
    return process.returncode == 0


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
