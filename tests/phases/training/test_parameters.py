"""Parameters of both training phases."""

import subprocess
import sys
from pathlib import Path

import pytest

from phases.contract.phase_main import phase_main
from phases.dpo_training import spec as dpo_spec
from phases.sft_training import spec as sft_spec
from phases.training.parameters import describe_unusual_values


def test_values_outside_the_documents_ranges_are_named() -> None:
    usual = sft_spec.Parameters(train_file=["x"], output_dir=Path("o"))
    assert describe_unusual_values(usual) == []
    assert describe_unusual_values(usual.model_copy(update={"lora_r": 8})) == ["lora_r 8 (usual: 32 to 64)"]
    dpo = dpo_spec.Parameters(sft_model="m", preference_file=["x"], output_dir=Path("o"), beta=0.5)
    assert describe_unusual_values(dpo) == ["beta 0.5 (usual: 0.1 to 0.3)"]


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--learning-rate", "0"), ("--epochs", "0"), ("--lora-r", "many"), ("--heldout-share", "0.9")],
)
def test_a_parameter_out_of_range_is_one_message(
    flag: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        phase_main("phases.sft_training", ["--train-file", "x", "--output-dir", str(tmp_path), flag, value])
    assert exit_.value.code == 2
    assert flag in capsys.readouterr().err


@pytest.mark.parametrize("module", [sft_spec, dpo_spec])
def test_specs_are_light_to_import(module: object) -> None:
    name = module.__name__  # type: ignore[attr-defined]
    code = (
        f"import {name}, sys; sys.exit(bool({{'torch', 'transformers', 'trl', 'peft'}} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
