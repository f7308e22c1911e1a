"""Intervals and tests for rates; everything is computed by statsmodels and scipy."""

from dataclasses import dataclass
from typing import Final

CONFIDENCE: Final = 0.95


@dataclass(frozen=True)
class Rate:
    """A share with its Wilson 95 % interval."""

    rate: float
    low: float
    high: float
    passed: int
    total: int


def wilson(passed: int, total: int) -> Rate:
    """Return a share with its Wilson score interval.

    Raises:
        ValueError: there is nothing to take a share of.
    """
    from statsmodels.stats.proportion import proportion_confint

    if total < 1:
        raise ValueError("a rate needs at least one trial")
    low, high = proportion_confint(passed, total, alpha=1 - CONFIDENCE, method="wilson")
    return Rate(passed / total, float(low), float(high), passed, total)
