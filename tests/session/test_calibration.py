"""Measured hours are scaled by the work that a plan asks for, and not by unknown effects."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from app.monitor.machine_sample import GpuSample, MachineSample
from app.plan.check import render_summary, summarize_plan, to_json
from app.plan.estimates import MeasuredHours
from app.plan.read import load_plan
from app.plan.schema import Plan
from app.plan.values import Range
from app.session import calibration
from app.session.folder import SessionFolder
from app.session.journal import events
from app.session.journal.journal import Journal
from phases.contract.protocol import Progress
from tests.tui import fake
from widgets.pages import render_plan_rows

START = 1_760_000_000.0
A100 = "A100"
PLAN = """
[session]
name = "Toy"
model = "Qwen/Qwen2.5-32B"
budget_usd = 10.0

[pod]
gpu = "A100"
usd_per_hour = 2.0

[[phase]]
id = "data"
title = "Data"
run = "phases.sft_data"
params = { count = 5000, output_dir = "{artifacts}/data", max_new_tokens = 128 }
estimate = { hours = [2, 4] }

[[phase]]
id = "training"
title = "Training"
run = "phases.sft_training"
params = { train_file = "{artifacts}/data/*.jsonl", output_dir = "o", epochs = 3, batch_size = 4 }
estimate = { hours = [2, 4] }

[[phase]]
id = "own"
title = "Own"
command = ["sh", "own.sh"]
params = { size = 3 }
estimate = { hours = [0.1, 0.2] }

