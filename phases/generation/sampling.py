"""Tokens drawn by a row's own numbers, which depend on its prompt and seed alone."""

import hashlib
import math
from typing import Final

import torch

_MISSED: Final = 1e-6
"""Chance that none of a step's tries falls into the nucleus."""
_MOST_TRIES: Final = 16
"""Tries of a step at most; they are too few for `_MISSED` where the nucleus has less than 0.58."""


def stream_of(prompt: str, seed: int) -> int:
    """Return the seed of a row's own stream of random numbers: 64 bits with a sign."""
    digest = hashlib.sha256(f"{seed}\0{prompt}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def noise_of(stream: int, steps: int, top_p: float) -> torch.Tensor:
    """Return a row's random numbers in [0, 1), of each step one for each try: [steps, tries]."""
    tries = 1
    if top_p < 1:
        tries = min(_MOST_TRIES, max(1, math.ceil(math.log(_MISSED) / math.log1p(-top_p))))
    return torch.rand((steps, tries), generator=torch.Generator().manual_seed(stream))


def draw(logits: torch.Tensor, noise: torch.Tensor, temperature: float, top_p: float) -> torch.Tensor:
    """Draw a token of each row.

    A token is drawn from the whole distribution, by inverting its cumulative sum, and counts if it belongs
    to the nucleus: the likeliest tokens that together reach `top_p`. That is so if all that are likelier have
    less, which takes one sum and no sorting. Else the next try counts. A row without luck, one in a million
    at a `top_p` of 0.95, gets its likeliest token.

    Args:
        logits: [rows, vocabulary].
        noise: random numbers in [0, 1), [rows, tries].
        temperature: above 0.
        top_p: probability of the nucleus; 1 for all tokens.

    Returns:
        Token ids, [rows, 1].
    """
    probabilities = torch.softmax(logits.float() / temperature, dim=-1)
    cumulative = probabilities.cumsum(dim=-1)
    drawn = torch.searchsorted(cumulative, noise * cumulative[:, -1:], right=True)
    drawn.clamp_(max=logits.shape[-1] - 1)
    if top_p >= 1:
        return drawn
    chosen = probabilities.argmax(dim=-1, keepdim=True)
    left = torch.arange(len(logits), device=logits.device)
    for number in range(noise.shape[1]):
        some = probabilities[left] if number else probabilities
        token = drawn[left, number : number + 1]
        likelier = some > some.gather(-1, token)
        counts = torch.where(likelier, some, 0.0).sum(dim=-1) < top_p
        chosen[left[counts]] = token[counts]
        left = left[~counts]
        if not len(left):
            break
    return chosen
