"""Loading models."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from peft import LoraConfig, get_peft_model
from transformers import Trainer

from phases.contract import files
from phases.models.loader import count_parameters, load_model
from phases.models.source import ModelError, locate_model, record_base_model
from phases.training.adapters import measure_reloaded_loss


def test_parameters_are_counted_without_weights(model_folder: Path) -> None:
    source = locate_model(str(model_folder))
    counted = count_parameters(source)
    assert counted == load_model(str(model_folder)).model.num_parameters()


def test_four_bits_need_a_gpu(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ModelError, match="4-bit weights need a CUDA GPU"):
        load_model(str(model_folder), four_bit=True)


@pytest.mark.parametrize("model_type", [None, "mystery"])
def test_code_that_comes_with_a_model_is_never_run(model_folder: Path, model_type: str | None) -> None:
    ran = model_folder / "ran"
    code = f"open({str(ran)!r}, 'w')\nclass Config: pass\nclass Model: pass\n"
    (model_folder / "modeling_own.py").write_text(code)
    config = json.loads((model_folder / "config.json").read_text())
    own = {"AutoConfig": "modeling_own.Config", "AutoModelForCausalLM": "modeling_own.Model"}
    changed = config | {"auto_map": own} | ({"model_type": model_type} if model_type else {})
    files.write_json(model_folder / "config.json", changed)
    if model_type:
        with pytest.raises(ModelError, match="code that comes with a model is never run"):
            load_model(str(model_folder))
    else:  # an architecture that transformers knows is taken from there
        load_model(str(model_folder))
    assert not ran.exists()


def test_an_adapter_is_not_loaded_to_the_first_gpu(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load_model(str(model_folder))
    adapted = get_peft_model(
        base.model, LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False)
    )
    adapter = tmp_path / "adapter"
    adapted.save_pretrained(adapter)
    record_base_model(base.source, adapter)
    # PEFT's default on a machine with GPUs, which for safetensors is the first one.
    monkeypatch.setattr("peft.peft_model.infer_device", lambda: "cuda:99")
    loaded = load_model(str(adapter))
    expected = [p.sum().item() for name, p in adapted.named_parameters() if "lora_" in name]
    assert [p.sum().item() for name, p in loaded.model.named_parameters() if "lora_" in name] == expected
    trainer = SimpleNamespace(model=loaded.model, evaluate=lambda **named: {"reloaded_loss": 1.5})
    assert measure_reloaded_loss(cast("Trainer", trainer), adapter) == 1.5
