"""Check that the GPU is the planned one, works, is free, and has memory for the model."""

import re
from collections.abc import Iterator, Mapping

from app.memory.forecast import Forecast, forecast_memory
from app.memory.needs import GpuBudget
from app.memory.shape import make_config_reader
from app.plan.schema import Plan
from app.preflight.checks.finding import Outcome, fail, ok, warn
from app.preflight.checks.model import BYTES_PER_PARAMETER, count_parameters, list_models
from app.preflight.probes import GpuDevice, GpuInventory, Probes
from app.units import format_gib
from phases.contract.models import FOUR_BIT_THRESHOLD
from phases.contract.phase_spec import load_spec

_GB = 1e9
_FOUR_BIT_BYTES_PER_PARAMETER = 0.6  # With scales.
_NO_GPU = ("none", "cpu", "this machine")
_BF16_CAPABILITY = (8, 0)
_BUSY_SHARE = 0.05
_PLANNED_MEMORY_TOLERANCE = 0.9
_TIGHT_SHARE = 0.7


def check_gpu(plan: Plan, probes: Probes) -> Iterator[Outcome]:
    """Check that the GPU is the planned one, works, is free, and has memory for the phases."""
    planned, inventory = plan.pod.gpu, probes.list_gpus()
    if not inventory.devices:
        yield _check_no_gpu(planned, inventory)
        return
    device = inventory.devices[0]
    hidden = f", {inventory.hidden} hidden by CUDA_VISIBLE_DEVICES" if inventory.hidden else ""
    yield ok(
        f"{len(inventory.devices)} x {device.name}, {_format_device_memory(device)}, "
        f"capability {_format_capability(device)}, driver {inventory.driver}{hidden}"
    )
    if planned.lower() not in _NO_GPU:
        yield from _compare_with_plan(planned, device)
    for each in inventory.devices:
        yield from _check_device(each, f"GPU {each.number}: " if len(inventory.devices) > 1 else "")
    yield from _check_parallel_training(plan, len(inventory.devices))
    yield from _check_memory(plan, inventory, probes)


def _check_no_gpu(planned: str, inventory: GpuInventory) -> Outcome:
    if planned.lower() in _NO_GPU:
        return ok(f"no GPU, as planned ({planned})")
    cause = inventory.error or "the driver lists none"
    return fail(f"no GPU: {cause}; planned {planned}", "Rent a pod with one, or repair nvidia-smi")


def _format_device_memory(device: GpuDevice) -> str:
    return "memory unknown" if device.memory_total is None else _format_gib(device.memory_total)


def _format_capability(device: GpuDevice) -> str:
    return ".".join(map(str, device.capability)) if device.capability else "unknown"


def _compare_with_plan(planned: str, device: GpuDevice) -> Iterator[Outcome]:
    gigabytes = re.search(r"(\d+)\s*GB", planned, re.IGNORECASE)
    # A GPU's model is a word with a digit: A100, 4090, L40S.
    models = re.findall(r"\b(?=\w*\d)\w{3,}\b", re.sub(r"\d+\s*GB", "", planned, flags=re.IGNORECASE))
    total = device.memory_total
    if gigabytes and total is not None and total < _PLANNED_MEMORY_TOLERANCE * int(gigabytes[1]) * _GB:
        yield fail(
            f"it has {_format_gib(total)}; planned {planned}",
            "Rent the planned GPU, or correct pod.gpu and the parameters",
        )
    elif any(model.lower() not in device.name.lower() for model in models):
        yield warn(
            f"it is {device.name}; planned {planned}",
            "Rent the planned GPU, or correct pod.gpu and pod.usd_per_hour",
        )


def _check_device(device: GpuDevice, prefix: str) -> Iterator[Outcome]:
    if device.capability and device.capability < _BF16_CAPABILITY:
        yield warn(
            f"{prefix}capability {_format_capability(device)} has slow bfloat16, or none",
            "Rent a GPU of capability 8.0 or higher",
        )
    used, total = device.memory_used, device.memory_total
    if used is not None and total is not None and used > _BUSY_SHARE * total:
        yield warn(
            f"{prefix}{_format_gib(used)} of its memory are already in use",
            "Find the process with nvidia-smi and end it",
        )


