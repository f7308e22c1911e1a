"""Shard a model's frozen layers over the GPUs of a host, for models that do not fit one GPU.

Each GPU holds a shard of every layer and gathers a layer while it computes (FSDP2,
`torch.distributed.fsdp.fully_shard`). Embeddings and the output head are replicated, as FSDP would keep them
gathered throughout a step anyway. So are the adapters, their gradients and the optimizer state, which are
small; checkpoints and saved adapters are therefore the same as without sharding.

All processes must make the same number of passes through the model, because each pass gathers.
"""

from typing import Any

import torch
from accelerate import PartialState
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from transformers import BitsAndBytesConfig
from transformers.modeling_layers import GradientCheckpointingLayer

from phases.models import distributed
from phases.models.source import ModelError


def shard(model: Any, device: str, quantization: BitsAndBytesConfig | None) -> None:
    """Move a frozen model from the CPU to the device, one layer at a time, and shard its layers.

    Args:
        model: a transformers model on the CPU, not quantized.
        device: of this process.
        quantization: how to quantize the layers' linear modules; None leaves them.

    Raises:
        ModelError: the model has no layers that can be sharded, or its files hold quantized weights.
    """
    layers = [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
    if not layers:
        raise ModelError(
            f"model {model.name_or_path}: its layers are of an unknown type and cannot be sharded"
        )
    if getattr(model, "hf_quantizer", None):
        raise ModelError(
            f"model {model.name_or_path}: its files hold quantized weights, which cannot be sharded; "
            "use the model in 16 bits: it is quantized while it is loaded"
        )
    PartialState(cpu=device == "cpu")  # It initializes the process group, as the trainer does later.
    layer_tensors = {id(tensor) for layer in layers for tensor in (*layer.parameters(), *layer.buffers())}
    for tensor in (*model.parameters(), *model.buffers()):
        if id(tensor) not in layer_tensors:
            tensor.data = tensor.data.to(device)
    mesh = _make_host_mesh(device)
    for layer in layers:
        if quantization:
            _quantize(layer, quantization)
        layer.to(device)
        _shard_layer(layer, mesh)
    # Wrapping all layers prefetches the next layer while one computes; the wrapper itself shards nothing.
    fully_shard(model.base_model, mesh=mesh, ignored_params=set(model.parameters()))
    model.is_loaded_in_4bit = quantization is not None
    # The trainer then neither moves nor wraps the model, and averages the gradients of unsharded parameters.
    model._is_distributed_loading_by_transformers = True


def _make_host_mesh(device: str) -> DeviceMesh:
    """Return the mesh of this host's processes; shards never cross the slow connection between hosts."""
    local = distributed.local_world_size()
    shape = (distributed.world_size() // local, local)
    # PEFT recognizes by the dimension name "fsdp" that modules compute with gathered weights.
    mesh = init_device_mesh(torch.device(device).type, shape, mesh_dim_names=("hosts", "fsdp"))
    return mesh["fsdp"]


def _quantize(layer: Any, quantization: BitsAndBytesConfig) -> None:
    """Replace a layer's linear modules by 4-bit ones, which quantize when they are moved to the device."""
    # bitsandbytes is needed on a GPU only.
    from bitsandbytes.nn import Params4bit
    from transformers.integrations import replace_with_bnb_linear

    originals = {name: module for name, module in layer.named_modules() if type(module) is torch.nn.Linear}
    replace_with_bnb_linear(layer, quantization_config=quantization)
    for name, original in originals.items():
        module = layer.get_submodule(name)
        module.weight = Params4bit(original.weight.data, requires_grad=False, **module.weight.__dict__)
        module.bias = original.bias


def _shard_layer(layer: Any, mesh: DeviceMesh) -> None:
    quantized = [(module, module.weight) for module in layer.modules() if hasattr(module, "quant_state")]
    fully_shard(layer, mesh=mesh, reshard_after_forward=True)
    # A sharded weight lacks these attributes, which PEFT reads.
    for module, weight in quantized:
        module.weight.compress_statistics = weight.compress_statistics
        module.weight.quant_type = weight.quant_type
