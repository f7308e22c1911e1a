"""`gonogo check --log` finds metrics in a log and suggests a preset."""

from pathlib import Path

import pytest

from app.cli import main
from app.monitor.log_format import LogFormat
from app.plan.log_check import examine_log, suggest_preset
from tests.monitor.test_trainers import CASES

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
command = ["true"]
estimate = { hours = [0, 1] }
metrics = { loss = 'Loss: ([0-9.]+)', lr = 'lr=(\\S+)' }
progress = 'row (\\d+)/(\\d+)'
"""

SAME_AS_HF = {"hf-trainer", "trl", "axolotl", "llama-factory", "unsloth", "ms-swift"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("preset", "text"), [case[:2] for case in CASES])
def test_the_preset_of_a_log_is_suggested(tmp_path: Path, preset: str, text: str) -> None:
    (tmp_path / "log").write_text(text)
    suggested = suggest_preset(tmp_path / "log")
    if "nan'" in text or preset == "accelerate":
        return  # A line or two that several trainers print.
    assert suggested in SAME_AS_HF if preset in SAME_AS_HF else suggested == preset


@pytest.mark.parametrize(
    ("preset", "text"),
    [
        ("hf-trainer", '{"loss": 3.4, "grad_norm": 11.25, "learning_rate": 2e-05, "epoch": 0.01}\n'),
        ("hf-trainer", "(RayTrainWorker pid=71) {'loss': 3.4, 'learning_rate': 2e-05, 'epoch': 0.01}\n"),
        (
            "axolotl",
            "[INFO] [axolotl.train:221] go\n{'loss': '1.5', 'ppl': '4.5', 'accuracy': '1', 'epoch': '1'}\n",
        ),
    ],
)
def test_the_trainer_that_a_log_names_counts_more_than_values(tmp_path: Path, preset: str, text: str) -> None:
    (tmp_path / "log").write_text(text)
    assert suggest_preset(tmp_path / "log") == preset


def test_no_preset_is_suggested_for_prose(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("hello\nloading 3 of 4 shards\n")
    assert suggest_preset(tmp_path / "log") is None


def test_first_and_last_values_counts_and_progress(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("loss: 2.5\nloss: 1.5e-3 row 1,000/2000\nloss: nan")
    report = examine_log(
        tmp_path / "log",
        LogFormat({"loss": r"loss: (\S+)", "lr": r"lr (\d)"}, progress=r"row ([\d,]+)/(\d+)"),
    )
    assert report.format_lines() == [
        "loss      3 values, first 2.5, last not finite",
        "lr        nothing matches",
        "progress  1,000 of 2,000 steps",
        "warning: 1 value of loss not finite: loss: nan",
    ]


def test_the_command_shows_the_plans_patterns_and_a_preset(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "session_plan.toml").write_text(PLAN)
    (folder / "output.log").write_text("1|54|Loss: 1.0931: 12%|###  | 54/450\rrow 7/9 Loss: 9.5e-01\n")
    assert main(["check", "--log", "output.log"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "session_plan.toml, phase training, patterns:"
    assert lines[1].split() == ["loss", "2", "values,", "first", "1.0931,", "last", "0.95"]
    assert lines[2].split() == ["lr", "nothing", "matches"]
    assert lines[3].split() == ["progress", "7", "of", "9", "steps"]
    assert "its group reads 2.0 of 2.0e-05" in lines[4]
    assert lines[5] == 'metrics = "torchtune" finds:'


def test_the_command_needs_no_plan_and_names_a_log_that_is_not_there(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "x.log").write_text("Iter 10: Train loss 2.9\nIter 20: Train loss 2.5\n")
    assert main(["check", "--log", "x.log"]) == 0
    assert 'metrics = "mlx" finds:' in capsys.readouterr().out
    assert main(["check", "--log", "y.log"]) == 2
    assert "y.log: expected a log that can be read" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["check", "missing.toml", "--log", "x.log"])


def test_check_warns_of_a_pattern_that_cuts_numbers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "session_plan.toml").write_text(PLAN)
    assert main(["check"]) == 0
    assert "phase training, metrics.loss: its group reads 2.0 of 2.0e-05" in capsys.readouterr().err
    (folder / "session_plan.toml").write_text(PLAN.replace("[0-9.]+", "\\S+"))
    assert main(["check"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('metrics = "hf_trainer"', "did you mean hf-trainer?"),
        (
            "metrics = { loss = 'loss' }",
            "training.metrics.loss: expected a regular expression with one",
        ),
        ("progress = 'step'", "training.progress: expected a regular expression with two groups"),
        ("metrics = 5", "training.metrics: "),
    ],
)
def test_mistakes_are_reported_at_their_key(
    folder: Path, capsys: pytest.CaptureFixture[str], line: str, message: str
) -> None:
    key = line.split(maxsplit=1)[0]
    plan = "\n".join(line if each.startswith(f"{key} =") else each for each in PLAN.split("\n"))
    (folder / "session_plan.toml").write_text(plan)
    assert main(["check"]) == 2
    assert message in capsys.readouterr().err


def test_a_preset_declares_its_metrics(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line for line in PLAN.split("\n") if not line.startswith(("metrics", "progress"))]
    plan = "\n".join(
        [*lines, 'metrics = "mlx"', 'criteria = [{ name = "x", expr = "val_loss < first_loss" }]']
    )
    (folder / "session_plan.toml").write_text(plan)
    assert main(["check"]) == 0
    (folder / "session_plan.toml").write_text(plan.replace("val_loss", "vall_loss"))
    assert main(["check"]) == 2
    assert "Did you mean val_loss?" in capsys.readouterr().err
