"""Batches and scores of the transformers engine."""

from pathlib import Path

import pytest
import torch

from phases.generation.completion import PromptGroup, Sampling
from phases.generation.generate import generate
from phases.generation.scoring import score_next_tokens
from phases.generation.transformers_engine import TransformersEngine
from phases.models.loader import LoadedModel, load_model

PROMPTS = ["a", "The capital of France is", "1, 2,", "Translate", "b"]


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> LoadedModel:
    return load_model(str(tiny_model))


def test_rows_are_counted_through_all_groups(loaded: LoadedModel) -> None:
    engine = TransformersEngine(loaded, batch_size=2)
    greedy, sampled = Sampling(6), Sampling(4, temperature=1.0)
    groups = [PromptGroup(PROMPTS[:3], [0, 0, 0], greedy), PromptGroup(PROMPTS[3:], [1, 2], sampled)]
    made = dict(row for landed in engine.generate(groups) for row in landed)
    first = dict(generate(loaded, PROMPTS[:3], seeds=[0] * 3, max_new_tokens=6))
    second = generate(loaded, PROMPTS[3:], seeds=[1, 2], max_new_tokens=4, temperature=1.0)
    assert made == {**first, **{3 + index: completion for index, completion in second}}


def test_a_batch_that_is_known_is_left_out_and_another_is_made_whole(loaded: LoadedModel) -> None:
    engine = TransformersEngine(loaded, batch_size=2)
    group = PromptGroup(PROMPTS, [0] * 5, Sampling(3))
    batches = [[place for place, _ in landed] for landed in engine.generate([group])]
    [left] = engine.generate([group], skip={*batches[0], batches[1][0], *batches[2]})
    assert [place for place, _ in left] == batches[1]


def test_scores_are_those_of_the_whole_distribution(loaded: LoadedModel) -> None:
    rows = [loaded.tokenizer.encode_prompt(prompt) for prompt in PROMPTS]
    found = TransformersEngine(loaded, batch_size=2).score_next_tokens(rows, [5, 9])
    expected = score_next_tokens(loaded, rows)[:, [5, 9]]
    assert torch.allclose(torch.tensor(found), expected, atol=1e-5)


def test_the_engine_is_recorded(loaded: LoadedModel) -> None:
    record = TransformersEngine(loaded, 4, "no CUDA GPU").provenance(seed=1)
    assert record["engine"] == {"name": "transformers", "why": "no CUDA GPU", "weights": "float32"}
    assert record["seed"] == 1
