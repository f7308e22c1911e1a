"""The provenance of a result: model hashes, number format, device, prompt format and library versions."""

import sys
from typing import Any, Protocol

import msgspec
import torch

from phases.contract.versions import list_installed_versions
from phases.models import prompt_format
from phases.models.source import ModelSource
from phases.models.tokenizer import Tokenizer


class IdentifiedModel(Protocol):
    """A model as any engine holds it, such as `phases.models.loader.LoadedModel`."""

    @property
    def source(self) -> ModelSource:
        """Where it came from."""

    @property
    def tokenizer(self) -> Tokenizer:
        """Its tokenizer."""

    @property
    def dtype(self) -> str:
        """The number format of its computations."""

    @property
    def four_bit(self) -> bool:
        """Whether its weights are NF4."""

    @property
    def hardware(self) -> str:
        """The device and its name."""


def build_provenance(model: IdentifiedModel, **more: object) -> dict[str, Any]:
    """Return the record that every phase with a model stores with its result."""
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
        "versions": list_installed_versions(),
        "command": sys.argv,
        **more,
    }
