from pathlib import Path
from typing import Any

import pytest

from app.memory.formulas import GIB
from app.plan.read import load_plan
from app.plan.schema import Phase, Plan, Pod, Session
from app.plan.work import scale_estimate
from app.session.gate.decide import decide
from app.session.gate.decision_preview import DecisionPreview, preview_decision
from app.session.gate.later_phases import find_consequences, find_lost_conditions
from app.session.journal import events
from app.session.journal.fold import fold
from app.session.journal.journal import Entry
from app.session.journal.state import InvalidEventError, State, apply
from app.session.preview_text import format_preview
from app.session.requests import Decide, Refused
from app.session.revised_plan import revise_plan

PAIRS = {"model": "out/sft", "count": 3000, "candidates_per_prompt": 4, "output_dir": "out/pairs"}
DPO = {
    "sft_model": "out/sft",
    "preference_file": "out/pairs/pairs_*.jsonl",
    "output_dir": "out/dpo",
    "epochs": 1,
    "batch_size": 2,
}


def phase(name: str, **keys: Any) -> Phase:
    base = {"id": name, "title": name.title(), "estimate": {"hours": (1, 2), "usd": (2, 4)}}
    return Phase.model_validate(base | keys)


PLAN = Plan(
    path=Path("plan.toml"),
    folder=Path(),
    profile=None,
    session=Session(name="S", model="none", budget_usd=20),
    pod=Pod(gpu="none", usd_per_hour=2),
    phases=(
        phase("evaluation", command=["x"]),
        phase("pairs", run="phases.preference_pairs", params=PAIRS),
        phase("dpo", run="phases.dpo_training", params=DPO),
        phase(
            "final",
            command=["x"],
            critical=False,
            criteria=[{"name": "trained", "expr": "dpo.final_train_loss < 1"}],
        ),
    ),
)


def at_gate(*more: events.AnyEvent, gate: str = "plan") -> State:
    return at_gate_after("evaluation", [each.id for each in PLAN.phases], *more, gate=gate)


def at_gate_after(name: str, phases: list[str], *more: events.AnyEvent, gate: str = "plan") -> State:
    history: list[events.AnyEvent] = [
        events.SessionStarted(
            id="s", plan_sha256="0", profile="", seed=1, phases=phases, approved="test", usd_per_hour=2.0,
            budget_usd=20.0,
        ),
        events.AttemptStarted(phase=name, attempt=1, parameters={}, cookie="c"),
        events.AttemptEnded(phase=name, attempt=1, ended=1, seconds=1, reason="exited", code=0),
        events.AttemptAssessed(phase=name, attempt=1, verdict="go", gate=gate),
        *more,
    ]  # fmt: skip
    return fold(Entry(n + 1, 1, 100.0 + n, float(n), event) for n, event in enumerate(history))


def go(reason: str = "", left_out: tuple[str, ...] = (), **changes: dict[str, Any]) -> Decide:
    return Decide(
        phase="evaluation", attempt=1, kind="go", by="me", reason=reason, plan_changes=changes,
        left_out=left_out,
    )  # fmt: skip


def after(request: Decide) -> State:
    state = at_gate()
    return apply(state, Entry(9, 1, 200, 100, decide(PLAN, state, request)))


def preview(request: Decide) -> DecisionPreview:
    return preview_decision(PLAN, at_gate(), request, (), 200.0, 100.0)


def test_changed_parameters_are_what_the_phase_starts_with_and_scale_its_estimate() -> None:
    revised = revise_plan(PLAN, after(go(pairs={"count": 6000}, dpo={"epochs": 3})))
    assert revised.find_phase("pairs").params == {**PAIRS, "count": 6000}
    assert revised.find_phase("pairs").estimate.hours == (2, 4)
    # Twice the rows, three times.
    assert revised.find_phase("dpo").estimate.usd == (12, 24)
    assert revised.find_phase("final") == PLAN.find_phase("final")
    assert revise_plan(revised, after(go(pairs={"count": 6000}, dpo={"epochs": 3}))) == revised


