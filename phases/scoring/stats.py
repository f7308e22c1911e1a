"""Intervals and tests for rates; everything is computed by statsmodels and scipy."""

from collections.abc import Sequence
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


PARTS: Final = 200
"""Parts of a series whose means a trend is taken through."""


@dataclass(frozen=True)
class Trend:
    """By how much a series changes from one value to the next, with a 95 % interval."""

    slope: float
    low: float
    high: float


def trend(values: Sequence[float]) -> Trend | None:
    """Return the slope of a series by Theil and Sen, which no few values decide; None for fewer than three.

    A long series is cut into parts of nearly the same length whose means are taken: these depend less on one
    another than single values do, as the interval assumes.
    """
    import numpy as np
    from scipy.stats import theilslopes

    if len(values) < 3:  # noqa: PLR2004 - a line through two points leaves nothing to estimate its error from
        return None
    places = np.array_split(np.arange(len(values)), min(PARTS, len(values)))
    means = [float(np.mean([values[i] for i in part])) for part in places]
    found = theilslopes(means, [float(part.mean()) for part in places], alpha=CONFIDENCE)
    return Trend(float(found.slope), float(found.low_slope), float(found.high_slope))


@dataclass(frozen=True)
class Contrast:
    """Two models on the same prompts.

    Attributes:
        gain: second rate less first, with its BCa bootstrap 95 % interval (Efron 1987) over prompts.
        gained: prompts that only the second follows; lost: those that only the first follows.
        p: exact McNemar test (two-sided binomial over `gained` and `lost`).
        detectable: the smallest gain that this many prompts with this much discordance show with power
            0.8: (z_1-level/2 + z_0.8) * sqrt(discordant share / prompts), after Connor (1987). A gain needs
            as much discordance as it is large, so the share is never less than that, however little was seen.
            The level is 0.05 over the number of tests, what Holm asks of one of them at worst.
    """

    gain: float
    low: float
    high: float
    gained: int
    lost: int
    p: float
    detectable: float


def mcnemar(first: Sequence[bool], second: Sequence[bool]) -> float:
    """Return the p-value of the exact McNemar test on the same prompts in the same order."""
    from statsmodels.stats.contingency_tables import mcnemar as exact

    table = [[0, 0], [0, 0]]
    for a, b in zip(first, second, strict=True):
        table[not a][not b] += 1
    return float(exact(table, exact=True).pvalue)


def paired(
    first: Sequence[bool], second: Sequence[bool], seed: int, resamples: int = 10_000, tests: int = 1
) -> Contrast:
    """Compare two models on the same prompts, in the same order.

    Args:
        first: whether the first model followed each prompt.
        second: whether the second one did.
        seed: of the bootstrap.
        resamples: of the bootstrap.
        tests: how many contrasts are corrected together.

    Raises:
        ValueError: the sequences are not equally long, or empty.
    """
    import numpy as np
    from scipy.stats import bootstrap, norm

    if len(first) != len(second) or not first:
        raise ValueError(f"expected as many results of both models, got {len(first)} and {len(second)}")
    difference = np.asarray(second, dtype=float) - np.asarray(first, dtype=float)
    gained, lost = int((difference > 0).sum()), int((difference < 0).sum())
    gain = float(difference.mean())
    low = high = gain  # all prompts agree: nothing varies, and BCa is not defined
    if np.ptp(difference) > 0:
        interval = bootstrap(
            (difference,),
            np.mean,
            confidence_level=CONFIDENCE,
            n_resamples=resamples,
            method="BCa",
            rng=np.random.default_rng(seed),
            batch=1000,
        ).confidence_interval
        low, high = float(interval.low), float(interval.high)
    power = float(norm.ppf(1 - (1 - CONFIDENCE) / tests / 2) + norm.ppf(0.8))
    share = max((gained + lost) / len(first), power**2 / len(first))
    return Contrast(
        gain,
        low,
        high,
        gained,
        lost,
        mcnemar(first, second),
        power * (share / len(first)) ** 0.5,
    )


def adjusted(p_values: Sequence[float], method: str) -> list[float]:
    """Return p-values adjusted for their number: `holm` for few contrasts, `fdr_bh` for many categories."""
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(list(p_values), method=method)[1]] if p_values else []
