"""Log-probabilities of given texts under a model."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from phases.generation.decoder import compute_position_ids
from phases.generation.generate import pad_left
from phases.models.loader import LoadedModel

_MAX_LOGITS_BYTES: Final = 4 * 2**30
"""Memory limit of a batch's logits, which can be larger than the model if the vocabulary is large."""


@dataclass(frozen=True)
class ContinuationScore:
    """The log-probability (natural logarithm) of a continuation, summed over its tokens."""

    log_probability: float
    tokens: int

    @property
    def mean(self) -> float:
        """The mean log-probability per token."""
        return self.log_probability / max(1, self.tokens)


def score_continuations(
    loaded: LoadedModel,
    prompts: Sequence[str],
    continuations: Sequence[str],
    *,
    prefix: str = "",
    batch_size: int = 32,
    on_step: Callable[[], None] = lambda: None,
) -> list[ContinuationScore]:
    """Return how likely each continuation is after its prompt.

    Args:
        loaded: the model.
        prompts: one per continuation; prompt and continuation are tokenized separately.
        continuations: texts to score.
        prefix: a text in front of every prompt, tokenized separately and read only once.
        batch_size: maximum rows in a batch; long continuations get smaller batches to bound their logits.
        on_step: called after each batch.

    Raises:
        ValueError: the numbers of prompts and continuations differ, or one of them has no tokens.
    """
    encode = loaded.tokenizer.encode
    prefix_ids = loaded.tokenizer.encode_prompt(prefix)
    prompt_ids = {prompt: encode(prompt) for prompt in dict.fromkeys(prompts)}
    pairs = [
        (prompt_ids[prompt], encode(continuation))
        for prompt, continuation in zip(prompts, continuations, strict=True)
    ]
    if not all(head and tail for head, tail in pairs):
        raise ValueError("a prompt or continuation is empty: there is nothing to score")
    cache = _cache_prefix(loaded, prefix_ids) if prefix else None
    if cache is None:
        pairs = [(prefix_ids + head, tail) for head, tail in pairs]
    # Continuations of similar length share a batch, so few logits are computed for padding.
    order = sorted(range(len(pairs)), key=lambda i: (-len(pairs[i][1]), -len(pairs[i][0]), i))
    model = loaded.model
    position_bytes = model.config.get_text_config().vocab_size * model.dtype.itemsize
    scores: dict[int, ContinuationScore] = {}
    while len(scores) < len(order):
        longest = len(pairs[order[len(scores)]][1])
        rows = max(1, min(batch_size, _MAX_LOGITS_BYTES // ((longest + 1) * position_bytes)))
        batch = order[len(scores) : len(scores) + rows]
        scores.update(zip(batch, _score_batch(loaded, [pairs[i] for i in batch], cache), strict=True))
        on_step()
    return [scores[i] for i in range(len(pairs))]


def _cache_prefix(loaded: LoadedModel, ids: list[int]) -> DynamicCache | None:
    """Return the keys and values of a prefix, or None if the model's cache cannot be shared by rows."""
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
    # With padding on the left, all continuations are at the end: only their logits are computed.
    logits = _compute_logits(loaded, ids, mask, longest + 1, cache)[:, :-1]
    # One position at a time, because converting all logits to float32 at once takes several times the memory.
    token_scores = torch.stack(
        [
            torch.log_softmax(logits[:, n].float(), dim=-1).gather(-1, ids[:, n - longest, None])[:, 0]
            for n in range(longest)
        ],
        dim=-1,
    )
    is_scored = torch.arange(longest, device=loaded.device) >= longest - lengths[:, None]
    sums = torch.where(is_scored, token_scores.double(), 0.0).sum(dim=-1)
    return [
        ContinuationScore(total, len(tail)) for total, (_, tail) in zip(sums.tolist(), pairs, strict=True)
    ]


def score_next_tokens(
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
        batch_size: rows in a batch.
        tokens: the tokens to score; None scores the whole vocabulary.

    Returns:
        [rows, tokens]
    """
    scores = []
    for first in range(0, len(rows), batch_size):
        ids, mask = pad_left(rows[first : first + batch_size], loaded.tokenizer.pad_id, loaded.device)
        vocabulary = torch.log_softmax(_compute_logits(loaded, ids, mask, 1)[:, -1].float(), dim=-1)
        # Select on the GPU: the whole vocabulary takes hundreds of megabytes per batch.
        scores.append((vocabulary if tokens is None else vocabulary[:, list(tokens)]).cpu())
    return torch.cat(scores)


def _compute_logits(
    loaded: LoadedModel,
    ids: torch.Tensor,
    mask: torch.Tensor,
    positions: int,
    prefix_cache: DynamicCache | None = None,
) -> torch.Tensor:
    """Return the logits of the last positions of each row; the prefix cache stays unchanged."""
    cache = None
    if prefix_cache is not None:
        cache = copy.deepcopy(prefix_cache)
        mask = torch.cat([mask.new_ones(len(mask), int(cache.get_seq_length())), mask], dim=1)
        cache.batch_repeat_interleave(len(ids))
    with torch.inference_mode():
        return loaded.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=compute_position_ids(mask)[:, -ids.shape[1] :],
            past_key_values=cache,
            logits_to_keep=positions,
            use_cache=cache is not None,
        ).logits
