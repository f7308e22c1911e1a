"""Intervals and tests for rates and trends, computed by scipy."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy.stats import binomtest, bootstrap, false_discovery_control, norm, t, theilslopes

CONFIDENCE: Final = 0.95
SIGNIFICANCE_LEVEL: Final = 0.05
"""A difference is called significant if its corrected p-value is lower."""
POWER: Final = 0.8
TREND_CHUNKS: Final = 200
"""Number of chunks that a long series is averaged into before a trend is fitted."""


@dataclass(frozen=True)
class RateEstimate:
    """A share with its Wilson 95 % interval."""

    rate: float
    low: float
    high: float
    passed: int
    total: int

    def as_metrics(self, name: str) -> dict[str, float]:
        """Return the rate and the ends of its interval as metrics."""
        return {name: self.rate, f"{name}_low": self.low, f"{name}_high": self.high}


def estimate_rate(passed: int, total: int) -> RateEstimate:
    """Return the share of passed trials with its Wilson score interval.

    Raises:
        ValueError: there are no trials.
    """
    if total < 1:
        raise ValueError("a rate needs at least one trial")
    interval = binomtest(passed, total).proportion_ci(CONFIDENCE, method="wilson")
    return RateEstimate(passed / total, float(interval.low), float(interval.high), passed, total)


@dataclass(frozen=True)
class RatioEstimate:
    """How many times as large values have become, with a 95 % interval."""

    ratio: float
    low: float
    high: float


def estimate_ratio(before: Sequence[int], after: Sequence[int]) -> RatioEstimate:
    """Return the geometric mean of paired ratios with Student's interval of their logarithms.

    Args:
        before: counts; one of 0 counts as 1.
        after: counts of the same things later.

    Raises:
        ValueError: the numbers of counts differ, or there are none.
    """
    logs = [math.log(max(1, b) / max(1, a)) for a, b in zip(before, after, strict=True)]
    if not logs:
        raise ValueError("a ratio needs at least one pair of counts")
    if len(logs) == 1:
        return RatioEstimate(math.exp(logs[0]), 0.0, math.inf)
    error = float(np.std(logs, ddof=1)) / math.sqrt(len(logs))
    half = float(t.ppf((1 + CONFIDENCE) / 2, len(logs) - 1)) * error
    mean = float(np.mean(logs))
    return RatioEstimate(math.exp(mean), math.exp(mean - half), math.exp(mean + half))


@dataclass(frozen=True)
class Trend:
    """The change of a series per value, with a 95 % interval."""

    slope: float
    low: float
    high: float


def fit_trend(values: Sequence[float]) -> Trend | None:
    """Return the Theil-Sen slope of a series, which is robust to outliers; None for fewer than three values.

    A long series is split into chunks of nearly equal length, and the slope is fitted to their means. The
    means are less correlated than single values, as the interval assumes.
    """
    if len(values) < 3:  # noqa: PLR2004 - two points leave no residual to estimate an interval from
        return None
    chunks = np.array_split(np.arange(len(values)), min(TREND_CHUNKS, len(values)))
    means = [float(np.mean([values[i] for i in chunk])) for chunk in chunks]
    centers = [float(chunk.mean()) for chunk in chunks]
    fit = theilslopes(means, centers, alpha=CONFIDENCE)
    return Trend(float(fit.slope), float(fit.low_slope), float(fit.high_slope))


@dataclass(frozen=True)
class PairedContrast:
    """The difference between two models on the same prompts.

    Attributes:
        gain: rate of the second model minus that of the first.
        low: lower end of the BCa bootstrap 95 % interval (Efron 1987) of the gain over prompts.
        high: upper end of that interval.
        gained: number of prompts that only the second model follows.
        lost: number of prompts that only the first model follows.
        p: exact McNemar test, a two-sided binomial test on `gained` and `lost`.
        detectable: the smallest gain that a test on this many prompts detects with power 0.8, after Connor
            (1987): (z_1-level/2 + z_0.8) * sqrt(discordant share / prompts). A gain of
            this size implies at least as large a discordant share, so the share is never taken to be smaller.
            The level is 0.05 divided by the number of tests, Holm's strictest.
    """

    gain: float
    low: float
    high: float
    gained: int
    lost: int
    p: float
    detectable: float


def compute_mcnemar_p(first: Sequence[bool], second: Sequence[bool]) -> float:
    """Return the p-value of the exact McNemar test on the same prompts in the same order."""
    differing = [
        in_second for in_first, in_second in zip(first, second, strict=True) if in_first != in_second
    ]
    return float(binomtest(sum(differing), len(differing)).pvalue) if differing else 1.0


def compare_paired(
    first: Sequence[bool], second: Sequence[bool], seed: int, resamples: int = 10_000, tests: int = 1
) -> PairedContrast:
    """Compare two models on the same prompts in the same order.

    Args:
        first: whether the first model follows each prompt.
        second: whether the second model follows each prompt.
        seed: seed of the bootstrap.
        resamples: number of bootstrap resamples.
        tests: number of contrasts that are corrected together.

    Raises:
        ValueError: the sequences are empty or have different lengths.
    """
    prompts = len(first)
    if prompts != len(second) or not prompts:
        raise ValueError(f"expected as many results of both models, got {prompts} and {len(second)}")
    differences = np.asarray(second, dtype=float) - np.asarray(first, dtype=float)
    gained = int((differences > 0).sum())
    lost = int((differences < 0).sum())
    gain = float(differences.mean())
    # Without any variation the BCa interval is not defined.
    low = high = gain
    if np.ptp(differences) > 0:
        interval = bootstrap(
            (differences,),
            np.mean,
            confidence_level=CONFIDENCE,
            n_resamples=resamples,
            method="BCa",
            rng=np.random.default_rng(seed),
            batch=1000,
        ).confidence_interval
        low, high = float(interval.low), float(interval.high)
    z = float(norm.ppf(1 - (1 - CONFIDENCE) / tests / 2) + norm.ppf(POWER))
    discordant_share = max((gained + lost) / prompts, z**2 / prompts)
    return PairedContrast(
        gain=gain,
        low=low,
        high=high,
        gained=gained,
        lost=lost,
        p=compute_mcnemar_p(first, second),
        detectable=z * (discordant_share / prompts) ** 0.5,
    )


def adjust_p_values(p_values: Sequence[float], method: Literal["holm", "fdr_bh"]) -> list[float]:
    """Return p-values corrected for multiple testing, in the same order.

    Args:
        p_values: p-values of the tests that are corrected together.
        method: `holm` for few contrasts, `fdr_bh` (Benjamini and Hochberg) for many categories.
    """
    if not p_values:
        return []
    if method == "fdr_bh":
        return [float(p) for p in false_discovery_control(p_values, method="bh")]
    # The smallest is multiplied by the number of tests, the next by one less, and so on (Holm 1979).
    corrected = dict.fromkeys(range(len(p_values)), 1.0)
    largest = 0.0
    for rank, index in enumerate(sorted(corrected, key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return list(corrected.values())
