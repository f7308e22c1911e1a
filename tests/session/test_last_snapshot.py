"""The last snapshot is shown first, but only of this folder and journal; the journal has the last word."""

import json
import shutil
import threading
from argparse import Namespace
from pathlib import Path

import pytest
from msgspec.structs import replace

from app.cli.attach import attach
from app.session.client import SessionClient
from app.session.folder import SessionFolder
from app.session.last_snapshot import load_last_snapshot, needs_nothing, save_last_snapshot

FIXTURE = next(
    (Path(__file__).parents[1] / "fixtures" / "before_redesign" / "rehearsal" / "sessions").iterdir()
)


@pytest.fixture
def ended(tmp_path: Path) -> SessionClient:
    shutil.copytree(FIXTURE, tmp_path / "session")
    return SessionClient(tmp_path / "session")


def test_a_screen_gets_the_last_snapshot_first_and_then_the_journal(ended: SessionClient) -> None:
    truth = ended.snapshot_from_journal()
    save_last_snapshot(ended.folder, replace(truth, name="as saved"))
    names = [snapshot.name for snapshot, _ in zip(ended.watch(threading.Event()), range(3), strict=False)]
    assert names == ["as saved", truth.name, truth.name]


def test_a_snapshot_of_another_folder_or_journal_is_not_used(ended: SessionClient, tmp_path: Path) -> None:
    folder = ended.folder
    assert load_last_snapshot(folder) is None
    save_last_snapshot(folder, ended.snapshot_from_journal())
    assert load_last_snapshot(folder) is not None
    shutil.copytree(folder.path, tmp_path / "copy")
    assert load_last_snapshot(SessionFolder(tmp_path / "copy")) is None
    with folder.journal.open("ab") as file:
        file.write(b"{}\n")
    assert load_last_snapshot(folder) is None


@pytest.mark.parametrize("content", [b"", b"[" * 100_000, b"null", json.dumps({"journal_bytes": 1}).encode()])
def test_a_damaged_snapshot_is_not_used(ended: SessionClient, content: bytes) -> None:
    ended.folder.last_snapshot.write_bytes(content)
    assert load_last_snapshot(ended.folder) is None
    assert next(ended.watch(threading.Event())).state == "finished"


def test_a_session_that_is_not_over_leaves_none(ended: SessionClient) -> None:
    save_last_snapshot(ended.folder, replace(ended.snapshot_from_journal(), state="running"))
    assert not ended.folder.last_snapshot.exists()


def test_a_session_needs_nothing_if_its_pod_is_not_going_to_be_stopped(ended: SessionClient) -> None:
    truth = ended.snapshot_from_journal()
    assert not needs_nothing(ended.folder)
    save_last_snapshot(ended.folder, replace(truth, stops_at=0.0))
    assert not needs_nothing(ended.folder)
    save_last_snapshot(ended.folder, replace(truth, stops_at=None))
    assert needs_nothing(ended.folder)


@pytest.mark.parametrize("is_damaged", [False, True])
def test_attach_starts_nothing_for_an_intact_session_that_needs_nothing(
    ended: SessionClient, monkeypatch: pytest.MonkeyPatch, is_damaged: bool
) -> None:
    calls: list[str] = []
    monkeypatch.setattr("app.session.start.needs_conductor", lambda folder: False)
    monkeypatch.setattr("app.session.start.ensure_conductor", lambda folder: calls.append("conductor"))
    monkeypatch.setattr("app.cli.attach.prepare_screen", lambda: None)
    monkeypatch.setattr("app.cli.attach.show_session", lambda folder, read_only: calls.append("screen"))
    save_last_snapshot(ended.folder, ended.snapshot_from_journal())
    if is_damaged:
        journal = ended.folder.journal.read_bytes()
        ended.folder.journal.write_bytes(journal.replace(b"a", b"b", 1))
    attach(Namespace(headless=False, read_only=False, yes=False, session=str(ended.folder.path)))
    assert calls == (["conductor", "screen"] if is_damaged else ["screen"])
