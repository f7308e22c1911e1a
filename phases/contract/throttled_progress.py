"""Rate-limited progress, for work with many quick steps."""

import time
from collections.abc import Callable

from phases.contract.reporter import Reporter


class ThrottledProgress:
    """Reports progress at most once per `every` seconds, however often `update` is called."""

    def __init__(
        self,
        reporter: Reporter,
        total: float | None,
        unit: str,
        *,
        every: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reporter = reporter
        self._total = total
        self._unit = unit
        self._every = every
        self._clock = clock
        self._last = clock()

    def update(self, done: float) -> None:
        """Report progress, unless the last report is too recent."""
        now = self._clock()
        if now - self._last >= self._every:
            self._last = now
            self._reporter.progress(done, self._total, self._unit)
