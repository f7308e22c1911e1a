"""Warnings of pipelines that hide the failure of a program."""

from pathlib import Path

import pytest

from app.cli import main
from app.plan.pipelines import find_pipeline_warnings
from app.plan.read import load_plan

PLAN = """
[session]
name = "Small"
model = "none"
budget_usd = 1.0
[pod]
gpu = "this machine"
usd_per_hour = 1.0
[[phase]]
id = "training"
title = "Training"
command = {command}
estimate = {{ hours = [0, 1] }}
"""


def warn(folder: Path, *command: str) -> list[str]:
    (folder / "session_plan.toml").write_text(PLAN.format(command=list(command)))
    return find_pipeline_warnings(load_plan(folder / "session_plan.toml"))


@pytest.mark.parametrize(
    "script",
    [
        "python train.py 2>&1 | tee train.log",
        "set -e; python train.py|tee log; echo done",
        "python train.py |& tee log",
        "cd x && python train.py | ts",
        "if python train.py; then python evaluate.py | tee log; fi",
    ],
)
def test_a_pipeline_is_reported(tmp_path: Path, script: str) -> None:
    [warning] = warn(tmp_path, "bash", "-c", script)
    assert warning.startswith(f"phase training: in `{script}`, only the exit code of the last program")
    (tmp_path / "run.sh").write_text(f"#!/bin/bash\n# a | b\n{script}\n")
    assert len(warn(tmp_path, "bash", "-x", "run.sh", "8")) == 1
    assert len(warn(tmp_path, "/bin/sh", "-ec", script)) == 1


@pytest.mark.parametrize(
    "script",
    [
        "set -o pipefail; python train.py | tee log",
        "python train.py || exit 1",
        "n=$(ls | wc -l); python train.py",
        "if nvidia-smi | grep -q H100; then python train.py; fi",
        "python train.py --text 'a | b'",
        "python train.py > log 2>&1  # then | tee",
    ],
)
def test_other_scripts_are_not(tmp_path: Path, script: str) -> None:
    assert warn(tmp_path, "bash", "-c", script) == []


def test_programs_and_scripts_that_cannot_be_read_are_not(tmp_path: Path) -> None:
    assert warn(tmp_path, "bash", "-o", "pipefail", "-c", "a | b") == []
    assert warn(tmp_path, "python3", "-c", "a | b") == []
    assert warn(tmp_path, "sh", "missing.sh") == []


def test_check_shows_the_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert warn(tmp_path, "bash", "-c", "python train.py | tee log")
    assert main(["check"]) == 0
    assert "warning: phase training: in `python train.py | tee log`, only" in capsys.readouterr().err
