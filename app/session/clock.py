"""The engine's clock: wall time for display, monotonic time for durations."""

import time
from typing import Protocol


class Clock(Protocol):
    """A wall clock, which may jump, and a monotonic clock, which does not while the machine is up."""

    def wall(self) -> float:
        """Return seconds since the epoch."""

    def mono(self) -> float:
        """Return seconds since boot, including suspension."""


class SystemClock:
    """The machine's clocks."""

    def wall(self) -> float:
        """Return seconds since the epoch."""
        return time.time()

    def mono(self) -> float:
        """Return seconds since boot, including suspension."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)
