"""A session started again from its record, and what is said to differ from it."""

import json
import subprocess
from pathlib import Path

import msgspec
import pytest

from app.plan.read import load_plan
from app.session import reproduce, start
from app.session.registry import SessionError
from phases.contract import files
from phases.contract.protocol import Input, Result

from .conftest import Toy


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def session(toy: Toy) -> Path:
    plan = toy.plan({"command": ["true"]})
    git(toy.root, "init", "-q")
    git(toy.root, "add", "session_plan.toml")
    git(toy.root, "commit", "-qm", "a plan")
    return start.open_session(plan, approved="test")


def compared(session: Path, toy: Toy) -> list[str]:
    plan = reproduce.load_recorded_plan(session, toy.root)
    return reproduce.find_differences(session, plan, reproduce.collect_environment(plan.folder, []))


def result(session: Path, found: Result) -> None:
    folder = session / "attempts" / "p1" / "1"
    folder.mkdir(parents=True)
    files.write_json(folder / "result.json", found)


def test_the_recorded_plan_is_the_one_that_ran(session: Path, toy: Toy) -> None:
    before = start.read_plan_digest(session)
    toy.write({"command": ["false"]})
    plan = reproduce.load_recorded_plan(session, toy.root)
    assert start.compute_plan_digest(plan) == before
    assert plan.path.read_text() != toy.path.read_text()


def test_elsewhere_it_starts_in_the_present_folder(session: Path, toy: Toy, tmp_path: Path) -> None:
    carried = tmp_path / "home"
    toy.root.joinpath("artifacts", "sessions").rename(carried)
    record = carried / session.name / "plan.json"
    record.write_text(record.read_text().replace(str(toy.root), "/nowhere"))
    plan = reproduce.load_recorded_plan(carried / session.name, tmp_path)
    assert plan.folder == tmp_path
    assert plan.artifacts == tmp_path / "artifacts"


def test_on_the_same_machine_nothing_differs(session: Path, toy: Toy) -> None:
    assert compared(session, toy) == []


def test_other_versions_revisions_and_machines_are_named(session: Path, toy: Toy) -> None:
    record = session / reproduce.RECORD
    then = json.loads(record.read_text())
    revision = then["revisions"]["plan"]
    then["versions"]["torch"] = "1.0"
    then["versions"]["vllm"] = "0.1"
    then["machine"]["gpus"] = "A100, A100"
    record.write_text(json.dumps(then))
    (toy.root / "more.txt").write_text("")
    git(toy.root, "add", "more.txt")
    git(toy.root, "commit", "-qm", "more")
    said = "\n".join(compared(session, toy))
    assert "version of torch: was 1.0, is " in said
    assert "version of vllm: was 0.1, is none" in said
    assert f"git revision of plan: was {revision}, is " in said
    assert "machine, gpus: was A100, A100, is none" in said


def test_changed_files_show_in_the_revision(session: Path, toy: Toy) -> None:
    toy.path.write_text(toy.path.read_text() + "\n# a remark\n")
    [line] = compared(session, toy)
    assert line.startswith("git revision of plan: was ")
    assert "+" in line.split(", is ")[1]


def test_a_changed_model_and_changed_inputs_are_named(session: Path, toy: Toy) -> None:
    model, rows = toy.root / "model", toy.root / "rows.jsonl"
    model.mkdir()
    (model / "model.safetensors").write_bytes(b"weights")
    rows.write_text("1")
    said = {"model.safetensors": files.hash_path(model / "model.safetensors"), "config.json": "0"}
    source = {"name": "m", "kind": "folder", "path": str(model), "files": said, "sha256": "s"}
    made = toy.artifacts / "made.jsonl"  # written by a phase: it is made again
    inputs = [Input("rows.jsonl", files.hash_path(rows)), Input(str(made), "0")]
    result(session, Result(metrics={}, inputs=inputs, provenance={"model": {"base": source}}))
    assert compared(session, toy) == ["model m: config.json is missing"]
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"other weights")
    rows.write_text("2")
    found = compared(session, toy)
    assert [line.split(":")[0] for line in found] == ["model m", "model m", "input rows.jsonl has changed"]
    assert "model.safetensors has changed" in found[1]


def test_a_session_without_a_record_says_so(session: Path, toy: Toy) -> None:
    (session / reproduce.RECORD).unlink()
    [line] = compared(session, toy)
    assert line.startswith("environment.json is missing")


def test_a_folder_without_a_session_is_refused(session: Path, toy: Toy) -> None:
    (session / "plan.json").write_text("{}")
    with pytest.raises(SessionError, match=r"plan\.json: cannot read the plan of this session"):
        reproduce.load_recorded_plan(session, toy.root)


def test_another_model_goes_to_every_phase_that_has_the_sessions(toy: Toy) -> None:
    toy.write({"run": "phases.evaluation", "params": {"model": "{model}", "output_dir": "out"}})
    changed = start.override_model(load_plan(toy.path), "elsewhere/model")
    assert changed.session.model == "elsewhere/model"
    assert changed.phases[0].params == {"model": "elsewhere/model", "output_dir": "out"}


def test_the_record_names_versions_machine_and_prompt_format(session: Path) -> None:
    found = msgspec.json.decode((session / reproduce.RECORD).read_bytes(), type=reproduce.SessionEnvironment)
    assert found.versions["torch"]
    assert found.machine["cores"]
    assert found.prompt_format == "instruction-response-v1"
