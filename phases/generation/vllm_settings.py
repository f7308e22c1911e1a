"""vLLM's engine arguments for a model on the GPUs at hand: memory, weights, parallelism and CUDA graphs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from transformers import AutoConfig

from phases.contract.tensor_parallel import list_tensor_parallel_sizes
from phases.generation.gpus import GpuInfo
from phases.models.loader import count_parameters
from phases.models.source import ModelError, ModelSource

OVERRIDES_VARIABLE: Final = "GONOGO_ENGINE_ARGS"
"""Environment variable with a JSON object of engine arguments that a particular machine needs."""
MAX_MODEL_LEN: Final = 16_384
"""Limit of the tokens of a prompt and its completion. A model's own limit may need more cache than fits."""
_MEMORY_SHARE: Final = 0.92
"""Largest share of the GPU's memory to use; less if less is free."""
_RESERVED_BYTES: Final = 2**30
"""Free memory to leave unused."""
_ACTIVATION_BYTES: Final = 3 * 2**30
"""Memory for activations and CUDA graphs."""
_WORKING_BYTES: Final = 8 * 2**30
"""Memory for activations, CUDA graphs and a cache of a few dozen rows."""
_DEFAULT_ROWS: Final = 256
_MANY_ROWS: Final = 512
"""Rows in a batch; the larger number if the cache has room for `_UNSHARED_TOKENS` of each row."""
_UNSHARED_TOKENS: Final = 256
"""Tokens of a row beyond the prefix that it shares with other rows, which is cached once."""
_HOPPER: Final = 9
"""Compute capability of H100 and H200, whose attention kernels can be captured for any mix of rows."""
_ADAPTER_RANKS: Final = (8, 16, 32, 64, 128, 256, 320, 512)
"""Adapter ranks for which vLLM has kernels."""
_UNSERVED_ADAPTER_SETTINGS: Final = (
    "alpha_pattern",
    "bias",
    "layer_replication",
    "lora_bias",
    "modules_to_save",
    "rank_pattern",
    "use_dora",
)
"""Settings of PEFT that vLLM rejects, or does not read: it scales all modules by the same alpha and rank."""
_BATCHED_TOKENS: Final = 8192
_BF16_BYTES: Final = 2.0
_FP8_BYTES: Final = 1.1
"""Bytes per parameter; with FP8 the embeddings stay in bfloat16."""
_GIB: Final = 2**30


@dataclass(frozen=True)
class ModelShape:
    """The properties of a model that its serving settings depend on.

    Attributes:
        parameters: number of parameters.
        positions: the longest text that the model can read, in tokens.
        attention_heads: number of attention heads, which tensor parallelism divides.
        cache_bytes: bytes of keys and values per token.
        adapter_rank: rank of its adapter, or None.
    """

    parameters: int
    positions: int
    attention_heads: int
    cache_bytes: int
    adapter_rank: int | None = None


def read_model_shape(source: ModelSource) -> ModelShape:
    """Read the shape of a model, or of an adapter and its base model, from the configuration files."""
    weights = source.base or source
    config = AutoConfig.from_pretrained(weights.path, trust_remote_code=False).get_text_config()
    return ModelShape(
        parameters=count_parameters(weights),
        positions=int(getattr(config, "max_position_embeddings", MAX_MODEL_LEN)),
        attention_heads=int(getattr(config, "num_attention_heads", 1)),
        cache_bytes=compute_cache_bytes(config),
        adapter_rank=read_adapter_rank(Path(source.path)) if source.base else None,
    )


