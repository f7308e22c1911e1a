"""The GPU memory that the phases of a session are predicted to need on this machine."""

from collections.abc import Sequence

from app.memory.forecast import forecast_memory
from app.memory.needs import GpuBudget
from app.memory.shape import local_config
from app.monitor.machine_sample import GpuSample
from app.plan.schema import Plan


def predict_memory(plan: Plan, gpus: Sequence[GpuSample]) -> dict[str, float]:
    """Return the predicted peak on each GPU in bytes, by phase, of those whose model's shape is known."""
    sizes = [gpu.memory_total for gpu in gpus if gpu.memory_total]
    if not sizes:
        return {}
    budget = GpuBudget(len(sizes), min(sizes))
    forecasts = forecast_memory(plan, budget, local_config(plan.folder))
    return {phase: forecast.need.total for phase, forecast in forecasts.items() if forecast.need}
