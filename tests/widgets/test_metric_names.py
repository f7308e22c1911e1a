"""Metrics in words, with units and intervals."""

import pytest

from phases.comparison.spec import METRICS as COMPARED
from phases.contract.phase_spec import Metric
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
        ("few_shot_accuracy", "few shot accuracy"),  # of a program that is not one of gonogo's
        ("win_rate_sft_dpo_low", "win rate, SFT to DPO, low end of the interval"),
        ("p_base_sft", "p, base to SFT"),
        ("following_gain_few_shot_dpo", "following gain, baseline to DPO"),
        ("refusal_rate_p_sft_dpo", "refusal rate, p, SFT to DPO"),
        ("prompts", "prompts"),
        ("", ""),
    ],
)
def test_names(name: str, words: str) -> None:
    assert name_metric(name) == words


@pytest.mark.parametrize("metrics", [METRICS, COMPARED])
def test_no_two_metrics_of_a_phase_share_a_name_and_none_has_an_underscore(
    metrics: tuple[Metric, ...],
) -> None:
    names = [name_metric(metric.name) for metric in metrics]
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


@pytest.mark.parametrize("rate", ["", "following_", "refusal_rate_", "development_"])
def test_a_contrast_has_gains_in_percent_but_not_p_values_and_counts(rate: str) -> None:
    """A rate in the name of a contrast says what differs, not that the value is a share."""
    for measure, value, text in (
        ("gain", -0.439, "-43.9 %"),
        ("gain_low", -0.5, "-50.0 %"),
        ("detectable", 0.124, "12.4 %"),
        ("p", 1.1e-12, "1.1e-12"),
        ("p_raw", 1.0, "1"),
        ("gained", 1, "1"),
        ("lost", 0, "0"),
    ):
        name = f"{rate}{measure}_sft_dpo"
        assert format_measurement(name, {name: value}) == text


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
