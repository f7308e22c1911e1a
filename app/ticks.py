"""Round values for the ticks of an axis."""

import math
import sys


def compute_ticks(low: float, high: float, most: int) -> list[float]:
    """Return multiples of 1, 2 or 5 times a power of ten between two values.

    There are at most `most` of them, or up to two more if the next coarser step would leave a single tick.
    """
    if most < 1 or (smallest_step := (high - low) / most) < sys.float_info.min:
        return [low]
    power = 10.0 ** math.floor(math.log10(smallest_step))
    finer: list[float] = []
    for factor in (1, 2, 5, 10, 20):
        step = factor * power
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        ticks = [i * step for i in range(first, last + 1)]
        if len(ticks) <= most:
            if len(ticks) < 2 and len(finer) <= most + 2:  # noqa: PLR2004
                ticks = finer
            return ticks or [low]
        finer = ticks
    return [low]


def compute_log_ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most `most` powers of ten, or 1, 2 and 5 times each, between two positive values."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for factors in ((1, 2, 5), (1,)):
        ticks = [f * 10.0**p for p in range(first, last + 1) for f in factors if low <= f * 10.0**p <= high]
        if len(ticks) <= most:
            return ticks or [low]
    every = math.ceil(len(ticks) / max(1, most))
    return ticks[::every]