def test_a_value_is_recorded_as_the_phase_reads_it() -> None:
    event = decide(PLAN, at_gate(), go(pairs={"count": 5e3}))
    assert event.plan_changes == {"pairs": {"count": (3000, 5000)}}
    assert type(event.plan_changes["pairs"]["count"][1]) is int
    assert decide(PLAN, at_gate(), go(pairs={"count": 3000})).plan_changes is None


def test_a_default_is_the_old_value_of_a_parameter_that_the_plan_does_not_name() -> None:
    event = decide(PLAN, at_gate(), go(dpo={"beta": 0.2}))
    assert event.plan_changes == {"dpo": {"beta": (0.1, 0.2)}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pairs": {"count": 0}}, r"pairs\.count: .*greater than or equal to 1 \(given: 0\)"),
        ({"pairs": {"coutn": 1}}, "pairs has no parameter coutn; expected one of: .*count"),
        ({"dpo": {"beta": "much"}}, r"dpo\.beta: .*valid number.*\(given: 'much'\)"),
        ({"dpo": {"shard_weights": True}}, r"dpo\.shard_weights: expected only with launcher"),
        ({"dpo": {"output_dir": "{artifacts}/x"}}, r"dpo\.output_dir: expected the value itself"),
        ({"pairs": {"count": None}}, r"pairs\.count: "),
        ({"final": {"command": "rm"}}, "final has no parameter command; expected one of: none"),
        ({"evaluation": {"x": 1}}, "evaluation has already run"),
    ],
)  # fmt: skip
def test_a_value_is_checked_by_the_phase_and_the_plan(changes: Any, message: str) -> None:
    with pytest.raises(Refused, match=message):
        decide(PLAN, at_gate(), go("because", **changes))


@pytest.mark.parametrize("name", ["command", "environment", "secrets", "run", "estimate"])
def test_only_parameters_can_be_changed(name: str) -> None:
    for phase_id in ("pairs", "final"):
        with pytest.raises(Refused, match=f"{phase_id} has no parameter {name}"):
            decide(
                PLAN,
                at_gate(),
                Decide(
                    phase="evaluation",
                    attempt=1,
                    kind="go",
                    by="me",
                    reason="r",
                    plan_changes={phase_id: {name: "x"}},
                ),
            )


def test_leaving_out_says_what_will_be_missing_and_needs_a_reason() -> None:
    with pytest.raises(Refused, match="go needs a reason: Dpo is a critical phase") as refused:
        decide(PLAN, at_gate(), go(left_out=("dpo",)))
    assert 'criterion "trained" of Final refers to Dpo, so its gate will open' in str(refused.value)
    with pytest.raises(Refused, match=r"Dpo reads what Pairs writes \(preference_file\)"):
        decide(PLAN, at_gate(), go(left_out=("pairs",)))
    with pytest.raises(Refused) as refused:
        decide(PLAN, at_gate(), go(left_out=("pairs",), dpo={"preference_file": "own.jsonl"}))
    assert "reads what" not in str(refused.value)
    assert decide(PLAN, at_gate(), go(left_out=("final",))).left_out == ["final"]


def test_many_conditions_on_a_phase_that_is_left_out_are_one_consequence() -> None:
    criteria = [{"name": n, "expr": f"{n} > dpo.loss"} for n in ("a", "b")]
    rules = [{"when": "c > dpo.loss", "verdict": "go", "advice": "go"}]
    phases = [each for each in PLAN.phases if each.id != "final"]
    final = phase("final", command=["x"], criteria=criteria, gate={"rules": rules})
    plan = PLAN.model_copy(update={"phases": (*phases, final)})
    assert find_consequences(plan, at_gate(), {}, ["dpo"]) == [
        "Dpo is a critical phase",
        "3 criteria and rules of Final refer to Dpo, so its gate will open",
    ]


def test_a_condition_on_a_phase_without_a_result_is_lost() -> None:
    final = PLAN.find_phase("final")
    assert find_lost_conditions(final, at_gate().phases) == []  # dpo is still to come.
    lost = 'Criterion "trained" cannot be evaluated: dpo was left out.'
    assert find_lost_conditions(final, after(go("r", ("dpo",))).phases) == [lost]
    without = [record for record in at_gate().phases if record.id != "dpo"]
    assert find_lost_conditions(final, without) == [
        'Criterion "trained" cannot be evaluated: dpo is not part of this session.'
    ]


