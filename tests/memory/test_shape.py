"""Shapes are read from config.json and count what the libraries count."""

import json
from pathlib import Path
from typing import Any

import pytest

import app
from app.memory.formulas import (
    GIB,
)
from app.memory.shape import Shape, UnknownShapeError, load_shape, make_config_reader
from tests.memory.shapes import QWEN


def test_the_weights_are_those_that_were_measured() -> None:
    """NF4 weights of Qwen2.5-32B on the GPU: 18.0 GiB."""
    assert QWEN.weight_bytes / GIB == pytest.approx(18.0, rel=0.02)
    assert QWEN.parameters == pytest.approx(32.76e9, rel=0.01)


def test_a_model_has_as_many_parameters_as_its_library_counts() -> None:
    from transformers import AutoConfig, AutoModelForCausalLM

    folder = Path(app.__file__).parent.parent / "phases/embedded/model"
    shape = load_shape("embedded", make_config_reader(Path()))
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    assert shape.parameters == pytest.approx(model.num_parameters(), rel=0.01)
    assert not shape.is_four_bit


def test_the_adapter_has_as_many_parameters_as_its_library_makes() -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import Qwen2Config, Qwen2ForCausalLM

    numbers: dict[str, Any] = {
        "vocab_size": 64,
        "hidden_size": 32,
        "intermediate_size": 80,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    }
    lora = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(Qwen2ForCausalLM(Qwen2Config(**numbers)), lora)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert Shape(**numbers).count_adapter_parameters(4) == trained


def test_a_config_is_read_from_a_folder_or_its_kind_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    config = tmp_path / "model" / "config.json"
    config.write_text("{}")
    with pytest.raises(UnknownShapeError, match="not that of a known kind of decoder"):
        load_shape("model", make_config_reader(tmp_path))
    # Models that see as well keep their decoder's numbers apart.
    numbers = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {**numbers, "intermediate_size": 16, "vocab_size": 10}
    config.write_text(json.dumps({"model_type": "other", "text_config": text}))
    assert load_shape("model", make_config_reader(tmp_path)).query_width == 8
    # Some models whose heads have their own keys say so with null.
    config.write_text(json.dumps({**text, "num_key_value_heads": None}))
    assert load_shape("model", make_config_reader(tmp_path)).key_width == 8
