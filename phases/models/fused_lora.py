"""LoRA on frozen, possibly 4-bit linear modules as single autograd functions.

PEFT reads and writes each module's output three times more than needed and casts its small products
separately. Here the adapter's product is accumulated into the output of the frozen matrix product, and the
same in the backward pass; of a module only its input and the rank-sized product are kept. A gated
feed-forward block keeps two inner activations instead of three. Results agree with PEFT's up to rounding.

Modules with dropout, DoRA, biases of the adapter or several active adapters keep PEFT's own forward pass, and
so does generation, whose steps are too small to unpack whole weights.
"""

from collections.abc import Sequence
from types import MethodType
from typing import Any, Final

import torch

from phases.models.optional_kernels import dequantize, swiglu, swiglu_gradients

SWIGLU_MODELS: Final = frozenset({"llama", "mistral", "qwen2", "qwen3"})
"""Model types whose feed-forward block is `down(silu(gate(x)) * up(x))`."""
_BLOCK: Final = ("gate_proj", "up_proj", "down_proj")


def fuse_lora(model: Any) -> int:
    """Replace the forward pass of modules and blocks with LoRA; return the number of modules.

    Args:
        model: a PEFT model, not sharded.
    """
    fused = 0
    for module in model.modules():
        if type(module) in _list_linear_types() and not hasattr(module, "eager_forward"):
            module.eager_forward = module.forward
            module.forward = MethodType(_linear_forward, module)
            fused += 1
    if fused and _has_swiglu(model.config.get_text_config()):
        for module in model.modules():
            parts = [getattr(module, name, None) for name in _BLOCK]
            if all(hasattr(part, "eager_forward") for part in parts) and not hasattr(module, "eager_forward"):
                module.eager_forward = module.forward
                module.forward = MethodType(_block_forward, module)
    return fused


def count_fused_modules(model: Any) -> int:
    """Return how many linear modules of a model are fused."""
    return sum(type(m) in _list_linear_types() and hasattr(m, "eager_forward") for m in model.modules())


def _has_swiglu(config: Any) -> bool:
    return config.model_type in SWIGLU_MODELS and getattr(config, "hidden_act", "") in {"silu", "swish"}


def _list_linear_types() -> tuple[type, ...]:
    from peft.tuners.lora import Linear

    try:
        from peft.tuners.lora import Linear4bit
    except ImportError:  # bitsandbytes is not installed.
        return (Linear,)
    return (Linear, Linear4bit)


def _find_adapter(module: Any) -> str | None:
    """Return the active adapter of a module if it can be fused."""
    names: list[str] = getattr(module, "active_adapters", [])  # An unloaded adapter leaves none.
    if len(names) != 1 or torch.is_inference_mode_enabled() or module.disable_adapters or module.merged:
        return None
    name = names[0]
    is_plain = (
        name in module.lora_A
        and name not in module.lora_variant
        and not module.lora_bias[name]
        and not getattr(module, "fan_in_fan_out", False)
        and isinstance(module.lora_dropout[name], torch.nn.Identity)
    )
    return name if is_plain else None


def _compute_dtype(x: torch.Tensor) -> torch.dtype:
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype


