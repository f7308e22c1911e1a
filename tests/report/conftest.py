"""A small session with records in the engine's format, and a folder of artifacts to bundle."""

from pathlib import Path

import msgspec
import pytest

from app.plan.read import load_plan
from app.plan.values import ConditionResult
from app.report.bundle_contents import BundleContents, collect_contents
from app.report.bundle_writer import pack_bundle
from app.session import start
from app.session.folder import SessionFolder
from app.session.journal import events
from app.session.journal.journal import Journal
from app.session.masking import Masker

TOKEN = "hf_0123456789abcdef"
MASKER = Masker({"HF_TOKEN": TOKEN})
PATTERNS = ["models", "sft_data", "logs", "final_comparison.*"]
PLAN = """
[session]
name = "Tiny <b>session</b>"
model = "toy/model"
budget_usd = 5.0
secrets = ["HF_TOKEN"]
[pod]
gpu = "A100 80GB"
usd_per_hour = 3.6
[bundle]
include = ["models", "logs", "report.*"]
[[phase]]
id = "baseline"
title = "Baseline evaluation"
command = ["python", "evaluate.py"]
estimate = { hours = [0.1, 0.2] }
reports = ["success_rate"]
[[phase]]
id = "training"
title = "Training"
command = ["python", "train.py"]
params = { batch_size = 4, learning_rate = 2e-4 }
estimate = { hours = [0.5, 1.0] }
reports = ["final_loss"]
criteria = [{ name = "loss falls", expr = "final_loss < 0.5" }]
[[phase]]
id = "comparison"
title = "Comparison"
command = ["python", "compare.py"]
estimate = { hours = [0.1, 0.1] }
"""


class SteppedClock:
    """Time as the test sets it."""

    def __init__(self) -> None:
        self.now = 1_760_000_000.0

    def wall(self) -> float:
        return self.now

    def mono(self) -> float:
        return self.now - 1_759_990_000.0


