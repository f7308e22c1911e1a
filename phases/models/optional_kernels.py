"""Kernels of bitsandbytes and Liger, which machines with a GPU have, and their plain equivalents."""

from importlib.util import find_spec
from typing import Any

import torch


def dequantize(weight: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return a frozen weight, [outputs, inputs], unpacked if it is stored in 4 bits."""
    state: Any = getattr(weight, "quant_state", None)
    if state is None:
        return weight.to(dtype)
    from bitsandbytes.functional import dequantize_4bit

    dense: torch.Tensor = dequantize_4bit(weight.data, state)
    return dense.to(dtype)


def _has_liger(tensor: torch.Tensor) -> bool:
    return tensor.is_cuda and find_spec("liger_kernel") is not None


def swiglu(gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    """Return silu(gate) * up."""
    if not _has_liger(gate):
        return torch.nn.functional.silu(gate) * up
    from liger_kernel.ops.swiglu import swiglu_forward

    product: torch.Tensor = swiglu_forward(gate, up)[2]
    return product


def swiglu_gradients(
    gate: torch.Tensor, up: torch.Tensor, gradient: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gradients of gate and up; on a GPU they overwrite both."""
    if not _has_liger(gate):
        sigmoid = torch.sigmoid(gate)
        silu = gate * sigmoid
        return gradient * up * (sigmoid + silu * (1 - sigmoid)), gradient * silu
    from liger_kernel.ops.swiglu import swiglu_backward

    grad_gate, grad_up = swiglu_backward(gate, up, gradient)
    return grad_gate, grad_up