def _linear_forward(self: Any, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    name = _find_adapter(self)
    if name is None or args or kwargs:
        return self.eager_forward(x, *args, **kwargs)
    base = self.base_layer
    result: torch.Tensor = _LoraProduct.apply(
        x.to(_compute_dtype(x)),
        base.weight,
        base.bias,
        self.lora_A[name].weight,
        self.lora_B[name].weight,
        self.scaling[name],
        getattr(self, "keeps_weight", False),
    )
    return result


def _block_forward(self: Any, x: torch.Tensor) -> torch.Tensor:
    modules = [getattr(self, name) for name in _BLOCK]
    names = [_find_adapter(module) for module in modules]
    if None in names or any(module.base_layer.bias is not None for module in modules):
        return self.eager_forward(x)
    adapters = [
        weight
        for module, name in zip(modules, names, strict=True)
        for weight in (module.lora_A[name].weight, module.lora_B[name].weight)
    ]
    scales = [module.scaling[name] for module, name in zip(modules, names, strict=True)]
    weights = [module.base_layer.weight for module in modules]
    result: torch.Tensor = _LoraBlock.apply(x.to(_compute_dtype(x)), weights, scales, *adapters)
    return result


class _LoraProduct(torch.autograd.Function):
    """y = x W' + bias + scale (x A') B', with gradients for x, A and B."""

    @staticmethod
    def forward(  # noqa: PLR0917 - called by `apply`, which takes no keywords
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        a: torch.Tensor,
        b: torch.Tensor,
        scale: float,
        keeps_weight: bool,
    ) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1])
        dense = dequantize(weight, x.dtype)
        product = rows @ a.to(x.dtype).t()
        out = rows @ dense.t() if bias is None else torch.addmm(bias.to(x.dtype), rows, dense.t())
        out.addmm_(product, b.to(x.dtype).t(), alpha=scale)
        ctx.save_for_backward(rows, product, a, b, dense if keeps_weight else None)
        ctx.weight, ctx.scale, ctx.shape = weight, scale, x.shape
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        rows, product, a, b, dense = ctx.saved_tensors
        out = gradients[0].reshape(-1, gradients[0].shape[-1])
        through_b, grad_a, grad_b = _compute_adapter_gradients(out, rows, product, a, b, ctx.scale)
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = out @ (dequantize(ctx.weight, out.dtype) if dense is None else dense)
            grad_x.addmm_(through_b, a.to(out.dtype), alpha=ctx.scale)
            grad_x = grad_x.view(ctx.shape)
        return grad_x, None, None, grad_a, grad_b, None, None


class _LoraBlock(torch.autograd.Function):
    """A gated feed-forward block with LoRA on its three modules, with gradients for x and the adapters."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weights: Sequence[torch.Tensor],
        scales: Sequence[float],
        *adapters: torch.Tensor,
    ) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1])
        gate_a, gate_b, up_a, up_b, down_a, down_b = adapters
        gate, gate_product = _compute_adapted_product(rows, weights[0], gate_a, gate_b, scales[0])
        up, up_product = _compute_adapted_product(rows, weights[1], up_a, up_b, scales[1])
        out, down_product = _compute_adapted_product(swiglu(gate, up), weights[2], down_a, down_b, scales[2])
        ctx.save_for_backward(rows, gate, up, gate_product, up_product, down_product, *adapters)
        ctx.weights, ctx.scales, ctx.shape = weights, scales, x.shape
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        rows, gate, up, gate_product, up_product, down_product, *adapters = ctx.saved_tensors
        gate_a, gate_b, up_a, up_b, down_a, down_b = adapters
        scales, weights = ctx.scales, ctx.weights
        out = gradients[0].reshape(-1, gradients[0].shape[-1])
        through, *down_gradients = _compute_adapter_gradients(
            out, swiglu(gate, up), down_product, down_a, down_b, scales[2]
        )
        grad_inner = out @ dequantize(weights[2], out.dtype)
        grad_inner.addmm_(through, down_a.to(out.dtype), alpha=scales[2])
        grad_gate, grad_up = swiglu_gradients(gate, up, grad_inner)
        through_gate, *gate_gradients = _compute_adapter_gradients(
            grad_gate, rows, gate_product, gate_a, gate_b, scales[0]
        )
        through_up, *up_gradients = _compute_adapter_gradients(
            grad_up, rows, up_product, up_a, up_b, scales[1]
        )
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = grad_gate @ dequantize(weights[0], out.dtype)
            grad_x.addmm_(grad_up, dequantize(weights[1], out.dtype))
            grad_x.addmm_(through_gate, gate_a.to(out.dtype), alpha=scales[0])
            grad_x.addmm_(through_up, up_a.to(out.dtype), alpha=scales[1])
            grad_x = grad_x.view(ctx.shape)
        return grad_x, None, None, *gate_gradients, *up_gradients, *down_gradients


def _compute_adapted_product(
    rows: torch.Tensor, weight: torch.Tensor, a: torch.Tensor, b: torch.Tensor, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a module's output and the rank-sized product."""
    product = rows @ a.to(rows.dtype).t()
    out = rows @ dequantize(weight, rows.dtype).t()
    return out.addmm_(product, b.to(rows.dtype).t(), alpha=scale), product


def _compute_adapter_gradients(  # noqa: PLR0917 - the terms of one formula
    out: torch.Tensor,
    rows: torch.Tensor,
    product: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    scale: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the gradient through B, and those of A and B."""
    through_b = out @ b.to(out.dtype)
    grad_a = (through_b.t() @ rows).to(a.dtype) * scale
    grad_b = (out.t() @ product).to(b.dtype) * scale
    return through_b, grad_a, grad_b
