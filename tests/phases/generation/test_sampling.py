"""Sampling: which tokens can be sampled, how often, and from which random numbers."""

import math

import pytest
import torch

from phases.generation.sampling import derive_row_seed, draw_noise, sample_tokens

LOGITS = torch.tensor([[2.0, -1.0, 0.5, float("-inf"), 1.0, -3.0]])


def draw(count: int, temperature: float, top_p: float) -> torch.Tensor:
    noise = draw_noise(7, count, top_p)
    return sample_tokens(LOGITS.expand(count, -1), noise, temperature, top_p).squeeze(-1)


def nucleus(probabilities: torch.Tensor, top_p: float) -> set[int]:
    """The definition: the likeliest tokens, until their sum reaches top_p."""
    kept, mass = set(), 0.0
    for token in probabilities.argsort(descending=True).tolist():
        if mass >= top_p:
            break
        kept.add(token)
        mass += float(probabilities[token])
    return kept


@pytest.mark.parametrize("top_p", [0.3, 0.7, 0.95, 1.0])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_of_the_nucleus_are_sampled_with_their_probability(temperature: float, top_p: float) -> None:
    count = 20_000
    probabilities = torch.softmax(LOGITS[0] / temperature, dim=-1)
    kept = nucleus(probabilities, top_p)
    if top_p == 1:
        kept.discard(3)  # it has no probability
    shares = torch.bincount(draw(count, temperature, top_p), minlength=6) / count
    assert {token for token in range(6) if shares[token]} == kept
    whole = sum(float(probabilities[token]) for token in kept)
    for token in kept:
        p = float(probabilities[token]) / whole
        # The tries may all miss a small nucleus: 16 of them 0.3 at most once in 300 rows.
        assert abs(float(shares[token]) - p) < 5 * math.sqrt(p * (1 - p) / count) + 0.7**16


def test_tokens_of_equal_probability_are_in_the_nucleus_together() -> None:
    logits = torch.zeros(4000, 50)
    logits[:, 7] = 3.0  # has 0.29
    noise = draw_noise(1, 4000, 0.5)
    assert len(set(sample_tokens(logits, noise, 1.0, 0.5).flatten().tolist())) == 50
    noise = draw_noise(1, 4000, 0.25)
    assert set(sample_tokens(logits, noise, 1.0, 0.25).flatten().tolist()) == {7}


def test_a_large_flat_vocabulary_is_sampled_completely() -> None:
    noise = draw_noise(3, 256, 0.95)
    tokens = sample_tokens(torch.zeros(256, 150_000), noise, 1.0, 0.95).flatten()
    assert len(tokens.unique()) > 250
    assert tokens.double().mean() == pytest.approx(75_000, rel=0.15)


def test_half_and_single_precision_agree() -> None:
    logits = torch.randn(64, 1000, generator=torch.Generator().manual_seed(0)).bfloat16()
    noise = draw_noise(5, 64, 0.9)
    assert torch.equal(sample_tokens(logits, noise, 0.7, 0.9), sample_tokens(logits.float(), noise, 0.7, 0.9))


def test_random_numbers_depend_on_prompt_and_seed() -> None:
    assert torch.equal(
        draw_noise(derive_row_seed("a", 1), 5, 0.95), draw_noise(derive_row_seed("a", 1), 5, 0.95)
    )
    streams = {derive_row_seed(prompt, seed) for prompt in "ab" for seed in range(50)}
    assert len(streams) == 100
    assert all(-(2**63) <= stream < 2**63 for stream in streams)


@pytest.mark.parametrize(
    ("top_p", "tries"), [(1.0, 1), (0.98, 4), (0.95, 5), (0.9, 6), (0.1, 16), (1e-9, 16)]
)
def test_the_number_of_tries_follows_from_top_p(top_p: float, tries: int) -> None:
    noise = draw_noise(0, 7, top_p)
    assert noise.shape == (7, tries)
    assert 0 <= float(noise.min()) <= float(noise.max()) < 1
