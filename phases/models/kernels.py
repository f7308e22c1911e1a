"""The fastest kernels that are installed, and which layers recompute their activations.

What is chosen here changes time and memory, never what is computed; each choice is recorded in provenance.
"""

import logging
from importlib.util import find_spec
from typing import Any, Final

from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.utils import is_flash_attn_2_available, is_flash_attn_3_available

NEVER: Final = 0
ALL: Final = 1
HALF: Final = 2
"""Which layers recompute: none, every one, every second."""
CHECKPOINTING: Final = {NEVER: "off", HALF: "every second layer", ALL: "on"}


def attention() -> str | None:
    """Return the fastest attention that is installed beside torch's own, as transformers calls it."""
    if is_flash_attn_3_available():
        return "flash_attention_3"
    return "flash_attention_2" if is_flash_attn_2_available() else None


def fuse_layers(model: Any) -> bool:
    """Put Liger's norm, rotary and gate kernels into a model on a GPU, where they are installed.

    They keep fewer activations than the library's layers, of Qwen2 about three quarters as many bytes.

    Returns:
        Whether that was done.
    """
    if model.device.type != "cuda" or find_spec("liger_kernel") is None:
        return False
    from liger_kernel.transformers.monkey_patch import MODEL_TYPE_TO_APPLY_LIGER_FN
    from transformers.integrations.liger import apply_liger_kernel

    if model.config.model_type not in MODEL_TYPE_TO_APPLY_LIGER_FN:
        return False
    # It warns of each kernel that is for other hardware.
    logging.getLogger("liger_kernel.backends").setLevel(logging.ERROR)
    # The loss is TRL's own, which never holds the logits of the whole vocabulary either.
    apply_liger_kernel(model, {"fused_linear_cross_entropy": False})
    return True


def recompute(model: Any, every: int) -> None:
    """Let every layer (1), each second one (2) or none (0) recompute its activations in the backward pass."""
    if not every:
        model.gradient_checkpointing_disable()
        return
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    layers = [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
    for number, layer in enumerate(layers):
        layer.gradient_checkpointing = number % every == 0
