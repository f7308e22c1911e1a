"""Which models of a session can be asked, at each of its gates."""

from pathlib import Path
from typing import Any

import pytest

from app.plan.read import load_plan
from app.plan.schema import Plan
from app.session.asking.available import find_available
from app.session.journal.events import AttemptAssessed, AttemptEnded, AttemptStarted
from app.session.journal.state import AttemptRecord, PhaseRecord, PhaseStatus, State
from phases.contract.questions import AskedModel

PLAN = load_plan(Path("session_plan.toml"), "rehearsal")


def record(plan: Plan, phase: str, status: PhaseStatus, gate: str = "", **changes: Any) -> PhaseRecord:
    started = AttemptStarted(
        phase=phase, attempt=1, parameters={**plan.find_phase(phase).params, **changes}, cookie="c"
    )
    ended = AttemptEnded(phase=phase, attempt=1, ended=1.0, seconds=1.0, reason="exited", code=0)
    assessed = AttemptAssessed(phase=phase, attempt=1, verdict="go", gate=gate)
    attempt = AttemptRecord(1, 0.0, 0.0, started, ended, assessed)
    return PhaseRecord(phase, status, (attempt,))


def find_models(*records: PhaseRecord, plan: Plan = PLAN) -> tuple[AskedModel, ...]:
    return find_available(plan, State(phases=records)).setup.models


BASE = AskedModel("base", "embedded")
SFT = AskedModel("sft", "artifacts/rehearsal/models/sft_model")


def test_a_model_can_be_asked_from_the_gate_of_its_training_on() -> None:
    assert find_models(record(PLAN, "verification", "gate", "plan")) == (BASE,)
    assert find_models(record(PLAN, "sft_training", "gate", "plan")) == (BASE, SFT)
    names = [
        model.name
        for model in find_models(record(PLAN, "sft_training", "done"), record(PLAN, "dpo_training", "done"))
    ]
    assert names == ["base", "sft", "dpo"]


@pytest.mark.parametrize(
    ("status", "gate"),
    [("gate", "failed"), ("gate", "stopped"), ("failed", "failed"), ("skipped", "plan"), ("running", "")],
)
def test_a_training_without_a_usable_result_has_no_model(status: PhaseStatus, gate: str) -> None:
    assert find_models(record(PLAN, "sft_training", status, gate)) == (BASE,)


def test_the_parameters_of_the_last_attempt_count() -> None:
    changed = record(PLAN, "sft_training", "done", output_dir="elsewhere", model="Qwen/Qwen2.5-0.5B")
    assert find_models(changed) == (
        AskedModel("base", "Qwen/Qwen2.5-0.5B"),
        AskedModel("sft", "elsewhere"),
    )


def test_suite_and_limit_are_those_of_the_last_evaluation() -> None:
    planned = find_available(PLAN, State(phases=(PhaseRecord("baseline_evaluation"),))).setup
    assert (planned.suite, planned.max_new_tokens) == ("auto", 96)
    changed = record(PLAN, "baseline_evaluation", "done", suite="stage1", max_new_tokens=300)
    later = PhaseRecord("sft_evaluation")
    setup = find_available(PLAN, State(phases=(changed, later))).setup
    assert (setup.suite, setup.max_new_tokens) == ("stage1", 300)


def test_a_plan_of_other_programs_has_no_model() -> None:
    plan = load_plan(Path("docs/examples/trl/session_plan.toml"))
    available = find_available(plan, State(phases=(PhaseRecord(plan.phases[0].id),)))
    assert available.names == ()
    assert "the phases of this plan are other programs" in available.reason
