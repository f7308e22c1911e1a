"""Weights in shares: each GPU of a host holds a part of every layer and gathers a layer while it computes.

For a model that does not fit one GPU. What is shared out are the frozen weights of the layers alone (FSDP2,
`torch.distributed.fsdp.fully_shard`). Embeddings and the output head are whole on each GPU, as FSDP would
hold them throughout a step anyway; so are the adapters, their gradients and the optimiser's numbers, which
are small. Checkpoints and saved adapters are therefore those of a training whose weights are whole.

A process must make as many passes through the model as every other: each pass gathers.
"""

from typing import Any

import torch
from accelerate import PartialState
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from transformers import BitsAndBytesConfig
from transformers.modeling_layers import GradientCheckpointingLayer

from phases.models import distributed as ranks
from phases.models.loader import ModelError


def share_out(model: Any, device: str, quantised: BitsAndBytesConfig | None) -> None:
    """Move a frozen model from the CPU to the device, layer by layer and these in shares: it need not fit.

    Args:
        model: a transformers model whose weights are on the CPU, as they are in its files.
        device: of this process.
        quantised: how the layers' linear modules are packed into 4 bits, on the device; None leaves them.

    Raises:
        ModelError: its layers are of no kind that is known here, or their weights came packed.
    """
    layers = [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
    if not layers:
        raise ModelError(f"model {model.name_or_path}: its layers are of no kind that can be shared out")
    if getattr(model, "hf_quantizer", None):
        raise ModelError(
            f"model {model.name_or_path}: its weights are quantised in its files and cannot be shared out; "
            "take it in 16 bits: it is quantised while it is loaded"
        )
    PartialState(cpu=device == "cpu")  # joins the processes, as the trainer does later
    of_layers = {id(tensor) for layer in layers for tensor in (*layer.parameters(), *layer.buffers())}
    for tensor in (*model.parameters(), *model.buffers()):
        if id(tensor) not in of_layers:
            tensor.data = tensor.data.to(device)
    mesh = _host(device)
    for layer in layers:
        if quantised:
            _pack(layer, quantised)
        layer.to(device)
        _share_out_layer(layer, mesh)
    # Around all of them, so that the next layer is gathered while one computes; it has no share of its own.
    fully_shard(model.base_model, mesh=mesh, ignored_params=set(model.parameters()))
    model.is_loaded_in_4bit = quantised is not None
    # The trainer then neither moves nor wraps it, and averages the gradients of what is not in shares.
    model._is_distributed_loading_by_transformers = True


def _host(device: str) -> DeviceMesh:
    """Return the processes of this host: shares never cross hosts, whose connection is slow."""
    shape = (ranks.processes() // ranks.on_host(), ranks.on_host())
    # From the name "fsdp" PEFT knows that a module computes with its whole weight.
    mesh = init_device_mesh(torch.device(device).type, shape, mesh_dim_names=("hosts", "fsdp"))
    return mesh["fsdp"]


def _pack(layer: Any, quantised: BitsAndBytesConfig) -> None:
    """Replace a layer's linear modules by those of 4 bits, which quantise when they are moved."""
    from bitsandbytes.nn import Params4bit
    from transformers.integrations import replace_with_bnb_linear

    whole = {name: part for name, part in layer.named_modules() if type(part) is torch.nn.Linear}
    replace_with_bnb_linear(layer, quantization_config=quantised)
    for name, linear in whole.items():
        packed = layer.get_submodule(name)
        packed.weight = Params4bit(linear.weight.data, requires_grad=False, **packed.weight.__dict__)
        packed.bias = linear.bias


def _share_out_layer(layer: Any, mesh: DeviceMesh) -> None:
    packed = [(part, part.weight) for part in layer.modules() if hasattr(part, "quant_state")]
    fully_shard(layer, mesh=mesh, reshard_after_forward=True)
    for part, weight in packed:  # what PEFT asks of a packed weight, a share of it has lost
        part.weight.compress_statistics = weight.compress_statistics
        part.weight.quant_type = weight.quant_type
