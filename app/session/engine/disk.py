"""The disk: a reserve for the journal, and a watch on what is left for checkpoints."""

import contextlib
import errno
import os
from collections import deque
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
_BURST_SECONDS = 60.0
_FRACTION_TO_TRUST = 0.05


def stop_key(cookie: str) -> str:
    """Return the key of the notice that an attempt is stopped before it fills the disk."""
    return f"disk stop {cookie}"


class Reserve:
    """A file that holds space; freed when the disk is full, so that the session can still be recorded."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size

    def hold(self, free: int) -> None:
        """Take the space where there is plenty and it is not held yet."""
        if self.path.exists() or free < 3 * self.size:
            return
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with contextlib.suppress(OSError):
                os.posix_fallocate(handle, 0, self.size)
        finally:
            os.close(handle)

    def free(self) -> None:
        """Give the space back."""
        self.path.unlink(missing_ok=True)


class DiskWatch:
    """Watches the free space while an attempt runs: `look` says what is to be done about it.

    What went within a minute is about the size of a checkpoint. When another one and the reserve would not
    fit any more, the attempt is to be stopped while it can still save.
    """

    def __init__(self, reserve: int) -> None:
        self._reserve = reserve
        self._recent: deque[tuple[float, int]] = deque()
        self._first: int | None = None
        self._burst = 0

    def look(self, free: int, now: float, fraction: float | None) -> tuple[str, bool]:
        """Return what to tell the operator, "" for nothing, and whether the attempt is to be stopped.

        Args:
            free: free bytes.
            now: seconds by the monotonic clock.
            fraction: how much of the phase is done, 0 to 1, where that is known.
        """
        self._first = free if self._first is None else self._first
        self._recent.append((now, free))
        while self._recent[0][0] < now - _BURST_SECONDS:
            self._recent.popleft()
        self._burst = max(self._burst, max(f for _, f in self._recent) - free)
        if free < self._reserve + self._burst + self._burst // 2:
            return (
                f"the disk is nearly full: {_megabytes(free)} left, {_megabytes(self._burst)} a checkpoint",
                True,
            )
        if fraction is not None and fraction >= _FRACTION_TO_TRUST:
            needed = int((self._first - free) * (1 - fraction) / fraction)
            if needed > free - self._reserve:
                return (
                    f"the disk will be full before the phase ends: it needs {_megabytes(needed)} more",
                    False,
                )
        return "", False


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
