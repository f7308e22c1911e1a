import json
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from pydantic import Field

from app.plan.schema import Phase
from app.session.gate import decide
from app.session.gate import judge as judging
from app.session.journal import events
from app.session.journal.state import AttemptRecord, PhaseRecord, State
from app.session.masking import Masker
from app.session.requests import Refused
from phases.contract.parameters import PhaseParameters
from phases.contract.phase_spec import PhaseSpec

END = events.AttemptEnded(phase="p", attempt=1, ended=1.0, seconds=1.0, reason="exited", code=0)


class Parameters(PhaseParameters):
    output_dir: str
    count: int = Field(10, ge=1)
    batch: int = 1


@pytest.fixture
def built_in(monkeypatch: pytest.MonkeyPatch) -> Phase:
    module = ModuleType("phases.stub.spec")
    module.SPEC = PhaseSpec(Parameters, ())  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "phases.stub", ModuleType("phases.stub"))
    monkeypatch.setitem(sys.modules, "phases.stub.spec", module)
    return phase(run="phases.stub", params={"output_dir": "out"})


def phase(**keys: Any) -> Phase:
    return Phase.model_validate({"id": "p", "title": "P", "estimate": {"hours": (0, 1)}} | keys)


def judge(
    of: Phase, folder: Path, end: events.AttemptEnded = END, state: State | None = None
) -> events.AttemptAssessed:
    return judging.assess_attempt(of, end, folder, state or State(phases=(PhaseRecord("p"),)), Masker({}))


def test_changes_are_checked_against_the_declared_parameters(built_in: Phase) -> None:
    given: dict[str, events.Parameter] = {"output_dir": "out"}
    decide.check_changes(built_in, given, {"count": 3})
    with pytest.raises(Refused, match=r"p has no parameter cuont; expected one of: output_dir, count$"):
        decide.check_changes(built_in, given, {"cuont": 3})
    with pytest.raises(Refused, match=r"p\.count: .* greater than or equal to 1 \(given: 0\)"):
        decide.check_changes(built_in, given, {"count": 0})
    with pytest.raises(Refused, match="batch cannot be set: the decision batch counts it"):
        decide.check_changes(built_in, given, {"batch": 3})


def test_a_built_in_phase_must_leave_a_result_and_a_command_need_not(built_in: Phase, tmp_path: Path) -> None:
    assert judge(built_in, tmp_path).gate == "failed"
    assert "without a result" in judge(built_in, tmp_path).advice[0]
    assert judge(phase(command=["true"]), tmp_path).gate == ""


@pytest.mark.parametrize(
    ("change", "gate", "said"),
    [
        ({"code": 2}, "failed", "It ended with exit code 2"),
        ({"code": None, "signal": 9}, "failed", "It was killed by signal 9"),
        ({"reason": "deadline", "code": None, "signal": 15}, "failed", "deadline"),
        ({"reason": "unknown", "code": None}, "failed", "exit is unknown"),
        ({"reason": "not started: no such file", "code": None}, "failed", "Not started: no such file"),
        ({"reason": "stopped"}, "stopped", "It was stopped"),
        ({"reason": "stalled"}, "stopped", "It stalled and was stopped"),
    ],
)
def test_every_failure_opens_a_gate_that_says_so(
    tmp_path: Path, change: dict[str, Any], gate: str, said: str
) -> None:
    judged = judge(
        phase(command=["x"], gate={"ask": "never"}), tmp_path, msgspec.structs.replace(END, **change)
    )
    assert (judged.gate, judged.verdict) == (gate, "investigate")
    assert said in judged.advice[0]


@pytest.mark.parametrize(
    ("ask", "score", "opens"),
    [
        ("always", 0.9, "plan"),
        ("unless_go", 0.9, ""),
        ("unless_go", 0.1, "plan"),
        ("never", 0.1, ""),
    ],
)
def test_when_a_gate_opens(tmp_path: Path, ask: str, score: float, opens: str) -> None:
    (tmp_path / "result.json").write_text(f'{{"metrics": {{"score": {score}}}}}')
    of = phase(command=["x"], gate={"ask": ask}, criteria=[{"name": "good", "expr": "score > 0.5"}])
    assert judge(of, tmp_path).gate == opens
    assert judge(of, tmp_path, state=State(hold=True, phases=(PhaseRecord("p"),))).gate == "hold"


def test_a_result_may_have_numbers_that_are_not_finite(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"metrics": {"loss": math.nan, "most": math.inf, "steps": 3}}))
    result = judging.read_result(path, Masker({}))
    assert result is not None
    assert result.metrics == {"loss": None, "most": None, "steps": 3}


def test_a_result_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(
        msgspec.json.encode({"metrics": {"text": "x" * 10_000}, "computed_from": {"text": "y" * 10_000}})
    )
    result = judging.read_result(path, Masker({}))
    assert result is not None
    assert len(str(result.metrics["text"])) == len(result.computed_from["text"]) == 2000
    path.write_bytes(msgspec.json.encode({"metrics": {f"m{n}": n for n in range(501)}}))
    with pytest.raises(ValueError, match="more than 500 metrics"):
        judging.read_result(path, Masker({}))
    path.write_bytes(msgspec.json.encode({"metrics": {f"m{n}": "\x01" * 2000 for n in range(500)}}))
    with pytest.raises(ValueError, match="bytes of metrics"):  # each is six bytes in the journal
        judging.read_result(path, Masker({}))
    with path.open("wb") as file:
        file.truncate(100 << 20)
    with pytest.raises(ValueError, match="larger than 8,388,608 bytes"):
        judging.read_result(path, Masker({}))
    path.write_bytes(b"[" * 100_000)
    with pytest.raises(ValueError, match="cannot be read"):
        judging.read_result(path, Masker({}))


def test_the_next_attempts_parameters_follow_the_decision(built_in: Phase) -> None:
    assert decide.next_parameters(built_in, PhaseRecord("p")) == ({"output_dir": "out"}, 1)
    spec = events.AttemptStarted(
        phase="p", attempt=1, parameters={"output_dir": "out", "count": 5}, cookie="c"
    )
    record = PhaseRecord("p", attempts=(AttemptRecord(1, 0, 0, spec),))

    def after(kind: str, **changes: Any) -> tuple[dict[str, Any], int]:
        decision = events.GateDecided(phase="p", attempt=1, kind=kind, by="me", verdict="go", changes=changes)  # type: ignore[arg-type]
        return decide.next_parameters(built_in, msgspec.structs.replace(record, retry_decision=decision))

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
    of = phase(command=["x"], critical=is_critical)
    assessment = events.AttemptAssessed(phase="p", attempt=1, verdict=verdict, gate="plan")
    options = decide.allowed_decisions(of, assessment)
    assert tuple(kind for kind in options if decide.needs_reason(of, assessment, kind)) == expected
