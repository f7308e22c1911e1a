import json
import math
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.plan.schema import Phase
from app.session.gate import judge
from app.session.journal.state import PhaseRecord, State
from app.session.masking import Masker
from tests.session.gate.stub_phase import END, assess, make_phase


def test_a_built_in_phase_must_leave_a_result_and_a_command_need_not(built_in: Phase, tmp_path: Path) -> None:
    assert assess(built_in, tmp_path).gate == "failed"
    assert "without a result" in assess(built_in, tmp_path).advice[0]
    assert assess(make_phase(command=["true"]), tmp_path).gate == ""


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
    judged = assess(
        make_phase(command=["x"], gate={"ask": "never"}), tmp_path, msgspec.structs.replace(END, **change)
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
    of = make_phase(command=["x"], gate={"ask": ask}, criteria=[{"name": "good", "expr": "score > 0.5"}])
    assert assess(of, tmp_path).gate == opens
    assert assess(of, tmp_path, state=State(hold=True, phases=(PhaseRecord("p"),))).gate == "hold"


@pytest.mark.parametrize(
    ("result", "missing"),
    [
        (None, "score, rows"),
        ('{"metrics": {"rows": 3}}', "score"),
        ('{"metrics": {"rows": 3, "score": null}}', ""),
    ],
)
@pytest.mark.parametrize("ask", ["unless_go", "never"])
def test_a_program_that_does_not_report_what_the_plan_expects_is_not_a_go(
    tmp_path: Path, result: str | None, missing: str, ask: str
) -> None:
    if result is not None:
        (tmp_path / "result.json").write_text(result)
    judged = assess(make_phase(command=["x"], reports=["score", "rows"], gate={"ask": ask}), tmp_path)
    assert judged.verdict == ("investigate" if missing else "go")
    assert bool(judged.gate) == bool(missing)
    assert [missing in advice for advice in judged.advice] == ([True] if missing else [])


def test_a_result_may_have_numbers_that_are_not_finite(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"metrics": {"loss": math.nan, "most": math.inf, "steps": 3}}))
    result = judge.read_result(path, Masker({}))
    assert result is not None
    assert result.metrics == {"loss": None, "most": None, "steps": 3}


def test_a_result_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_bytes(b'\xef\xbb\xbf{"metrics": {"score": 1.5}}')
    result = judge.read_result(tmp_path / "result.json", Masker({}))
    assert result is not None
    assert result.metrics == {"score": 1.5}


def test_a_result_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(
        msgspec.json.encode({"metrics": {"text": "x" * 10_000}, "computed_from": {"text": "y" * 10_000}})
    )
    result = judge.read_result(path, Masker({}))
    assert result is not None
    assert len(str(result.metrics["text"])) == len(result.computed_from["text"]) == 2000
    path.write_bytes(msgspec.json.encode({"metrics": {f"m{n}": n for n in range(501)}}))
    with pytest.raises(ValueError, match="more than 500 metrics"):
        judge.read_result(path, Masker({}))
    path.write_bytes(msgspec.json.encode({"metrics": {f"m{n}": "\x01" * 2000 for n in range(500)}}))
    with pytest.raises(ValueError, match="bytes of metrics"):  # each is six bytes in the journal
        judge.read_result(path, Masker({}))
    with path.open("wb") as file:
        file.truncate(100 << 20)
    with pytest.raises(ValueError, match="larger than 8,388,608 bytes"):
        judge.read_result(path, Masker({}))
    path.write_bytes(b"[" * 100_000)
    with pytest.raises(ValueError, match="cannot be read"):
        judge.read_result(path, Masker({}))


@pytest.mark.parametrize(
    ("log", "result", "cause"),
    [
        ("loss: 0.21\nloss: nan\n", "", "nan"),
        ("{'loss': 0.0, 'grad_norm': nan, 'learning_rate': 1e-05}\n", "", "nan"),
        ("loss: 0.3\nloss: 0.21", '{"metrics": {"score": NaN}}', "nan"),
        ("", '{"metrics": {"score": -Infinity}}', "nan"),
        ("", '{"metrics": {"train_loss": null}}', "nan"),
        ("", '{"metrics": {"score": null}}', ""),
        ("Found information for 3 datasets\nloss: 0.2 (+nanz)\n", "", ""),
        ("step 1 grad_norm: inf\nstep 2 grad_norm: 0.5 loss: 1.0\n", "", ""),
    ],
)
@pytest.mark.parametrize("ask", ["unless_go", "never"])
def test_a_program_that_succeeds_with_nan_is_not_a_go(
    tmp_path: Path, log: str, result: str, cause: str, ask: str
) -> None:
    (tmp_path / "output.log").write_text(log)
    if result:
        (tmp_path / "result.json").write_text(result)
    judged = assess(make_phase(command=["x"], gate={"ask": ask}), tmp_path)
    assert judged.cause == cause
    assert (judged.verdict == "go") == (cause == "")
    assert bool(judged.gate) == bool(cause)


def test_no_rule_accepts_nan_and_a_stop_stays_a_stop(tmp_path: Path) -> None:
    (tmp_path / "output.log").write_text("score=1\nloss: nan\n")
    for verdict, expected in (("go", "investigate"), ("stop", "stop")):
        of = make_phase(
            command=["x"],
            metrics={"score": r"score=(\d)"},
            gate={"rules": [{"when": "score > 0", "verdict": verdict}]},
        )
        assert assess(of, tmp_path).verdict == expected


def test_the_gate_names_a_gradient_that_recovered_and_a_pattern_without_a_match(tmp_path: Path) -> None:
    (tmp_path / "output.log").write_text("step 1 grad_norm: inf\nstep 2 grad_norm: 0.5\n")
    advice = assess(make_phase(command=["x"], metrics={"loss": r"loss=(\d)"}), tmp_path).advice
    assert any(
        "Not a cause, because later values are finite: 1 value of grad_norm" in text for text in advice
    )
    assert any(text.startswith("The pattern of loss has matched nothing in the log") for text in advice)


@pytest.mark.parametrize(
    ("verdict", "end"),
    [("go", judge.ACCEPTED), ("investigate", "train for more epochs."), ("stop", "epochs.")],
)
def test_the_advice_on_a_diagnosis_does_not_contradict_a_go(tmp_path: Path, verdict: str, end: str) -> None:
    (tmp_path / "result.json").write_text('{"metrics": {"first_loss": 2.0, "loss": 2.5}}')
    of = make_phase(command=["x"], gate={"rules": [{"when": "loss > 1", "verdict": verdict}]})
    judged = assess(of, tmp_path)
    assert (judged.verdict, judged.cause) == (verdict, "loss")
    [advice] = judged.advice
    assert advice.startswith("The loss did not fall (loss 2.5, first_loss 2).")
    assert advice.endswith(end)
