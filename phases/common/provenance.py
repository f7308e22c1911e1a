"""What made a result: library versions, the model by hash, number format, device and prompt format."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from phases.common import prompt_format
from phases.common.model import LoadedModel

_LIBRARIES = ("torch", "transformers", "tokenizers", "trl", "peft", "accelerate", "bitsandbytes", "datasets")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that can change a result."""
    found = {"python": platform.python_version()}
    for name in ("gonogo", *_LIBRARIES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def provenance(loaded: LoadedModel, **more: object) -> dict[str, Any]:
    """Return the record that every phase with a model keeps with its results."""
    import msgspec
    import torch

    device = torch.cuda.get_device_name(loaded.device) if loaded.device != "cpu" else platform.processor()
    return {
        "model": msgspec.to_builtins(loaded.source),
        "dtype": loaded.dtype,
        "four_bit": loaded.four_bit,
        "attention": loaded.attention,
        "device": f"{loaded.device} {device}".strip(),
        "threads": torch.get_num_threads(),
        "prompt_format": prompt_format.FORMAT_ID,
        "chat_template": loaded.tokenizer.hf.chat_template,
        "add_special_tokens": False,
        "document_start_ids": list(loaded.tokenizer.start),
        "eos": loaded.tokenizer.eos,
        "versions": versions(),
        "command": sys.argv,
        **more,
    }
