"""Load models for LoRA training, keep their adapters in float32, save and verify them."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from transformers import PrinterCallback, Trainer

from phases.contract import files
from phases.contract.errors import BadInputError
from phases.models import distributed
from phases.models.fused_lora import fuse_lora
from phases.models.kernels import fuse_layers
from phases.models.loader import LoadedModel, load_model
from phases.models.source import ModelError, record_base_model

ADAPTER_FILES: Final = ("adapter_model.safetensors", "adapter_config.json")
"""Files of a saved adapter. The configuration comes last: a folder without it is not an adapter."""


def load_for_training(flag: str, name: str, *, trainable: bool, sharded: bool) -> LoadedModel:
    """Load the model that a flag names, with the fastest kernels that are installed.

    Args:
        flag: the flag, for error messages.
        name: the model.
        trainable: whether to train the model's own adapter.
        sharded: whether to shard the layers over the processes of this host.

    Raises:
        BadInputError: the model cannot be used, or sharding was requested and cannot be done.
    """
    if sharded and distributed.local_world_size() == 1:
        raise BadInputError(
            "--shard-weights: expected several processes on each host, but there is one; "
            'add launcher = "accelerate" to the phase, on a host with several GPUs'
        )
    if os.environ.get("ACCELERATE_USE_FSDP") == "true":
        raise BadInputError(
            "accelerate is configured to use FSDP, which this phase does itself; use --shard-weights instead"
        )
    try:
        loaded = load_model(name, trainable=trainable, sharded=sharded)
    except ModelError as error:
        raise BadInputError(f"{flag}: {error}") from error
    return replace(loaded, fused_layers=fuse_layers(loaded.model))


def prepare_trainer(trainer: Trainer, loaded: LoadedModel) -> None:
    """Undo library defaults of a new trainer that would harm the training, and fuse its adapter on a GPU.

    TRL casts the adapters of 4-bit models to bfloat16, in which small updates vanish; they are trained in
    float32. PEFT asks the hub for the base's vocabulary at every save, would save DPO's reference too, and
    writes a model card from a template that it compiles each time; no card is delivered.
    """
    for parameter in trainer.model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    trainer.is_sharded = loaded.sharded
    trainer.remove_callback(PrinterCallback)
    trainer.model.save_pretrained = partial(
        trainer.model.save_pretrained, save_embedding_layers=False, selected_adapters=["default"]
    )
    trainer.model.create_or_update_model_card = lambda folder: None
    if loaded.device.startswith("cuda") and not loaded.sharded:
        fuse_lora(trainer.model)


def save_adapter(trainer: Trainer, loaded: LoadedModel, folder: Path) -> list[Path]:
    """Save the trained adapter and a record of its base, each file atomically; return the adapter's files."""
    paths = [folder / name for name in ADAPTER_FILES]
    if distributed.is_main_process():
        temporary = folder / ".new_adapter"
        trainer.model.save_pretrained(str(temporary))
        record_base_model(loaded.source.base or loaded.source, folder)
        for path in paths:
            files.write_atomically(path, (temporary / path.name).read_bytes())
        for path in temporary.iterdir():
            path.unlink()
        temporary.rmdir()
    distributed.barrier()
    return paths


def measure_reloaded_loss(trainer: Trainer, folder: Path) -> float:
    """Return the held-out loss of the adapter as loaded from its files."""
    trainer.model.load_adapter(str(folder), adapter_name="reloaded", torch_device="cpu")
    trainer.model.set_adapter("reloaded")
    loss = trainer.evaluate(metric_key_prefix="reloaded")["reloaded_loss"]
    trainer.model.set_adapter("default")
    trainer.model.delete_adapter("reloaded")
    return float(loss)
