"""Engines in two real processes against one engine in this process."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from phases.generation import engine as engines
from phases.generation.completion import PromptGroup, Sampling
from phases.generation.engine import EngineChoice, open_engine
from phases.generation.gpus import GpuInfo
from phases.generation.transformers_engine import TransformersEngine
from phases.generation.transformers_pool import TransformersPool
from phases.models.loader import LoadedModel, load_model
from phases.models.source import ModelError

GPUS = [GpuInfo("a GPU", 2**36, 2**36, 9, device) for device in "01"]
PROMPTS = ["a", "The capital of France is", "1, 2,", "Translate", "b"]
GROUPS = [
    PromptGroup(PROMPTS[:3], [0, 0, 0], Sampling(6)),
    PromptGroup(PROMPTS[3:], [1, 2], Sampling(40, temperature=1.0)),
]


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> LoadedModel:
    return load_model(str(tiny_model))


@pytest.fixture(scope="module")
def pool(loaded: LoadedModel) -> Iterator[TransformersPool]:
    with TransformersPool(loaded.source, 2, ["0", "1"], "a test") as pool:
        yield pool


def test_completions_and_scores_are_those_of_one_engine(loaded: LoadedModel, pool: TransformersPool) -> None:
    one = TransformersEngine(loaded, 2)
    expected = dict(row for batch in one.generate(GROUPS) for row in batch)
    assert dict(row for batch in pool.generate(GROUPS) for row in batch) == expected
    rows = [loaded.tokenizer.encode_prompt(prompt) for prompt in PROMPTS]
    assert pool.score_next_tokens(rows, [5, 9]) == one.score_next_tokens(rows, [5, 9])
    texts = (PROMPTS, PROMPTS[::-1])
    assert pool.score_continuations(*texts, prefix="x") == one.score_continuations(*texts, prefix="x")


def test_skipped_batches_are_left_out(pool: TransformersPool) -> None:
    batches = [[index for index, _ in batch] for batch in pool.generate(GROUPS, skip={0, 1, 2})]
    assert batches == [[3, 4]]


def test_a_consumer_that_stops_early_does_not_disturb_the_next(
    loaded: LoadedModel, pool: TransformersPool
) -> None:
    rows = [loaded.tokenizer.encode_prompt(prompt) for prompt in PROMPTS]
    next(iter(pool.generate(GROUPS)))
    assert pool.score_next_tokens(rows, [5]) == TransformersEngine(loaded, 2).score_next_tokens(rows, [5])


def test_provenance_names_the_engines(pool: TransformersPool) -> None:
    record = pool.describe_provenance(seed=1)
    assert record["engine"] == {"name": "transformers", "why": "a test", "weights": "float32", "engines": 2}
    assert record["seed"] == 1


def test_an_engine_that_does_not_start_is_an_error_of_the_model(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(engines, "list_visible_gpus", lambda: GPUS)
    monkeypatch.setattr(engines, "TransformersPool", fail)
    with pytest.raises(ModelError, match="CUDA out of memory"):
        open_engine(EngineChoice("transformers", "a test"), loaded.source, batch_size=2)


@pytest.mark.parametrize(("gpus", "expected"), [(GPUS, "pool"), (GPUS[:1], "one"), ([], "one")])
def test_several_gpus_get_an_engine_each(
    gpus: list[GpuInfo], expected: str, loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "list_visible_gpus", lambda: gpus)
    monkeypatch.setattr(engines, "TransformersPool", lambda *arguments: SimpleNamespace(kind="pool"))
    engine = open_engine(EngineChoice("transformers", "a test"), loaded.source, batch_size=2)
    assert getattr(engine, "kind", "one") == expected
