"""The text report of a verification."""

from phases.verification.text_report import format_error_rates
from tests.phases.verification.test_calibration import FIRST, SECOND


def test_error_rates_are_those_on_unseen_families_with_how_little_they_show() -> None:
    lines = format_error_rates([*FIRST, *SECOND])
    assert "6 models of the calibration" in lines[0]
    [base] = [line for line in lines if line.startswith("  base  ")]
    assert base.split() == ["base", "2", "1", "[9%,", "91%]", "0"]
    [tuned] = [line for line in lines if line.startswith("  tuned on 500 rows")]
    assert tuned.split() == ["tuned", "on", "500", "rows", "1", "0", "[0%,", "79%]", "1"]
    assert lines[-1] == "  families: a, b"
