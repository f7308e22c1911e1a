"""The clock that the engine is given: wall time to show, monotonic time to count with."""

import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks: `wall` may jump, `mono` never goes back while the machine is up."""

    def wall(self) -> float:
        """Seconds since the epoch."""

    def mono(self) -> float:
        """Seconds since boot, suspension included."""


class SystemClock:
    """The machine's clocks."""

    def wall(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def mono(self) -> float:
        """Seconds since boot, suspension included."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)
