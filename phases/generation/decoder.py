"""The forward passes of a batch of rows: first over the prompts, then over one new token a row and step.

On a GPU a step of a small model takes far longer to launch than to compute: hundreds of kernels, each started
from Python. So keys and values lie in tensors of their final size, and the launches of a step are recorded
once, as a CUDA graph, and replayed as one. What does not suit that (a window shorter than the rows, 4-bit
weights, layers other than attention) grows its cache step by step, as transformers does.
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

_WARM: Final = 2
"""Steps before the recording: a kernel's first launch loads it, which cannot be recorded."""
_WORTH_RECORDING: Final = 8
"""Steps below which a recording, which takes as long as a step, does not pay."""
_WORTH_NARROWING: Final = 512
"""Rows up to which a step takes as long with fewer, where another recording would be needed."""


class Decoder(Protocol):
    """The passes of one batch; logits are [rows, vocabulary] and hold until the next pass.

    Attributes:
        fewest: with so many rows or less, it does not pay to go on with fewer of them.
    """

    fewest: int

    def read(self) -> torch.Tensor:
        """Read the prompts and return the logits of each row's first new token."""

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Read a token of each row, [rows, 1], and return the logits of the next one."""

    def keep(self, rows: torch.Tensor) -> None:
        """Go on with some of the rows alone, given by their numbers."""


def decoder(loaded: LoadedModel, ids: torch.Tensor, mask: torch.Tensor, steps: int) -> Decoder:
    """Return a decoder of rows that are padded on the left.

    Args:
        loaded: the model.
        ids: token ids, [rows, tokens].
        mask: 0 for padding, else 1; [rows, tokens].
        steps: new tokens at most.
    """
    length = ids.shape[1] + steps
    cache = StaticCache(loaded.model.config, max_cache_len=length)
    in_place = loaded.model.config._attn_implementation == "sdpa" and all(
        type(layer) in (StaticLayer, StaticSlidingWindowLayer) and layer.max_cache_len == length
        for layer in cache.layers
    )
    if not in_place:
        return _Growing(loaded.model, ids, mask)
    # The kernels of 4-bit weights, and what hangs on a model in training, may not be recorded.
    trained = any(parameter.requires_grad for parameter in loaded.model.parameters())
    recorded = ids.is_cuda and not loaded.four_bit and not trained and steps > _WORTH_RECORDING
    return _InPlace(loaded.model, ids, mask, cache, recorded=recorded)


class _Growing:
    """Any model: the cache and the mask grow with each step."""

    def __init__(self, model: Any, ids: torch.Tensor, mask: torch.Tensor) -> None:
        self._model = model
        self._ids = ids
        self._mask = mask
        self._cache = DynamicCache(config=model.config)
        # What other layers hold of a row, they do not all let go of.
        plain = all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in self._cache.layers)
        self.fewest = 1 if plain else sys.maxsize

    def read(self) -> torch.Tensor:
        return self._forward(self._ids, positions(self._mask))

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        self._mask = torch.cat([self._mask, torch.ones_like(self._mask[:, :1])], dim=1)
        return self._forward(tokens, positions(self._mask)[:, -1:])

    def keep(self, rows: torch.Tensor) -> None:
        self._mask = self._mask[rows]
        self._cache.batch_select_indices(rows)

    def _forward(self, ids: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        return _logits(self._model, ids, self._mask, places, self._cache)


class _InPlace:
    """Models of plain attention: nothing changes its place or its size, so a step can be recorded."""

    def __init__(
        self, model: Any, ids: torch.Tensor, mask: torch.Tensor, cache: StaticCache, *, recorded: bool
    ) -> None:
        self._model = model
        self._ids = ids
        self._mask = mask
        self._cache = cache
        self._recorded = recorded
        self.fewest = _WORTH_NARROWING if recorded else 1
        self._steps = 0
        self._graph: Any = None
        rows, width = ids.shape
        # What a step reads, and moves on by one: its token, where it stands, and what it may look at.
        self._token = ids.new_zeros(rows, 1)
        self._position = positions(mask)[:, -1:].clone()
        self._column = torch.tensor([width - 1], device=ids.device)
        self._seen = torch.zeros(
            rows, 1, 1, cache.layers[0].max_cache_len, dtype=torch.bool, device=ids.device
        )
        self._seen[..., :width] = mask[:, None, None].bool()

    def read(self) -> torch.Tensor:
        return _logits(self._model, self._ids, self._mask, positions(self._mask), self._cache)

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        self._token.copy_(tokens)
        self._steps += 1
        if not self._recorded or self._steps <= _WARM:
            return self._forward()
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):  # recorded, not run
                self._out = self._forward()
        self._graph.replay()
        return self._out

    def keep(self, rows: torch.Tensor) -> None:
        self._graph = None  # what it reads and writes is of the former size
        self._steps = 0
        for layer in self._cache.layers:
            layer.keys, layer.values = layer.keys[rows], layer.values[rows]
        self._token, self._position, self._seen = self._token[rows], self._position[rows], self._seen[rows]

    def _forward(self) -> torch.Tensor:
        self._column.add_(1)
        self._position.add_(1)
        self._seen.index_fill_(-1, self._column, value=True)
        return _logits(self._model, self._token, self._seen, self._position, self._cache)


def positions(mask: torch.Tensor) -> torch.Tensor:
    """Return where each token stands in its own row, padding on the left not counted: [rows, tokens]."""
    return (mask.cumsum(dim=-1) - 1).clamp(min=0)


def _logits(
    model: Any, ids: torch.Tensor, mask: torch.Tensor, places: torch.Tensor, cache: Any
) -> torch.Tensor:
    found: torch.Tensor = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=places,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    ).logits[:, -1]
    return found
