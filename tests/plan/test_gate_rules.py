"""Verdicts: the first rule that holds decides, and otherwise the criteria."""

import math

import pytest

from app.plan.gate_rules import assess_phase
from app.plan.schema import Phase
from phases.contract.protocol import Value


def phase(**more: object) -> Phase:
    return Phase.model_validate(
        {
            "id": "phase",
            "title": "A phase",
            "command": ["true"],
            "estimate": {"hours": [0, 1]},
            "criteria": [{"name": "good rate", "expr": "rate > 0.6"}],
            **more,
        }
    )


RULES = {
    "rules": [
        {"when": 'verdict == "bad"', "verdict": "stop", "advice": "Stop here."},
        {"when": "rate < 0.4", "verdict": "investigate", "advice": "Look at the data."},
        {"when": "rate > 0.9", "verdict": "go"},
    ]
}


@pytest.mark.parametrize(
    ("metrics", "verdict", "advice"),
    [
        ({"verdict": "ok", "rate": 0.7}, "go", ()),
        ({"verdict": "ok", "rate": 0.5}, "investigate", ("Not met: good rate.",)),
        ({"verdict": "ok", "rate": 0.3}, "investigate", ("Look at the data.",)),
        ({"verdict": "ok", "rate": 0.95}, "go", ()),
        ({"verdict": "bad", "rate": 0.95}, "stop", ("Stop here.",)),
        ({"rate": 0.95}, "investigate", ('Rule `verdict == "bad"`: no value: verdict.',)),
        ({"verdict": "ok", "rate": math.nan}, "investigate", ("Rule `rate < 0.4`: no value: rate.",)),
    ],
)
def test_the_first_rule_that_holds_or_is_unknown_decides(
    metrics: dict[str, Value], verdict: str, advice: tuple[str, ...]
) -> None:
    assessment = assess_phase(phase(gate=RULES), metrics, {})
    assert (assessment.verdict, assessment.advice) == (verdict, advice)


def test_without_rules_the_criteria_decide() -> None:
    assert assess_phase(phase(), {"rate": 0.7}, {}).verdict == "go"
    assert assess_phase(phase(criteria=[]), {}, {}).verdict == "go"
    unknown = assess_phase(phase(), {}, {})
    assert unknown.verdict == "investigate"
    assert unknown.advice == ("Not met: good rate (no value: rate).",)
