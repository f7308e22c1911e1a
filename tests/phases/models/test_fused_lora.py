"""Fused LoRA computes what PEFT computes, and leaves to PEFT what it does not know."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from phases.models.fused_lora import count_fused_modules, fuse_lora
from phases.models.kernels import count_layers, set_activation_checkpointing
from tests.phases.models.sizes import SIZES

MODELS: dict[str, Callable[[], Any]] = {
    "Qwen2, with biases": lambda: Qwen2ForCausalLM(Qwen2Config(**SIZES)),
    "Llama": lambda: LlamaForCausalLM(LlamaConfig(**SIZES)),
    "Llama, biases in the block": lambda: LlamaForCausalLM(LlamaConfig(**SIZES, mlp_bias=True)),
    "Llama, another gate": lambda: LlamaForCausalLM(LlamaConfig(**SIZES, hidden_act="gelu")),
    "Gemma 3": lambda: Gemma3ForCausalLM(Gemma3TextConfig(**SIZES, head_dim=8)),
}
IDS = torch.arange(1, 41).view(2, 20)


def make_model(name: str, **options: Any) -> Any:
    torch.manual_seed(1)
    config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", init_lora_weights=False, **options)
    return get_peft_model(MODELS[name](), config).train()


def compute(model: Any) -> list[torch.Tensor]:
    """Return the loss and the gradients."""
    model.zero_grad()
    loss = model(input_ids=IDS, labels=IDS, use_cache=False).loss
    loss.backward()
    return [loss.detach(), *(p.grad.clone() for p in model.parameters() if p.requires_grad)]


@pytest.mark.parametrize("recomputed", [0, 1, 2])
@pytest.mark.parametrize("name", MODELS)
def test_loss_and_gradients_are_those_of_peft(name: str, recomputed: int) -> None:
    expected = compute(make_model(name))
    model = make_model(name)
    assert fuse_lora(model) == count_fused_modules(model) == 14
    assert count_layers(model) == 2
    set_activation_checkpointing(model, recomputed)
    for ours, theirs in zip(compute(model), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("options", [{"use_dora": True}, {"lora_bias": True}, {"use_rslora": True}])
def test_variants_of_lora_are_computed_right(options: dict[str, bool]) -> None:
    name = "Llama, biases in the block" if "lora_bias" in options else "Llama"
    if "lora_bias" in options:
        options = {**options, "target_modules": r".*(gate|up|down)_proj"}
    expected = compute(make_model_with(name, options))
    model = make_model_with(name, options)
    fuse_lora(model)
    for ours, theirs in zip(compute(model), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


def make_model_with(name: str, options: dict[str, Any]) -> Any:
    torch.manual_seed(1)
    values = {"r": 4, "target_modules": "all-linear", "init_lora_weights": False, **options}
    return get_peft_model(MODELS[name](), LoraConfig(**values)).train()


def test_the_active_adapter_counts_and_a_disabled_one_does_not() -> None:
    plain, fused = make_model("Llama"), make_model("Llama")
    torch.manual_seed(2)
    plain.add_adapter("ref", plain.peft_config["default"])
    torch.manual_seed(2)
    fused.add_adapter("ref", fused.peft_config["default"])
    fuse_lora(fused)
    logits = []
    for adapter in ("default", "ref"):
        for model in (plain, fused):
            model.set_adapter(adapter)
        logits += [model(input_ids=IDS).logits for model in (plain, fused)]
    with plain.disable_adapter(), fused.disable_adapter():
        logits += [model(input_ids=IDS).logits for model in (plain, fused)]
    for ours, theirs in zip(logits[1::2], logits[::2], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)
    assert (logits[0] - logits[2]).abs().max() > 1e-3
    assert (logits[0] - logits[4]).abs().max() > 1e-3


def test_an_unloaded_model_computes_as_before() -> None:
    torch.manual_seed(1)
    base = MODELS["Llama"]()
    expected = base(input_ids=IDS).logits
    model = get_peft_model(base, LoraConfig(target_modules="all-linear", init_lora_weights=False))
    fuse_lora(model)
    assert (model(input_ids=IDS).logits - expected).abs().max() > 1e-3
    torch.testing.assert_close(model.unload()(input_ids=IDS).logits, expected, rtol=0, atol=1e-6)


def test_generation_uses_the_path_of_peft(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model("Llama")
    fuse_lora(model)
    monkeypatch.setattr("phases.models.fused_lora.dequantize", lambda *unwanted: 1 / 0)
    with torch.inference_mode():
        model(input_ids=IDS)
    with pytest.raises(ZeroDivisionError):
        model(input_ids=IDS)


def test_dropout_is_left_to_peft(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model("Llama", lora_dropout=0.1)
    fuse_lora(model)
    monkeypatch.setattr("phases.models.fused_lora.dequantize", lambda *unwanted: 1 / 0)
    model(input_ids=IDS)
