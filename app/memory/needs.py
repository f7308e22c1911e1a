"""The peak GPU memory of one phase of a plan, under each setting that the phase tries."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final

from app.memory.formulas import (
    GIB,
    Need,
    estimate_generation,
    estimate_scoring,
    estimate_serving,
    estimate_training,
)
from app.memory.shape import Shape
from app.plan.schema import Phase, Plan
from phases.contract.micro_batch import list_settings
from phases.contract.parameters import wrap_single_values
from phases.contract.phase_spec import load_spec
from phases.contract.tensor_parallel import list_tensor_parallel_sizes
from phases.contract.workload import ModelContext, Scoring, Training, Workload

USABLE_SHARE: Final = 0.95
"""Share of a GPU's memory that is usable; the rest is lost to error correction and fragmentation."""


@dataclass(frozen=True)
class GpuBudget:
    """The GPUs that a plan is checked against: their number and the bytes of each."""

    count: int
    memory: float

    def fits(self, need: Need) -> bool:
        """Return whether a phase fits each of the GPUs."""
        return need.total <= USABLE_SHARE * self.memory


def parse_gpu_budget(text: str) -> GpuBudget | None:
    """Return the GPUs that a text such as `80GB`, `2x80GB` or `A100 SXM 80GB` names, or None."""
    count = re.match(r"\s*(\d{1,4})\s*x\s*", text)
    memory = re.search(r"(\d{1,4})\s*GB\b", text, re.IGNORECASE)
    return GpuBudget(int(count[1]) if count else 1, int(memory[1]) * GIB) if memory else None


def find_base_model(plan: Plan, phase: Phase) -> str | None:
    """Return the base model of a phase, following adapters that earlier phases train; None if it has none."""
    if phase.run is None:
        return None
    trainer = _find_trainer(plan, phase)
    if trainer is not None:
        return find_base_model(plan, trainer)
    name = _get_model(phase)
    return name if isinstance(name, str) else None


def estimate_phase(plan: Plan, phase: Phase, shape: Shape, gpus: GpuBudget) -> Need:
    """Return what a phase needs with the first of its settings that fits, or with the last."""
    needs = list(estimate_settings(plan, phase, shape, gpus))
    return next((need for need in needs if gpus.fits(need)), needs[-1])


def estimate_settings(plan: Plan, phase: Phase, shape: Shape, gpus: GpuBudget) -> Iterator[Need]:
    """Yield what a phase needs under each setting that it tries, in that order."""
    rank = _get_adapter_rank(plan, phase)
    workloads = list_workloads(plan, phase)
    training = next((workload for workload in workloads if isinstance(workload, Training)), None)
    if training is not None:
        yield from _estimate_training_settings(phase, training, shape, rank, gpus)
    elif is_served_by_vllm(phase, shape):
        sizes = list_tensor_parallel_sizes(gpus.count, shape.num_attention_heads)
        for eight_bit in (False, True):
            for size in sizes:
                yield estimate_serving(shape, eight_bit=eight_bit, sharded_over=size)
    else:
        needs = [_estimate_batch(shape, workload, rank) for workload in workloads]
        yield max(needs, key=lambda need: need.total)


def is_served_by_vllm(phase: Phase, shape: Shape) -> bool:
    """Return whether a phase generates with vLLM."""
    engine = get_parameter(phase, "engine", "transformers")
    return engine == "vllm" or (engine == "auto" and shape.is_four_bit)


def list_workloads(plan: Plan, phase: Phase) -> tuple[Workload, ...]:
    """Return what a phase holds in GPU memory at once; nothing if it loads no model."""
    spec = load_spec(str(phase.run))
    parameters = spec.parameters.model_validate(wrap_single_values(spec.parameters, phase.params))
    return spec.workloads(parameters, ModelContext(find_base_model(plan, phase) or "", plan.folder))


def get_parameter(phase: Phase, name: str, default: Any = None) -> Any:
    """Return a parameter of a built-in phase: the plan's value, or else the phase's default."""
    if name in phase.params:
        return phase.params[name]
    field = load_spec(str(phase.run)).parameters.model_fields.get(name)
    return default if field is None else field.default


def _estimate_training_settings(
    phase: Phase, training: Training, shape: Shape, rank: int, gpus: GpuBudget
) -> Iterator[Need]:
    sharded = phase.launcher is not None and training.shard_weights
    settings = list_settings(
        shape.num_hidden_layers,
        step_tokens=training.step_tokens,
        sequence_tokens=training.sequence_tokens,
        checkpointing=training.checkpointing,
        sharded=sharded,
    )
    for setting in settings:
        yield estimate_training(
            shape,
            setting=setting,
            rank=rank,
            fused=not sharded,
            reference=training.reference,
            processes=gpus.count if phase.launcher else 1,
            sharded_over=gpus.count if sharded else 1,
        )


def _estimate_batch(shape: Shape, workload: Workload, rank: int) -> Need:
    if isinstance(workload, Scoring):
        return estimate_scoring(shape, workload, rank)
    assert not isinstance(workload, Training)
    return estimate_generation(shape, workload, rank)


def _get_model(phase: Phase) -> object:
    return phase.params.get("model", phase.params.get("sft_model"))


def _find_trainer(plan: Plan, phase: Phase) -> Phase | None:
    """Return the earlier phase that trains the adapter that a phase loads."""
    folder = _get_model(phase)
    if not folder:
        return None
    for earlier in takewhile(lambda each: each.id != phase.id, plan.phases):
        # Only training phases may use a launcher.
        is_training = earlier.run is not None and load_spec(earlier.run).may_use_launcher
        if is_training and earlier.params.get("output_dir") == folder:
            return earlier
    return None


def _get_adapter_rank(plan: Plan, phase: Phase) -> int:
    """Return the rank of the adapter that a phase trains or loads; 0 for none."""
    rank = get_parameter(phase, "lora_r")
    if rank is not None:
        return int(rank)
    trainer = _find_trainer(plan, phase)
    return 0 if trainer is None else _get_adapter_rank(plan, trainer)
