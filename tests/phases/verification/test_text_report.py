"""The text report of a verification."""

from phases.verification.text_report import CalibrationCase, format_error_rates
from tests.phases.verification.test_signals import BASE, but


def test_error_rates_are_those_of_the_present_rules_with_how_little_they_show() -> None:
    base = CalibrationCase("b", "base", BASE)
    seen = CalibrationCase("s", "seen", but(chat_leak=0.3))
    tuned = CalibrationCase("t", "tuned", but(chat_leak=0.02))
    lines = format_error_rates([base, base, base, seen, tuned])
    assert "5 cases of the calibration" in lines[0]
    assert "base  called contaminated: 1 of 4 [5%, 70%]; inconclusive: 0" in lines[2]
    assert "tuned called clean:        0 of 1 [0%, 79%]; inconclusive: 1" in lines[3]
    assert lines[4] == "  cases: b (base), b (base), b (base), s (seen), t (tuned)"
