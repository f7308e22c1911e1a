"""The settings that a training tries: tokens that the GPU processes at once, and layers that recompute.

An optimizer step is split into micro-batches, so these settings change time and memory and nothing else. The
probe of a training tries them on the GPU; `gonogo check` computes which of them fits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

Checkpointing = Literal["auto", "on", "off"]

EFFICIENT_TOKENS: Final = 4_096
"""With fewer tokens, unpacking the weights costs more than recomputing layers."""
TOKEN_COUNTS: Final = (*range(32_768, EFFICIENT_TOKENS, -512), EFFICIENT_TOKENS, 2_048, 1_024)
"""Tokens of a micro-batch to try: more at once unpack 4-bit weights less often.

A micro-batch of Qwen2.5-32B takes 0.26 s in addition to its tokens (H200), a tenth of the time of 10,000.
"""
FORWARD_TOKENS: Final = 16_384
"""Tokens at once without gradients; more were 3 % faster."""
_PARTS: Final = 8
"""Recomputed layers are tried in steps of this part of the layers."""


@dataclass(frozen=True)
class MicroBatchSetting:
    """The split of an optimizer step into micro-batches.

    Attributes:
        tokens: maximum tokens of a micro-batch, padding included; one sequence is never split.
        recomputed_layers: how many layers, from the first on, recompute their activations.
    """

    tokens: int
    recomputed_layers: int


def list_settings(
    layers: int, *, step_tokens: int, sequence_tokens: int, checkpointing: Checkpointing, sharded: bool
) -> list[MicroBatchSetting]:
    """Return the settings to try, the fastest first (measured on an H200, Qwen2.5-32B in 4 bits).

    Args:
        layers: layers of the model.
        step_tokens: tokens of the largest optimizer step on one GPU, padding included.
        sequence_tokens: tokens of the longest sequence.
        checkpointing: `off` and `on` fix the number of recomputed layers to none or all.
        sharded: whether the weights are sharded; a sharded model cannot be tried twice.
    """
    sizes = [max(sequence_tokens, min(step_tokens, tokens)) for tokens in TOKEN_COUNTS]
    sizes = sorted({*sizes, sequence_tokens}, reverse=True)
    efficient = next((size for size in sizes if size <= EFFICIENT_TOKENS), sizes[-1])
    if sharded:
        return [MicroBatchSetting(efficient, 0 if checkpointing == "off" else layers)]
    if checkpointing != "auto":
        return [MicroBatchSetting(size, layers if checkpointing == "on" else 0) for size in sizes]
    return list(_list_automatic(layers, sizes, efficient))


def _list_automatic(layers: int, sizes: list[int], efficient: int) -> Iterator[MicroBatchSetting]:
    for size in sizes:
        if size >= efficient:
            yield MicroBatchSetting(size, 0)
    for recomputed in sorted({-(-layers * part // _PARTS) for part in range(1, _PARTS + 1)}):
        yield MicroBatchSetting(efficient, recomputed)
    for size in sizes:
        if size < efficient:
            yield MicroBatchSetting(size, -(-layers // 2))
            yield MicroBatchSetting(size, layers)
