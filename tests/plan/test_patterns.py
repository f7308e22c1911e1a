"""Checks of the patterns that read a log, and warnings about those that cut numbers."""

import pytest

from app.plan.patterns import check_metric_pattern, check_preset, check_progress_pattern, describe_cut_number


@pytest.mark.parametrize(
    ("pattern", "warning"),
    [
        (r"loss[=: ]+([0-9.]+)", "2.0 of 2.0e-05"),
        (r"loss: ([\d.]+)", "2.0 of 2.0e-05"),
        (r"'loss': '?([-+.e0-9]+)", "1.5 of 1.5E+02"),
        (r"loss: (\d+\.\d{2})", "2.00 of 2.00e-05"),
        (r"loss: (?P<x>[\d.]+)", "2.0 of 2.0e-05"),
        (r"(?i)loss: ([\d.]+)", "2.0 of 2.0e-05"),
        (r"\(loss\) \[x\)] ([\d.]+)", "2.0 of 2.0e-05"),
        (r"tokens (\d+)", "12 of 12,345"),
        (r"loss: ([-+.eE0-9]+)", "12 of 12,345"),
        (r"loss: (\S+)", ""),
        (r"loss: ([^,}]+)", ""),
        (r"'loss': (.*?),", ""),
        (r"loss=([^\]]+)", ""),
        (r"loss: ([-+.eE0-9,naif]+)", ""),
        (r"loss: (?:train|val) (\S+)", ""),
    ],
)
def test_patterns_that_cut_numbers(pattern: str, warning: str) -> None:
    assert describe_cut_number(pattern).removeprefix("its group reads ") == warning


@pytest.mark.parametrize("pattern", ["loss", "(a)(b)", "([0-9.+", "(?P<1>x)"])
def test_a_metric_needs_one_group(pattern: str) -> None:
    with pytest.raises(ValueError, match="expected a regular expression"):
        check_metric_pattern(pattern)


def test_progress_needs_one_or_two_groups() -> None:
    assert check_progress_pattern(r"step (\d+)/(\d+)")
    assert check_progress_pattern(r"row (\d+)")
    for pattern in ("step", "(a)(b)(c)"):
        with pytest.raises(ValueError, match="two groups, the steps done and in total"):
            check_progress_pattern(pattern)


def test_a_preset_that_does_not_exist() -> None:
    assert check_preset("mlx") == "mlx"
    with pytest.raises(ValueError, match=r"did you mean hf-trainer\?"):
        check_preset("hf_trainer")
    with pytest.raises(ValueError, match=r"presets: hf-trainer, "):
        check_preset("qqq")
