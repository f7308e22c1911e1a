"""The whole session for real: nine phases on the embedded model, decided by its verdicts."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.stage1 import PHASES, PLAN

ARTIFACTS = [
    "verification/verification_*.json",
    "evaluations/base_model/eval_*.json",
    "sft_data/sft_training_data_*.jsonl",
    "models/sft_model/adapter_model.safetensors",
    "logs/sft_training_*.log",
    "evaluations/sft_model/eval_*.json",
    "preference_pairs/preference_pairs_*.jsonl",
    "models/dpo_model/adapter_model.safetensors",
    "logs/dpo_training_*.log",
    "evaluations/dpo_model/eval_*.json",
    "final_comparison.txt",
    "final_comparison.json",
]

pytestmark = pytest.mark.timeout(1500)
"""The first test waits for the session."""


def gonogo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run a rehearsal to its end and return the folder it was started in."""
    folder = tmp_path_factory.mktemp("rehearsal")
    shutil.copy(PLAN, folder)
    run = gonogo(folder, "rehearse", "--headless", "--decide-by-verdict", "--yes")
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


@pytest.fixture(scope="module")
def status(session: Path) -> dict[str, Any]:
    """Return the status that `gonogo status` prints."""
    status: dict[str, Any] = json.loads(gonogo(session, "status", "--json").stdout)
    return status


def test_all_phases_are_done_and_decided_by_their_verdicts(status: dict[str, Any]) -> None:
    assert status["state"] == "finished"
    assert [phase["id"] for phase in status["phases"]] == PHASES
    assert {phase["state"] for phase in status["phases"]} == {"done"}
    assert {decision["by"] for decision in status["decisions"]} == {"verdict"}


def test_every_artifact_is_written(session: Path) -> None:
    artifacts = session / "artifacts" / "rehearsal"
    assert [pattern for pattern in ARTIFACTS if not list(artifacts.glob(pattern))] == []


def test_training_has_the_effects_that_the_comparison_finds(status: dict[str, Any]) -> None:
    metrics = {phase["id"]: phase["attempts"][-1]["metrics"] for phase in status["phases"]}
    assert metrics["verification"]["verdict"] == "clean"
    compared = metrics["comparison"]
    assert compared["stopping_gain_base_sft"] > 0.5
    assert compared["stopping_p_base_sft"] < 0.001
    assert metrics["dpo_training"]["heldout_accuracy"] > 0.5
    assert compared["win_rate_sft_dpo_high"] >= 0.5
    # SFT need not follow more than the base model after solved examples; so few rows reach no tier.
    assert compared["following_gain_high_few_shot_sft"] >= 0
    assert compared["tier"] == "none"


def test_no_process_is_left(session: Path) -> None:
    # Conductor and guard may still be on their way out.
    artifacts = str(session / "artifacts" / "rehearsal")
    processes = [
        p for p in psutil.process_iter(["cmdline"]) if artifacts in " ".join(p.info["cmdline"] or [])
    ]
    _, remaining = psutil.wait_procs(processes, timeout=60)
    assert not remaining
