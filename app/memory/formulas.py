"""Peak GPU memory of training, generation, scoring and serving, from a model's shape and a workload.

Pure arithmetic, fitted to measurements on the shape of Qwen2.5-32B (see tests/memory/test_formulas.py) and
meant to be within 10 %. All sizes are bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.memory.shape import HALF_BYTES, Shape
from phases.contract.micro_batch import MicroBatchSetting
from phases.contract.workload import Generation, Scoring

GIB: Final = 2**30
_CUDA: Final = 0.6 * GIB
"""The CUDA context and its libraries."""
_VLLM: Final = 8 * GIB
"""Memory of vLLM in addition to the weights (see phases.generation.vllm_settings)."""
_SINGLE_BYTES: Final = 4
_ADAM_BYTES: Final = 8
_ADAM_8BIT_BYTES: Final = 2
"""The optimizer's two states per parameter."""
_FP8_BYTES: Final = 1.1
"""vLLM's 8-bit weights per parameter, with embeddings in half precision."""
_WHOLE_LOGITS_BYTES: Final = 12
"""Per token and vocabulary entry, if the loss computes all logits: single precision, softmax and gradient."""
_TILE_TOKENS: Final = 4096
_TILE_ENTRIES: Final = 32768
"""Tokens and vocabulary entries that the chunked loss of TRL computes at once."""
_LOGITS_BYTES: Final = {
    "greedy": 2 * HALF_BYTES,
    "random": HALF_BYTES + 2 * _SINGLE_BYTES,
    "nucleus": HALF_BYTES + 3 * _SINGLE_BYTES + 1,
}
"""Bytes per row and vocabulary entry while the next token is chosen (see phases.generation.sampling).

The previous logits are still alive when new ones are computed. Random sampling converts them to single
precision and computes their softmax and its cumulative sum; top-p sampling also compares the sums.
"""
SCORED_LOGITS_LIMIT: Final = 4 * GIB
"""The most memory for the logits of scored texts (see phases.generation.scoring)."""


@dataclass(frozen=True)
class Need:
    """The peak memory of a phase on each GPU: bytes by use, and the training setting that they assume."""

    parts: Mapping[str, float]
    setting: MicroBatchSetting | None = None

    @property
    def total(self) -> float:
        """The sum of all parts."""
        return sum(self.parts.values())


def estimate_training(
    shape: Shape,
    *,
    setting: MicroBatchSetting,
    rank: int,
    fused: bool = True,
    whole_logits: bool = False,
    reference: bool = False,
    processes: int = 1,
    sharded_over: int = 1,
) -> Need:
    """Return what LoRA training needs.

    Args:
        shape: of the model.
        setting: tokens of a micro-batch, and the layers that recompute their activations.
        rank: of the adapter.
        fused: whether LoRA is fused (see phases.models.fused_lora).
        whole_logits: whether the loss computes the logits of the whole vocabulary at once; TRL's does not.
        reference: whether a frozen copy of the adapter is kept, as for DPO.
        processes: several hold a second copy of the gradients to exchange them, unless weights are sharded.
        sharded_over: number of GPUs over which the layers' weights are sharded (see phases.models.fsdp).
    """
    adapter = shape.count_adapter_parameters(rank)
    tokens, recomputed = setting.tokens, setting.recomputed_layers
    activation_bytes = shape.compute_activation_bytes(fused=fused)
    layer_inputs = recomputed * tokens * HALF_BYTES * shape.hidden_size
    activations = (shape.num_hidden_layers - recomputed) * tokens * activation_bytes
    if whole_logits:
        loss = _WHOLE_LOGITS_BYTES * tokens * shape.vocab_size
    else:
        tile = min(tokens, _TILE_TOKENS) * min(_TILE_ENTRIES, shape.vocab_size)
        loss = HALF_BYTES * tile + (_SINGLE_BYTES + HALF_BYTES) * tokens * shape.hidden_size
    # The peak is either at the loss, before there are gradients, or in a layer, with gradients and with the
    # weights of one module unpacked.
    gradients = _SINGLE_BYTES * adapter
    unpacked = HALF_BYTES * max(inputs * outputs for inputs, outputs in shape.linear_modules)
    layer = tokens * (activation_bytes + HALF_BYTES * 3 * shape.intermediate_size) + unpacked
    exchanged = gradients if processes > 1 and sharded_over == 1 else 0
    copies = 2 if reference else 1
    parts = {
        "weights": shape.weight_bytes
        if sharded_over == 1
        else shape.compute_sharded_weight_bytes(sharded_over),
        "adapter": (_SINGLE_BYTES * copies + HALF_BYTES) * adapter,
        "optimizer": (_ADAM_8BIT_BYTES if shape.is_four_bit else _ADAM_BYTES) * adapter,
        "activations": layer_inputs + activations,
        "loss and gradients": max(loss, gradients + layer) + exchanged,
        "CUDA": _CUDA,
    }
    return Need(parts, setting)


