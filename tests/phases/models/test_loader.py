"""Loading models."""

import json
from pathlib import Path

import pytest

from phases.contract import files
from phases.models.loader import count_parameters, load_model
from phases.models.source import ModelError, locate_model


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
