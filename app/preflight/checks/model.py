"""Check that the models exist or can be downloaded, and estimate their size."""

import re
from collections.abc import Iterator
from pathlib import Path

from app.plan.schema import Plan
from app.preflight.checks.finding import Outcome, fail, ok
from app.preflight.probes import HubModel, Probes
from app.units import format_size

BYTES_PER_PARAMETER = 2.0  # In 16 bits.
_BILLION, _MILLION = 1e9, 1e6


def check_models(plan: Plan, probes: Probes) -> Iterator[Outcome]:
    """Check that each model exists, or can be downloaded from the hub."""
    models = list_models(plan)
    if not models:
        yield ok("built-in phases load no model from outside the session")
    for model in models:
        yield _check_model(model, plan, probes)


def list_models(plan: Plan) -> list[str]:
    """Return the models that built-in phases load, without those that an earlier phase writes."""
    artifacts = plan.artifacts.resolve()
    names = [
        value
        for phase in plan.phases
        if phase.run
        for key, value in phase.params.items()
        if (key == "model" or key.endswith("_model")) and isinstance(value, str)
    ]
    external = [name for name in names if not (plan.folder / name).resolve().is_relative_to(artifacts)]
    return list(dict.fromkeys(external))


def _check_model(name: str, plan: Plan, probes: Probes) -> Outcome:
    if name == "embedded":
        return ok("embedded: comes with gonogo")
    if (plan.folder / name).is_dir():
        return _check_model_folder(name, plan.folder / name)
    if not is_hub_id(name):
        return fail(f"{name}: neither an existing folder nor a hub id", "Give a folder, or owner/name")
    if (cached := probes.find_cached_model(name)) is not None:
        return ok(f"{name}: cached, revision {cached.name[:12]}")
    token = "a token is set" if probes.has_hub_token() else "no token is set"
    return _check_hub_model(name, probes.find_hub_model(name), token)


def _check_model_folder(name: str, folder: Path) -> Outcome:
    if not any((folder / config).is_file() for config in ("config.json", "adapter_config.json")):
        return fail(f"{name}: has no config.json", "Transfer the complete model folder")
    if not any(folder.glob("*.safetensors")):
        return fail(f"{name}: has no .safetensors file", "Convert it; other formats are not loaded")
    return ok(f"{name}: a folder of {format_size(_sum_weight_bytes(folder))}")


def is_hub_id(name: str) -> bool:
    """Return whether a model's name has the form of a hub id."""
    return name.count("/") == 1 and not name.startswith((".", "/"))


def _check_hub_model(name: str, model: HubModel, token: str) -> Outcome:
    match model.state:
        case "available" if model.bytes:
            size = format_size(model.bytes)
            return ok(f"{name}: {size} to download, revision {model.revision[:12]}; {token}")
        case "available":
            message, advice = "has no .safetensors file", "Choose another model; other formats are not loaded"
        case "refused":
            message = f"gated, and this token has no access; {token}"
            advice = "Accept its license on the hub, and set HF_TOKEN"
        case "unknown":
            message = f"the hub shows no model of this name; {token}"
            advice = "Correct the name, or set HF_TOKEN if the model is private"
        case "unreachable":
            message = f"not cached, and the hub cannot be reached ({model.error})"
            advice = "Repair the network, or give a folder as session.model"
    return fail(f"{name}: {message}", advice)


def count_parameters(name: str, plan: Plan, probes: Probes) -> float | None:
    """Return a model's number of parameters from its files or else from its name, None if neither tells."""
    folder: Path | None = plan.folder / name
    if folder is not None and not folder.is_dir():
        folder = probes.find_cached_model(name) if is_hub_id(name) else None
    parameters = _sum_weight_bytes(folder) / BYTES_PER_PARAMETER if folder else 0
    return parameters or parse_parameters(name)


def parse_parameters(name: str) -> float | None:
    """Return the number of parameters in a model's name, such as 32e9 for `Qwen2.5-32B`."""
    sizes = re.findall(r"(?<![a-z\d.])(\d+(?:\.\d+)?)(b|m)(?![a-z\d])", name.rpartition("/")[2].lower())
    return max((float(size) * (_BILLION if unit == "b" else _MILLION) for size, unit in sizes), default=None)


def _sum_weight_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def estimate_download(name: str, plan: Plan, probes: Probes) -> float:
    """Return the bytes to download for a model, 0 if it exists already."""
    if (plan.folder / name).is_dir() or not is_hub_id(name) or probes.find_cached_model(name):
        return 0
    return probes.find_hub_model(name).bytes or (parse_parameters(name) or 0) * BYTES_PER_PARAMETER
