"""The choice of an engine, and transformers behind the interface."""

from pathlib import Path

import pytest
import torch

from phases.generation.completion_cache import Sampling
from phases.generation.engine import PAYS_FROM, Choice, Group, TransformersEngine, choose
from phases.generation.generate import generate
from phases.generation.scoring import next_token_log_probabilities
from phases.models.loader import LoadedModel, load_model
from phases.models.source import ModelError

PROMPTS = ["a", "The capital of France is", "1, 2,", "Translate", "b"]


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> LoadedModel:
    return load_model(str(tiny_model))


@pytest.mark.parametrize(
    ("wish", "parameters", "cuda", "vllm", "expected"),
    [
        ("auto", 32 * 10**9, True, True, "vllm"),
        ("auto", PAYS_FROM - 1, True, True, "transformers"),
        ("auto", 32 * 10**9, False, True, "transformers"),
        ("auto", 32 * 10**9, True, False, "transformers"),
        ("transformers", 32 * 10**9, True, True, "transformers"),
        ("vllm", 10**6, True, True, "vllm"),
    ],
)
def test_vllm_is_taken_where_it_is_there_and_pays(
    wish: str, parameters: int, cuda: bool, vllm: bool, expected: str
) -> None:
    choice = choose(wish, lambda: parameters, cuda=cuda, vllm=vllm)  # type: ignore[arg-type]
    assert choice.name == expected
    assert choice.why


def test_the_model_is_not_counted_where_nothing_depends_on_it() -> None:
    def count() -> int:
        raise AssertionError

    assert choose("auto", count, cuda=False, vllm=True) == Choice("transformers", "no CUDA GPU")


def test_vllm_that_is_not_installed_is_refused_when_asked_for() -> None:
    with pytest.raises(ModelError, match=r"install gonogo\[gpu\]"):
        choose("vllm", lambda: 1, cuda=True, vllm=False)


def test_rows_are_counted_through_all_groups(loaded: LoadedModel) -> None:
    engine = TransformersEngine(loaded, batch_size=2)
    greedy, sampled = Sampling(6), Sampling(4, temperature=1.0)
    groups = [Group(PROMPTS[:3], [0, 0, 0], greedy), Group(PROMPTS[3:], [1, 2], sampled)]
    made = dict(row for landed in engine.generate(groups) for row in landed)
    first = dict(generate(loaded, PROMPTS[:3], seeds=[0] * 3, max_new_tokens=6))
    second = generate(loaded, PROMPTS[3:], seeds=[1, 2], max_new_tokens=4, temperature=1.0)
    assert made == {**first, **{3 + index: completion for index, completion in second}}


def test_a_batch_that_is_known_is_left_out_and_another_is_made_whole(loaded: LoadedModel) -> None:
    engine = TransformersEngine(loaded, batch_size=2)
    group = Group(PROMPTS, [0] * 5, Sampling(3))
    batches = [[place for place, _ in landed] for landed in engine.generate([group])]
    [left] = engine.generate([group], known={*batches[0], batches[1][0], *batches[2]})
    assert [place for place, _ in left] == batches[1]


def test_scores_are_those_of_the_whole_distribution(loaded: LoadedModel) -> None:
    rows = [loaded.tokenizer.encode_prompt(prompt) for prompt in PROMPTS]
    found = TransformersEngine(loaded, batch_size=2).next_token(rows, [5, 9])
    expected = next_token_log_probabilities(loaded, rows)[:, [5, 9]]
    assert torch.allclose(torch.tensor(found), expected, atol=1e-5)


def test_the_engine_is_recorded(loaded: LoadedModel) -> None:
    record = TransformersEngine(loaded, 4, "no CUDA GPU").provenance(seed=1)
    assert record["engine"] == {"name": "transformers", "why": "no CUDA GPU", "weights": "float32"}
    assert record["seed"] == 1
