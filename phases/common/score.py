"""How likely a model finds given texts."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from phases.common.generate import pad_left
from phases.common.model import LoadedModel


@dataclass(frozen=True)
class ContinuationScore:
    """The log-probability (natural logarithm) of a continuation, summed over its tokens."""

    log_probability: float
    tokens: int

    @property
    def mean(self) -> float:
        """The log-probability a token."""
        return self.log_probability / max(1, self.tokens)


def log_probabilities(
    loaded: LoadedModel, prompts: Sequence[str], continuations: Sequence[str], *, batch_size: int = 32
) -> list[ContinuationScore]:
    """Return how likely each continuation is after its prompt; prompt and continuation are encoded apart.

    Raises:
        ValueError: there are not as many continuations as prompts, or one has no token.
    """
    encode = loaded.tokenizer.encode
    pairs = [
        (loaded.tokenizer.prompt_ids(prompt), encode(continuation))
        for prompt, continuation in zip(prompts, continuations, strict=True)
    ]
    if not all(head and tail for head, tail in pairs):
        raise ValueError("a prompt or a continuation is empty: there is nothing to score")
    order = sorted(range(len(pairs)), key=lambda i: (-sum(map(len, pairs[i])), i))
    scores: dict[int, ContinuationScore] = {}
    for first in range(0, len(order), batch_size):
        batch = order[first : first + batch_size]
        for index, score in zip(batch, _score_batch(loaded, [pairs[i] for i in batch]), strict=True):
            scores[index] = score
    return [scores[i] for i in range(len(pairs))]


def _score_batch(
    loaded: LoadedModel, pairs: Sequence[tuple[list[int], list[int]]]
) -> list[ContinuationScore]:
    ids, mask = pad_left([head + tail for head, tail in pairs], loaded.tokenizer.pad_id, loaded.device)
    longest = max(len(tail) for _, tail in pairs)
    # Padding is on the left, so every continuation lies at the end: only its logits are computed.
    logits = _logits(loaded, ids, mask, longest + 1)[:, :-1]
    scores = []
    for row, (_, tail) in enumerate(pairs):
        own = torch.log_softmax(logits[row, -len(tail) :].float(), dim=-1)
        picked = own.gather(-1, ids[row, -len(tail) :, None])
        scores.append(ContinuationScore(float(picked.double().sum()), len(tail)))
    return scores


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


def _logits(loaded: LoadedModel, ids: torch.Tensor, mask: torch.Tensor, keep: int) -> torch.Tensor:
    # Left padding: positions count the tokens of the row alone.
    positions = (mask.cumsum(dim=-1) - 1).clamp(min=0)
    with torch.inference_mode():
        return loaded.model(
            input_ids=ids, attention_mask=mask, position_ids=positions, logits_to_keep=keep, use_cache=False
        ).logits
