"""Forward passes over a batch: one or two over the prompts, then one per new token.

On a GPU, launching the hundreds of kernels of a small model's step takes far longer than computing them.
Keys and values are therefore kept in tensors of their final size, and a step is captured once as a CUDA
graph and then replayed. Layers with a sliding window keep all tokens and mask those outside of it. Models
that do not allow this (layers other than attention) grow their cache step by step, as transformers does;
4-bit weights do not allow the capture.
"""

import sys
from dataclasses import dataclass
from typing import Any, Final, Protocol

import torch
from transformers import Cache, DynamicCache, StaticCache
from transformers.cache_utils import (
    DynamicLayer,
    DynamicSlidingWindowLayer,
    StaticLayer,
    StaticSlidingWindowLayer,
)

from phases.models.loader import LoadedModel
from phases.models.packed_attention import PACKED_ATTENTION

_WARM_UP_STEPS: Final = 2
"""Steps before the capture: the first launch of a kernel loads it, which cannot be captured."""
_MIN_STEPS_TO_CAPTURE: Final = 8
"""Fewer steps do not repay a capture, which takes as long as a step."""
_MIN_ROWS_TO_NARROW: Final = 256
"""Up to this many rows, a step over fewer rows is hardly faster and would need another capture."""


class Decoder(Protocol):
    """The forward passes of one batch. Logits are [rows, vocabulary] and valid until the next pass.

    Attributes:
        min_rows: dropping rows pays off only in batches larger than this.
        drops_at_once: whether it pays off for single rows, because the others are not copied.
        allows_gaps: whether padding may lie between the tokens of a row.
    """

    min_rows: int
    drops_at_once: bool
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
    attention = _read_attention(loaded.model.config, length)
    if attention is None:
        return _GrowingCacheDecoder(loaded.model)
    # Kernels of 4-bit weights and the hooks of a model in training cannot be captured.
    in_training = any(parameter.requires_grad for parameter in loaded.model.parameters())
    on_gpu = torch.device(loaded.device).type == "cuda"
    use_graph = on_gpu and not loaded.four_bit and not in_training and max_steps > _MIN_STEPS_TO_CAPTURE
    return _StaticCacheDecoder(loaded.model, attention, length, on_gpu=on_gpu, use_graph=use_graph)


@dataclass(frozen=True)
class _Attention:
    """Which earlier tokens the layers of a model attend to.

    Attributes:
        layers: number of layers.
        window: number of tokens that a layer with a sliding window sees, or None if no layer has one.
        is_mixed: whether only some layers have one.
    """

    layers: int
    window: int | None
    is_mixed: bool


def _read_attention(config: Any, length: int) -> _Attention | None:
    """Return a model's attention in rows of `length` tokens, or None if it needs another cache or mask."""
    layers = StaticCache(config, max_cache_len=length).layers
    kinds = {type(layer) for layer in layers}
    windows = {layer.max_cache_len for layer in layers if type(layer) is StaticSlidingWindowLayer}
    chunk_size = getattr(config.get_text_config(decoder=True), "attention_chunk_size", None)
    is_plain = kinds <= {StaticLayer, StaticSlidingWindowLayer} and len(windows) <= 1 and chunk_size is None
    if config._attn_implementation not in {"sdpa", PACKED_ATTENTION} or not is_plain:
        return None
    return _Attention(len(layers), next(iter(windows), None), len(kinds) > 1)


class _GrowingCacheDecoder:
    """Works for any model: the cache and the mask grow with each step."""

    drops_at_once = False

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


class _StaticRowsLayer(StaticLayer):
    """Can continue with some of its rows."""

    keys: torch.Tensor
    values: torch.Tensor

    def select_rows(self, rows: torch.Tensor) -> None:
        self.keys, self.values = self.keys[rows], self.values[rows]


