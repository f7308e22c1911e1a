import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.plan.read import load_plan

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.mark.parametrize("name", ["shell", "trl"])
def test_the_plan_is_valid_and_its_files_are_here(name: str) -> None:
    plan = load_plan(EXAMPLES / name / "session_plan.toml")
    assert plan.session.files
    assert all(any(plan.folder.glob(pattern)) for pattern in plan.session.files)


def test_the_shell_pipeline_runs_and_its_gate_decides(tmp_path: Path) -> None:
    folder = tmp_path / "shell"
    shutil.copytree(EXAMPLES / "shell", folder, ignore=shutil.ignore_patterns("artifacts"))
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "run", "--headless", "--yes", "--decide-by-verdict"],
        cwd=folder, env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    for text in ("GATE after Measure", "300 lines, 100 distinct", "Many duplicates", "100 kept"):
        assert text in done.stdout
    assert len((folder / "artifacts/data/clean.txt").read_text().splitlines()) == 100
