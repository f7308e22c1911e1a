"""The checks: each looks at the plan and the machine and yields what it found, and what to do about it."""

import glob
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec
from packaging.requirements import Requirement

from app.memory.forecast import Forecast, forecast_memory
from app.memory.needs import GpuBudget
from app.memory.shape import local_config
from app.plan import estimates
from app.plan.schema import Phase, Plan
from app.preflight.machine import HubModel, Machine, Unavailable
from app.session import approval, calibration
from phases.contract.models import FOUR_BIT_THRESHOLD
from phases.contract.phase_spec import load_spec

State = Literal["ok", "warn", "fail"]

GB = 1_000_000_000
# Bytes a parameter: as loaded in 4 bits with its scales, and in 16 bits.
_FOUR_BIT, _SIXTEEN_BIT = 0.6, 2.0
# LoRA's weights and optimiser state, of the model's 16-bit weights: 2 to 5 % for ranks of 16 to 64.
_CHECKPOINT_SHARE = 0.05
# Of each training: two checkpoints and the adapter.
_CHECKPOINTS = 3
_DATA = GB
_NO_GPU = ("none", "cpu", "this machine")
_BF16 = (8, 0)
_LARGEST_OFFSET = 60.0
_BUSY = 0.05
_EPHEMERAL = ("overlay", "tmpfs", "aufs")
_ON_POD = "RUNPOD_POD_ID"
_HUB_TOKEN = "HF_TOKEN"  # noqa: S105 - a name


class Finding(msgspec.Struct, frozen=True):
    """What a check found: its name, its state, what is there and, unless all is well, what to do."""

    check: str
    state: State
    found: str
    todo: str = ""


Found = tuple[State, str, str]
Check = Callable[[Plan, Machine], Iterator[Found]]
MachineCheck = Callable[[Machine], Iterator[Found]]


def ok(found: str) -> Found:
    """Return that all is well."""
    return "ok", found, ""


def warn(found: str, todo: str) -> Found:
    """Return what may go wrong."""
    return "warn", found, todo


def fail(found: str, todo: str) -> Found:
    """Return what will go wrong."""
    return "fail", found, todo


# The plan and what it names


def plan_itself(plan: Plan, machine: Machine) -> Iterator[Found]:
    """The plan is valid, only its owner can write it, and its budget covers its estimate."""
    for place in (plan.path, plan.folder):
        if others := approval.describe_unsafe_permissions(place):
            yield fail(f"{place} {others}", "See that only you can write it: chmod o-w")
    total = estimates.total_range([estimates.estimate_usd(plan, phase) for phase in plan.phases])
    budget = plan.session.budget_usd
    said = f"estimate ${total.low:.2f}-{total.high:.2f} of ${budget:.2f}"
    if total.low > budget:
        yield fail(said, "Raise session.budget_usd or plan less: the session would be stopped")
    elif total.high > budget:
        yield warn(said, "The budget may end the session early: raise session.budget_usd or plan less")
    else:
        yield ok(f"{len(plan.phases)} phases, {said}")


def measured(plan: Plan, machine: Machine) -> Iterator[Found]:
    """The plan's hours are near those that sessions before measured on a machine like this."""
    kind = calibration.kind_of_machine(gpu.name for gpu in machine.gpus().devices)
    known_hours = calibration.calibrate(plan, kind)
    slow = 0
    for phase in plan.phases:
        found = known_hours.get(phase.id)
        if found is not None and found.hours.low > phase.estimate.hours[1]:
            slow += 1
            planned = "-".join(f"{hours:.3g}" for hours in phase.estimate.hours)
            yield warn(
                f"{phase.id} takes {found.hours.low:.3g}-{found.hours.high:.3g} h here, by session "
                f"{found.session}; planned were {planned} h",
                "Correct its estimate, so that the budget is right, or ask less of it",
            )
    if not known_hours:
        yield ok("nothing was measured here yet with this model: only the plan's guess is known")
    elif not slow:
        yield ok(
            f"{len(known_hours)} of {len(plan.phases)} phases were measured here, none slower than planned"
        )


