"""Finding models and identifying them by their files."""

import json
from pathlib import Path

import pytest
from peft import LoraConfig, get_peft_model

from phases.contract import files
from phases.models.loader import load_model
from phases.models.source import ModelError, locate_model, record_base_model


def test_other_weight_formats_are_refused(model_folder: Path) -> None:
    (model_folder / "model.safetensors").rename(model_folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"no \.safetensors file"):
        load_model(str(model_folder))


@pytest.mark.parametrize("name", ["/no/such/folder", "./nothing", "just-a-word", "a/b/c"])
def test_a_model_that_is_nowhere_is_named(name: str) -> None:
    with pytest.raises(ModelError, match="expected a folder, a hub id"):
        locate_model(name)


def test_an_adapter_brings_its_base_and_refuses_a_changed_one(model_folder: Path, tmp_path: Path) -> None:
    base = load_model(str(model_folder))
    adapter = tmp_path / "adapter"
    get_peft_model(base.model, LoraConfig(r=2, target_modules="all-linear")).save_pretrained(adapter)
    record_base_model(base.source, adapter)
    loaded = load_model(str(adapter), trainable=True)
    assert loaded.source.kind == "adapter"
    assert loaded.source.base == base.source
    assert any(p.requires_grad for p in loaded.model.parameters())
    assert not any(p.requires_grad for p in load_model(str(adapter)).model.parameters())

    weights, other = adapter / "adapter_model.safetensors", adapter / "adapter_other.safetensors"
    weights.rename(other)
    with pytest.raises(ModelError, match=r"no adapter_model\.safetensors"):
        locate_model(str(adapter))
    other.rename(weights)

    config = json.loads((model_folder / "config.json").read_text())
    files.write_json(model_folder / "config.json", config | {"rope_theta": 5.0})
    with pytest.raises(ModelError, match="has changed since it was trained"):
        load_model(str(adapter))
