"""What made a result: library versions, the model by hash, number format, device and prompt format."""

import sys
from typing import TYPE_CHECKING, Any, Protocol

from phases.contract.versions import installed_versions
from phases.models import prompt_format

if TYPE_CHECKING:  # whoever names versions alone loads no torch
    from phases.models.source import ModelSource
    from phases.models.tokenizer import Tokenizer


class ModelInUse(Protocol):
    """A model as an engine holds it: see `LoadedModel`."""

    @property
    def source(self) -> "ModelSource":
        """Where it came from."""

    @property
    def tokenizer(self) -> "Tokenizer":
        """Its tokenizer."""

    @property
    def dtype(self) -> str:
        """The type of the numbers it computes with."""

    @property
    def four_bit(self) -> bool:
        """Whether its weights are NF4."""

    @property
    def hardware(self) -> str:
        """The device and its name."""


def provenance(model: ModelInUse, **more: object) -> dict[str, Any]:
    """Return the record that every phase with a model keeps with its results."""
    import msgspec
    import torch

    return {
        "model": msgspec.to_builtins(model.source),
        "dtype": model.dtype,
        "four_bit": model.four_bit,
        "device": model.hardware,
        "threads": torch.get_num_threads(),
        "prompt_format": prompt_format.FORMAT_ID,
        "chat_template": model.tokenizer.hf.chat_template,
        "add_special_tokens": False,
        "document_start_ids": list(model.tokenizer.start_ids),
        "eos": model.tokenizer.eos,
        "versions": installed_versions(),
        "command": sys.argv,
        **more,
    }
