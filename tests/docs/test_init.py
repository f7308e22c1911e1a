from pathlib import Path

import pytest

from app import cli
from app.plan.errors import PlanErrors
from app.plan.init import CannotWritePlanError, PlanAnswers, find_scripts, init_plan, write_plan
from app.plan.read import load_plan


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "My project"
    (place / "scripts").mkdir(parents=True)
    for name in ("10_compare.py", "2_train.py", "1-make data.sh", "notes.md", "test_it.py", "__init__.py"):
        (place / name).write_text("")
    (place / "scripts" / "train.py").write_text("")
    (place / "run").write_text("#!/bin/sh\n")
    (place / "run").chmod(0o755)
    (place / "tune.pl").write_text("#!/usr/bin/env perl\n")
    (place / "tune.pl").chmod(0o755)
    (place / "library.pl").write_text("#!/usr/bin/env perl\n")
    return place


def test_the_plan_of_a_folder_passes_check(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["init", str(folder), "--yes", "--budget-usd", "5", "--gpu", 'RTX "4090"']) == 0
    output = capsys.readouterr().out
    assert "within the budget" in output
    assert f"`gonogo run '{folder / 'session_plan.toml'}'`" in output
    plan = load_plan(folder / "session_plan.toml")
    assert [p.id for p in plan.phases] == ["make_data", "train", "compare", "run", "train_2", "tune"]
    assert [p.command for p in plan.phases][:4] == [
        ("bash", "1-make data.sh"), ("python3", "2_train.py"), ("python3", "10_compare.py"), ("./run",),
    ]  # fmt: skip
    assert plan.phases[-1].command == ("./tune.pl",)
    assert (plan.session.name, plan.session.budget_usd, plan.pod.gpu) == ("My project", 5.0, 'RTX "4090"')
    assert set(plan.session.files) == {str(script) for script in find_scripts(folder)}
    assert cli.main(["check", str(folder / "session_plan.toml")]) == 0


def test_in_the_folder_of_the_plan_no_path_is_given(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert cli.main(["init", "--yes"]) == 0
    assert "`gonogo preflight` and `gonogo run`" in capsys.readouterr().out


def test_only_missing_answers_are_asked(folder: Path) -> None:
    asked = []

    def ask(question: str) -> str:
        asked.append(question)
        return {"Dollars per hour [0.0]: ": "1.74"}.get(question, "")

    assert init_plan(folder, {"name": "Mine", "budget_usd": 9.0}, ask) == 0
    assert asked == ["GPU [this machine]: ", "Dollars per hour [0.0]: "]
    plan = load_plan(folder / "session_plan.toml")
    assert (plan.session.name, plan.pod.usd_per_hour) == ("Mine", 1.74)


def test_a_plan_that_is_there_is_never_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "session_plan.toml").write_text("mine")
    assert cli.main(["init", str(folder), "--yes"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert (folder / "session_plan.toml").read_text() == "mine"


def test_without_scripts_or_with_bad_answers_nothing_is_written(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotWritePlanError, match="no scripts"):
        write_plan(tmp_path, find_scripts(tmp_path), PlanAnswers("x"))
    with pytest.raises(PlanErrors, match="budget_usd"):
        write_plan(folder, find_scripts(folder), PlanAnswers("x", budget_usd=-1.0))
    with pytest.raises(CannotWritePlanError, match="expected a number"):
        init_plan(folder, {"budget_usd": "much"}, None)
    assert not (folder / "session_plan.toml").exists()
