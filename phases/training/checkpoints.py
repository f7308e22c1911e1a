"""Mark checkpoints as complete, and find the one to resume from."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from phases.contract import files
from phases.contract.reporter import Reporter
from phases.models import distributed
from phases.training.parameters import SETTINGS_WITHOUT_EFFECT, TrainingParameters

CHECKPOINT_RECORD: Final = "checkpoint.json"
_STEP_DEFINITION: Final = 2
"""Version of what an optimizer step is: since 2, packing does not change its rows."""
_INPUTS: Final = frozenset({"train_file", "preference_file", "model", "sft_model"})


class TrainingIdentity(msgspec.Struct, frozen=True):
    """The inputs that determine the trained weights: equal identities give the same adapter.

    Attributes:
        parameters: values of the parameters that have an effect, and the number of processes.
        inputs: SHA-256 of each row file.
        model: hash of the model that training starts from.
    """

    parameters: dict[str, Any]
    inputs: tuple[str, ...]
    model: str

    def list_differences(self, other: "TrainingIdentity") -> list[str]:
        """Return the names of what differs."""
        names = self.parameters.keys() | other.parameters.keys()
        different = sorted(n for n in names if self.parameters.get(n) != other.parameters.get(n))
        if self.inputs != other.inputs:
            different.append("input files")
        if self.model != other.model:
            different.append("model")
        return different


class _CheckpointRecord(msgspec.Struct, frozen=True):
    """The last file written into a checkpoint: its training's identity and the hashes of all other files."""

    identity: TrainingIdentity
    files: dict[str, str]


def identify_training(
    parameters: TrainingParameters, inputs: Sequence[Path], model_hash: str
) -> TrainingIdentity:
    """Return the identity of a training on these row files."""
    ignored = SETTINGS_WITHOUT_EFFECT | _INPUTS
    values = {name: v for name, v in parameters.model_dump(mode="json").items() if name not in ignored}
    values["processes"] = distributed.world_size()
    values["steps"] = _STEP_DEFINITION
    return TrainingIdentity(values, tuple(files.hash_path(path) for path in inputs), model_hash)


def mark_complete(checkpoint: Path, identity: TrainingIdentity) -> None:
    """Mark a checkpoint as complete once every process has written its part."""
    distributed.barrier()
    if not distributed.is_main_process():
        return
    hashes = {
        str(p.relative_to(checkpoint)): files.hash_path(p) for p in checkpoint.rglob("*") if p.is_file()
    }
    files.write_json(checkpoint / CHECKPOINT_RECORD, _CheckpointRecord(identity, hashes))


def find_resumable(folder: Path, identity: TrainingIdentity, reporter: Reporter) -> Path | None:
    """Return the newest complete checkpoint of the same training, and report why newer ones are unusable."""
    for checkpoint in _list_checkpoints(folder):
        record = _read_record(checkpoint)
        if record is None:
            reporter.notice(f"{checkpoint} is incomplete and not used", "warning")
        elif differences := identity.list_differences(record.identity):
            reporter.notice(
                f"{checkpoint} is stale and not used: made with other {', '.join(differences)}", "warning"
            )
        else:
            return checkpoint
    return None


def prune_checkpoints(folder: Path) -> None:
    """Remove all checkpoints but the newest, from which the same command finds its training finished."""
    for checkpoint in _list_checkpoints(folder)[1:]:
        shutil.rmtree(checkpoint)


def _read_record(checkpoint: Path) -> _CheckpointRecord | None:
    """Return a checkpoint's record, or None if the checkpoint is incomplete or damaged."""
    if not (checkpoint / "trainer_state.json").is_file():
        return None
    try:
        record = msgspec.json.decode((checkpoint / CHECKPOINT_RECORD).read_bytes(), type=_CheckpointRecord)
        is_intact = all(files.hash_path(checkpoint / name) == sha256 for name, sha256 in record.files.items())
    except (OSError, msgspec.DecodeError):
        return None
    return record if is_intact else None


def _list_checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints in a folder, newest first."""
    folders = [path for path in folder.glob("checkpoint-*") if path.is_dir()]
    numbered = [path for path in folders if path.name.split("-")[-1].isdecimal()]
    return sorted(numbered, key=lambda path: int(path.name.split("-")[-1]), reverse=True)
