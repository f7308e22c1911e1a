"""The effect of a decision before it is taken: on later phases, their memory, the forecast and the budget."""

from collections.abc import Sequence

import msgspec

from app.memory.forecast import Forecast, forecast_memory
from app.memory.shape import make_config_reader
from app.monitor.machine_sample import GpuSample
from app.plan import estimates
from app.plan.schema import Phase, Plan
from app.plan.values import Range
from app.plan.work import scale_estimate
from app.session.gate import later_phases
from app.session.gate.decide import decide
from app.session.journal.events import Parameter
from app.session.journal.journal import Entry
from app.session.journal.state import State, apply
from app.session.memory_prediction import find_gpu_budget
from app.session.money import ledger
from app.session.requests import Decide
from app.session.revised_plan import revise_plan


class PhaseEffect(msgspec.Struct, frozen=True, kw_only=True):
    """The effect of a decision on one later phase; pairs hold the values before and after it.

    Attributes:
        phase: its id.
        title: its title.
        is_left_out: whether it will not run.
        changed: the parameters.
        hours: the estimate.
        usd: the estimate.
        memory: the predicted peak on each GPU in bytes; None if it is not known.
        fits: whether it fits the GPUs afterwards, as far as that is known.
        advice: what to change if it does not.
        unscaled: changed parameters whose effect on the time is not known.
    """

    phase: str
    title: str
    is_left_out: bool
    changed: dict[str, tuple[Parameter, Parameter]]
    hours: tuple[Range, Range]
    usd: tuple[Range, Range]
    memory: tuple[float | None, float | None]
    fits: bool
    advice: str
    unscaled: tuple[str, ...]


class DecisionPreview(msgspec.Struct, frozen=True, kw_only=True):
    """The effect of a decision. `consequences` require a reason."""

    effects: tuple[PhaseEffect, ...]
    forecast_usd: tuple[Range, Range]
    budget_usd: float
    consequences: tuple[str, ...]


def preview_decision(  # noqa: PLR0917 - the inputs of one function
    plan: Plan, state: State, request: Decide, gpus: Sequence[GpuSample], wall: float, mono: float
) -> DecisionPreview:
    """Return the effect of a decision, without recording it.

    Args:
        plan: the plan that the session was started with.
        state: the session, at its gate.
        request: the decision; its reason does not matter.
        gpus: the GPUs of this machine. Without any, memory is predicted for the plan's `pod.gpu`.
        wall: the time.
        mono: the time by the monotonic clock.

    Raises:
        Refused: the gate does not accept the decision.
    """
    event = decide(plan, state, msgspec.structs.replace(request, reason=request.reason or "preview"))
    plain = msgspec.structs.replace(event, plan_changes=None, left_out=None)
    after = apply(state, Entry(1, state.epoch, wall, mono, event))
    without = apply(state, Entry(1, state.epoch, wall, mono, plain))
    old, new = revise_plan(plan, state), revise_plan(plan, after)
    budget = find_gpu_budget(plan, gpus)
    read = make_config_reader(plan.folder)
    memory = (forecast_memory(old, budget, read), forecast_memory(new, budget, read)) if budget else ({}, {})
    changes, left_out = event.plan_changes or {}, event.left_out or []
    waiting = [record.id for record in without.phases if record.status == "waiting"]
    effects = (
        _compare(old, new, phase, memory, changes.get(phase.id, {}), is_left_out=phase.id in left_out)
        for phase in new.phases
        if phase.id in waiting
    )
    return DecisionPreview(
        effects=tuple(each for each in effects if _has_effect(each)),
        forecast_usd=(
            ledger.compute_money(old, without, without.time.elapsed, wall, None).forecast_usd,
            ledger.compute_money(new, after, after.time.elapsed, wall, None).forecast_usd,
        ),
        budget_usd=plan.session.budget_usd,
        consequences=tuple(later_phases.find_consequences(plan, state, changes, left_out)),
    )


def _compare(
    old: Plan,
    new: Plan,
    phase: Phase,
    memory: tuple[dict[str, Forecast], dict[str, Forecast]],
    changed: dict[str, tuple[Parameter, Parameter]],
    *,
    is_left_out: bool,
) -> PhaseEffect:
    before, zero = old.find_phase(phase.id), Range(0.0, 0.0)
    forecasts = [forecasts.get(phase.id, Forecast()) for forecasts in memory]
    needs = [forecast.need.total if forecast.need else None for forecast in forecasts]
    hours, usd = estimates.estimate_hours(phase), estimates.estimate_usd(new, phase)
    return PhaseEffect(
        phase=phase.id,
        title=phase.title,
        is_left_out=is_left_out,
        changed=changed,
        hours=(estimates.estimate_hours(before), zero if is_left_out else hours),
        usd=(estimates.estimate_usd(old, before), zero if is_left_out else usd),
        memory=(needs[0], None if is_left_out else needs[1]),
        fits=is_left_out or forecasts[1].fits,
        advice=forecasts[1].advice,
        unscaled=scale_estimate(old, new, before.model_copy(update={"params": phase.params})).unscaled,
    )


def _has_effect(effect: PhaseEffect) -> bool:
    is_same = effect.hours[0] == effect.hours[1] and effect.usd[0] == effect.usd[1]
    return bool(effect.changed) or effect.is_left_out or not is_same or effect.memory[0] != effect.memory[1]
