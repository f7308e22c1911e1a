"""The whole session for real: nine phases on the embedded model, decided by its verdicts."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

PLAN = Path(__file__).parents[1] / "session_plan.toml"
PHASES = [
    "verification",
    "baseline_evaluation",
    "sft_data",
    "sft_training",
    "sft_evaluation",
    "preference_pairs",
    "dpo_training",
    "dpo_evaluation",
    "comparison",
]
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


@pytest.mark.timeout(1500)
def test_rehearsal(tmp_path: Path) -> None:
    shutil.copy(PLAN, tmp_path)

    run = gonogo(tmp_path, "rehearse", "--headless", "--decide-by-verdict", "--yes")
    assert run.returncode == 0, run.stdout + run.stderr

    artifacts = tmp_path / "artifacts" / "rehearsal"
    missing = [pattern for pattern in ARTIFACTS if not list(artifacts.glob(pattern))]
    assert not missing

    status = json.loads(gonogo(tmp_path, "status", "--json").stdout)
    assert status["state"] == "finished"
    assert [phase["id"] for phase in status["phases"]] == PHASES
    assert {phase["state"] for phase in status["phases"]} == {"done"}
    assert {decision["by"] for decision in status["decisions"]} == {"verdict"}

    metrics = {phase["id"]: phase["attempts"][-1]["metrics"] for phase in status["phases"]}
    assert metrics["verification"]["verdict"] == "clean"
    compared = metrics["comparison"]
    assert compared["stopping_gain_base_sft"] > 0.5
    assert compared["stopping_p_base_sft"] < 0.001
    assert compared["win_rate_sft_dpo"] > 0.5
    # The embedded base model knows the answers: SFT gains nothing over solved examples, and no tier says so.
    assert compared["following_p_few_shot_sft"] >= 0.05 or compared["following_gain_few_shot_sft"] < 0
    assert compared["tier"] == "none"

    # Conductor and guard may still be on their way out.
    ours = [
        p for p in psutil.process_iter(["cmdline"]) if str(artifacts) in " ".join(p.info["cmdline"] or [])
    ]
    _, left = psutil.wait_procs(ours, timeout=60)
    assert not left
