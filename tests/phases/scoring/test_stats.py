"""Statistics against known values, and how often their intervals cover the truth."""

import math
import random

import numpy as np
import pytest
from scipy.stats import binom

from phases.scoring.stats import (
    RatioEstimate,
    adjust_p_values,
    compare_paired,
    compute_mcnemar_p,
    estimate_rate,
    estimate_ratio,
    fit_trend,
)


def test_statistics_against_known_values() -> None:
    rate = estimate_rate(0, 10)
    assert (rate.low, round(rate.high, 4)) == (pytest.approx(0, abs=1e-12), 0.2775)
    assert adjust_p_values([0.01, 0.04, 0.03], "holm") == pytest.approx([0.03, 0.06, 0.06])
    assert compute_mcnemar_p([True, False], [True, False]) == 1.0
    same = compare_paired([True, False], [True, False], seed=1)
    assert (same.gain, same.low, same.high, same.p) == (0, 0, 0, 1)


def test_a_trend_is_distinguished_from_noise_and_not_decided_by_a_few_values() -> None:
    rng = random.Random(4)
    noise = [rng.gauss(0, 1) for _ in range(900)]
    falling = fit_trend([3 - 0.01 * n + noise[n] for n in range(900)])
    flat = fit_trend(noise)
    assert falling is not None
    assert flat is not None
    assert falling.low <= -0.01 <= falling.high < 0
    assert flat.low < 0 < flat.high
    spiked = fit_trend([1000.0 if n == 7 else 3 - 0.01 * n for n in range(90)])
    assert spiked is not None
    assert spiked.slope == pytest.approx(-0.01, abs=1e-4)
    assert fit_trend([2.0, 1.0]) is None


def test_the_interval_of_a_trend_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = random.Random(5)
    found = [fit_trend([0.02 * n + rng.gauss(0, 1) for n in range(60)]) for _ in range(200)]
    assert sum(t is not None and t.low <= 0.02 <= t.high for t in found) / 200 >= 0.9


def test_the_bootstrap_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(60):
        first, second = rng.random(150) < 0.4, rng.random(150) < 0.6
        contrast = compare_paired(list(first), list(second), seed=trial, resamples=300)
        covered += contrast.low <= 0.2 <= contrast.high
    assert 51 <= covered <= 60


def test_unequal_lengths_are_an_error() -> None:
    with pytest.raises(ValueError, match="as many results"):
        compare_paired([True], [True, False], seed=1)


@pytest.mark.parametrize("prompts", [100, 542])
@pytest.mark.parametrize("differ", [0.0, 0.02, 0.1, 0.4])
def test_a_detectable_gain_is_found_four_times_in_five(prompts: int, differ: float) -> None:
    """Against the power of the exact test, summed over every outcome."""
    count = round(prompts * differ)
    first = [n < count // 2 for n in range(prompts)]
    second = [count // 2 <= n < count for n in range(prompts)]
    gain = compare_paired(first, second, seed=1, resamples=100, tests=3).detectable
    share = max(differ, gain)
    found = 0.0
    for discordant in range(prompts + 1):
        gained = np.arange(discordant + 1)
        p = np.minimum(1, 2 * binom.cdf(np.minimum(gained, discordant - gained), discordant, 0.5))
        likely = binom.pmf(gained, discordant, (1 + gain / share) / 2)
        found += binom.pmf(discordant, prompts, share) * likely[p < 0.05 / 3].sum()
    assert 0.77 < found < 0.92


def test_one_extreme_value_changes_a_ratio_little() -> None:
    lengths = [4, 6, 8, 10, 12, 14, 16, 20]
    estimate = estimate_ratio(lengths, [*lengths[:-1], 256])
    assert estimate.ratio == pytest.approx((256 / 20) ** (1 / 8))
    assert estimate.low < 1 < estimate.high
    doubled = estimate_ratio(lengths, [2 * n for n in lengths])
    assert (doubled.ratio, doubled.low, doubled.high) == pytest.approx((2, 2, 2))


def test_a_single_ratio_has_no_interval_and_none_is_refused() -> None:
    assert estimate_ratio([4], [8]) == RatioEstimate(2, 0, math.inf)
    assert estimate_ratio([0], [0]).ratio == 1
    with pytest.raises(ValueError, match="at least one"):
        estimate_ratio([], [])