def compute_cache_bytes(config: Any) -> int:
    """Return the bytes of keys and values per token, over all layers, in 16 bits.

    Layers with a sliding window need less but are counted in full.
    """
    heads = int(config.num_attention_heads)
    head_size = int(getattr(config, "head_dim", None) or config.hidden_size // heads)
    kv_heads = int(getattr(config, "num_key_value_heads", None) or heads)
    return 2 * 2 * int(config.num_hidden_layers) * kv_heads * head_size


def read_adapter_rank(folder: Path) -> int:
    """Return the rank of an adapter.

    Raises:
        ModelError: vLLM would reject the adapter, or serve it as if it had been trained otherwise.
    """
    config = json.loads((folder / "adapter_config.json").read_text())
    unset: tuple[object, ...] = (None, False, "none", [], {})
    unserved = [name for name in _UNSERVED_ADAPTER_SETTINGS if config.get(name) not in unset]
    if unserved:
        raise ModelError(
            f"the adapter {folder} has {', '.join(unserved)}, which vLLM does not serve; "
            "use --engine transformers"
        )
    return int(config["r"])


def read_overrides(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the engine arguments given in the environment.

    Raises:
        ModelError: the variable does not hold a JSON object.
    """
    text = environment.get(OVERRIDES_VARIABLE, "{}")
    try:
        overrides = json.loads(text)
    except ValueError:
        overrides = None
    if not isinstance(overrides, dict):
        raise ModelError(
            f"{OVERRIDES_VARIABLE}: expected a JSON object of vLLM engine arguments, such as "
            '{"enforce_eager": true}'
        )
    return overrides


def build_engine_arguments(folder: str, shape: ModelShape, gpus: Sequence[GpuInfo]) -> dict[str, Any]:
    """Return the arguments of vLLM's engine.

    Args:
        folder: folder with the weights.
        shape: the model's shape.
        gpus: identical GPUs; empty for vLLM's CPU build.

    Raises:
        ModelError: the weights do not fit in any format that vLLM serves fast, or the adapter's rank is too
            large.
    """
    arguments: dict[str, Any] = {
        "model": folder,
        "tokenizer": folder,
        "load_format": "safetensors",
        "trust_remote_code": False,
        "generation_config": "vllm",  # Ignore the model's own sampling settings.
        "enable_prefix_caching": True,
        "disable_log_stats": True,
        "max_model_len": min(MAX_MODEL_LEN, shape.positions),
        "max_num_seqs": _DEFAULT_ROWS,
        "dtype": "bfloat16" if gpus else "float32",
    }
    if shape.adapter_rank is not None:
        arguments |= _build_adapter_arguments(shape.adapter_rank)
    if not gpus:  # the CPU build cannot split the prompt of a seeded row into chunks
        return arguments | {"enable_chunked_prefill": False, "max_num_batched_tokens": MAX_MODEL_LEN}
    return arguments | _build_gpu_arguments(shape, gpus)


def _build_adapter_arguments(rank: int) -> dict[str, Any]:
    supported = min((r for r in _ADAPTER_RANKS if r >= rank), default=None)
    if supported is None:
        raise ModelError(
            f"the adapter has rank {rank}, but vLLM serves at most {_ADAPTER_RANKS[-1]}; "
            "use --engine transformers"
        )
    return {"enable_lora": True, "max_loras": 1, "max_lora_rank": supported}


def _build_gpu_arguments(shape: ModelShape, gpus: Sequence[GpuInfo]) -> dict[str, Any]:
    """Fit the weights on as few GPUs as possible, in bfloat16 if they fit and otherwise in FP8.

    FP8 quantization at load time halves the weights, and its kernels are at least as fast. bitsandbytes would
    be smaller but dequantizes its weights in every step.
    """
    budget = min(min(_MEMORY_SHARE * gpu.total, gpu.free - _RESERVED_BYTES) for gpu in gpus)
    sizes = list_tensor_parallel_sizes(len(gpus), shape.attention_heads)
    for quantization, parameter_bytes in ((None, _BF16_BYTES), ("fp8", _FP8_BYTES)):
        weights = parameter_bytes * shape.parameters
        for size in sizes:
            if weights / size + _WORKING_BYTES > budget:
                continue
            cache = (budget - _ACTIVATION_BYTES) * size - weights
            has_room = cache >= _MANY_ROWS * _UNSHARED_TOKENS * shape.cache_bytes
            rows = _MANY_ROWS if has_room else _DEFAULT_ROWS
            is_hopper = all(gpu.generation == _HOPPER for gpu in gpus)
            arguments: dict[str, Any] = {
                "gpu_memory_utilization": round(budget / max(gpu.total for gpu in gpus), 4),
                "max_num_batched_tokens": _BATCHED_TOKENS,
                "max_num_seqs": rows,
                "compilation_config": _choose_cuda_graphs(rows, is_hopper=is_hopper),
            }
            if quantization:
                arguments["quantization"] = quantization
            if size > 1:
                arguments["tensor_parallel_size"] = size
            return arguments
    required = (_FP8_BYTES * shape.parameters / sizes[-1] + _WORKING_BYTES) / _GIB
    raise ModelError(
        f"{shape.parameters:,} parameters do not fit: {budget / _GIB:.0f} GiB of {gpus[0].name} are usable, "
        f"but 8-bit weights need {required:.0f} GiB on each of {sizes[-1]} GPUs; "
        "use larger GPUs, or --engine transformers, which loads 4-bit weights"
    )


def _choose_cuda_graphs(rows: int, *, is_hopper: bool) -> dict[str, Any]:
    """Return vLLM's compilation settings: which batch sizes to capture as CUDA graphs.

    In nearly every step of a large batch a row ends and a new prompt starts, and an adapter adds hundreds of
    small kernels. On Hopper, complete steps are captured, prompts included, and nothing is compiled. Other
    GPUs can only capture steps without prompts, so vLLM compiles the model and captures the parts between
    attention.

    Capturing more sizes would cost seconds at each start. Padding a batch to the next size is not measurable,
    because a step's time is spent reading the weights.
    """
    if not is_hopper:
        sizes = [1, 2, 4, 8, 16, *range(32, rows + 1, 32), rows + rows // 2, 2 * rows]
        return {"cudagraph_capture_sizes": sizes}
    sizes = [1, 2, 4, 8, 16, 32, *range(64, rows, 64), *range(rows, rows + 257, 32), 2 * rows]
    return {"mode": 0, "cudagraph_mode": "FULL", "cudagraph_capture_sizes": sorted(set(sizes))}
