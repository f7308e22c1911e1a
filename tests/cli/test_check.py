"""`gonogo check` on the plan that ships: its phases, estimates and totals; bad plans exit 2."""

import json
import threading
from functools import partial
from pathlib import Path

import pytest

from app.cli import check
from app.cli.check import check_plan
from app.monitor import gpu
from app.plan.gate_rules import assess_phase
from app.plan.read import load_plan
from app.session import registry
from phases.contract.protocol import Value
from tests.stage1 import PHASES, PLAN


@pytest.fixture(autouse=True)
def no_session_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the sessions of whoever runs the tests, as a rehearsal: `check` shows what they measured."""
    monkeypatch.setattr(registry, "list_sessions", lambda here: [])


def test_the_plan_sums_to_what_its_rows_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_plan(PLAN, None, as_json=True) == 0
    says = json.loads(capsys.readouterr().out)
    assert list(says) == ["session", "profile", "budget_usd", "usd_per_hour", "gpus", "phases", "total"]
    assert says["gpus"] == {"count": 1, "gib": 80}
    assert [phase["id"] for phase in says["phases"]] == PHASES
    assert says["phases"][0].pop("memory")["fits"]
    assert says["phases"][0] == {
        "id": "verification",
        "title": "Verification",
        "estimate": {"hours": [0.5, 0.75], "usd": [1.0, 1.5]},
        "critical": True,
        "gate": "always",
    }
    assert says["total"] == {"hours": [7.5, 14.5], "usd": [13.0, 26.0]}
    assert (says["budget_usd"], says["usd_per_hour"], says["profile"]) == (25.0, 1.74, None)
    assert [phase["id"] for phase in says["phases"] if phase["gate"] == "always"] == [
        "verification",
        "sft_evaluation",
        "dpo_evaluation",
    ]
    assert [phase["id"] for phase in says["phases"] if not phase["critical"]] == ["comparison"]


@pytest.mark.parametrize("profile", ["rehearsal", "gemma-270m"])
def test_profiles_cost_what_their_hours_cost(capsys: pytest.CaptureFixture[str], profile: str) -> None:
    assert check_plan(PLAN, profile, as_json=True) == 0
    says = json.loads(capsys.readouterr().out)
    assert says["profile"] == profile
    assert [phase["id"] for phase in says["phases"]] == PHASES
    low, high = says["total"]["hours"]
    assert says["total"]["usd"] == pytest.approx(
        [low * says["usd_per_hour"], high * says["usd_per_hour"]], abs=1e-3
    )


def test_check_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_plan(PLAN) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Stage 1: Qwen/Qwen2.5-32B on A100 SXM 80GB at $1.74/h"
    assert [line.split() for line in lines if line.startswith("Baseline")] == [
        ["Baseline", "evaluation", "15-30m", "$0.50-1.00", "70", "GiB", "yes", "unless", "go"]
    ]
    assert [line.split() for line in lines if line.startswith("total")] == [
        ["total", "7.5-14.5h", "$13.00-26.00"]
    ]
    assert lines[-2:] == [
        "memory: every phase fits 1 x 80 GB",
        "budget $25.00: the estimate may exceed it",
    ]
    assert max(map(len, lines)) <= 80


def test_check_says_what_does_not_fit_and_what_to_change(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_plan(PLAN, gpu="24GB") == 0
    lines = capsys.readouterr().out.splitlines()
    assert (
        "DPO training: 25 GiB does not fit; "
        "no max_length is small enough; use a larger GPU or a smaller model" in lines
    )
    assert (
        "SFT evaluation: 42 GiB does not fit; with engine = transformers, batch_size = 16 it needs 21 GiB"
        in lines
    )
    assert max(map(len, lines)) <= 110
    assert check_plan(PLAN, as_json=True, gpu="2x16GB") == 0
    says = json.loads(capsys.readouterr().out)
    assert says["gpus"] == {"count": 2, "gib": 16}
    assert "no batch_size is small enough" in says["phases"][0]["memory"]["advice"]


def test_a_gpu_without_its_memory_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_plan(PLAN, gpu="A100") == 2
    assert capsys.readouterr().err == "--gpu A100: expected its memory, such as 80GB, or 2x80GB for two\n"


def test_a_wrong_plan_exits_2_with_its_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plan.toml"
    path.write_text("[session]\nname = 3\n")
    assert check_plan(path) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{path}:2: session.name: expected a text" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("phase", "metrics", "verdict", "words"),
    [
        ("verification", {"verdict": "contaminated"}, "stop", "Debug"),
        ("verification", {"verdict": "inconclusive"}, "investigate", "report"),
        ("verification", {"verdict": "clean"}, "go", "Baseline confirmed"),
        ("sft_evaluation", {"following_rate": 0.19}, "investigate", "eight solved examples"),
        ("sft_evaluation", {"following_rate": 0.39}, "investigate", "data quality"),
        ("sft_evaluation", {"following_rate": 0.5}, "investigate", "less than planned"),
        ("sft_evaluation", {"following_rate": 0.61}, "go", "Continue to DPO"),
        ("dpo_evaluation", {"following_rate": 0.7}, "investigate", "preference pair quality"),
        ("dpo_evaluation", {"following_rate": 0.8}, "go", "stays at or below 85 %"),
        ("dpo_evaluation", {"following_rate": 0.86}, "go", "Stage 1 complete"),
        ("dpo_evaluation", {}, "investigate", "no value: following_rate"),
    ],
)
def test_the_decision_points_of_the_session(
    phase: str, metrics: dict[str, Value], verdict: str, words: str
) -> None:
    plan = load_plan(PLAN)
    earlier: dict[str, dict[str, Value]] = {
        "baseline_evaluation": {"following_rate_few_shot": 0.2},
        "sft_evaluation": {"following_rate": 0.7},
    }
    if isinstance(rate := metrics.get("following_rate"), float):
        metrics = metrics | {"following_rate_low": rate - 0.05}
    judgment = assess_phase(plan.find_phase(phase), metrics, earlier)
    assert judgment.verdict == verdict
    assert words in judgment.advice[0]
    if verdict == "go" and phase == "sft_evaluation":
        assert all(criterion.passed for criterion in judgment.criteria)


def test_sft_is_no_go_without_a_clear_gain_over_the_baseline() -> None:
    metrics: dict[str, Value] = {"following_rate": 0.74, "following_rate_low": 0.70}
    earlier: dict[str, dict[str, Value]] = {"baseline_evaluation": {"following_rate_few_shot": 0.72}}
    judgment = assess_phase(load_plan(PLAN).find_phase("sft_evaluation"), metrics, earlier)
    assert judgment.verdict == "investigate"
    assert "does not clearly follow more than the base model" in judgment.advice[0]
    assert [criterion.passed for criterion in judgment.criteria] == [False, True]


def test_a_hanging_driver_does_not_hang_the_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hanging = threading.Event()
    monkeypatch.setattr(gpu.GpuReader, "__init__", lambda reader: hanging.wait() and None)
    monkeypatch.setattr(check, "read_gpu_names", partial(gpu.read_gpu_names, 0.1))
    try:
        assert check_plan(PLAN) == 0
    finally:
        hanging.set()
    assert "the GPU driver did not respond within 0 s, so earlier" in capsys.readouterr().err
