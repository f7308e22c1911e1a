"""Top-p sampling with random numbers that depend only on a row's prompt and seed."""

import hashlib
import math
from typing import Final

import torch

_MISS_PROBABILITY: Final = 1e-6
"""Accepted probability that all tries of a step fall outside the nucleus."""
_MAX_TRIES: Final = 16
"""Limit of tries per step. If the nucleus has a probability below 0.58, misses are more frequent."""


def derive_row_seed(prompt: str, seed: int) -> int:
    """Return the signed 64-bit seed of a row's random number generator."""
    digest = hashlib.sha256(f"{seed}\0{prompt}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def draw_noise(row_seed: int, steps: int, top_p: float) -> torch.Tensor:
    """Return a row's random numbers in [0, 1): [steps, tries]."""
    tries = 1
    if top_p < 1:
        tries = min(_MAX_TRIES, max(1, math.ceil(math.log(_MISS_PROBABILITY) / math.log1p(-top_p))))
    return torch.rand((steps, tries), generator=torch.Generator().manual_seed(row_seed))


def sample_tokens(
    logits: torch.Tensor, noise: torch.Tensor, temperature: float, top_p: float
) -> torch.Tensor:
    """Sample one token per row from the nucleus, without sorting the vocabulary.

    Each try samples from the whole distribution by inverting its cumulative sum. The token is accepted if it
    lies in the nucleus, which is the case if all likelier tokens together have a probability below `top_p`.
    A row whose tries all fail (one in a million at a `top_p` of 0.95) gets its most likely token.

    Args:
        logits: [rows, vocabulary].
        noise: random numbers in [0, 1), [rows, tries].
        temperature: above 0.
        top_p: probability of the nucleus; 1 samples from all tokens.

    Returns:
        Token ids, [rows, 1].
    """
    probabilities = torch.softmax(logits.float() / temperature, dim=-1)
    cumulative = probabilities.cumsum(dim=-1)
    drawn = torch.searchsorted(cumulative, noise * cumulative[:, -1:], right=True)
    drawn.clamp_(max=logits.shape[-1] - 1)
    if top_p >= 1:
        return drawn
    sampled = probabilities.argmax(dim=-1, keepdim=True)
    pending = torch.arange(len(logits), device=logits.device)
    for number in range(noise.shape[1]):
        candidates = probabilities[pending] if number else probabilities
        tokens = drawn[pending, number : number + 1]
        is_likelier = candidates > candidates.gather(-1, tokens)
        accepted = torch.where(is_likelier, candidates, 0.0).sum(dim=-1) < top_p
        sampled[pending[accepted]] = tokens[accepted]
        pending = pending[~accepted]
        if not len(pending):
            break
    return sampled
