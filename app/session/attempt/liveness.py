"""The liveness of an attempt: its last progress, and how long ago it reported something."""

from pathlib import Path

from app.monitor.files import CHUNK, Mask, unmasked
from app.monitor.progress import ProgressTail, ProgressView
from app.session.clock import Clock

_MAX_CHUNKS_PER_POLL = 4


class Liveness:
    """Follows what an attempt reports; ages are by the monotonic clock.

    For a program that reports no progress, growth of its log counts instead.
    """

    def __init__(self, folder: Path, clock: Clock, mask: Mask = unmasked) -> None:
        self._clock = clock
        self._progress = ProgressTail(
            folder / "progress.jsonl", mask=mask, most_behind=_MAX_CHUNKS_PER_POLL * CHUNK
        )
        self._progress_path = folder / "progress.jsonl"
        self._log_path = folder / "output.log"
        self._log_size = 0
        self._opened_at = clock.mono()
        # Only the wall clock dates the reports that were made before this conductor started.
        paths = [path for path in (self._progress_path, self._log_path) if path.exists()]
        reported = max((path.stat().st_mtime for path in paths), default=clock.wall())
        self._reported_at = clock.mono() - max(0.0, clock.wall() - reported)
        self._read_progress()

    def _read_progress(self) -> bool:
        """Read new progress, a bounded amount at a time; return whether there was any."""
        for chunks in range(_MAX_CHUNKS_PER_POLL):
            if not self._progress.poll():
                return chunks > 0
        return True

    def poll(self) -> None:
        """Read what the attempt has reported since the last call."""
        has_reported = self._read_progress()
        if not self._progress_path.exists() and self._log_path.exists():
            size = self._log_path.stat().st_size
            has_reported, self._log_size = size != self._log_size, size
        if has_reported:
            self._reported_at = self._clock.mono()

    @property
    def progress(self) -> ProgressView | None:
        """The last progress reported."""
        return self._progress.progress

    @property
    def silence(self) -> float:
        """Seconds since the attempt reported something."""
        return self._clock.mono() - self._reported_at

    @property
    def observed_silence(self) -> float:
        """Seconds of silence since this object was created, which no change of the wall clock affects."""
        return self._clock.mono() - max(self._reported_at, self._opened_at)
