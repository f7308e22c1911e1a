"""All decoders and captured steps generate the same text."""

from pathlib import Path
from typing import Any

import pytest
import torch

from phases.generation import decoder
from phases.generation.completion import Completion
from phases.generation.generate import generate
from phases.models.loader import LoadedModel, load_model

PROMPTS = [
    "The capital of France is",
    "1, 2,",
    "Instruction: Name three colours.\nResponse:",
    "a",
    "Translate",
]


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> LoadedModel:
    return load_model(str(tiny_model))


def test_a_cache_that_grows_writes_what_one_in_place_does(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write() -> dict[int, Completion]:
        return dict(generate(loaded, PROMPTS, seeds=range(5), max_new_tokens=20, temperature=0.7))

    grown = []
    begin = decoder._GrowingCacheDecoder.__init__

    def note(self: decoder._GrowingCacheDecoder, *args: Any) -> None:
        grown.append(self)
        begin(self, *args)

    monkeypatch.setattr(decoder._GrowingCacheDecoder, "__init__", note)
    in_place = write()
    assert not grown
    monkeypatch.setattr(loaded.model.config, "_attn_implementation", "eager")
    assert write() == in_place
    assert len(grown) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_recorded_steps_write_what_launched_ones_do(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write() -> dict[int, Completion]:
        return dict(generate(loaded, PROMPTS, seeds=range(5), max_new_tokens=20, temperature=0.7))

    recorded = write()
    monkeypatch.setattr(decoder, "_MIN_STEPS_TO_CAPTURE", 100)
    assert write() == recorded