def files_to_transfer(plan: Plan, machine: Machine) -> Iterator[Found]:
    """The files that the plan names are here, and so are those that its phases read from outside."""
    wanted = [("session.files", pattern) for pattern in plan.session.files]
    artifacts = plan.artifacts.resolve()
    for phase in plan.phases:
        for name, value in phase.params.items() if phase.run else ():
            for text in value if isinstance(value, list | tuple) else [value]:
                is_file = isinstance(text, str) and name.endswith(("_file", "_files"))
                if is_file and not (plan.folder / text).resolve().is_relative_to(artifacts):
                    wanted.append((f"{phase.id}.{name}", text))
    missing = [(key, pattern) for key, pattern in wanted if not _matches(plan.folder, pattern)]
    for key, pattern in missing:
        yield fail(f"{pattern} is not here ({key})", f"Transfer it to {plan.folder}")
    if wanted and not missing:
        yield ok(f"all {len(wanted)} named are here")
    elif not wanted:
        yield ok("the plan names none (session.files)")


def _matches(folder: Path, pattern: str) -> bool:
    return bool(glob.glob(str(folder / pattern)))  # noqa: PTH207 - it may be absolute


def programs(plan: Plan, machine: Machine) -> Iterator[Found]:
    """The programs and scripts of phases with a command are here."""
    commands = [phase for phase in plan.phases if phase.command]
    broken = False
    for phase in commands:
        program, *words = phase.command or ()
        if not _runs(program, plan.folder, machine):
            broken = True
            yield fail(
                f"{phase.id}: {program} is not on the PATH, or cannot be executed", "Install or transfer it"
            )
        for word in words:
            if word.endswith((".py", ".sh")) and not (plan.folder / word).exists():
                broken = True
                yield fail(f"{phase.id}: {word} is not here", f"Transfer it to {plan.folder}")
    if not broken:
        yield ok(f"{len(commands)} commands, {len(plan.phases) - len(commands)} built-in phases")


def _runs(program: str, folder: Path, machine: Machine) -> bool:
    if "/" in program:
        return os.access(folder / program, os.X_OK)
    return machine.which(program) is not None


def secrets(plan: Plan, machine: Machine) -> Iterator[Found]:
    """The variables that the plan names as secrets are set; only their names are said."""
    unset = [name for name in plan.session.secrets if not machine.environment.get(name, "").strip()]
    for name in unset:
        yield warn(f"{name} is not set", f"export {name}=..., or take it out of session.secrets")
    named = (*plan.session.secrets, *plan.session.environment)
    if _HUB_TOKEN not in named and machine.environment.get(_HUB_TOKEN, "").strip():
        yield warn(
            f"{_HUB_TOKEN} is set, and phases do not get it: the plan does not name it",
            f'Add session.secrets = ["{_HUB_TOKEN}"] if they need it',
        )
    elif not unset:
        names = ", ".join(plan.session.secrets)
        yield ok(f"set: {names}" if names else "the plan names none")


# The model


def models_of(plan: Plan) -> list[str]:
    """Return the models that built-in phases load, but for those that an earlier phase writes."""
    artifacts = plan.artifacts.resolve()
    named = [
        str(value)
        for phase in plan.phases
        if phase.run
        for key, value in phase.params.items()
        if (key == "model" or key.endswith("_model")) and isinstance(value, str)
    ]
    return list(dict.fromkeys(n for n in named if not (plan.folder / n).resolve().is_relative_to(artifacts)))


def models(plan: Plan, machine: Machine) -> Iterator[Found]:
    """Each model is here, or can be had from the hub."""
    found = models_of(plan)
    if not found:
        yield ok("built-in phases load none from outside")
    for name in found:
        yield _model(name, plan, machine)


def _model(name: str, plan: Plan, machine: Machine) -> Found:
    if name == "embedded":
        return ok("embedded: comes with gonogo")
    if (plan.folder / name).is_dir():
        return _model_folder(name, plan.folder / name)
    if not _is_hub_id(name):
        return fail(
            f"{name}: there is no such folder, and it is no hub id", "Correct it: a folder, or owner/name"
        )
    if (cached := machine.cached(name)) is not None:
        return ok(f"{name}: cached, revision {cached.name[:12]}")
    return _hub_model(name, machine.hub(name), "a token is set" if machine.hub_token() else "no token is set")


