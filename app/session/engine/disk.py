"""The disk: a reserve for the journal, and a watch over the space that an attempt needs."""

import contextlib
import errno
import os
from collections import deque
from pathlib import Path
from typing import NamedTuple

from app.session.journal.events import AnyEvent, AttemptStopRequested, NoticePosted
from app.session.journal.notice_keys import format_disk_key, format_disk_stop_key
from app.session.journal.state import AttemptRecord
from app.units import format_size

DISK_FULL_ERRORS = (errno.ENOSPC, errno.EDQUOT)
# Errors that may pass, and that say nothing about the attempt: the session waits and continues.
PASSING_ERRORS = (
    *DISK_FULL_ERRORS,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.EAGAIN,
    errno.EIO,
    errno.ESTALE,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
)
_BURST_SECONDS = 60.0
_FORECAST_MIN_FRACTION = 0.05
_RESERVE_MIN_FREE_FACTOR = 3


class Reserve:
    """A file that occupies space, and gives it up when the disk is full and the session must be recorded."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size

    def allocate(self, free: int) -> None:
        """Create the file if it does not exist and `free` bytes are plenty."""
        if self.path.exists() or free < _RESERVE_MIN_FREE_FACTOR * self.size:
            return
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with contextlib.suppress(OSError):
                os.posix_fallocate(handle, 0, self.size)
        finally:
            os.close(handle)

    def release(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


class DiskFinding(NamedTuple):
    """A problem with the free space; `should_stop` if the attempt must stop while it can still save."""

    text: str
    should_stop: bool


class DiskWatch:
    """Watches the free space while an attempt runs.

    The largest decrease within a minute is taken as the size of a checkpoint. The attempt must stop when
    another checkpoint and the reserve would not fit.
    """

    def __init__(self, reserve: int, cookie: str = "") -> None:
        self.cookie = cookie
        self._reserve = reserve
        self._samples: deque[tuple[float, int]] = deque()
        self._free_at_start: int | None = None
        self._burst = 0

    def check(self, free: int, now: float, fraction: float | None) -> DiskFinding | None:
        """Add a sample of the free space; return what is wrong, or None.

        Args:
            free: free bytes.
            now: seconds by the monotonic clock.
            fraction: the completed share of the phase, 0 to 1, or None if it is not known.
        """
        if self._free_at_start is None:
            self._free_at_start = free
        self._samples.append((now, free))
        while self._samples[0][0] < now - _BURST_SECONDS:
            self._samples.popleft()
        self._burst = max(self._burst, max(sample for _, sample in self._samples) - free)
        if free < self._reserve + self._burst + self._burst // 2:
            return DiskFinding(
                f"the disk is nearly full: {format_size(free)} are free and a checkpoint takes "
                f"{format_size(self._burst)}",
                should_stop=True,
            )
        if fraction is not None and fraction >= _FORECAST_MIN_FRACTION:
            needed = int((self._free_at_start - free) * (1 - fraction) / fraction)
            if needed > free - self._reserve:
                return DiskFinding(
                    "the disk will be full before the phase ends: "
                    f"it needs {format_size(needed)} more and {format_size(free)} are free",
                    should_stop=False,
                )
        return None


def build_disk_events(finding: DiskFinding, attempt: AttemptRecord, *, is_claimed: bool) -> list[AnyEvent]:
    """Return the notice of a finding and, if necessary, the request to stop the attempt.

    An attempt that is not claimed is waiting for space to start. It has nothing to save and is not stopped.
    """
    spec = attempt.spec
    should_stop = finding.should_stop and is_claimed
    key = format_disk_stop_key(spec.cookie) if should_stop else format_disk_key(spec.cookie)
    notice = NoticePosted(text=f"{spec.phase}: {finding.text}", key=key)
    if not should_stop:
        return [notice]
    stop = AttemptStopRequested(phase=spec.phase, attempt=attempt.number, by="gonogo", reason=finding.text)
    return [notice, stop]