def test_the_preview_shows_estimates_and_forecast_on_both_sides() -> None:
    shown = preview(go(pairs={"count": 6000}, dpo={"batch_size": 4}))
    pairs, dpo = shown.effects
    assert (pairs.hours[0].high, pairs.hours[1].high) == (2, 4)
    assert (dpo.unscaled, dpo.usd[1].low) == (("batch_size",), 4)
    before, then = shown.forecast_usd
    assert then.high - before.high == pytest.approx(8)
    assert shown.budget_usd == 20


def test_the_preview_of_a_phase_left_out_saves_its_estimate_and_needs_no_reason() -> None:
    shown = preview(go(left_out=("dpo",)))
    assert [effect.phase for effect in shown.effects] == ["dpo"]
    assert shown.forecast_usd[0].low - shown.forecast_usd[1].low == pytest.approx(2)
    assert any("refers to Dpo" in text for text in shown.consequences)


def test_the_fold_rejects_changes_to_phases_that_have_started() -> None:
    def entry(**fields: Any) -> Entry:
        values: dict[str, Any] = {
            "phase": "evaluation", "attempt": 1, "kind": "go", "by": "me", "verdict": "go",
            **fields,
        }  # fmt: skip
        return Entry(9, 1, 200, 100, events.GateDecided(**values))

    for fields in (
        {"left_out": ["evaluation"]},
        {"plan_changes": {"evaluation": {"x": (1, 2)}}},
        {"left_out": ["nothing"]},
        {"left_out": ["dpo"], "plan_changes": {"dpo": {"epochs": (1, 2)}}},
        {"left_out": ["dpo"], "kind": "skip"},
    ):
        with pytest.raises(InvalidEventError):
            apply(at_gate(), entry(**fields))


def test_at_a_gate_before_a_phase_its_own_parameters_can_change() -> None:
    state = at_gate(events.OverBudget(phase="pairs", attempt=1, left_usd=1.0, needs_usd=2.0), gate="")
    request = Decide(
        phase="pairs", attempt=1, kind="go", by="me", reason="less", plan_changes={"pairs": {"count": 500}}
    )
    then = apply(state, Entry(9, 1, 200, 100, decide(PLAN, state, request)))
    assert (then.find_phase("pairs").status, then.find_phase("pairs").changes) == ("waiting", {"count": 500})


def test_a_longer_limit_of_each_unit_widens_the_estimate() -> None:
    old = PLAN.find_phase("pairs").model_copy(update={"params": {**PAIRS, "max_new_tokens": 256}})
    new = old.model_copy(update={"params": {**PAIRS, "max_new_tokens": 512}})
    before, later = (PLAN.model_copy(update={"phases": (each,)}) for each in (old, new))
    assert scale_estimate(before, later, new).phase.estimate.hours == (1, 4)


def test_the_preview_predicts_memory_for_the_gpu_of_the_plan() -> None:
    plan = load_plan(Path(__file__).parents[3] / "session_plan.toml")
    names = [each.id for each in plan.phases]
    state = at_gate_after(names[0], names)
    request = Decide(
        phase=names[0], attempt=1, kind="go", by="me", plan_changes={"sft_training": {"lora_r": 256}}
    )
    shown = preview_decision(plan, state, request, (), 200.0, 100.0)
    (effect,) = [each for each in shown.effects if each.phase == "sft_training"]
    before, later = effect.memory
    assert before is not None
    assert later is not None
    assert later > before > 10 * GIB
    small = plan.model_copy(update={"pod": plan.pod.model_copy(update={"gpu": "A10 24GB"})})
    shown = preview_decision(small, state, request, (), 200.0, 100.0)
    (effect,) = [each for each in shown.effects if each.phase == "sft_training"]
    assert not effect.fits
    assert any("does not fit" in line for line in format_preview(shown))
