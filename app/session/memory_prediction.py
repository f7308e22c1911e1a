"""The GPU memory that the phases of a session are predicted to need on this machine."""

from collections.abc import Sequence

from app.memory.forecast import forecast_memory
from app.memory.needs import GpuBudget, parse_gpu_budget
from app.memory.shape import make_config_reader
from app.monitor.machine_sample import GpuSample
from app.plan.schema import Plan


def predict_memory(plan: Plan, gpus: Sequence[GpuSample]) -> dict[str, float]:
    """Return the predicted peak on each GPU in bytes, by phase, of those whose model's shape is known."""
    budget = measure_gpus(gpus)
    if budget is None:
        return {}
    forecasts = forecast_memory(plan, budget, make_config_reader(plan.folder))
    return {phase: forecast.need.total for phase, forecast in forecasts.items() if forecast.need}


def find_gpu_budget(plan: Plan, gpus: Sequence[GpuSample]) -> GpuBudget | None:
    """Return the GPUs of this machine or, without any, those that the plan's `pod.gpu` names."""
    return measure_gpus(gpus) or parse_gpu_budget(plan.pod.gpu)


def measure_gpus(gpus: Sequence[GpuSample]) -> GpuBudget | None:
    """Return the number and the memory of GPUs, or None if their memory is not known."""
    sizes = [gpu.memory_total for gpu in gpus if gpu.memory_total]
    return GpuBudget(len(sizes), min(sizes)) if sizes else None
