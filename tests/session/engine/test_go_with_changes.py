"""A session whose later phases are changed at a gate, from the command line to its reproduction."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from app import cli
from app.session import reproduce

Phase = Callable[..., dict[str, Any]]
RESULT = 'echo \'{"metrics": {"x": 1}}\' > $GONOGO_RESULT; echo $0 $@'

BAD_INPUT = [
    ("go --set p2.cuont=1", "p2 has no parameter cuont; expected one of: count, rate, tag, fast"),
    ("go --set p2.count=many", "p2.count: expected a whole number (given: 'many')"),
    ("go --set p2.count=true", "p2.count: expected a whole number (given: True)"),
    ("go --set p2.rate=NaN", "p2.rate: expected a finite number (given: nan)"),
    ("go --set p2.count=99999999999999999999", "p2.count: expected a finite number of at most 64 bits"),
    ('go --set p2.tag={"a":1}', "expected a number, a text, true, false, or a list of these"),
    ("go --set p2.tag={seed}", "p2.tag: expected the value itself in place of {seed}"),
    ("go --set p2.batch=2", "batch cannot be set"),
    ("go --set p2.count=1 --set p2.count=2", "expected one value of p2.count, found two"),
    ("go --set p1.x=1", "p1 has already run; use retry to run it again"),
    ("go --set p9.x=1", "the plan has no phase p9; expected one of the later phases: p2, p3, p4"),
    ("go --set p2=1", "expected PHASE.PARAMETER=VALUE"),
    ("go --leave-out p1", "p1 has already run"),
    ("go --leave-out p3 --set p3.output_dir=b", "p3 is named twice"),
    ("skip --leave-out p3", "skip cannot change or leave out later phases; use go"),
    ("retry --set p2.count=1", "expected a parameter of p1, whose gate is open"),
]


@pytest.fixture
def session(toy: Any, sh: Phase) -> Any:
    toy.start(
        sh(RESULT, reports=["x"], gate={"ask": "always"}),
        sh(RESULT, reports=["x"], params={"count": 3000, "rate": 0.5, "tag": "a", "fast": True}),
        sh(RESULT, reports=["x"], params={"output_dir": "out/dpo"}, critical=False),
        sh(
            RESULT,
            reports=["x"],
            params={"model": "out/dpo"},
            criteria=[{"name": "as good", "expr": "x >= p3.x"}],
        ),
    )
    toy.gate()
    return toy


def run(toy: Any, *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments], cwd=toy.root, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
    )  # fmt: skip
    assert done.returncode == code, done.stdout
    return done.stdout


def read_decisions(toy: Any) -> list[dict[str, Any]]:
    lines = map(json.loads, (toy.folder / "journal.jsonl").read_text().splitlines())
    return [line["data"] for line in lines if line["type"] == "decided"]


def test_a_go_changes_and_leaves_out_later_phases_for_good(session: Any) -> None:
    change = ("--set", "p2.count=5000", "--leave-out", "p3")
    refusal = run(session, "decide", "go", *change, code=2)
    assert 'criterion "as good" of Phase 4 refers to Phase 3, so its gate will open' in refusal
    assert "Phase 4 reads what Phase 3 writes (model)" in refusal
    preview = run(session, "decide", "go", *change, "--preview")
    assert "Phase 2: count 3000 -> 5000" in preview
    assert "Phase 3: left out, saves 6-12m" in preview
    assert "forecast $1.08-2.16 -> $0.72-1.44 of $10: within the budget" in preview
    assert read_decisions(session) == []

    run(session, "decide", "go", *change, "--reason", "no pairs")
    assert read_decisions(session)[0]["plan_changes"] == {"p2": {"count": [3000, 5000]}}
    session.kill_conductor()
    session.rejoin()
    gate = session.gate().gate
    assert (gate.phase, gate.because, gate.verdict) == ("p4", "unknown", "investigate")
    assert 'Criterion "as good" cannot be evaluated: p3 was left out.' in gate.advice
    assert "--count 5000" in (session.locate_attempt("p2") / "output.log").read_text()
    assert not session.locate_attempt("p3").exists()

    status = json.loads(run(session, "status", "--json"))
    states = {phase["id"]: phase["state"] for phase in status["phases"]}
    assert states == {"p1": "done", "p2": "done", "p3": "left_out", "p4": "gate"}
    assert status["phases"][1]["changed"] == {"count": [3000, 5000]}
    assert status["decisions"][0]["left_out"] == ["p3"]
    assert "left out" in run(session, "status")
    run(session, "report", "--output", "report")
    report = (session.root / "report" / "report.md").read_text()
    assert "p2.count = 5000 (was 3000), p3 left out" in report.replace("\\", "")

    plan = reproduce.load_recorded_plan(session.folder, session.root)
    assert [phase.id for phase in plan.phases] == ["p1", "p2", "p4"]
    assert plan.find_phase("p2").params["count"] == 5000
    changes = reproduce.describe_plan_changes(session.folder)
    assert changes == ["p2.count = 5000, was 3000", "p3 was left out"]


def test_bad_input_is_one_clear_message_and_nothing_is_recorded(
    session: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(session.root)
    for arguments, message in BAD_INPUT:
        assert cli.main(["decide", *arguments.split(" ")]) == 2, arguments
        answer = capsys.readouterr().err
        assert message in answer
        assert answer.count("\n") == 1
    assert read_decisions(session) == []
