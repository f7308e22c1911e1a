"""Rates and differences of models with several training seeds, with intervals over seeds and over prompts.

An interval over seeds (Student's t) says whether another training would show the same on these prompts; one
over prompts (BCa bootstrap of the mean over seeds) whether other prompts would show the same with these
trainings. A difference counts as shown if both exclude zero.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import bootstrap, t

from phases.scoring.stats import CONFIDENCE, compute_mcnemar_p

RESAMPLES: Final = 10_000


@dataclass(frozen=True)
class SeedInterval:
    """The mean of a value over training seeds with its 95 % interval; NaN ends for a single seed."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class SeedContrast:
    """The difference between two kinds of model, prompt by prompt.

    Attributes:
        gains: difference of the rates by seed.
        over_seeds: mean difference, with the interval over training seeds.
        prompts_low: lower end of the interval over prompts.
        prompts_high: upper end of the interval over prompts.
        p_values: exact McNemar test by seed.
    """

    gains: tuple[float, ...]
    over_seeds: SeedInterval
    prompts_low: float
    prompts_high: float
    p_values: tuple[float, ...]

    @property
    def is_shown(self) -> bool:
        """Whether both intervals exclude zero on the same side."""
        return (
            min(self.over_seeds.low, self.prompts_low) > 0 or max(self.over_seeds.high, self.prompts_high) < 0
        )


def estimate_over_seeds(values: Sequence[float]) -> SeedInterval:
    """Return the mean of values, one for each seed, with Student's interval."""
    mean = float(np.mean(values))
    if len(values) < 2:  # noqa: PLR2004 - one value has no spread
        return SeedInterval(mean, math.nan, math.nan)
    half = float(t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5)
    return SeedInterval(mean, mean - half, mean + half)


def compare_seeds(first: Sequence[Sequence[bool]], second: Sequence[Sequence[bool]]) -> SeedContrast:
    """Compare two kinds of model.

    Args:
        first: whether the first kind follows each prompt, by seed.
        second: the same of the second kind, in the same order of seeds and prompts.

    Raises:
        ValueError: the numbers of seeds or of prompts differ.
    """
    differences = np.asarray(second, dtype=float) - np.asarray(first, dtype=float)
    if len(first) != len(second) or differences.ndim != 2 or not differences.size:  # noqa: PLR2004
        raise ValueError("expected results of as many seeds on the same prompts")
    gains = tuple(float(gain) for gain in differences.mean(axis=1))
    by_prompt = differences.mean(axis=0)
    low = high = float(by_prompt.mean())
    if np.ptp(by_prompt) > 0:
        interval = bootstrap(
            (by_prompt,),
            np.mean,
            confidence_level=CONFIDENCE,
            n_resamples=RESAMPLES,
            method="BCa",
            rng=np.random.default_rng(0),
            batch=1000,
        ).confidence_interval
        low, high = float(interval.low), float(interval.high)
    p_values = tuple(compute_mcnemar_p(a, b) for a, b in zip(first, second, strict=True))
    return SeedContrast(gains, estimate_over_seeds(gains), low, high, p_values)
