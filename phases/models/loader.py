"""Load models for all phases: safetensors only, no remote code, no chat template.

Every phase loads its model here, so all phases see the same weights through the same token ids.
"""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel
from transformers.utils import logging

from phases.contract.models import FOUR_BIT_THRESHOLD
from phases.models.fsdp import shard
from phases.models.source import ModelError, ModelSource, locate_model
from phases.models.tokenizer import Tokenizer, load_tokenizer


@dataclass(frozen=True)
class LoadedModel:
    """A model with its tokenizer, where it came from and how it was loaded.

    Attributes:
        model: the model, with its adapter if it has one.
        tokenizer: its tokenizer.
        source: where it came from.
        device: the device of this process, such as `cuda:0`.
        four_bit: whether its weights are NF4.
        fused_layers: whether Liger's kernels replace the library's layers (see `phases.models.kernels`).
        sharded: whether each process holds a shard of the layers (see `phases.models.fsdp`).
    """

    model: PreTrainedModel
    tokenizer: Tokenizer
    source: ModelSource
    device: str
    four_bit: bool
    fused_layers: bool = False
    sharded: bool = False

    @property
    def dtype(self) -> str:
        """The number format of its computations, such as `bfloat16`."""
        return str(self.model.dtype).removeprefix("torch.")

    @property
    def hardware(self) -> str:
        """The device and its name, such as `cuda:0 NVIDIA H100 80GB HBM3`."""
        name = platform.processor() if self.device == "cpu" else torch.cuda.get_device_name(self.device)
        return f"{self.device} {name}".strip()

    @property
    def attention(self) -> str:
        """The attention kernel, by its transformers name."""
        return str(self.model.config._attn_implementation)


def load_model(
    name: str,
    *,
    trainable: bool = False,
    four_bit: bool | None = None,
    sharded: bool = False,
) -> LoadedModel:
    """Load a model, or an adapter on its base: in bfloat16 on a GPU, in float32 on a CPU.

    Args:
        name: a hub id, a folder, an adapter folder, or `embedded`.
        trainable: whether an adapter's weights may be trained; other weights never are.
        four_bit: whether to load NF4 weights; by default on a GPU for models from 10 billion parameters on.
        sharded: whether to shard the layers over the processes of this host.

    Raises:
        ModelError: the model does not exist or needs remote code, or 4-bit weights were requested on a CPU.
    """
    logging.disable_progress_bar()
    source = locate_model(name)
    weights = source.base or source
    _check_architecture(weights)
    has_gpu = torch.cuda.is_available()
    if not has_gpu:
        torch.set_num_threads(_count_usable_cores())
    if four_bit is None:
        four_bit = has_gpu and count_parameters(weights) >= FOUR_BIT_THRESHOLD
    if four_bit and not has_gpu:
        raise ModelError(f"model {name}: 4-bit weights need a CUDA GPU; leave four_bit unset on a CPU")
    device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if has_gpu else "cpu"
    if has_gpu:
        torch.cuda.set_device(device)
    quantization = build_four_bit_config(sharded=sharded) if four_bit else None
    model = AutoModelForCausalLM.from_pretrained(
        weights.path,
        dtype=torch.bfloat16 if has_gpu else torch.float32,
        quantization_config=None if sharded else quantization,
        device_map=None if sharded else {"": device},
        use_safetensors=True,
        trust_remote_code=False,
    )
    # PEFT writes this name into adapters; without it a hub id or `embedded` would become a path.
    model.name_or_path = weights.name
    model.requires_grad_(False)
    if sharded:
        shard(model, device, quantization)
    if source.base:
        # By default every process of a training would load it to the first GPU and keep a context there.
        model = PeftModel.from_pretrained(
            model, source.path, is_trainable=trainable, torch_device="cpu", use_safetensors=True
        )
    model.train(trainable)
    return LoadedModel(model, load_tokenizer(source), source, device, four_bit, sharded=sharded)


def build_four_bit_config(*, sharded: bool) -> BitsAndBytesConfig:
    """Return the configuration of 4-bit weights: NF4 with double quantization."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
        # FSDP in torch 2.11, which vLLM 0.25 needs, shards floating-point tensors only. bfloat16, the type of
        # the norms, would gather them with bit patterns of NaN changed (PyTorch issue 159333, bitsandbytes
        # issue 1945); tensors of mixed types are gathered as bytes.
        bnb_4bit_quant_storage=torch.float32 if sharded else torch.uint8,
    )


def count_parameters(source: ModelSource) -> int:
    """Return a model's number of parameters, from its configuration alone."""
    config = AutoConfig.from_pretrained(source.path, trust_remote_code=False)
    with torch.device("meta"):
        return int(AutoModelForCausalLM.from_config(config).num_parameters())


def _check_architecture(source: ModelSource) -> None:
    """Raise ModelError if transformers does not know the architecture, as remote code is never run."""
    try:
        AutoConfig.from_pretrained(source.path, trust_remote_code=False)
    except ValueError as error:
        raise ModelError(
            f"model {source.name}: transformers does not know its architecture, and code that comes with a "
            "model is never run; use another model"
        ) from error


def _count_usable_cores() -> int:
    """Return the cores this process may use: the least of affinity, OMP_NUM_THREADS and container quota."""
    cores = len(os.sched_getaffinity(0))
    if os.environ.get("OMP_NUM_THREADS", "").isdecimal():
        cores = min(cores, int(os.environ["OMP_NUM_THREADS"]))
    quota = Path("/sys/fs/cgroup/cpu.max")
    if quota.is_file():
        limit, period = quota.read_text().split()
        if limit != "max":
            cores = min(cores, int(limit) // int(period))
    return max(1, cores)
