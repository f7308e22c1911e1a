"""The known models, the thresholds fitted to them, and the error rates on unseen families."""

import pytest

from phases.verification.calibration import (
    CalibrationCase,
    count_errors,
    fit_stop_excess,
    load_calibration,
)
from phases.verification.signals import STOP_EXCESS, Thresholds, draw_conclusion
from tests.phases.verification.test_signals import but

CASES = load_calibration()
FEW_ROWS = 50
"""A tuning on so few rows may change nothing that can be measured."""


def test_the_thresholds_are_those_that_the_calibration_gives() -> None:
    assert fit_stop_excess(CASES) == STOP_EXCESS


def test_the_calibration_covers_what_it_should() -> None:
    assert len(CASES) >= 40
    assert {case.family for case in CASES} == {"embedded", "gemma-3-270m", "SmolLM2"}
    for family in ("embedded", "gemma-3-270m"):
        tuned = [case for case in CASES if case.family == family and case.kind == "tuned"]
        assert {case.rows for case in tuned} >= {500, 1500, 5000}
        assert {case.name.split(",")[0].rsplit(" ", 1)[0] for case in tuned} >= {
            *("bare", "gonogo", "Alpaca", "Vicuna", "question", "user", "ChatML", "Llama 2"),
        }
        assert any(case.family == family and case.kind == "seen" for case in CASES)
    assert len({(case.family, case.name) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=[f"{case.family}: {case.name}" for case in CASES])
def test_no_known_model_is_judged_wrongly(case: CalibrationCase) -> None:
    verdict, reasons = draw_conclusion(case.signals)
    assert reasons
    if case.kind != "tuned":
        assert verdict != "contaminated"
    elif case.rows != FEW_ROWS:
        assert verdict != "clean"


def case(family: str, kind: str, rows: int, stop_excess: float) -> CalibrationCase:
    signals = but(stop_excess=stop_excess, ended_rate=1.0)
    return CalibrationCase(f"{kind} {stop_excess}", family, kind, rows, signals)  # type: ignore[arg-type]


FIRST = [case("a", "base", 0, 0.0), case("a", "seen", 50, 0.1), case("a", "tuned", 500, 0.4)]
SECOND = [case("b", "base", 0, 0.25), case("b", "tuned", 50, 0.0), case("b", "tuned", 5000, 0.9)]


def test_the_thresholds_lie_between_untuned_and_tuned_models() -> None:
    assert fit_stop_excess(FIRST) == Thresholds(weak=0.09, strong=0.19)
    # A model of few rows may be like a base model: it does not move the thresholds.
    assert fit_stop_excess(SECOND) == Thresholds(weak=0.32, strong=0.51)


def test_each_family_is_judged_by_the_thresholds_of_the_others() -> None:
    counts = {
        count.label: (count.total, count.wrong, count.inconclusive)
        for count in count_errors([*FIRST, *SECOND])
    }
    # By the thresholds of a, the base of b is contaminated; by those of b, the tuned model of a is open.
    assert counts == {
        "base": (2, 1, 0),
        "base, has seen chats": (1, 0, 0),
        "tuned on 50 rows": (1, 1, 0),
        "tuned on 500 rows": (1, 0, 1),
        "tuned on 5,000 rows": (1, 0, 0),
    }