[profile.small]
session.artifacts = "artifacts/small"
phase.data.params = { count = 100 }
phase.training.params = { epochs = 1, batch_size = 8 }
"""


class Clock:
    def wall(self) -> float:
        return START

    def mono(self) -> float:
        return 1.0


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "session_plan.toml"
    path.write_text(PLAN)
    return path


def steady(start: float, seconds_a_unit: float, units: int) -> list[Progress]:
    return [Progress(START + start + seconds_a_unit * n, n, units, "rows") for n in range(units + 1)]


def ran(plan: Plan, name: str, *, gpu: str = A100, code: int = 0, **rest: Any) -> Path:
    """A session that has run each phase once: 60 s before the first unit, one a second, and 40 s after."""
    folder = SessionFolder(plan.artifacts / "sessions" / name)
    folder.path.mkdir(parents=True)
    folder.info.write_text("{}")
    folder.plan.write_text(plan.model_dump_json())
    journal = Journal(folder.journal, Clock())
    journal.append(
        events.SessionStarted(
            id=name, plan_sha256="", profile="", seed=1, phases=[p.id for p in plan.phases], approved="",
            usd_per_hour=2.0, budget_usd=10.0,
        )
    )  # fmt: skip
    for phase in plan.phases:
        place = folder.locate_attempt(phase.id, 1)
        place.mkdir(parents=True)
        units = rest.get(phase.id, 100)
        journal.append(
            events.AttemptStarted(phase=phase.id, attempt=1, parameters=dict(phase.params), cookie="c")
        )
        seconds = 100.0 + units
        journal.append(
            events.AttemptEnded(
                phase=phase.id, attempt=1, ended=START, seconds=seconds, reason="exited", code=code
            )
        )
        rows = {"total_rows": 100, "total_pairs": 100} if phase.id == "data" else {}
        journal.append(events.AttemptAssessed(phase=phase.id, attempt=1, verdict="go", gate="", metrics=rows))
        lines = steady(60.0, 1.0, units)
        (place / "progress.jsonl").write_bytes(b"".join(msgspec.json.encode(p) + b"\n" for p in lines))
    sample = MachineSample(
        time=START, cpu=1.0, cores=8, memory_used=1, memory_total=2, disk_free=1,
        gpus=(GpuSample(index=0, name=gpu, memory_used=1, memory_total=2),),
    )  # fmt: skip
    (folder.locate_attempt(plan.phases[0].id, 1) / "machine.jsonl").write_bytes(
        msgspec.json.encode(sample) + b"\n"
    )
    journal.close()
    return folder.path


def seconds(found: MeasuredHours) -> tuple[float, float]:
    return pytest.approx(found.hours.low * 3600), pytest.approx(found.hours.high * 3600)


def test_units_grow_with_the_work_and_what_is_around_them_does_not(path: Path) -> None:
    ran(load_plan(path, "small"), "20251009-100000")
    plan = load_plan(path)
    found = calibration.calibrate(plan, A100)
    # 5000 rows for 100, at a row a second, and 100 s around them.
    assert seconds(found["data"]) == (5100, 5100)
    # 5000 planned rows for 100 that were there, three epochs for one: 150 times the steps.
    assert seconds(found["training"]) == (15_100, 15_100)
    assert found["training"].differs == ("batch_size",)
    assert seconds(found["own"]) == (200, 200)
    assert {f.session for f in found.values()} == {"20251009-100000"}


def test_the_pace_of_each_quarter_gives_the_range(path: Path) -> None:
    folder = ran(load_plan(path, "small"), "20251009-100000")
    half = steady(60.0, 1.0, 50)
    slow = [Progress(half[-1].time + 3.0 * n, 50 + n, 100, "rows") for n in range(1, 51)]
    lines = b"".join(msgspec.json.encode(p) + b"\n" for p in [*half, *slow])
    (folder / "attempts/data/1/progress.jsonl").write_bytes(b"no line\n" + lines)
    low, high = seconds(calibration.calibrate(load_plan(path), A100)["data"])
    # The rows took all of the 200 s: what is around them is what is left, one row before the first pace.
    assert low == 4999 + 1
    assert high == 3 * 4999 + 1


def test_work_before_the_units_grows_with_the_rows_only(path: Path) -> None:
    text = PLAN.replace("phases.sft_data", "phases.preference_pairs")
    text = text.replace("phases.sft_training", "phases.dpo_training")
    path.write_text(text.replace("{ train_file", '{ sft_model = "m", preference_file'))
    folder = ran(load_plan(path, "small"), "20251009-100000")
    place = folder / "attempts/training/1/progress.jsonl"
    sweep = [Progress(START + 10 + 0.1 * n, n, 100, "reference pairs") for n in range(101)]
    steps = place.read_bytes()
    place.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in sweep) + steps)
    found = calibration.calibrate(load_plan(path), A100)["training"]
    # Of the 100 s around the steps, 10 were for 100 pairs: 5000 pairs take 500, whatever the epochs.
    assert seconds(found) == (15_100 + 490, 15_100 + 490)


@pytest.mark.parametrize(
    ("old", "new", "known"),
    [
        ('model = "Qwen/Qwen2.5-32B"', 'model = "google/gemma-3-270m"', {"own"}),
        ("max_new_tokens = 128", 'max_new_tokens = 128, suite = "stage1"', {"training", "own"}),
        ("size = 3", "size = 4", {"data", "training"}),
        ('"own.sh"', '"other.sh"', {"data", "training"}),
        ("count = 5000", "count = 100", {"data", "training", "own"}),
    ],
)
def test_only_the_same_work_of_the_same_model_tells_anything(
    path: Path, old: str, new: str, known: set[str]
) -> None:
    ran(load_plan(path, "small"), "20251009-100000")
    path.write_text(PLAN.replace(old, new))
    assert set(calibration.calibrate(load_plan(path), A100)) == known


def test_another_limit_on_tokens_opens_the_range(path: Path) -> None:
    ran(load_plan(path, "small"), "20251009-100000")
    path.write_text(PLAN.replace("max_new_tokens = 128", "max_new_tokens = 256"))
    assert seconds(calibration.calibrate(load_plan(path), A100)["data"]) == (5100, 10_100)


def test_other_machines_and_failures_tell_nothing_and_the_newest_counts(path: Path) -> None:
    small = load_plan(path, "small")
    ran(small, "20251009-100000")
    ran(small, "20251010-100000", code=1)
    ran(small, "20251011-100000", gpu="H100")
    (small.artifacts / "sessions/20251012-100000").mkdir()
    (small.artifacts / "sessions/20251012-100000/session.json").write_text("{}")
    found = calibration.calibrate(load_plan(path), A100)
    assert {f.session for f in found.values()} == {"20251009-100000"}
    ran(small, "20251013-100000", data=200)
    found = calibration.calibrate(load_plan(path), A100)
    assert {f.session for f in found.values()} == {"20251013-100000"}


def test_check_shows_both_columns(path: Path) -> None:
    plan = load_plan(path)
    assert "measured here" not in render_summary(summarize_plan(plan))
    ran(load_plan(path, "small"), "20251009-100000")
    found = calibration.calibrate(plan, A100)
    shown = render_summary(summarize_plan(plan, measured=found))
    assert "phase     time      measured here  cost" in shown
    assert "Data      2-4h      85m            $4.00-8.00" in shown
    assert "total     4.1-8.2h  5.7h           $8.20-16.40" in shown
    assert "Training: measured with other values of batch_size" in shown
    del found["data"]
    assert "not measured here with Qwen/Qwen2.5-32B: Data" in render_summary(
        summarize_plan(plan, measured=found)
    )
    found = calibration.calibrate(plan, A100)
    says = json.loads(msgspec.json.encode(to_json(summarize_plan(plan, measured=found))))
    assert says["phases"][1]["measured"] == {
        "hours": [4.1944, 4.1944], "session": "20251009-100000", "differs": ["batch_size"],
    }  # fmt: skip


def test_the_plan_screen_shows_it_next_to_the_estimate() -> None:
    view = fake.running()
    phases = tuple(
        replace(phase, measured_hours=Range(5, 6)) if phase.id == "dpo_training" else phase
        for phase in view.snapshot.phases
    )
    measured = replace(view, snapshot=replace(view.snapshot, phases=phases))
    assert not any("here" in line.plain for line in render_plan_rows(view, 80))
    (line,) = [line.plain for line in render_plan_rows(measured, 80) if "DPO training" in line.plain]
    assert "2-4h   $3.00-7.00  here 5-6h" in line


def test_a_machine_without_a_gpu_is_known_by_its_cores() -> None:
    assert calibration.identify_machine_kind(["H200", "H100"]) == "H100, H200"
    assert calibration.identify_machine_kind([], 8) == "no GPU, 8 cores"