def _model_folder(name: str, folder: Path) -> Found:
    if not any((folder / config).is_file() for config in ("config.json", "adapter_config.json")):
        return fail(f"{name}: has no config.json", "Transfer the whole model folder")
    if not any(folder.glob("*.safetensors")):
        return fail(f"{name}: has no .safetensors file", "Convert it: other formats are not loaded")
    return ok(f"{name}: a folder of {_gb(_folder_bytes(folder))}")


def _is_hub_id(name: str) -> bool:
    return name.count("/") == 1 and not name.startswith((".", "/"))


def _hub_model(name: str, answer: HubModel, token: str) -> Found:
    if answer.state == "available" and answer.bytes:
        return ok(f"{name}: {_gb(answer.bytes)} to download, revision {answer.revision[:12]}; {token}")
    found, todo = {
        "available": ("has no .safetensors file", "Take another: other formats are not loaded"),
        "refused": (f"gated, and not granted; {token}", "Accept its licence on the hub, and set HF_TOKEN"),
        "unknown": (
            f"the hub shows none of that name; {token}",
            "Correct it, or set HF_TOKEN if it is private",
        ),
        "unreachable": (
            f"not cached, and the hub cannot be reached ({answer.error})",
            "Mend the network, or give a folder as session.model",
        ),
    }[answer.state]
    return fail(f"{name}: {found}", todo)


def parameters(name: str) -> float | None:
    """Return a model's number of parameters as its name says it, such as `Qwen2.5-32B`."""
    sizes = re.findall(r"(?<![a-z\d.])(\d+(?:\.\d+)?)(b|m)(?![a-z\d])", name.rpartition("/")[2].lower())
    return max((float(size) * (GB if unit == "b" else 1e6) for size, unit in sizes), default=None)


def _size(name: str, plan: Plan, machine: Machine) -> float | None:
    """Return the parameters of a model, by the files or else by the name; None where neither tells."""
    folder = plan.folder / name
    cached = folder if folder.is_dir() else machine.cached(name) if _is_hub_id(name) else None
    on_disk = _folder_bytes(cached) / _SIXTEEN_BIT if cached else 0
    return on_disk or parameters(name)


def _folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


# The machine


def gpu(plan: Plan, machine: Machine) -> Iterator[Found]:
    """The GPU is the one that was planned with, works, is free, and the model fits."""
    wanted, found = plan.pod.gpu, machine.gpus()
    if not found.devices:
        if wanted.lower() in _NO_GPU:
            yield ok(f"none, and none is planned with ({wanted})")
        else:
            why = found.error or "the driver lists none"
            yield fail(
                f"none: {why}; planned with {wanted}", "Rent a pod with one, or see that nvidia-smi works"
            )
        return
    first = found.devices[0]
    capability = ".".join(map(str, first.capability)) if first.capability else "unknown"
    yield ok(
        f"{len(found.devices)} x {first.name}, {_gib(first.memory_total)}, capability {capability}, "
        f"driver {found.driver}"
    )
    if wanted.lower() not in _NO_GPU:
        yield from _as_planned(wanted, first.name, first.memory_total)
    if first.capability and first.capability < _BF16:
        yield warn(
            f"capability {capability} computes bfloat16 slowly, if at all",
            "Rent a GPU of capability 8.0 or more",
        )
    if first.memory_used > _BUSY * first.memory_total:
        yield warn(
            f"{_gib(first.memory_used)} of its memory is in use already",
            "nvidia-smi shows by whom; end that first",
        )
    trainings = [phase for phase in plan.phases if _is_training(phase)]
    if len(found.devices) > 1 and trainings and not any(phase.launcher for phase in trainings):
        yield warn(
            f"{len(found.devices)} GPUs, and no training uses more than one",
            'launcher = "accelerate" in a training phase uses all',
        )
    free = min(device.memory_total - device.memory_used for device in found.devices)
    forecasts = forecast_memory(plan, GpuBudget(len(found.devices), free), local_config(plan.folder))
    yield from _phases_fit(plan, forecasts, free)
    if any(forecast.unknown for forecast in forecasts.values()):
        for name in models_of(plan):
            if (size := _size(name, plan, machine)) is not None:
                yield _fits(name, size, free)


