"""All decoders and captured steps generate the same text."""

from typing import Any

import pytest
import torch

from phases.generation import decoder
from phases.generation.completion import Completion
from phases.generation.generate import generate
from phases.models.loader import LoadedModel
from tests.phases.generation.prompts import PROMPTS


def test_growing_and_static_caches_agree(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_generate() -> dict[int, Completion]:
        return dict(generate(loaded, PROMPTS, seeds=range(5), max_new_tokens=20, temperature=0.7))

    growing = []
    original_init = decoder._GrowingCacheDecoder.__init__

    def record_decoder(self: decoder._GrowingCacheDecoder, *args: Any) -> None:
        growing.append(self)
        original_init(self, *args)

    monkeypatch.setattr(decoder._GrowingCacheDecoder, "__init__", record_decoder)
    static = run_generate()
    assert not growing
    monkeypatch.setattr(loaded.model.config, "_attn_implementation", "eager")
    assert run_generate() == static
    assert len(growing) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_captured_and_launched_steps_agree(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_generate() -> dict[int, Completion]:
        return dict(generate(loaded, PROMPTS, seeds=range(5), max_new_tokens=20, temperature=0.7))

    captured = run_generate()
    monkeypatch.setattr(decoder, "_MIN_STEPS_TO_CAPTURE", 100)
    assert run_generate() == captured
