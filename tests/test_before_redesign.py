"""Files from before the modules were renamed are read, compared, continued and verified as before.

`fixtures/before_redesign` holds the files of a rehearsal at commit 8c108d8, without weights: its
records and outputs, an evaluation that was interrupted, and a bundle.
"""

import gzip
import hashlib
import io
import json
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from app.report import commands
from app.report.bundle_check import check_bundle, unpack_bundle
from app.session import approval, start, status_text
from app.session.client import SessionClient
from app.session.clock import SystemClock
from app.session.folder import SessionFolder, Settings
from app.session.journal import journal
from app.session.journal.fold import recover
from app.session.requests import Decide
from app.session.snapshot import SessionSnapshot
from phases.comparison import recipe as comparison
from phases.contract import files
from phases.contract.reporter import Reporter
from phases.datagen.run import DataRun
from phases.evaluation.answers_file import STOP_RULE, find_answers_file
from phases.generation.completion_cache import CompletionCache
from phases.scoring import results
from phases.sft_data import recipe as sft_data
from tests.stage1 import PHASES

BEFORE = Path(__file__).parent / "fixtures" / "before_redesign"
REHEARSAL = BEFORE / "rehearsal"
MODELS = ("base", "sft", "dpo")
PASSED = {"base": 22, "sft": 242, "dpo": 262}
RATES = {model: passed / 300 for model, passed in PASSED.items()}
PATIENCE = 60.0


@pytest.fixture
def session() -> Path:
    """The folder of the session as it was left."""
    [about] = REHEARSAL.glob("sessions/*/session.json")
    return about.parent


# The session that is over


def test_the_session_is_read(session: Path) -> None:
    found = SessionClient(session).snapshot_from_journal()
    assert found.state == "finished"
    assert found.notices == ()
    assert [phase.id for phase in found.phases] == PHASES
    assert {phase.state for phase in found.phases} == {"done"}
    assert [(d.phase, d.kind, d.by, d.reason) for d in found.decisions] == [
        (phase, "go", "root", "looks right") for phase in ("verification", "sft_evaluation", "dpo_evaluation")
    ]
    metrics = {phase.id: phase.attempts[-1].metrics for phase in found.phases}
    assert metrics["verification"]["verdict"] == "clean"
    assert metrics["dpo_evaluation"]["passed"] == PASSED["dpo"]
    for model in MODELS:
        assert metrics["comparison"][f"{model}_rate"] == RATES[model]
    assert found.money.spent_usd == pytest.approx(0.07, abs=0.005)


def test_the_journal_folds_completely_and_at_each_event(session: Path) -> None:
    replay = journal.read_journal(SessionFolder(session).journal)
    assert (replay.damage, replay.torn, len(replay.entries)) == ("", b"", 33)
    state, damage = recover(replay)
    assert damage == ""
    assert state.ended is not None
    for count in range(1, len(replay.entries)):
        state, damage = recover(msgspec.structs.replace(replay, entries=replay.entries[:count]))
        assert (state.ended, damage) == (None, "")


def test_the_journal_is_written_as_it_was(session: Path) -> None:
    path = SessionFolder(session).journal
    replay, prev = journal.read_journal(path), "0" * 64
    for line, entry in zip(path.read_bytes().splitlines(keepends=True), replay.entries, strict=True):
        assert journal.encode_entry(entry, prev) == line
        prev = hashlib.sha256(line).hexdigest()
    assert prev == replay.head


def test_the_status_is_reported(session: Path) -> None:
    said = "\n".join(status_text.format_session(SessionClient(session).snapshot_from_journal()))
    assert "Stage 1 rehearsal" in said
    assert "base 7%, SFT 81%, DPO 87%" in said


def test_the_report_is_written(session: Path, tmp_path: Path) -> None:
    assert commands.write_report(session, {}, io.StringIO(), clock=SystemClock(), output=tmp_path) == 0
    text = (tmp_path / "report.md").read_text()
    for words in ("Stage 1 rehearsal", "looks right", "base 7%, SFT 81%, DPO 87%", "200 rows", "70 pairs"):
        assert words in text
    assert "Instruction" in (tmp_path / "report.html").read_text()


# A session that was interrupted