def _is_training(phase: Phase) -> bool:
    """Return whether a phase trains: only training phases may use a launcher."""
    return phase.run is not None and load_spec(phase.run).may_use_launcher


def _as_planned(wanted: str, name: str, memory: int) -> Iterator[Found]:
    gigabytes = re.search(r"(\d+)\s*GB", wanted, re.IGNORECASE)
    # The names of GPUs are the words with a digit: A100, 4090, L40S.
    words = re.findall(r"\b(?=\w*\d)\w{3,}\b", re.sub(r"\d+\s*GB", "", wanted, flags=re.IGNORECASE))
    if gigabytes and memory < 0.9 * int(gigabytes[1]) * GB:
        yield fail(
            f"it has {_gib(memory)}; planned with {wanted}", "Rent that one, or correct pod.gpu and params"
        )
    elif any(word.lower() not in name.lower() for word in words):
        yield warn(
            f"it is {name}; planned with {wanted}", "Correct pod.gpu and pod.usd_per_hour, or rent that one"
        )


def _phases_fit(plan: Plan, forecasts: dict[str, Forecast], free: int) -> Iterator[Found]:
    needs = {name: found.need.total for name, found in forecasts.items() if found.need}
    for name, need in needs.items():
        if not forecasts[name].fits:
            yield fail(
                f"{plan.phase(name).title}: needs {_gib(need)} of {_gib(free)} free",
                f"Correct its params: {forecasts[name].advice}",
            )
    if needs and all(forecasts[name].fits for name in needs):
        most = max(needs, key=needs.__getitem__)
        yield ok(f"{plan.phase(most).title} needs most: {_gib(needs[most])} of {_gib(free)} free")


def _fits(name: str, size: float, free: int) -> Found:
    weights = size * (_FOUR_BIT if size >= FOUR_BIT_THRESHOLD else _SIXTEEN_BIT)
    said = f"{name}: its weights take {_gib(weights)} of {_gib(free)} free"
    if weights > free:
        return fail(said, "Take a smaller model or a larger GPU")
    if weights > 0.7 * free:
        return warn(
            said, "Little is left for training: batch_size = 1, a shorter max_length, or a larger GPU"
        )
    return ok(said)


def attention(plan: Plan, machine: Machine) -> Iterator[Found]:
    """Torch can use the GPU, and has a fast attention kernel on it."""
    devices = machine.gpus().devices
    if not devices:
        yield ok("no GPU: nothing to look for")
        return
    says = machine.torch()
    if says.error or not says.usable:
        why = says.error or "it sees no GPU"
        yield fail(
            f"torch {says.version} (CUDA {says.cuda or 'none'}) cannot use the GPU: {why}",
            "Install a torch for this driver's CUDA, or rent a pod with a newer driver",
        )
    elif not says.flash:
        yield warn(
            f"torch {says.version}: no flash attention here", "Generation will be slow: a newer GPU or torch"
        )
    else:
        yield ok(f"torch {says.version}, CUDA {says.cuda}: flash attention runs")


def disk(plan: Plan, machine: Machine) -> Iterator[Found]:
    """The disks have room for what will be written: the session's outputs, and models to download."""
    writing = next(p for p in (plan.artifacts, *plan.artifacts.parents) if p.exists())
    if not os.access(writing, os.W_OK):
        yield fail(f"{writing} cannot be written", "Correct its permissions, or session.artifacts")
    needed = _outputs(plan, machine)
    downloads = sum(_download(name, plan, machine) for name in models_of(plan))
    place, cache = machine.disk(plan.artifacts), machine.disk(machine.hub_cache())
    if place.mount == cache.mount:
        yield _room("outputs and models", needed + downloads, place.free, place.mount)
        return
    yield _room("outputs", needed, place.free, place.mount)
    if downloads:
        yield _room("models to download", downloads, cache.free, cache.mount)


def _room(what: str, needed: float, free: int, mount: str) -> Found:
    said = f"{what}: {_gb(needed)} of {_gb(free)} free on {mount}"
    if needed > free:
        return fail(
            said, "Make room or take a larger volume; HF_HOME moves the models, session.artifacts the rest"
        )
    if needed > 0.8 * free:
        return warn(said, "It will be close: make room")
    return ok(said)