class _FilledColumnsLayer(_StaticRowsLayer):
    """Attends to the columns filled so far: a CPU takes as long for an empty column as for any other."""

    def update(self, *args: Any, **kwargs: Any) -> tuple[torch.Tensor, torch.Tensor]:
        keys, values = super().update(*args, **kwargs)
        length = int(self.cumulative_length)
        return keys[:, :, :length], values[:, :, :length]

    def select_rows(self, rows: torch.Tensor) -> None:
        """Continue with these rows; if some take the places of dropped ones, only they are copied."""
        moved = (rows != torch.arange(len(rows))).nonzero()[:, 0]
        sources = rows[moved]
        if (sources < len(rows)).any():  # It would be overwritten, or is needed in two places.
            super().select_rows(rows)
            return
        length = int(self.cumulative_length)
        for cached in (self.keys, self.values):
            cached[moved, :, :length] = cached[sources, :, :length]
        self.keys, self.values = self.keys[: len(rows)], self.values[: len(rows)]


class _StaticCacheDecoder:
    """For models with plain attention: no tensor moves or grows, so a step can be captured."""

    allows_gaps = True

    def __init__(
        self, model: Any, attention: _Attention, length: int, *, on_gpu: bool, use_graph: bool
    ) -> None:
        self._model = model
        self._attention = attention
        layer_type = _StaticRowsLayer if on_gpu else _FilledColumnsLayer
        self.drops_at_once = not on_gpu
        self._cache = Cache(layers=[layer_type(length) for _ in range(attention.layers)])
        self._length = length
        self._on_gpu = on_gpu
        self._use_graph = use_graph
        self.min_rows = _MIN_ROWS_TO_NARROW if use_graph else 1
        self._steps = 0
        self._graph: Any = None
        self._width = 0

    def read(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        rows, count = ids.shape
        if not self._width:
            # The position of each cached token in its row, -1 for padding and for what is not read yet.
            self._positions = torch.full((rows, self._length), -1, device=ids.device)
        read_before = (self._positions >= 0).sum(dim=-1, keepdim=True)
        position_ids = (read_before + mask.cumsum(dim=-1) - 1).clamp(min=0)
        columns = slice(self._width, self._width + count)
        self._positions[:, columns] = position_ids.where(mask.bool(), -1)
        self._width += count
        # The other inputs of a step, which are updated in place with the positions.
        self._token = ids.new_zeros(rows, 1)
        self._position = position_ids[:, -1:].clone()
        self._column = torch.tensor([self._width - 1], device=ids.device)
        return _compute_logits(self._model, ids, self._make_masks(position_ids), position_ids, self._cache)

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
            layer.select_rows(rows)
        self._token = self._token[rows]
        self._position = self._position[rows]
        self._positions = self._positions[rows]

    def _forward(self) -> torch.Tensor:
        self._column.add_(1)
        self._position.add_(1)
        self._positions.index_copy_(1, self._column, self._position)
        self._width += 1
        masks = self._make_masks(self._position)
        return _compute_logits(self._model, self._token, masks, self._position, self._cache)

    def _make_masks(self, position_ids: torch.Tensor) -> torch.Tensor | dict[str, torch.Tensor]:
        """Return which cached tokens the tokens at these positions see: [rows, 1, tokens, cached tokens].

        Models of which only some layers have a sliding window take a mask for each kind of layer.
        """
        cached = self._positions if self._on_gpu else self._positions[:, : self._width]
        seen, seeing = cached[:, None, None, :], position_ids[:, None, :, None]
        earlier = (seen >= 0) & (seen <= seeing)
        if self._attention.window is None:
            return earlier
        recent = earlier & (seen > seeing - self._attention.window)
        if self._attention.is_mixed:
            return {"full_attention": earlier, "sliding_attention": recent}
        return recent


def compute_position_ids(mask: torch.Tensor) -> torch.Tensor:
    """Return each token's position in its row, not counting padding on the left: [rows, tokens]."""
    return (mask.cumsum(dim=-1) - 1).clamp(min=0)


def _compute_logits(
    model: Any, ids: torch.Tensor, mask: Any, position_ids: torch.Tensor, cache: Any
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
