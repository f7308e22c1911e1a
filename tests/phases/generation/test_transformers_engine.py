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


def test_indices_count_across_groups(loaded: LoadedModel) -> None:
    engine = TransformersEngine(loaded, batch_size=2)
    greedy, sampled = Sampling(6), Sampling(4, temperature=1.0)
    groups = [PromptGroup(PROMPTS[:3], [0, 0, 0], greedy), PromptGroup(PROMPTS[3:], [1, 2], sampled)]
    completions = dict(row for batch in engine.generate(groups) for row in batch)
    first = dict(generate(loaded, PROMPTS[:3], seeds=[0] * 3, max_new_tokens=6))
    second = generate(loaded, PROMPTS[3:], seeds=[1, 2], max_new_tokens=4, temperature=1.0)
    assert completions == {**first, **{3 + index: completion for index, completion in second}}


def test_skipped_batches_are_left_out_and_others_are_complete(loaded: LoadedModel) -> None:
    engine = TransformersEngine(loaded, batch_size=2)
    group = PromptGroup(PROMPTS, [0] * 5, Sampling(3))
    batches = [[index for index, _ in batch] for batch in engine.generate([group])]
    [partial] = engine.generate([group], skip={*batches[0], batches[1][0], *batches[2]})
    assert [index for index, _ in partial] == batches[1]


def test_scores_are_those_of_the_full_distribution(loaded: LoadedModel) -> None:
    rows = [loaded.tokenizer.encode_prompt(prompt) for prompt in PROMPTS]
    scores = TransformersEngine(loaded, batch_size=2).score_next_tokens(rows, [5, 9])
    expected = score_next_tokens(loaded, rows)[:, [5, 9]]
    assert torch.allclose(torch.tensor(scores), expected, atol=1e-5)


def test_provenance_names_the_engine(loaded: LoadedModel) -> None:
    record = TransformersEngine(loaded, 4, "no CUDA GPU").describe_provenance(seed=1)
    assert record["engine"] == {"name": "transformers", "why": "no CUDA GPU", "weights": "float32"}
    assert record["seed"] == 1
