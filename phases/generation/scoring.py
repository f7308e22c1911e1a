"""How likely a model finds given texts."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from phases.generation.decoder import positions
from phases.generation.generate import pad_left
from phases.models.loader import LoadedModel


@dataclass(frozen=True)
class ContinuationScore:
    """The log-probability (natural logarithm) of a continuation, summed over its tokens."""

    log_probability: float
    tokens: int

    @property
    def mean(self) -> float:
        """The log-probability a token."""
        return self.log_probability / max(1, self.tokens)


_LOGITS_BYTES: Final = 4 * 2**30
"""Memory that the logits of a batch may take: of a large vocabulary they are far larger than the model."""


def log_probabilities(
    loaded: LoadedModel,
    prompts: Sequence[str],
    continuations: Sequence[str],
    *,
    shared: str = "",
    batch_size: int = 32,
    on_step: Callable[[], None] = lambda: None,
) -> list[ContinuationScore]:
    """Return how likely each continuation is after its prompt; prompt and continuation are encoded apart.

    Args:
        loaded: the model.
        prompts: a text for each continuation.
        continuations: what is scored.
        shared: a text before every prompt, encoded apart; the model reads it once.
        batch_size: rows at once, at most; fewer where their logits would take too much memory.
        on_step: called after each batch.

    Raises:
        ValueError: there are not as many continuations as prompts, or one has no token.
    """
    encode = loaded.tokenizer.encode
    before = loaded.tokenizer.encode_prompt(shared)
    heads = {prompt: encode(prompt) for prompt in dict.fromkeys(prompts)}
    pairs = [
        (heads[prompt], encode(continuation))
        for prompt, continuation in zip(prompts, continuations, strict=True)
    ]
    if not all(head and tail for head, tail in pairs):
        raise ValueError("a prompt or a continuation is empty: there is nothing to score")
    cache = _read(loaded, before) if shared else None
    if cache is None:
        pairs = [(before + head, tail) for head, tail in pairs]
    # Alike in the length of what is scored, so that few logits are padding.
    order = sorted(range(len(pairs)), key=lambda i: (-len(pairs[i][1]), -len(pairs[i][0]), i))
    model = loaded.model
    a_position = model.config.get_text_config().vocab_size * model.dtype.itemsize
    scores: dict[int, ContinuationScore] = {}
    while len(scores) < len(order):
        longest = len(pairs[order[len(scores)]][1])
        rows = max(1, min(batch_size, _LOGITS_BYTES // ((longest + 1) * a_position)))
        batch = order[len(scores) : len(scores) + rows]
        scores.update(zip(batch, _score_batch(loaded, [pairs[i] for i in batch], cache), strict=True))
        on_step()
    return [scores[i] for i in range(len(pairs))]


def _read(loaded: LoadedModel, ids: list[int]) -> DynamicCache | None:
    """Return what the model keeps of a beginning that all rows share; None where rows cannot share it."""
    cache = DynamicCache(config=loaded.model.config)
    if not all(isinstance(layer, DynamicLayer) for layer in cache.layers):
        return None
    with torch.inference_mode():
        loaded.model(torch.tensor([ids], device=loaded.device), past_key_values=cache, logits_to_keep=1)
    return cache


def _score_batch(
    loaded: LoadedModel, pairs: Sequence[tuple[list[int], list[int]]], cache: DynamicCache | None
) -> list[ContinuationScore]:
    ids, mask = pad_left([head + tail for head, tail in pairs], loaded.tokenizer.pad_id, loaded.device)
    lengths = torch.tensor([len(tail) for _, tail in pairs], device=loaded.device)
    longest = int(lengths.max())
    # Padding is on the left, so every continuation lies at the end: only its logits are computed.
    logits = _logits(loaded, ids, mask, longest + 1, cache)[:, :-1]
    picked = torch.stack(
        # A position at a time: all of them at once would be turned into 32-bit numbers several times over.
        [
            torch.log_softmax(logits[:, n].float(), dim=-1).gather(-1, ids[:, n - longest, None])[:, 0]
            for n in range(longest)
        ],
        dim=-1,
    )
    scored = torch.arange(longest, device=loaded.device) >= longest - lengths[:, None]
    sums = torch.where(scored, picked.double(), 0.0).sum(dim=-1)
    return [
        ContinuationScore(total, len(tail)) for total, (_, tail) in zip(sums.tolist(), pairs, strict=True)
    ]


def next_token_log_probabilities(
    loaded: LoadedModel,
    rows: Sequence[Sequence[int]],
    *,
    batch_size: int = 16,
    tokens: Sequence[int] | None = None,
) -> torch.Tensor:
    """Return the log-probabilities of tokens after each row of ids, on the CPU.

    Args:
        loaded: the model.
        rows: token ids.
        batch_size: rows at once.
        tokens: the tokens that are asked for; None asks for the whole vocabulary.

    Returns:
        [rows, tokens]
    """
    found = []
    for first in range(0, len(rows), batch_size):
        ids, mask = pad_left(rows[first : first + batch_size], loaded.tokenizer.pad_id, loaded.device)
        all_of_them = torch.log_softmax(_logits(loaded, ids, mask, 1)[:, -1].float(), dim=-1)
        # Whole vocabularies are hundreds of megabytes a batch: what is not asked for stays on the GPU.
        found.append((all_of_them if tokens is None else all_of_them[:, list(tokens)]).cpu())
    return torch.cat(found)


def _logits(
    loaded: LoadedModel, ids: torch.Tensor, mask: torch.Tensor, keep: int, cache: DynamicCache | None = None
) -> torch.Tensor:
    """Return the last `keep` logits of each row; a cache is what all rows begin with, and is not changed."""
    if cache is not None:
        cache = copy.deepcopy(cache)
        mask = torch.cat([mask.new_ones(len(mask), int(cache.get_seq_length())), mask], dim=1)
        cache.batch_repeat_interleave(len(ids))
    with torch.inference_mode():
        return loaded.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions(mask)[:, -ids.shape[1] :],
            past_key_values=cache,
            logits_to_keep=keep,
            use_cache=cache is not None,
        ).logits
