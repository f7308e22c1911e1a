"""Fast kernels and activation checkpointing.

The choices made here change time and memory but not what is computed; provenance records each.
"""

import logging
from importlib.util import find_spec
from typing import Any

from transformers.modeling_layers import GradientCheckpointingLayer


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


def count_layers(model: Any) -> int:
    """Return the number of layers that can recompute their activations."""
    return len(_list_layers(model))


def set_activation_checkpointing(model: Any, recomputed_layers: int) -> None:
    """Let the first layers recompute their activations in the backward pass."""
    if recomputed_layers:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    else:
        model.gradient_checkpointing_disable()
    for number, layer in enumerate(_list_layers(model)):
        layer.gradient_checkpointing = number < recomputed_layers
        for module in layer.modules():
            if hasattr(module, "eager_forward"):
                # The recomputation is followed by the layer's backward pass, so one unpacking serves both.
                module.keeps_weight = layer.gradient_checkpointing


def _list_layers(model: Any) -> list[Any]:
    return [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