def _outputs(plan: Plan, machine: Machine) -> float:
    """Return the bytes that a session is thought to write: as the plan says, or its checkpoints and data."""
    if plan.session.disk_gb is not None:
        return plan.session.disk_gb * GB
    trainings = sum(_is_training(phase) for phase in plan.phases)
    largest = max((_size(name, plan, machine) or 0 for name in models_of(plan)), default=0)
    return _DATA + trainings * _CHECKPOINTS * _CHECKPOINT_SHARE * largest * _SIXTEEN_BIT


def _download(name: str, plan: Plan, machine: Machine) -> float:
    if (plan.folder / name).is_dir() or not _is_hub_id(name) or machine.cached(name):
        return 0
    return machine.hub(name).bytes or (parameters(name) or 0) * _SIXTEEN_BIT


def volume(plan: Plan, machine: Machine) -> Iterator[Found]:
    """On a pod, what the session writes outlives the pod's stop."""
    if not machine.environment.get(_ON_POD):
        yield ok("not on a RunPod pod: nothing to look for")
        return
    place = machine.disk(plan.artifacts)
    if place.kind in _EPHEMERAL or place.mount == "/":
        yield fail(
            f"{plan.artifacts} is on the container's own disk, which is lost when the pod stops",
            "Work below /workspace, with a volume attached to the pod",
        )
    else:
        yield ok(f"{plan.artifacts} is on {place.mount} ({place.kind})")


