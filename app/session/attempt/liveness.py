"""The liveness of an attempt: its progress and last values, and how long ago it reported something."""

from pathlib import Path

from app.monitor.finiteness import NotFinite, find_not_finite_series
from app.monitor.log_format import LogFormat
from app.monitor.log_metrics import LogMetrics
from app.monitor.log_news import LogNews
from app.monitor.pace import ProgressView
from app.monitor.progress import ProgressTail
from app.monitor.tails import CHUNK, Mask, mask_nothing
from app.session.clock import Clock

_MAX_CHUNKS_PER_POLL = 4
_LOG_CHUNK = 64 << 10  # Reading a line of a log takes longer than reading a report.
_MATCH_SECONDS = 600.0
_MATCH_LINES = 20
# Longer steps between two looks mean that the conductor itself did not run, as on a suspended machine.
_MAX_STEP_SECONDS = 5.0


class Liveness:
    """Follows what an attempt reports; silence counts the time in which the conductor itself ran.

    For a program that reports no progress, its log counts instead.
    """

    def __init__(
        self, folder: Path, clock: Clock, mask: Mask = mask_nothing, log_format: LogFormat | None = None
    ) -> None:
        self._clock = clock
        self._log = LogMetrics(
            folder / "output.log",
            log_format or LogFormat(),
            chunk=_LOG_CHUNK,
            most_behind=_MAX_CHUNKS_PER_POLL * CHUNK,
        )
        self._progress = ProgressTail(
            folder / "progress.jsonl", mask=mask, most_behind=_MAX_CHUNKS_PER_POLL * CHUNK
        )
        self._progress_path = folder / "progress.jsonl"
        self._log_path = folder / "output.log"
        self._log_news = LogNews(self._log_path)
        self._opened_at = self._polled_at = clock.mono()
        # Only the wall clock dates the reports that were made before this conductor started.
        paths = [path for path in (self._progress_path, self._log_path) if path.exists()]
        reported = max((path.stat().st_mtime for path in paths), default=clock.wall())
        self._silence_before = max(0.0, clock.wall() - reported)
        self.observed_silence = 0.0
        """Seconds of silence since this object was created, which no change of the wall clock affects."""
        self._read_progress()
        self._log.poll()

    def _read_progress(self) -> bool:
        """Read new progress, a bounded amount at a time; return whether there was any."""
        for chunks in range(_MAX_CHUNKS_PER_POLL):
            if not self._progress.poll():
                return chunks > 0
        return True

    def poll(self) -> None:
        """Read what the attempt has reported since the last call."""
        now = self._clock.mono()
        self.observed_silence += min(now - self._polled_at, _MAX_STEP_SECONDS)
        self._polled_at = now
        has_reported = self._read_progress()
        self._log.poll()
        if not self._progress_path.exists() and self._log_path.exists():
            has_reported = self._log_news.poll()
        if has_reported:
            self._silence_before = self.observed_silence = 0.0

    @property
    def progress(self) -> ProgressView | None:
        """The last progress reported, or else the last in the log."""
        return self._progress.progress or self._log.progress

    @property
    def values(self) -> dict[str, float | None]:
        """The last value of each metric, reported or read from the log; None for NaN and infinity."""
        reported = {name: builder.series().last for name, builder in self._progress.series.items()}
        return self._log.last_values | reported

    def find_not_finite(self) -> tuple[NotFinite, ...]:
        """Return the metrics that were not finite, in the log and among the reported ones."""
        return (*self._log.find_not_finite(), *find_not_finite_series(self._progress.series))

    def find_slow_patterns(self) -> list[str]:
        """Return the patterns that were switched off because they took too long."""
        return self._log.find_slow_patterns()

    def find_unmatched(self) -> list[str]:
        """Return the patterns that have matched nothing, once the log is far enough for a match."""
        is_old = self._log.lines >= _MATCH_LINES and self._clock.mono() - self._opened_at > _MATCH_SECONDS
        return self._log.find_unmatched() if is_old or self._log.has_enough_to_match() else []

    @property
    def silence(self) -> float:
        """Seconds since the attempt reported something."""
        return self._silence_before + self.observed_silence
