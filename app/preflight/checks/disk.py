"""Check that the disks have room, and that what a pod's session writes survives the pod."""

import os
from collections.abc import Iterator

from app.plan.schema import Plan
from app.preflight.checks.finding import Outcome, fail, ok, warn
from app.preflight.checks.model import (
    BYTES_PER_PARAMETER,
    count_parameters,
    estimate_download,
    list_models,
)
from app.preflight.probes import POD_ID_VARIABLE, Probes
from app.session.artifact_disk import describe_unusable
from app.units import format_size
from phases.contract.phase_spec import load_spec

_GB = 1e9
# LoRA weights and optimizer state, as a share of the model's 16-bit weights: 2 to 5 % for ranks 16 to 64.
_CHECKPOINT_SHARE = 0.05
_CHECKPOINTS = 3  # Of each training: two checkpoints and the adapter.
_DATA_BYTES = _GB
_TIGHT_SHARE = 0.8
_EPHEMERAL = ("overlay", "tmpfs", "aufs")


def check_disk(plan: Plan, probes: Probes) -> Iterator[Outcome]:
    """Check that there is room for the session's outputs and for the models to download."""
    if problem := describe_unusable(plan.artifacts):
        yield fail(problem, "Correct that, or change session.artifacts")
        return
    folder = next(path for path in (plan.artifacts, *plan.artifacts.parents) if path.exists())
    if not os.access(folder, os.W_OK):
        yield fail(f"{folder} is not writable", "Correct its permissions, or change session.artifacts")
    else:
        for problem in probes.find_storage_problems(folder):
            yield fail(f"the disk of {folder}: {problem}", "Put session.artifacts on another disk")
    outputs = _estimate_outputs(plan, probes)
    downloads = sum(estimate_download(name, plan, probes) for name in list_models(plan))
    disk, cache = probes.find_disk(plan.artifacts), probes.find_disk(probes.locate_hub_cache())
    if disk.mount == cache.mount:
        yield _check_room("outputs and models", outputs + downloads, disk.free, disk.mount)
        return
    yield _check_room("outputs", outputs, disk.free, disk.mount)
    if downloads:
        yield _check_room("models to download", downloads, cache.free, cache.mount)


def _check_room(content: str, needed: float, free: int, mount: str) -> Outcome:
    message = f"{content} need {format_size(needed)} of {format_size(free)} free on {mount}"
    if needed > free:
        return fail(
            message,
            "Free space, attach a larger volume, or move the models (HF_HOME) or outputs (session.artifacts)",
        )
    if needed > _TIGHT_SHARE * free:
        return warn(message, "Free some space; little will be left")
    return ok(message)


def _estimate_outputs(plan: Plan, probes: Probes) -> float:
    """Return the bytes that a session writes: the plan's figure, or an estimate of checkpoints and data."""
    if plan.session.disk_gb is not None:
        return plan.session.disk_gb * _GB
    trainings = sum(load_spec(phase.run).may_use_launcher for phase in plan.phases if phase.run)
    largest = max((count_parameters(name, plan, probes) or 0 for name in list_models(plan)), default=0)
    return _DATA_BYTES + trainings * _CHECKPOINTS * _CHECKPOINT_SHARE * largest * BYTES_PER_PARAMETER


def check_volume(plan: Plan, probes: Probes) -> Iterator[Outcome]:
    """Check that a pod's session writes to a disk that survives the pod's stop."""
    if not probes.environment.get(POD_ID_VARIABLE):
        yield ok("not on a RunPod pod, so nothing to check")
        return
    disk = probes.find_disk(plan.artifacts)
    if disk.kind in _EPHEMERAL or disk.mount == "/":
        yield fail(
            f"{plan.artifacts} is on the container's own disk, which is lost when the pod stops",
            "Work below /workspace, with a volume attached to the pod",
        )
    else:
        yield ok(f"{plan.artifacts} is on {disk.mount} ({disk.kind})")
