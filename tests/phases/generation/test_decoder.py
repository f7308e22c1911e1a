"""All decoders and captured steps generate the same text."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    MistralConfig,
    PreTrainedConfig,
    Qwen2Config,
)

from phases.generation import decoder
from phases.generation.completion import Completion
from phases.generation.generate import generate
from phases.models.loader import LoadedModel
from tests.phases.generation.prompts import PROMPTS

SHAPE: Final[dict[str, Any]] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
}
LAYERS: Final = ["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"]
CONFIGS: Final = {
    "no window": lambda: LlamaConfig(**SHAPE),
    "a window in each layer": lambda: MistralConfig(**SHAPE, sliding_window=6),
    "a window in some layers": lambda: Gemma3TextConfig(**SHAPE, sliding_window=6, layer_types=LAYERS),
    "a window in some layers of Qwen2": lambda: Qwen2Config(
        **SHAPE, use_sliding_window=True, sliding_window=6, layer_types=LAYERS
    ),
}
EXAMPLES: Final = "Question: " + "What is one and one? Two, as far as we know. " * 3
WITH_EXAMPLES: Final = [EXAMPLES + prompt for prompt in PROMPTS]


@pytest.mark.parametrize("prompts", [PROMPTS, WITH_EXAMPLES], ids=["prompts", "shared examples"])
@pytest.mark.parametrize("make_config", CONFIGS.values(), ids=CONFIGS.keys())
def test_growing_and_static_caches_agree(
    loaded: LoadedModel,
    make_config: Callable[[], PreTrainedConfig],
    prompts: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = make_config()
    config.vocab_size = loaded.model.config.vocab_size
    torch.manual_seed(0)
    model = replace(loaded, model=AutoModelForCausalLM.from_config(config).to(loaded.device).eval())
    growing = []
    original_init = decoder._GrowingCacheDecoder.__init__

    def record_decoder(self: decoder._GrowingCacheDecoder, *args: Any) -> None:
        growing.append(self)
        original_init(self, *args)

    def run_generate() -> dict[int, Completion]:
        return dict(generate(model, prompts, seeds=range(5), max_new_tokens=20, temperature=0.7))

    monkeypatch.setattr(decoder._GrowingCacheDecoder, "__init__", record_decoder)
    static = run_generate()
    assert not growing
    monkeypatch.setattr(model.model.config, "_attn_implementation", "eager")
    assert run_generate() == static
    assert growing


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU replays steps of one width")
def test_a_step_on_a_cpu_attends_to_filled_columns_only(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    widths: list[int] = []
    attend = torch.nn.functional.scaled_dot_product_attention

    def record_width(query: torch.Tensor, key: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        widths.append(key.shape[2])
        return attend(query, key, *args, **kwargs)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", record_width)
    dict(generate(loaded, ["One, two,"], seeds=[0], max_new_tokens=4))
    prompt = len(loaded.tokenizer.encode_prompt("One, two,"))
    layers = loaded.model.config.num_hidden_layers
    assert widths[::layers] == [prompt, prompt + 1, prompt + 2, prompt + 3]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_captured_and_launched_steps_agree(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_generate() -> dict[int, Completion]:
        return dict(generate(loaded, PROMPTS, seeds=range(5), max_new_tokens=20, temperature=0.7))

    captured = run_generate()
    monkeypatch.setattr(decoder, "_MIN_STEPS_TO_CAPTURE", 100)
    assert run_generate() == captured