def estimate_generation(shape: Shape, batch: Generation, rank: int = 0) -> Need:
    """Return what generating a batch with transformers needs.

    Args:
        shape: of the model.
        batch: the largest batch.
        rank: of the adapter; 0 for none.
    """
    return _estimate_forward(
        shape,
        rows=batch.rows,
        prompt=batch.prompt_tokens,
        new=batch.new_tokens,
        logits_bytes=_LOGITS_BYTES[batch.sampling],
        rank=rank,
        adapted=batch.adapted,
        cached=batch.cached,
    )


def estimate_scoring(shape: Shape, batch: Scoring, rank: int = 0) -> Need:
    """Return what computing the log-probabilities of a batch needs; `rank` is that of an inactive adapter."""
    position = HALF_BYTES * (batch.answer_tokens + 1)
    rows = max(1, min(batch.rows, SCORED_LOGITS_LIMIT // (position * shape.vocab_size)))
    return _estimate_forward(
        shape,
        rows=rows,
        prompt=batch.prompt_tokens + batch.answer_tokens,
        new=0,
        logits_bytes=position + 2 * _SINGLE_BYTES,
        rank=rank,
        adapted=False,
        cached=True,
    )


def _estimate_forward(
    shape: Shape,
    *,
    rows: int,
    prompt: int,
    new: int,
    logits_bytes: int,
    rank: int,
    adapted: bool,
    cached: bool,
) -> Need:
    length = prompt + new
    # The cache of our decoder has its final length from the start.
    cache = rows * length * shape.num_hidden_layers * 2 * HALF_BYTES * shape.key_width if cached else 0
    # Models with two kinds of layers, such as gemma-3, have two masks and two sets of positions.
    positions = 2 * (length + 2 * HALF_BYTES * shape.query_width // shape.num_attention_heads)
    layer = HALF_BYTES * (3 * shape.intermediate_size + 4 * shape.hidden_size) + positions
    if rank and adapted:
        # The adapter computes in single precision: its input, its output, and the scaled output.
        layer += (2 * _SINGLE_BYTES - HALF_BYTES) * shape.intermediate_size
        layer += _SINGLE_BYTES * shape.hidden_size
    repeated_keys = rows * length * 2 * HALF_BYTES * shape.query_width
    logits = rows * shape.vocab_size * logits_bytes
    parts = {
        "weights": shape.weight_bytes,
        "adapter": _SINGLE_BYTES * shape.count_adapter_parameters(rank),
        "cache": cache,
        "activations": max(rows * prompt * layer, repeated_keys + logits),
        "CUDA": _CUDA,
    }
    return Need(parts)


def estimate_serving(shape: Shape, *, eight_bit: bool, sharded_over: int = 1) -> Need:
    """Return the minimum that vLLM needs; it takes all remaining memory for its cache.

    Args:
        shape: of the model.
        eight_bit: whether the weights are FP8, as vLLM loads them if 16-bit weights do not fit.
        sharded_over: number of GPUs that share the weights, if they do not fit one.
    """
    weights = shape.parameters * (_FP8_BYTES if eight_bit else HALF_BYTES) / sharded_over
    return Need({"weights": weights, "vLLM": _VLLM, "CUDA": _CUDA})
