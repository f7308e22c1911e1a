"""The GPU memory that each phase of a plan needs at its peak, before a GPU is rented."""

from dataclasses import dataclass

from app.memory.advice import advise_fit
from app.memory.formulas import Need
from app.memory.needs import GpuBudget, estimate_phase, find_base_model
from app.memory.shape import ReadConfig, UnknownShapeError, load_shape
from app.plan.schema import Phase, Plan


@dataclass(frozen=True)
class Forecast:
    """A phase's memory need, or why it is unknown. `advice` says what to change if it does not fit."""

    need: Need | None = None
    fits: bool = True
    unknown: str = ""
    advice: str = ""


def forecast_memory(plan: Plan, gpus: GpuBudget, read_config: ReadConfig) -> dict[str, Forecast]:
    """Return a forecast for each phase that loads a model, by phase id."""
    forecasts = {}
    for phase in plan.phases:
        model = find_base_model(plan, phase)
        if model is not None:
            forecasts[phase.id] = _forecast_phase(plan, phase, model, gpus, read_config)
    return forecasts


def _forecast_phase(
    plan: Plan, phase: Phase, model: str, gpus: GpuBudget, read_config: ReadConfig
) -> Forecast:
    try:
        shape = load_shape(model, read_config)
    except UnknownShapeError as error:
        return Forecast(unknown=str(error))
    need = estimate_phase(plan, phase, shape, gpus)
    if gpus.fits(need):
        return Forecast(need)
    return Forecast(need, fits=False, advice=advise_fit(plan, phase, shape, gpus))
