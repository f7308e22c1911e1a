"""The answers of evaluations are read once, at a gate, from files below the artifacts."""

import json
from pathlib import Path

from msgspec.structs import replace

from app.monitor.tails import mask_nothing
from app.session.snapshot import SessionSnapshot
from app.tui.readers import EvaluationReader
from phases.contract.protocol import Artifact
from tests.tui import fake
from widgets.frame import AttemptArtifacts


def write(folder: Path, name: str, passed: bool) -> AttemptArtifacts:
    row = {"key": "a", "response": "yes", "passed": passed}
    (folder / name / "eval_1.json").parent.mkdir(parents=True)
    (folder / name / "eval_1.json").write_text(json.dumps({"results": [row], "results_few_shot": [row]}))
    return AttemptArtifacts(name, 1, (Artifact(0.0, f"{name}/eval_1.json", 1, ""),))


def session_in(folder: Path) -> SessionSnapshot:
    return replace(fake.gate_passes().snapshot, artifacts=str(folder), plan_folder=str(folder))


def test_each_evaluation_is_read_once_in_the_order_of_the_phases(tmp_path: Path) -> None:
    files = (write(tmp_path, "sft_evaluation", True), write(tmp_path, "baseline_evaluation", False))
    snapshot, reader = session_in(tmp_path), EvaluationReader(mask_nothing)
    found = reader.read(snapshot, files)
    assert [(each.phase, each.model) for each in found] == [
        ("baseline_evaluation", "Baseline"),
        ("sft_evaluation", "SFT"),
    ]
    assert [each.answers[0].passed for each in found] == [False, True]
    assert found[0].after_examples
    (tmp_path / "sft_evaluation" / "eval_1.json").unlink()
    assert reader.read(snapshot, files) is found


def test_nothing_is_read_or_kept_without_a_gate(tmp_path: Path) -> None:
    files = (write(tmp_path, "sft_evaluation", True),)
    snapshot, reader = session_in(tmp_path), EvaluationReader(mask_nothing)
    assert reader.read(replace(snapshot, gate=None), files) == ()
    assert reader.read(snapshot, files)
    assert reader.read(replace(snapshot, gate=None), files) == ()
    assert not reader._read


def test_files_outside_the_artifacts_or_of_another_kind_are_left_out(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    write(outside, "sft_evaluation", True)
    inside = tmp_path / "inside"
    inside.mkdir()
    snapshot = replace(session_in(inside), plan_folder=str(outside))
    reader = EvaluationReader(mask_nothing)
    path = Artifact(0.0, str(outside / "sft_evaluation" / "eval_1.json"), 1, "")
    (inside / "eval_2.json").write_text("not json")
    broken = Artifact(0.0, str(inside / "eval_2.json"), 1, "")
    assert reader.read(snapshot, (AttemptArtifacts("sft_evaluation", 1, (path, broken)),)) == ()


def test_an_earlier_attempt_does_not_count(tmp_path: Path) -> None:
    files = write(tmp_path, "sft_evaluation", True)
    snapshot, reader = session_in(tmp_path), EvaluationReader(mask_nothing)
    assert reader.read(snapshot, (AttemptArtifacts("sft_evaluation", 0, files.artifacts),)) == ()
