"""Find a model by name and identify it by the hashes of its files."""

import hashlib
from pathlib import Path
from typing import Any, Final

import msgspec
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from phases.contract import files
from phases.contract.errors import BadInputError
from phases.contract.models import HUB_FILE_PATTERNS, MODEL_FILE_SUFFIXES

EMBEDDED: Final = "embedded"
EMBEDDED_FOLDER: Final = Path(__file__).parents[1] / "embedded" / "model"
BASE_RECORD: Final = "base_model.json"


class ModelError(BadInputError):
    """A model cannot be used. The message names the model and says what to do."""


class ModelSource(msgspec.Struct, frozen=True):
    """The origin of a model and the hash of its content.

    Attributes:
        name: as given by the user; for a folder its absolute path.
        kind: `embedded`, `folder`, `hub` or `adapter`.
        path: the folder that holds its files.
        files: hash by file name. For local files this is their SHA-256. For the hub it is the content id that
            names the cached blob (SHA-256 for weights), so tens of gigabytes need not be read again.
        sha256: one hash over `files` and the hash of the base.
        revision: the hub commit.
        base: the base model of an adapter.
    """

    name: str
    kind: str
    path: str
    files: dict[str, str]
    sha256: str
    revision: str | None = None
    base: "ModelSource | None" = None


def locate_model(name: str) -> ModelSource:
    """Find a model by name and hash its files. Hub models are downloaded if they are not in the cache.

    Args:
        name: the word `embedded`, a model folder, an adapter folder or a hub id.

    Raises:
        ModelError: the model does not exist, has no safetensors weights, or is an adapter whose base has
            changed since it was trained.
    """
    if name == EMBEDDED:
        return _locate_folder(name, EMBEDDED, EMBEDDED_FOLDER)
    path = Path(name)
    if (path / "adapter_config.json").is_file():
        return _locate_adapter(path.resolve())
    if path.is_dir():
        return _locate_folder(str(path.resolve()), "folder", path.resolve())
    if path.is_absolute() or name.startswith(".") or name.count("/") != 1 or path.exists():
        raise ModelError(f"model {name}: expected a folder, a hub id such as Qwen/Qwen2.5-32B, or 'embedded'")
    return _locate_on_hub(name)


def record_base_model(source: ModelSource, adapter_folder: Path) -> None:
    """Record in an adapter's folder which base it was trained on; `locate_model` rejects any other."""
    files.write_json(adapter_folder / BASE_RECORD, source)


def _locate_folder(name: str, kind: str, folder: Path) -> ModelSource:
    if not (folder / "config.json").is_file():
        raise ModelError(f"model {name}: {folder} has neither config.json nor adapter_config.json")
    if not list(folder.glob("*.safetensors")):
        raise ModelError(
            f"model {name}: {folder} has no .safetensors file; other weight formats are not loaded"
        )
    hashes = {path.name: files.hash_path(path) for path in _list_model_files(folder)}
    return ModelSource(name, kind, str(folder), hashes, _hash_of_hashes(hashes))


def _locate_adapter(folder: Path) -> ModelSource:
    try:
        config = files.read_json(folder / "adapter_config.json", dict[str, Any])
    except ValueError as error:
        raise ModelError(f"model {folder}: {error}") from error
    base_name = config.get("base_model_name_or_path")
    if not base_name:
        raise ModelError(f"model {folder}: adapter_config.json names no base model")
    base = locate_model(str(base_name))
    record = folder / BASE_RECORD
    if record.is_file():
        trained_on = msgspec.json.decode(record.read_bytes(), type=ModelSource)
        if trained_on.sha256 != base.sha256:
            raise ModelError(
                f"model {folder}: its base {base_name} has changed since it was trained "
                f"(was {trained_on.sha256[:12]}, is {base.sha256[:12]}); restore the base or train again"
            )
    paths = [path for path in sorted(folder.glob("adapter_*")) if path.suffix in (".safetensors", ".json")]
    hashes = {path.name: files.hash_path(path) for path in paths}
    # Without this file PEFT would fall back to a pickle.
    if "adapter_model.safetensors" not in hashes:
        raise ModelError(f"model {folder}: the adapter has no adapter_model.safetensors")
    identity = _hash_of_hashes({**hashes, "base": base.sha256})
    return ModelSource(str(folder), "adapter", str(folder), hashes, identity, base=base)


def _locate_on_hub(name: str) -> ModelSource:
    try:
        folder = Path(snapshot_download(name, allow_patterns=list(HUB_FILE_PATTERNS)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        raise ModelError(
            f"model {name}: cannot be downloaded from the hub ({type(error).__name__}); check its name, the "
            "network and, for a gated model, HF_TOKEN, or give a local folder"
        ) from error
    if not list(folder.glob("*.safetensors")):
        raise ModelError(f"model {name}: it has no .safetensors file; other weight formats are not loaded")
    # Files in the cache are links to blobs that are named by their content.
    hashes = {path.name: path.resolve().name for path in _list_model_files(folder)}
    return ModelSource(name, "hub", str(folder), hashes, _hash_of_hashes(hashes), revision=folder.name)


def _list_model_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and path.suffix in MODEL_FILE_SUFFIXES)


def _hash_of_hashes(hashes: dict[str, str]) -> str:
    return hashlib.sha256(msgspec.json.encode(hashes, order="sorted")).hexdigest()
