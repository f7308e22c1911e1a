"""Start and stop the shim of an attempt, and find out whether it runs."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from app.session.attempt import process


def start_shim(spec: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a shim in its own session; it runs the attempt, or adopts its remaining processes."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "app.session.attempt.shim", str(spec)],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def stop_shim(folder: Path) -> None:
    """Signal the attempt's shim, and no other process, to end the attempt."""
    shim = process.read_identity(folder / "shim.json")
    if shim is not None:
        process.signal_identity(shim, signal.SIGTERM)
        process.signal_identity(shim, signal.SIGCONT)  # A stopped process handles no TERM.


def wake_shim(folder: Path) -> None:
    """Continue the attempt's shim if a signal has stopped it, or it would never record the exit."""
    shim = process.read_identity(folder / "shim.json")
    if shim is None:
        return
    running = process.find_process(shim.pid)
    if running is not None and running.state == process.STOPPED:
        process.signal_identity(shim, signal.SIGCONT)


def has_shim(folder: Path) -> bool:
    """Return whether a shim holds the attempt's lock."""
    try:
        # Reading is enough for a lock, also of an immutable file, and does not wait for a pipe.
        handle = os.open(folder / "lock", os.O_RDONLY | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def is_claimed(folder: Path) -> bool:
    """Return whether a shim has claimed the attempt, so that its program may have started."""
    return os.path.lexists(folder / "claim.json")


def find_phase_pid(folder: Path) -> int | None:
    """Return the PID of an attempt's program, or None if it is not running."""
    phase = process.read_identity(folder / "pid.json")
    return phase.pid if phase is not None and process.is_alive(phase) else None