def lines(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A session that trained twice, was overridden once and is in its comparison."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "session_plan.toml").write_text(PLAN)
    plan = load_plan(tmp_path / "session_plan.toml")
    folder = SessionFolder(tmp_path / "artifacts/sessions/20251009-100000")
    folder.path.mkdir(parents=True)
    folder.plan.write_text(plan.model_dump_json())
    clock = SteppedClock()
    journal = Journal(folder.journal, clock)

    def at(seconds: float, event: events.AnyEvent) -> None:
        clock.now = 1_760_000_000.0 + seconds
        journal.append(event)

    def attempt(phase: str, number: int, start: float, end: float, **fields: object) -> None:
        parameters = {"batch_size": 4, "learning_rate": 2e-4} if phase == "training" else {}
        changed = {"batch_size": (4, 2)} if number > 1 else {}
        started = events.AttemptStarted(
            phase=phase,
            attempt=number,
            parameters={**parameters, **{name: new for name, (_, new) in changed.items()}},
            cookie="c",
            changed=changed,
        )
        at(start, started)
        at(
            end,
            events.AttemptEnded(
                phase=phase,
                attempt=number,
                ended=1_760_000_000.0 + end,
                seconds=end - start,
                reason="exited",
                code=0,
            ),
        )
        at(
            end,
            msgspec.convert(
                {"type": "judged", "phase": phase, "attempt": number, **fields}, events.AttemptAssessed
            ),
        )

    at(
        0,
        events.SessionStarted(
            id=folder.path.name,
            plan_sha256=start.compute_plan_digest(plan),
            profile="",
            seed=1,
            phases=["baseline", "training", "comparison"],
            approved="--yes",
            usd_per_hour=3.6,
            budget_usd=5.0,
        ),
    )
    at(0, events.ConductorStarted(pid=1, machine="m", pod_age=100.0))
    attempt("baseline", 1, 10, 310, verdict="go", gate="", metrics={"success_rate": 0.166}, headline="17 %")
    missed = ConditionResult("loss falls", "final_loss < 0.5", False, {"final_loss": 0.52})
    judged = {
        "verdict": "investigate",
        "gate": "plan",
        "advice": ["Look at the <curve>."],
        "criteria": [missed],
    }
    attempt("training", 1, 320, 1520, metrics={"final_loss": 0.81}, headline="loss 0.81", **judged)
    at(
        1800,
        events.GateDecided(
            phase="training",
            attempt=1,
            kind="retry",
            by="ann",
            verdict="investigate",
            reason="smaller batch",
            changes={"batch_size": 2},
        ),
    )
    attempt("training", 2, 1800, 3000, metrics={"final_loss": 0.52}, headline="loss 0.52", **judged)
    at(
        3300,
        events.GateDecided(
            phase="training",
            attempt=2,
            kind="go",
            by="ann",
            verdict="investigate",
            reason=f"<script>alert(1)</script> the token is {TOKEN}",
            overrides=True,
        ),
    )
    at(3310, events.AttemptStarted(phase="comparison", attempt=1, parameters={}, cookie="c"))
    journal.close()
    for number in (1, 2):
        _records(folder.locate_attempt("training", number), number)
    artifacts = tmp_path / "artifacts"
    (artifacts / "logs").mkdir()
    (artifacts / "logs/train.log").write_text(f"using {TOKEN}\n")
    (artifacts / "models").mkdir()
    (artifacts / "models/adapter_model.safetensors").write_bytes(bytes(5000))
    return folder.path


def _records(folder: Path, number: int) -> None:
    metrics = [
        {"type": "metric", "time": 1.0, "step": step, "values": {"loss": 3 / (1 + step / 30) + 0.1 / number}}
        for step in range(0, 300, 10)
    ]
    metrics[5]["values"] = {"loss": None}
    heldout = [
        {"type": "metric", "time": 1.0, "step": step, "values": {"eval_loss": 3.2 / (1 + step / 30)}}
        for step in range(0, 300, 50)
    ]
    sample = {
        "type": "sample",
        "time": 2.0,
        "title": "Three primes",
        "texts": {"Instruction": "Name three primes.", "Response": f"2\n3\n<b>5</b> {TOKEN}"},
        "passed": True,
    }
    lines(folder / "progress.jsonl", [*metrics, *heldout, sample])
    gpu = {"index": 0, "name": "A100", "memory_total": 80 << 30}
    host = {"cpu": 50.0, "cores": 8, "memory_used": 9 << 30, "memory_total": 64 << 30, "disk_free": 1 << 40}
    lines(
        folder / "machine.jsonl",
        [
            {"time": 1_760_000_320.0 + i, "gpus": [{**gpu, "memory_used": (20 + i % 30) << 30}], **host}
            for i in range(60)
        ],
    )
    provenance = {"seed": 1, "versions": {"torch": "2.13.0"}, "device": "cuda"}
    (folder / "result.json").write_bytes(
        msgspec.json.encode({"metrics": {"final_loss": 0.52}, "provenance": provenance})
    )


def write_file(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def collect(artifacts: Path) -> BundleContents:
    return collect_contents(artifacts, PATTERNS, artifacts / "sessions/s1")


def pack(artifacts: Path, target: Path) -> bytes:
    pack_bundle(collect(artifacts), target, MASKER)
    return target.read_bytes()


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    folder = tmp_path / "artifacts"
    write_file(folder / "models/sft_model/adapter_model.safetensors", bytes(range(256)) * 300)
    write_file(folder / "models/dpo_model/adapter_model.safetensors", bytes(range(255, -1, -1)) * 500)
    write_file(folder / "models/sft_model/adapter_config.json", b'{"r": 32}')
    write_file(folder / "models/sft_model/checkpoint-10/optimizer.pt", b"o" * 9999)
    write_file(folder / "sft_data/sft_training_data_1.jsonl", b'{"instruction": "Name three primes."}\n' * 50)
    write_file(folder / "logs/sft_training_1.log", f"step 1\nlogging in with {TOKEN}\nstep 2\n".encode())
    write_file(folder / "final_comparison.txt", b"base 10 %\nSFT 70 %\n")
    write_file(folder / "sessions/s1/journal.jsonl", b'{"seq":1}\n')
    write_file(folder / f"sessions/s1/attempts/{'long_' * 30}/1/output.log", "größer\n".encode())
    write_file(folder / "sessions/other/journal.jsonl", b"")
    return folder
