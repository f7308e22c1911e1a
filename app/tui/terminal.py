"""What depends on the terminal that the cockpit is shown in: its characters, clipboard and notifications."""

import os
import subprocess
from collections.abc import Mapping

from widgets import styles
from widgets.text import replace_controls

_PATIENCE = 5.0


def in_tmux(environment: Mapping[str, str] = os.environ) -> bool:
    """Say whether tmux is between us and the terminal."""
    return bool(environment.get("TMUX"))


def choose_characters() -> None:
    """Use ASCII only where the operator or the terminal asks for it; tmux says what its client can show."""
    wanted = os.environ.get("GONOGO_ASCII")
    if wanted is not None:
        styles.terminal.ascii = wanted not in ("", "0")
    elif in_tmux():
        shown = subprocess.run(
            ["tmux", "display-message", "-p", "#{client_utf8}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE,
        )
        styles.terminal.ascii = shown.stdout.strip() == "0"
    else:
        locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "UTF-8")
        styles.terminal.ascii = "UTF" not in locale.upper() and locale not in ("C", "POSIX")


def into_tmux(text: str) -> bool:
    """Put a text into tmux's buffer, which hands it to the clipboard of its terminal; say whether it did."""
    done = subprocess.run(
        ["tmux", "load-buffer", "-w", "-"], input=text.encode(), check=False, timeout=_PATIENCE
    )
    return done.returncode == 0


def title(text: str) -> str:
    """Return what sets the terminal's title, and so tmux's status line."""
    return f"\x1b]2;{replace_controls(text)}\x07"


def notification(text: str, tmux: bool) -> str:
    """Return what makes a terminal show a notification on the desktop.

    Some terminals know OSC 9 (iTerm2, kitty, WezTerm), some OSC 777 (foot, urxvt), and over SSH nothing says
    which; what one does not know it passes over. tmux hands both on where its `allow-passthrough` is set.
    """
    said = replace_controls(text).replace(";", ",")
    sequence = f"\x1b]9;{said}\x07\x1b]777;notify;gonogo;{said}\x07"
    return f"\x1bPtmux;{sequence.replace(chr(27), chr(27) * 2)}\x1b\\" if tmux else sequence