@pytest.fixture
def interrupted(
    session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str, str], Path]]:
    """Copies the rehearsal and cuts its journal after the last event of a type in a phase."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    def cut(kind: str, phase: str) -> Path:
        shutil.copytree(REHEARSAL, tmp_path / "artifacts" / "rehearsal")
        folder = SessionFolder(tmp_path / "artifacts" / "rehearsal" / "sessions" / session.name)
        lines = folder.journal.read_bytes().splitlines(keepends=True)
        rows = [json.loads(line) for line in lines]
        kept = max(
            n for n, row in enumerate(rows, 1) if row["type"] == kind and row["data"]["phase"] == phase
        )
        folder.journal.write_bytes(b"".join(lines[:kept]) + lines[kept][:50])
        for name in {row["data"]["phase"] for row in rows[kept:] if row["type"] == "attempt_started"}:
            shutil.rmtree(folder.path / "attempts" / name)
        # The pod's folder is this one now, and it has no guard.
        plan = json.loads(folder.plan.read_bytes())
        files.write_json(folder.plan, {**plan, "folder": str(tmp_path)})
        about = folder.read_info()
        fast = Settings(poll=0.02, tick=0.1, grace=0.5, guard=0.0)
        files.write_json(folder.info, msgspec.structs.replace(about, settings=fast))
        approval.approve_session(folder.path, "test")
        return folder.path

    yield cut
    ours = [p for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(p.info["cmdline"] or [])]
    _, left = psutil.wait_procs(ours, timeout=10)
    for process in left:
        process.kill()


def until(client: SessionClient, condition: Callable[[SessionSnapshot], Any]) -> SessionSnapshot:
    ends = time.monotonic() + PATIENCE
    for found in client.watch(threading.Event()):
        if condition(found):
            return found
        assert time.monotonic() < ends, found
    raise AssertionError


def test_a_session_that_was_interrupted_in_an_attempt_is_read(
    interrupted: Callable[[str, str], Path],
) -> None:
    folder = interrupted("attempt_started", "sft_training")
    found = SessionClient(folder).snapshot_from_journal()
    assert found.state == "running"
    states = {phase.id: phase.state for phase in found.phases}
    assert states["sft_data"] == "done"
    assert states["sft_training"] == "running"
    assert states["comparison"] == "waiting"


def test_a_session_that_waited_at_a_gate_is_resumed_there(interrupted: Callable[[str, str], Path]) -> None:
    folder = interrupted("judged", "sft_evaluation")
    client = SessionClient(folder)
    assert client.snapshot_from_journal().state == "gate"
    start.ensure_conductor(folder)
    found = until(client, lambda s: s.gate)
    assert found.gate is not None
    assert (found.gate.phase, found.gate.attempt, found.gate.verdict) == ("sft_evaluation", 1, "go")
    client.send(Decide(phase="sft_evaluation", attempt=1, kind="stop", by="tester", reason="seen enough"))
    assert until(client, lambda s: s.state == "stopped").decisions[-1].reason == "seen enough"
    assert journal.read_journal(SessionFolder(folder).journal).damage == ""


def test_a_session_that_was_interrupted_continues_to_its_end(interrupted: Callable[[str, str], Path]) -> None:
    folder = interrupted("decided", "dpo_evaluation")
    client = SessionClient(folder)
    start.ensure_conductor(folder)
    found = until(client, lambda s: s.state in ("finished", "stopped") or s.gate)
    if found.gate is not None:
        # The pod was paid for all the while, so the budget is overrun.
        gate = found.gate
        reason = "the pod was not paid for"
        client.send(Decide(phase=gate.phase, attempt=gate.attempt, kind="go", by="tester", reason=reason))
        found = until(client, lambda s: s.state in ("finished", "stopped"))
    assert found.state == "finished", found
    metrics = found.find_phase("comparison").attempts[-1].metrics
    assert {model: metrics[f"{model}_rate"] for model in MODELS} == RATES


# Completions


def test_recorded_completions_are_read_by_their_keys(tmp_path: Path) -> None:
    [recorded] = (REHEARSAL / "sft_data").glob("work/*.generations.jsonl")
    path = tmp_path / recorded.name
    shutil.copy(recorded, path)
    rows = [json.loads(line) for line in recorded.read_bytes().splitlines()]
    cache = CompletionCache(path)
    cache.add({row["key"]: "another value" for row in rows})  # A recorded value never changes.
    assert {row["key"]: cache[row["key"]] for row in rows} == {row["key"]: row["value"] for row in rows}
    cache.close()
    assert path.read_bytes() == recorded.read_bytes()


def test_data_made_with_another_suite_are_set_aside_and_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "sft_data"
    shutil.copytree(REHEARSAL / "sft_data", folder)
    made = json.loads((folder / "manifest.json").read_bytes())
    [data] = folder.glob("sft_training_data_*.jsonl")

    def stop(run: DataRun) -> None:
        raise InterruptedError("the model is not needed here")

    monkeypatch.setattr(DataRun, "get_engine", stop)
    given = {**made["provenance"]["parameters"], "output_dir": folder, "engine": "transformers"}
    with pytest.raises(InterruptedError):
        sft_data.run(sft_data.Parameters.model_validate(given), Reporter(folder, {}))
    [kept] = folder.glob(f"superseded/*/{data.name}")
    assert files.hash_path(kept) == made["outputs"][data.name]


# Evaluations


def test_the_evaluations_are_compared(tmp_path: Path) -> None:
    patterns = {model: [str(REHEARSAL / f"evaluations/{model}_model/eval_*.json")] for model in MODELS}
    paths = {model: results.find_newest_evaluation(patterns[model]) for model in MODELS}
    read = {model: results.read_evaluation(path) for model, path in paths.items()}
    assert {model: sum(r.passed for r in made.results) for model, made in read.items()} == PASSED
    results.check_comparable(list(paths.values()), list(read.values()))
    before = json.loads((REHEARSAL / "final_comparison.json").read_bytes())
    parameters = {
        **{model: patterns[model] for model in MODELS},
        "output": tmp_path / "final_comparison.txt",
        "seed": before["provenance"]["seed"],
        "resamples": before["provenance"]["resamples"],
    }
    comparison.run(comparison.Parameters.model_validate(parameters), Reporter(tmp_path, {}))
    after = json.loads((tmp_path / "final_comparison.json").read_bytes())
    # The tier depends on other records, p on the number of contrasts, and stopping was defined otherwise.
    changed = re.compile(r"tier|stopping_.*|(following_)?(p|detectable)_(base|sft).*")
    kept = {name: value for name, value in before["metrics"].items() if not changed.fullmatch(name)}
    assert {name: after["metrics"][name] for name in kept} == pytest.approx(kept)
    assert [row["category"] for row in after["categories"]] == [
        row["category"] for row in before["categories"]
    ]
    # Changes are counted by following, which differs from success only where the base model does not stop.
    assert after["changes"]["sft_dpo"] == before["changes"]["sft_dpo"]


def test_an_evaluation_of_today_compares_with_them(tmp_path: Path) -> None:
    paths = [next(REHEARSAL.glob(f"evaluations/{model}_model/eval_*.json")) for model in MODELS]
    today = json.loads(paths[2].read_bytes())
    today["provenance"]["verifiers"] = 1
    paths[2] = tmp_path / "eval_20270101_000000.json"
    paths[2].write_text(json.dumps(today))
    results.check_comparable(paths, [results.read_evaluation(path) for path in paths])


def test_an_unfinished_evaluation_under_another_stop_rule_is_left_alone(tmp_path: Path) -> None:
    """Its answers were judged by other readings, so a new evaluation starts next to it."""
    [left] = (BEFORE / "unfinished").glob("eval_*.jsonl")
    rows = Path(shutil.copy(left, tmp_path))
    before = rows.read_bytes()
    fingerprint = json.loads(before.splitlines()[0])["fingerprint"] | {"verifiers": 1}
    reporter = Reporter(tmp_path, {})
    assert find_answers_file(tmp_path, {"fingerprint": fingerprint}, reporter) == rows
    fingerprint["stop_rule"] = STOP_RULE
    assert find_answers_file(tmp_path, {"fingerprint": fingerprint}, reporter) != rows
    assert rows.read_bytes() == before


# The bundle


def test_the_bundle_verifies_and_unpacks_to_a_session(session: Path, tmp_path: Path) -> None:
    bundle = tmp_path / f"{session.name}.tar"
    bundle.write_bytes(gzip.decompress((BEFORE / "bundle.tar.gz").read_bytes()))
    found = check_bundle(bundle)
    assert found.problems == ()
    assert found.files > 100
    assert unpack_bundle(bundle, tmp_path / "home").problems == ()
    home = tmp_path / "home" / session.name
    assert check_bundle(home).problems == ()
    assert SessionClient(home / "sessions" / session.name).snapshot_from_journal().state == "finished"
    assert commands.verify_bundle(bundle, io.StringIO()) == 0
