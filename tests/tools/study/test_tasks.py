"""A study runs the plan's own recipe, and its arms differ in what they are meant to differ in."""

from pathlib import Path

import pytest

from app.plan.read import load_plan
from phases.contract.parameters import parse_arguments
from phases.contract.phase_spec import load_spec
from tools.study.__main__ import PLAN, main
from tools.study.tasks import ARMS, Study, Task


@pytest.fixture(scope="module")
def tasks() -> dict[str, Task]:
    study = Study(load_plan(PLAN, "gemma-270m"), Path("/study"), [1, 2, 3], "/models/base", ["ifeval.jsonl"])
    return {task.name: task for task in study.list_tasks()}


def read(task: Task) -> dict[str, object]:
    spec = load_spec(task.phase)
    argv = task.argv[task.argv.index(task.phase) + 1 :]
    return parse_arguments(spec.parameters, list(argv), program=task.phase, description="").model_dump(
        mode="json"
    )


def test_every_command_is_valid_and_every_need_comes_first(tasks: dict[str, Task]) -> None:
    before: set[str] = set()
    for task in tasks.values():
        read(task)
        assert before.issuperset(task.needs), task.name
        before.add(task.name)
    assert len(tasks) == 1 + 3 + 1 + 9 + 1 + 12 + 1 + 5


def test_every_task_needs_what_makes_its_inputs(tasks: dict[str, Task]) -> None:
    for task in tasks.values():
        if task.phase.endswith("dpo_training"):
            assert set(task.needs) == {"pairs", "sft-1"}


def test_nothing_is_read_or_written_outside_of_the_study(tasks: dict[str, Task]) -> None:
    for task in tasks.values():
        assert not any("artifacts" in part or "google/" in part for part in task.argv), task.argv


def test_the_arms_differ_in_loss_and_labels_alone(tasks: dict[str, Task]) -> None:
    phase = next(phase for phase in load_plan(PLAN, "gemma-270m").phases if phase.id == "dpo_training")
    for seed in (1, 2, 3):
        values = {arm: read(tasks[f"{arm}-{seed}"]) for arm in ARMS}
        for name in ("epochs", "batch_size", "learning_rate", "sft_weight", "beta"):
            assert {value[name] for value in values.values()} == {phase.params[name]}
        assert {value["seed"] for value in values.values()} == {seed}
        assert len({value["sft_model"] for value in values.values()}) == 1
        assert (values["chosen"]["dpo_weight"], values["chosen"]["swapped_share"]) == (0, 0)
        assert (values["swapped"]["dpo_weight"], values["swapped"]["swapped_share"]) == (1, 0.5)
        assert (values["dpo"]["dpo_weight"], values["dpo"]["swapped_share"]) == (1, 0)


def test_parameters_can_be_changed(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["--out", "/study", "--dry-run", "--seeds", "7", "--set", "dpo_training.learning_rate=5e-5"])
        == 0
    )
    commands = capsys.readouterr().out.splitlines()
    assert len([line for line in commands if "--learning-rate 5e-05" in line]) == len(ARMS)
    with pytest.raises(SystemExit, match=r"expected PHASE\.NAME=VALUE"):
        main(["--out", "/study", "--dry-run", "--set", "epochs"])
