"""Fast kernels and activation checkpointing.

The choices made here change time and memory but not what is computed; provenance records each.
"""

import logging
from enum import Enum
from importlib.util import find_spec
from typing import Any

from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.utils import is_flash_attn_2_available, is_flash_attn_3_available


class Checkpointing(Enum):
    """Which layers recompute their activations in the backward pass; the value goes into provenance."""

    OFF = "off"
    EVERY_SECOND = "every second layer"
    ALL = "on"


def find_flash_attention() -> str | None:
    """Return the newest installed flash attention, by its transformers name, or None."""
    if is_flash_attn_3_available():
        return "flash_attention_3"
    return "flash_attention_2" if is_flash_attn_2_available() else None


def fuse_layers(model: Any) -> bool:
    """Replace norm, rotary and gate of a model on a GPU by Liger's kernels, if they are installed.

    They keep fewer activations than the library's layers: for Qwen2, about three quarters of the bytes.

    Returns:
        Whether the layers were replaced.
    """
    if model.device.type != "cuda" or find_spec("liger_kernel") is None:
        return False
    # Liger is optional, and importing it needs Triton.
    from liger_kernel.transformers.monkey_patch import MODEL_TYPE_TO_APPLY_LIGER_FN
    from transformers.integrations.liger import apply_liger_kernel

    if model.config.model_type not in MODEL_TYPE_TO_APPLY_LIGER_FN:
        return False
    # Liger warns about each kernel that is for other hardware.
    logging.getLogger("liger_kernel.backends").setLevel(logging.ERROR)
    # TRL's own chunked loss does not hold the logits of the complete vocabulary either.
    apply_liger_kernel(model, {"fused_linear_cross_entropy": False})
    return True


def set_activation_checkpointing(model: Any, checkpointing: Checkpointing) -> None:
    """Choose which layers recompute their activations in the backward pass."""
    if checkpointing is Checkpointing.OFF:
        model.gradient_checkpointing_disable()
        return
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    layers = [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
    for number, layer in enumerate(layers):
        layer.gradient_checkpointing = checkpointing is Checkpointing.ALL or number % 2 == 0
