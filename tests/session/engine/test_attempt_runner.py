import json
import mmap
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.session.engine.attempt_runner import find_recent_holders
from tests.session.conftest import wait_for
from tests.session.engine.programs import ASK, WAIT, count_runs

Phase = Callable[..., dict[str, Any]]


def test_a_phase_receives_only_the_selected_environment(
    toy: Any, sh: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_PASSWORD", "hunter2")
    monkeypatch.setenv("NAMED_TOKEN", "token-in-the-plan")
    monkeypatch.setenv("HF_HOME", "/models")
    monkeypatch.setenv("HF_TOKEN", "hf-not-in-the-plan")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("GONOGO_ENGINE_ARGS", "{}")
    monkeypatch.setenv("GONOGO_COOKIE", "of-an-attempt-around-this")
    named = 'secrets = ["NAMED_TOKEN"]\nenvironment = ["WANDB_MODE"]\n[pod]'
    head = toy.head.replace("[pod]", named)
    toy.start(sh("env; pwd"), head=head)
    toy.over()
    toy.assert_nothing_left()  # Its processes remove files at last.
    log = (toy.locate_attempt("p1") / "output.log").read_text()
    assert "hunter2" not in log
    assert "hf-not-in-the-plan" not in log
    assert "WANDB_MODE=offline" in log
    assert "GONOGO_ENGINE_ARGS={}" in log
    assert "of-an-attempt-around-this" not in log
    assert "NAMED_TOKEN=token-in-the-plan" in log
    assert "HF_HOME=/models" in log
    assert f"GONOGO_RESULT={toy.locate_attempt('p1')}/result.json" in log
    assert log.splitlines()[-1] == str(toy.root)
    records = [p for p in toy.folder.rglob("*") if p.is_file() and p.name != "output.log"]
    assert records
    assert not any(b"token-in-the-plan" in p.read_bytes() for p in records)


def test_a_process_that_could_not_be_killed_is_reported(toy: Any, sh: Phase) -> None:
    toy.start(sh(f"echo ran; {WAIT}"))
    toy.until(lambda s: count_runs(toy))
    toy.kill_conductor()
    (toy.root / "go").touch()
    path = toy.locate_attempt("p1") / "exit.json"
    wait_for(path.exists)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"survivors": [4242]}))
    toy.rejoin()
    assert any("PID 4242 could not be killed" in n for n in toy.over().notices)


def test_a_stalled_phase_is_shown_and_keeps_running(toy: Any, sh: Phase) -> None:
    toy.start(sh(WAIT, stall_after="0.2 s"))
    assert toy.until(lambda s: s.find_phase("p1").stalled).find_phase("p1").state == "running"
    (toy.root / "go").touch()
    assert toy.over().state == "finished"


def test_a_stalled_phase_is_stopped_if_the_plan_requests_it(toy: Any, sh: Phase) -> None:
    client = toy.start(
        sh("trap 'echo saved; exit 0' TERM; echo ran; " + WAIT, stall_after="0.3 s", stall_action="stop")
    )
    session = toy.gate()
    assert session.gate.because == "stopped"
    assert session.gate.advice[0].startswith("It stalled and was stopped: it reported nothing for 0s")
    assert session.find_phase("p1").attempts[0].reason == "stalled"
    assert "saved" in (toy.locate_attempt("p1") / "output.log").read_text()
    (toy.root / "go").touch()
    client.decide("p1", 1, "retry")
    session = toy.over()
    assert [a.reason for a in session.find_phase("p1").attempts] == ["stalled", "exited"]


def test_progress_is_shown_with_the_remaining_time(toy: Any, python: Phase) -> None:
    program = """
import json, os, time
for done in range(1, 1000):
    with open(os.environ["GONOGO_PROGRESS"], "a") as file:
        line = {"type": "progress", "time": time.time(), "done": done, "total": 10, "unit": "rows"}
        file.write(json.dumps(line) + "\\n")
    if done >= 5:
        while not os.path.exists("go"):
            time.sleep(0.01)
        break
    time.sleep(0.02)
"""
    toy.start(python(program))
    session = toy.until(lambda s: s.find_phase("p1").progress and s.find_phase("p1").progress.done == 5)
    phase = session.find_phase("p1")
    assert (phase.progress.total, phase.progress.unit) == (10, "rows")
    assert phase.remaining.low <= phase.elapsed * 1.5
    assert session.money.spent_usd <= session.money.forecast_usd.low
    (toy.root / "go").touch()
    toy.over()


def test_metrics_are_read_from_the_log_of_a_program_that_reports_none(toy: Any, sh: Phase) -> None:
    toy.start(sh("echo loss=2.5; echo loss=1.25", metrics={"loss": "loss=([0-9.]+)"}, **ASK))
    assert toy.gate().gate.metrics == {"loss": 1.25, "first_loss": 2.5}


def test_a_process_that_held_the_gpu_before_the_attempt_is_not_left_over_from_it(tmp_path: Path) -> None:
    (tmp_path / "nvidia0").write_bytes(b"x")
    with (tmp_path / "nvidia0").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ):
        assert find_recent_holders(1e6, str(tmp_path / "nvidia")) == [os.getpid()]
        assert find_recent_holders(0.0, str(tmp_path / "nvidia")) == []


def test_a_retry_and_a_remedy_use_the_flag_style_of_the_plan(toy: Any) -> None:
    client = toy.start(
        {
            "command": ["sh", "-c", 'echo "argv: $*"; echo "size {params.size}"; exit 1', "sh"],
            "params": {"size": 8, '"optim.lr"': 0.1, "bf16": True},
            "flags": "override",
            "remedies": {"oom": [{"size": 4, '"optim.lr"': 0.05}]},
        }
    )
    gate = toy.gate().gate
    (remedy,) = gate.remedies["oom"]
    client.decide("p1", 1, "retry", changes=remedy)
    toy.until(lambda s: s.gate and s.gate.attempt == 2, "the second gate")
    logs = [(toy.locate_attempt("p1", n) / "output.log").read_text().splitlines() for n in (1, 2)]
    assert logs == [
        ["argv: optim.lr=0.1 bf16=true", "size 8"],
        ["argv: optim.lr=0.05 bf16=true", "size 4"],
    ]
    client.stop_session()
    toy.over()
