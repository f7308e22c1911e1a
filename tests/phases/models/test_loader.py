"""The clean loader."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model

from phases.contract import files
from phases.models.fsdp import shard
from phases.models.loader import count_parameters, load_model
from phases.models.source import ModelError, locate_model, record_base_model
from phases.models.tokenizer import load_tokenizer

CHAT = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"


@pytest.fixture
def model_folder(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def test_the_template_is_taken_away_and_remembered(model_folder: Path) -> None:
    (model_folder / "chat_template.jinja").write_text(CHAT)
    tokenizer = load_tokenizer(str(model_folder))
    assert tokenizer.hf.chat_template is None
    assert tokenizer.chat_template == CHAT


def test_encode_adds_nothing_and_start_is_explicit(model_folder: Path) -> None:
    path = model_folder / "tokenizer.json"
    content = json.loads(path.read_text())
    content["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<|endoftext|>": {"id": "<|endoftext|>", "ids": [0], "tokens": ["<|endoftext|>"]}},
    }
    path.write_text(json.dumps(content))
    tokenizer = load_tokenizer(str(model_folder))
    assert tokenizer.implicit_ids == ((0,), ())
    assert 0 not in tokenizer.encode("The capital")
    assert tokenizer.start_ids == ()  # it is no beginning-of-text token
    settings = json.loads((model_folder / "tokenizer_config.json").read_text())
    (model_folder / "tokenizer_config.json").write_text(json.dumps(settings | {"bos_token": "<|endoftext|>"}))
    tokenizer = load_tokenizer(str(model_folder))
    assert tokenizer.start_ids == (0,)
    assert tokenizer.encode_prompt("The") == [0, *tokenizer.encode("The")]


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


@pytest.mark.parametrize(("packed", "why"), [(True, "quantized weights"), (False, "of an unknown type")])
def test_a_model_that_cannot_be_shared_out_says_why(model_folder: Path, packed: bool, why: str) -> None:
    model = load_model(str(model_folder)).model
    if packed:
        model.hf_quantizer = object()
    else:
        model.model.layers = torch.nn.ModuleList()
    with pytest.raises(ModelError, match=why):
        shard(model, "cpu", None)
