"""Heartbeats: files that show that a process still works, and when it last did.

A process that hangs or was stopped is as useless as a dead one. The conductor and the guard each write a
heartbeat several times a second, and each replaces the other if its heartbeat no longer changes.
"""

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

CONDUCTOR_HEARTBEAT = "conductor.beat"
GUARD_HEARTBEAT = "guard.beat"
_BYTES = 512
_MAX_STEP_SECONDS = 2.0


class Heartbeat(NamedTuple):
    """When a process last worked, by both clocks; `up` is how long the pod has been up with the session.

    `mono` is comparable within one boot. The guard does not know `up` and writes 0.
    """

    wall: float
    mono: float
    boot_id: str
    pod_id: str = ""
    up: float = 0.0


def write_heartbeat(path: Path, heartbeat: Heartbeat) -> bool:
    """Write a heartbeat in place, so that it needs no space on a full disk; return whether that succeeded."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        try:
            os.utime(handle)
            line = json.dumps(heartbeat._asdict()).encode().ljust(_BYTES - 1) + b"\n"
            with contextlib.suppress(OSError):
                os.pwrite(handle, line, 0)
        finally:
            os.close(handle)
        return True
    return False


def read_heartbeat(path: Path) -> Heartbeat | None:
    """Return the last heartbeat in a file, or None if it does not hold one."""
    with contextlib.suppress(
        OSError, ValueError, TypeError, AttributeError, LookupError, OverflowError, RecursionError
    ):
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            fields = json.loads(os.read(handle, _BYTES))
        finally:
            os.close(handle)
        return Heartbeat(
            float(fields["wall"]),
            float(fields["mono"]),
            str(fields["boot_id"]),
            str(fields["pod_id"]),
            float(fields["up"]),
        )
    return None


class HangWatch:
    """Detects that the writer of a heartbeat hangs.

    Only the time in which the watching process itself ran counts, so a suspension of the machine is not taken
    for a hang.
    """

    def __init__(self, path: Path, limit: float, now: Callable[[], float]) -> None:
        self._path = path
        self.limit = limit
        self._now = now
        self._subject: object = None
        self._version: int | None = None
        self._silence = 0.0
        self._looked_at = now()

    def is_hanging(self, subject: object) -> bool:
        """Look at the heartbeat; return whether it has not changed for longer than the limit.

        Args:
            subject: identifies the process that writes it; for another process the time begins again.
        """
        now = self._now()
        step, self._looked_at = min(now - self._looked_at, _MAX_STEP_SECONDS), now
        try:
            version = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            version = -1
        except OSError:  # A file system that does not answer says nothing about the process.
            return False
        if subject != self._subject or version != self._version:
            self._subject = subject
            self._version = version
            self._silence = 0.0
            return False
        self._silence += step
        return self._silence > self.limit
