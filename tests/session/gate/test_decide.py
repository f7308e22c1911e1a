from typing import Any

import msgspec
import pytest

from app.plan.schema import Phase
from app.session.gate import decide
from app.session.journal import events
from app.session.journal.state import AttemptRecord, PhaseRecord
from app.session.requests import Refused
from tests.session.gate.stub_phase import make_phase


def test_changes_are_checked_against_the_declared_parameters(built_in: Phase) -> None:
    given: dict[str, events.Parameter] = {"output_dir": "out"}
    decide.check_changes(built_in, given, {"count": 3})
    with pytest.raises(Refused, match=r"p has no parameter cuont; expected one of: output_dir, count$"):
        decide.check_changes(built_in, given, {"cuont": 3})
    with pytest.raises(Refused, match=r"p\.count: .* greater than or equal to 1 \(given: 0\)"):
        decide.check_changes(built_in, given, {"count": 0})
    with pytest.raises(Refused, match="batch cannot be set: the decision batch counts it"):
        decide.check_changes(built_in, given, {"batch": 3})


def test_the_next_attempts_parameters_follow_the_decision(built_in: Phase) -> None:
    assert decide.compute_next_parameters(built_in, PhaseRecord("p")) == ({"output_dir": "out"}, 1)
    spec = events.AttemptStarted(
        phase="p", attempt=1, parameters={"output_dir": "out", "count": 5}, cookie="c"
    )
    record = PhaseRecord("p", attempts=(AttemptRecord(1, 0, 0, spec),))

    def after(kind: str, **changes: Any) -> tuple[dict[str, Any], int]:
        decision = events.GateDecided(phase="p", attempt=1, kind=kind, by="me", verdict="go", changes=changes)  # type: ignore[arg-type]
        return decide.compute_next_parameters(
            built_in, msgspec.structs.replace(record, retry_decision=decision)
        )

    assert after("retry", count=7) == ({"output_dir": "out", "count": 7}, 1)
    assert after("batch") == ({"output_dir": "out", "count": 5, "batch": 2}, 2)


@pytest.mark.parametrize(
    ("verdict", "is_critical", "expected"),
    [
        ("go", False, ()),
        ("investigate", False, ("go",)),
        ("go", True, ("skip",)),
        ("stop", True, ("go", "skip")),
    ],
)
def test_a_reason_is_needed_against_the_verdict_and_to_skip_a_critical_phase(
    verdict: Any, is_critical: bool, expected: tuple[str, ...]
) -> None:
    of = make_phase(command=["x"], critical=is_critical)
    assessment = events.AttemptAssessed(phase="p", attempt=1, verdict=verdict, gate="plan")
    options = decide.list_allowed_decisions(of, assessment)
    assert tuple(kind for kind in options if decide.needs_reason(of, assessment, kind)) == expected