def packages(machine: Machine) -> Iterator[Found]:
    """The packages that gonogo needs are here, in versions that it was made with."""
    broken = 0
    needed = [Requirement(text) for text in machine.required()]
    needed = [one for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    for one in needed:
        version = machine.version(one.name)
        if version is None or not one.specifier.contains(version, prereleases=True):
            broken += 1
            yield fail(
                f"{one.name} {version or 'is not installed'}; needed: {one.specifier or 'any'}",
                f"pip install '{one.name}{one.specifier}'",
            )
    if not broken:
        yield ok(f"all {len(needed)} in the versions needed")


def four_bit(plan: Plan, machine: Machine) -> Iterator[Found]:
    """Models that are loaded in 4 bits have what that needs."""
    large = [name for name in models_of(plan) if (_size(name, plan, machine) or 0) >= FOUR_BIT_THRESHOLD]
    version = machine.version("bitsandbytes")
    if not large or not machine.gpus().devices:
        yield ok("not needed")
    elif version is None:
        yield fail(
            f"{large[0]} is loaded in 4 bits, by bitsandbytes, which is not here", "pip install 'gonogo[gpu]'"
        )
    else:
        yield ok(f"bitsandbytes {version}")


def clock(machine: Machine) -> Iterator[Found]:
    """The clock is right: deadlines and certificates depend on it."""
    try:
        offset = machine.clock_offset()
    except Unavailable as error:
        yield warn(f"could not be compared: {error}", "Compare it by hand: date -u")
        return
    if abs(offset) > _LARGEST_OFFSET:
        way = "ahead" if offset > 0 else "behind"
        yield fail(f"{abs(offset):.0f} s {way}", "Set it, or ask the provider: timedatectl set-ntp true")
    else:
        yield ok(f"within {_LARGEST_OFFSET:.0f} s of the network's")


def tmux(machine: Machine) -> Iterator[Found]:
    """The terminal outlives the line. The session does in any case."""
    if machine.environment.get("TMUX") or machine.environment.get("STY"):
        yield ok("this terminal outlives the line")
    elif machine.which("tmux"):
        yield warn("this terminal is not in it", "tmux new -s gonogo; without it `gonogo attach` rejoins")
    else:
        yield warn("not installed", "apt-get install tmux; without it `gonogo attach` rejoins")


# People and money


def notification(plan: Plan, machine: Machine) -> Iterator[Found]:
    """Somebody is told when a gate waits: one is sent now."""
    names = plan.notify.urls
    if not names:
        yield warn("nobody is told when a gate waits", "Name a variable with an Apprise URL in notify.urls")
        return
    problems = machine.notify(names)
    for problem in problems:
        yield fail(problem, "Correct the variable's URL: https://appriseit.com says how they look")
    if not problems:
        yield ok(f"one was sent through {', '.join(names)}: see that it came")


def stop_command(plan: Plan, machine: Machine) -> Iterator[Found]:
    """The pod can be stopped when nobody answers."""
    if not plan.pod.stop_command:
        on_pod = machine.environment.get(_ON_POD) and plan.profile != "rehearsal"
        said = "none: nothing stops the pod when nobody answers"
        todo = 'Give pod.stop_command, such as ["runpodctl", "stop", "pod", "$RUNPOD_POD_ID"]'
        yield fail(said, todo) if on_pod else warn(said, todo)
        return
    ways = [("stop_command", plan.pod.stop_command), ("stopped_command", plan.pod.stopped_command)]
    ways += [(f"stop_fallbacks[{n}]", way) for n, way in enumerate(plan.pod.stop_fallbacks)]
    broken = [fault for key, way in ways if way for fault in _faults(key, way, machine)]
    yield from broken
    if not broken:
        yield ok(f"{' '.join(plan.pod.stop_command)}; `gonogo drill` tries what leads to it")
    if plan.pod.outside_limit:
        yield ok(f"and from outside, as the plan says: {plan.pod.outside_limit}")
    else:
        yield warn(
            "nothing outside the pod ends the rent, should every process on it be killed",
            "Arm the provider's own limit, or a timer at home, and name it in pod.outside_limit",
        )


def _faults(key: str, command: tuple[str, ...], machine: Machine) -> Iterator[Found]:
    program = command[0]
    if "/" in program and not program.startswith("/"):
        yield fail(f"{key}: {program} is a relative path; it runs in /", "Give the whole path")
    elif not _runs(program, Path("/"), machine):
        yield fail(
            f"{key}: {program} is not on the PATH, or cannot be executed", "Install it, or correct the plan"
        )
    for word in command:
        whole = re.fullmatch(r"\$(?:(\w+)|\{(\w+)\})", word)
        if whole and not machine.environment.get(name := whole[1] or whole[2]):
            yield fail(f"{key}: {name} is not set", f"export {name}=..., or write its value into the plan")
        elif (
            not whole
            and re.search(r"\$\{?[A-Za-z_]", word)
            and program.rpartition("/")[2] not in ("sh", "bash")
        ):
            yield fail(
                f"{key}: the variable in {word} is not replaced; only whole words are", 'Write "$NAME" alone'
            )


def pod(plan: Plan, machine: Machine) -> Iterator[Found]:
    """The pod is known, and costs what the plan says."""
    name = machine.environment.get(_ON_POD, "")
    if not name:
        yield ok("not on a RunPod pod: cost counts from the session's start")
        return
    planned = plan.pod.usd_per_hour
    try:
        price = machine.price(name)
    except Unavailable as error:
        yield warn(f"{name}; its price is not known: {error}", f"See that it is ${planned:.2f}/h, as planned")
        return
    said = f"{name} at ${price:.2f}/h"
    if abs(price - planned) > 0.02 * max(price, planned):
        yield warn(f"{said}; planned with ${planned:.2f}/h", f"Write pod.usd_per_hour = {price:.2f}")
    else:
        yield ok(said)


def _gib(size: float) -> str:
    """Return a size as the makers of GPUs count, who write 80 GB for 80 GiB."""
    return f"{size / 2**30:,.3g} GiB"


def _gb(size: float) -> str:
    return f"{size / GB:,.0f} GB" if size >= 10 * GB else f"{size / GB:.2g} GB"


OF_PLAN: dict[str, Check] = {
    "plan": plan_itself,
    "estimates": measured,
    "files": files_to_transfer,
    "programs": programs,
    "secrets": secrets,
    "model": models,
    "GPU": gpu,
    "attention": attention,
    "4 bits": four_bit,
    "disk": disk,
    "volume": volume,
    "notification": notification,
    "stop command": stop_command,
    "pod": pod,
}
OF_MACHINE: dict[str, MachineCheck] = {"packages": packages, "clock": clock, "tmux": tmux}
