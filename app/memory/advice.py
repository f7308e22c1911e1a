"""The smallest change of parameters with which a phase fits the GPU memory."""

from collections.abc import Mapping
from typing import Any, Final

from app.memory.formulas import GIB, Need
from app.memory.needs import GpuBudget, estimate_phase, get_parameter, list_workloads
from app.memory.shape import Shape
from app.plan.schema import Phase, Plan
from phases.contract.phase_spec import load_spec
from phases.contract.workload import Training

LEAST_LENGTH: Final = 128
"""Tokens of a row below which training teaches too little to be advised."""


def advise_fit(plan: Plan, phase: Phase, shape: Shape, gpus: GpuBudget) -> str:
    """Return the smallest change that makes a phase fit.

    Tries the plan's `remedies.oom` one after another, then smaller batches, or shorter rows if the phase
    trains (memory decides how its batches are split), then sharded weights on several GPUs, which are slower.
    """

    def estimate_if_fits(changes: Mapping[str, Any], launcher: str | None = phase.launcher) -> Need | None:
        changed = phase.model_copy(update={"params": {**phase.params, **changes}, "launcher": launcher})
        need = estimate_phase(plan, changed, shape, gpus)
        return need if gpus.fits(need) else None

    remedy: dict[str, Any] = {}
    for step in phase.remedies.get("oom", ()):
        remedy |= step
        if need := estimate_if_fits(remedy):
            return f"with {_as_toml(remedy)} (remedies.oom) it needs {need.total / GIB:.0f} GiB"
    is_training = any(isinstance(workload, Training) for workload in list_workloads(plan, phase))
    name, least = ("max_length", LEAST_LENGTH) if is_training else ("batch_size", 1)
    for launcher, changes in _list_alternatives(phase, gpus):
        value = int(get_parameter(phase, name, 1))
        while value >= least:
            if need := estimate_if_fits(changes, launcher):
                added = "" if launcher == phase.launcher else f'launcher = "{launcher}" and '
                return f"with {added}{_as_toml(changes)} it needs {need.total / GIB:.0f} GiB"
            value //= 2
            changes[name] = value
    return f"no {name} is small enough; use a larger GPU or a smaller model"


def _list_alternatives(phase: Phase, gpus: GpuBudget) -> list[tuple[str | None, dict[str, Any]]]:
    """Return launchers and changes of parameters to try, each with smaller and smaller batches."""
    # transformers fits where vLLM does not: it loads large models in 4 bits.
    engine = {"engine": "transformers"} if get_parameter(phase, "engine") else {}
    alternatives: list[tuple[str | None, dict[str, Any]]] = [(phase.launcher, engine)]
    if gpus.count > 1 and load_spec(str(phase.run)).may_use_launcher:
        alternatives.append(("accelerate", {"shard_weights": True}))
    return alternatives


def _as_toml(changes: Mapping[str, Any]) -> str:
    """Return changes of parameters as a plan writes them."""
    texts = {
        name: str(value).lower() if isinstance(value, bool) else value for name, value in changes.items()
    }
    return ", ".join(f"{name} = {text}" for name, text in texts.items())
