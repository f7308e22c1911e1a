"""Metrics in words, with units and intervals."""

import pytest

from phases.evaluation.spec import METRICS
from widgets.metric_names import Interval, find_intervals, format_measurement, name_metric


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("success_rate", "success rate"),
        ("success_rate_low", "success rate, low end of the interval"),
        ("following_rate_few_shot", "following rate, after solved examples"),
        ("following_rate_few_shot_high", "following rate, after solved examples, high end of the interval"),
        ("following_rate_multi_step", "following rate, multi step"),
        ("following_rate_loose", "following rate, loose"),
        ("tokens_per_second", "tokens per second"),
        ("sft_following_rate", "SFT following rate"),
        ("prompts", "prompts"),
        ("", ""),
    ],
)
def test_names(name: str, words: str) -> None:
    assert name_metric(name) == words


def test_no_two_metrics_of_an_evaluation_share_a_name_and_none_has_an_underscore() -> None:
    names = [name_metric(metric.name) for metric in METRICS]
    assert len(set(names)) == len(names)
    assert not any("_" in name for name in names)


def test_values_have_their_unit_and_interval() -> None:
    metrics = {"success_rate": 0.742, "success_rate_low": 0.703, "success_rate_high": 0.778, "prompts": 541}
    assert format_measurement("success_rate", metrics) == "74.2 % [70, 78]"
    assert format_measurement("prompts", metrics) == "541"
    assert format_measurement("truncated_share", {"truncated_share": 0.0129}) == "1.3 %"
    assert format_measurement("loss", {"loss": 0.5}) == "0.5"
    assert format_measurement("is_rate", {"is_rate": True}) == "yes"
    assert format_measurement("rate", {"rate": None}) == "NaN"
    assert format_measurement("learning_rate", {"learning_rate": 2e-4}) == "0.0002"


def test_an_interval_needs_both_ends_within_the_shares() -> None:
    assert find_intervals({"x": 0.5, "x_low": 0.4, "x_high": 0.6}) == {"x": Interval(0.5, 0.4, 0.6)}
    for broken in (
        {"x": 0.5, "x_low": 0.4},
        {"x": 0.5, "x_low": None, "x_high": 0.6},
        {"x": 5.0, "x_low": 4.0, "x_high": 6.0},
        {"x": 0.5, "x_low": 0.6, "x_high": 0.4},
        {"x": True, "x_low": 0, "x_high": 1},
    ):
        assert find_intervals(broken) == {}
