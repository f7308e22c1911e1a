"""Intervals over seeds and over prompts, and when a difference counts as shown."""

import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from tools.study.seed_stats import compare_seeds, estimate_over_seeds


def make(rates: list[float], prompts: int = 200) -> list[list[bool]]:
    return [[n < rate * prompts for n in range(prompts)] for rate in rates]


def test_the_interval_over_seeds_is_students() -> None:
    values = [0.41, 0.45, 0.46]
    interval = estimate_over_seeds(values)
    expected = ttest_1samp(values, 0).confidence_interval(0.95)
    assert (interval.mean, interval.low, interval.high) == pytest.approx((0.44, expected.low, expected.high))


def test_a_single_seed_has_no_interval() -> None:
    interval = estimate_over_seeds([0.4])
    assert interval.mean == 0.4
    assert math.isnan(interval.low)
    assert not compare_seeds(make([0.2]), make([0.8])).is_shown


def test_a_gain_of_every_seed_on_many_prompts_is_shown() -> None:
    contrast = compare_seeds(make([0.4, 0.4, 0.4]), make([0.5, 0.51, 0.52]))
    assert contrast.gains == pytest.approx((0.10, 0.11, 0.12))
    assert contrast.over_seeds.low > 0
    assert contrast.prompts_low > 0
    assert contrast.is_shown
    assert compare_seeds(make([0.5, 0.51, 0.52]), make([0.4, 0.4, 0.4])).is_shown


def test_a_gain_that_seeds_disagree_on_is_not_shown() -> None:
    contrast = compare_seeds(make([0.4, 0.4, 0.4]), make([0.39, 0.5, 0.61]))
    assert contrast.prompts_low > 0
    assert contrast.over_seeds.low < 0
    assert not contrast.is_shown


def test_a_gain_that_rests_on_few_prompts_is_not_shown() -> None:
    contrast = compare_seeds(make([0.40, 0.40, 0.40], 20), make([0.45, 0.45, 0.45], 20))
    assert contrast.over_seeds.low == pytest.approx(0.05)
    assert contrast.prompts_low <= 0
    assert not contrast.is_shown


def test_two_kinds_without_a_difference_are_rarely_shown() -> None:
    rng = np.random.default_rng(5)
    shown = 0
    for _ in range(60):
        skill = rng.random(200)
        first, second = ((rng.random((3, 200)) < skill).tolist() for _ in range(2))
        shown += compare_seeds(first, second).is_shown
    assert shown <= 6


def test_other_numbers_of_seeds_are_rejected() -> None:
    with pytest.raises(ValueError, match="as many seeds"):
        compare_seeds(make([0.4]), make([0.4, 0.5]))