def _check_parallel_training(plan: Plan, count: int) -> Iterator[Outcome]:
    trainings = [phase for phase in plan.phases if phase.run and load_spec(phase.run).may_use_launcher]
    if count > 1 and trainings and not any(phase.launcher for phase in trainings):
        yield warn(
            f"{count} GPUs, but every training phase uses only one",
            'Set launcher = "accelerate" in a training phase to use all',
        )


def _check_memory(plan: Plan, inventory: GpuInventory, probes: Probes) -> Iterator[Outcome]:
    known = [device.memory_free for device in inventory.devices if device.memory_free is not None]
    if len(known) < len(inventory.devices):
        yield warn(
            "the driver does not report its memory, as with memory that a GPU shares with the host",
            "Compare `gonogo check --gpu SIZE` with the memory that is free",
        )
        return
    free = min(known)
    budget = GpuBudget(len(inventory.devices), free)
    forecasts = forecast_memory(plan, budget, make_config_reader(plan.folder))
    yield from _compare_forecasts(plan, forecasts, free)
    if any(forecast.unknown for forecast in forecasts.values()):
        for name in list_models(plan):
            parameters = count_parameters(name, plan, probes)
            if parameters is not None:
                yield _check_weights(name, parameters, free)


def _compare_forecasts(plan: Plan, forecasts: Mapping[str, Forecast], free: int) -> Iterator[Outcome]:
    needs = {name: forecast.need.total for name, forecast in forecasts.items() if forecast.need}
    too_large = [name for name in needs if not forecasts[name].fits]
    for name in too_large:
        title = plan.find_phase(name).title
        yield fail(
            f"{title}: needs {_format_gib(needs[name])} of {_format_gib(free)} free",
            f"Change its parameters: {forecasts[name].advice}",
        )
    if needs and not too_large:
        largest = max(needs, key=needs.__getitem__)
        title = plan.find_phase(largest).title
        yield ok(f"{title} needs most: {_format_gib(needs[largest])} of {_format_gib(free)} free")


def _check_weights(name: str, parameters: float, free: int) -> Outcome:
    is_four_bit = parameters >= FOUR_BIT_THRESHOLD
    weights = parameters * (_FOUR_BIT_BYTES_PER_PARAMETER if is_four_bit else BYTES_PER_PARAMETER)
    message = f"{name}: its weights need {_format_gib(weights)} of {_format_gib(free)} free"
    if weights > free:
        return fail(message, "Choose a smaller model or a larger GPU")
    if weights > _TIGHT_SHARE * free:
        return warn(message, "Use batch_size = 1, a shorter max_length or a larger GPU for training")
    return ok(message)


def check_attention(plan: Plan, probes: Probes) -> Iterator[Outcome]:
    """Check that torch can use the GPU and runs flash attention on it."""
    if not probes.list_gpus().devices:
        yield ok("no GPU, so nothing to check")
        return
    torch = probes.probe_torch()
    if torch.error or not torch.usable:
        cause = torch.error or "it sees no GPU"
        yield fail(
            f"torch {torch.version} (CUDA {torch.cuda or 'none'}) cannot use the GPU: {cause}",
            "Install a torch for this driver's CUDA, or rent a pod with a newer driver",
        )
    elif not torch.flash:
        yield warn(
            f"torch {torch.version}: no flash attention, so generation is slow",
            "Use a newer GPU or a newer torch",
        )
    else:
        yield ok(f"torch {torch.version}, CUDA {torch.cuda}: flash attention works")


def check_four_bit(plan: Plan, probes: Probes) -> Iterator[Outcome]:
    """Check that bitsandbytes is installed if a model is loaded in 4 bits."""
    large = [
        name
        for name in list_models(plan)
        if (count_parameters(name, plan, probes) or 0) >= FOUR_BIT_THRESHOLD
    ]
    version = probes.find_installed_version("bitsandbytes")
    if not large or not probes.list_gpus().devices:
        yield ok("not needed")
    elif version is None:
        yield fail(
            f"{large[0]} is loaded in 4 bits, but bitsandbytes is not installed", "pip install 'gonogo[gpu]'"
        )
    else:
        yield ok(f"bitsandbytes {version}")


def _format_gib(size: float) -> str:
    return f"{format_gib(size)} GiB"
