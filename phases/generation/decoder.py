"""Forward passes over a batch: one or two over the prompts, then one per new token.

On a GPU, launching the hundreds of kernels of a small model's step takes far longer than computing them.
Keys and values are therefore kept in tensors of their final size, and a step is captured once as a CUDA
graph and then replayed. Models that do not allow this (a sliding window shorter than the rows, 4-bit weights,
layers other than attention) grow their cache step by step, as transformers does.
"""

import sys
from typing import Any, Final, Protocol

import torch
from transformers import DynamicCache, StaticCache
from transformers.cache_utils import (
    DynamicLayer,
    DynamicSlidingWindowLayer,
    StaticLayer,
    StaticSlidingWindowLayer,
)

from phases.models.loader import LoadedModel

_WARM_UP_STEPS: Final = 2
"""Steps before the capture: the first launch of a kernel loads it, which cannot be captured."""
_MIN_STEPS_TO_CAPTURE: Final = 8
"""Fewer steps do not repay a capture, which takes as long as a step."""
_MIN_ROWS_TO_NARROW: Final = 512
"""Up to this many rows, a step over fewer rows takes as long and would need another capture."""


class Decoder(Protocol):
    """The forward passes of one batch. Logits are [rows, vocabulary] and valid until the next pass.

    Attributes:
        min_rows: dropping rows pays off only in batches larger than this.
        allows_gaps: whether padding may lie between the tokens of a row.
    """

    min_rows: int
    allows_gaps: bool

    def read(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Read tokens after those that each row has, and return the logits of the next token.

        Args:
            ids: token ids, padded on the left: [rows, tokens].
            mask: attention mask, 0 for padding: [rows, tokens].
        """

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Read one token per row, [rows, 1], and return the logits of the next one."""

    def select_rows(self, rows: torch.Tensor) -> None:
        """Continue with the rows of these indices, of which some may be dropped and some repeated."""


def make_decoder(loaded: LoadedModel, width: int, max_steps: int) -> Decoder:
    """Return the fastest decoder the model supports.

    Args:
        loaded: the model.
        width: number of tokens of the longest row before the first step, padding included.
        max_steps: limit of new tokens.
    """
    length = width + max_steps
    cache = StaticCache(loaded.model.config, max_cache_len=length)
    is_static = loaded.model.config._attn_implementation == "sdpa" and all(
        type(layer) in (StaticLayer, StaticSlidingWindowLayer) and layer.max_cache_len == length
        for layer in cache.layers
    )
    if not is_static:
        return _GrowingCacheDecoder(loaded.model)
    # Kernels of 4-bit weights and the hooks of a model in training cannot be captured.
    in_training = any(parameter.requires_grad for parameter in loaded.model.parameters())
    on_gpu = torch.device(loaded.device).type == "cuda"
    use_graph = on_gpu and not loaded.four_bit and not in_training and max_steps > _MIN_STEPS_TO_CAPTURE
    return _StaticCacheDecoder(loaded.model, cache, length, use_graph=use_graph)


class _GrowingCacheDecoder:
    """Works for any model: the cache and the mask grow with each step."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._mask: torch.Tensor | None = None
        self._cache = DynamicCache(config=model.config)
        kinds = {type(layer) for layer in self._cache.layers}
        # Other cache layers cannot drop single rows.
        self.min_rows = 1 if kinds <= {DynamicLayer, DynamicSlidingWindowLayer} else sys.maxsize
        self.allows_gaps = kinds <= {DynamicLayer}  # A sliding window counts padding.

    def read(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        self._mask = mask if self._mask is None else torch.cat([self._mask, mask], dim=1)
        position_ids = compute_position_ids(self._mask)[:, -ids.shape[1] :]
        return _compute_logits(self._model, ids, self._mask, position_ids, self._cache)

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.read(tokens, torch.ones_like(tokens))

    def select_rows(self, rows: torch.Tensor) -> None:
        assert self._mask is not None
        self._mask = self._mask[rows]
        self._cache.batch_select_indices(rows)


class _StaticCacheDecoder:
    """For models with plain attention: no tensor moves or grows, so a step can be captured."""

    allows_gaps = True

    def __init__(self, model: Any, cache: StaticCache, length: int, *, use_graph: bool) -> None:
        self._model = model
        self._cache = cache
        self._length = length
        self._use_graph = use_graph
        self.min_rows = _MIN_ROWS_TO_NARROW if use_graph else 1
        self._steps = 0
        self._graph: Any = None
        self._width = 0

    def read(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        rows, count = ids.shape
        if not self._width:
            self._attended = torch.zeros(rows, 1, 1, self._length, dtype=torch.bool, device=ids.device)
        self._attended[..., self._width : self._width + count] = mask[:, None, None].bool()
        self._width += count
        attended = self._attended[:, 0, 0, : self._width]
        position_ids = compute_position_ids(attended)
        # The other inputs of a step, which are updated in place with the mask.
        self._token = ids.new_zeros(rows, 1)
        self._position = position_ids[:, -1:].clone()
        self._column = torch.tensor([self._width - 1], device=ids.device)
        return _compute_logits(self._model, ids, attended.long(), position_ids[:, -count:], self._cache)

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        self._token.copy_(tokens)
        self._steps += 1
        if not self._use_graph or self._steps <= _WARM_UP_STEPS:
            return self._forward()
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):  # This captures the step without running it.
                self._logits = self._forward()
        self._graph.replay()
        return self._logits

    def select_rows(self, rows: torch.Tensor) -> None:
        self._graph = None  # It reads and writes tensors of the previous size.
        self._steps = 0
        for layer in self._cache.layers:
            layer.keys, layer.values = layer.keys[rows], layer.values[rows]
        self._token = self._token[rows]
        self._position = self._position[rows]
        self._attended = self._attended[rows]

    def _forward(self) -> torch.Tensor:
        self._column.add_(1)
        self._position.add_(1)
        self._attended.index_fill_(-1, self._column, value=True)
        return _compute_logits(self._model, self._token, self._attended, self._position, self._cache)


def compute_position_ids(mask: torch.Tensor) -> torch.Tensor:
    """Return each token's position in its row, not counting padding on the left: [rows, tokens]."""
    return (mask.cumsum(dim=-1) - 1).clamp(min=0)


def _compute_logits(
    model: Any, ids: torch.Tensor, mask: torch.Tensor, position_ids: torch.Tensor, cache: Any
) -> torch.Tensor:
    logits: torch.Tensor = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=position_ids,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    ).logits[:, -1]
    return logits
