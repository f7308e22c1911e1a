import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.cli.approve import approve_session
from app.errors import UserError
from app.session import approval, registry, start
from app.session.client import SessionClient
from app.session.registry import SessionError
from app.session.requests import Refused
from tests.session.conftest import Operator
from tests.session.engine.programs import ASK, WAIT, count_runs

Phase = Callable[..., dict[str, Any]]


def be_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another"))
    monkeypatch.setattr(approval, "_approved_now", set())


def test_a_cloned_session_executes_nothing_before_it_is_approved_here(
    toy: Any, sh: Phase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = tmp_path / "planted"
    toy.folder = start.open_session(toy.plan(sh(f"touch {planted}")), approved="by its author")
    be_another_user(tmp_path, monkeypatch)
    with pytest.raises(SessionError, match="you have not approved the commands"):
        start.ensure_conductor(toy.folder)
    with pytest.raises(UserError, match="not approved yet"):
        approve_session(toy.folder, is_approved=False)
    assert not planted.exists()
    assert not (toy.folder / "journal.jsonl").exists()
    approve_session(toy.folder, is_approved=True)
    toy.rejoin()
    toy.over()
    assert planted.exists()


def test_without_a_folder_for_records_nothing_counts_as_approved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null")
    assert not approval.is_approved("0" * 64)


def test_an_approved_session_whose_plan_was_changed_is_not_approved(
    toy: Any, sh: Phase, tmp_path: Path
) -> None:
    toy.folder = start.open_session(toy.plan(sh("true")), approved="test")
    plan = toy.folder / "plan.json"
    plan.write_text(plan.read_text().replace('"true"', f'"touch {tmp_path}/planted"'))
    with pytest.raises(SessionError, match="not approved"):
        start.ensure_conductor(toy.folder)


@pytest.mark.parametrize("unsafe", ["record", "folder"])
def test_an_approval_that_another_user_could_have_written_does_not_count(
    toy: Any, sh: Phase, monkeypatch: pytest.MonkeyPatch, unsafe: str
) -> None:
    toy.folder = start.open_session(toy.plan(sh("true")), approved="test")
    monkeypatch.setattr(approval, "_approved_now", set())
    assert approval.is_session_approved(toy.folder)
    records = registry.locate_state_folder() / "approved"
    (records if unsafe == "folder" else next(records.iterdir())).chmod(0o777)
    assert not approval.is_session_approved(toy.folder)
    approval.approve_session(toy.folder, "test")
    monkeypatch.setattr(approval, "_approved_now", set())
    assert approval.is_session_approved(toy.folder)
    assert records.stat().st_mode & 0o777 == 0o700


def test_a_shell_without_the_variables_of_the_session_is_refused(
    toy: Any, sh: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOK", "hf_abcdefghijklmnop")
    monkeypatch.setenv("MY_POD", "pod-7")
    monkeypatch.delenv("NEVER_SET", raising=False)
    named = 'secrets = ["TOK", "NEVER_SET"]\n[pod]\nstop_command = ["stop", "$MY_POD"]'
    toy.start(sh(WAIT), head=toy.head.replace("[pod]", named))
    toy.kill_everything()
    monkeypatch.delenv("TOK")
    monkeypatch.delenv("MY_POD")
    with pytest.raises(SessionError, match=r"was started with MY_POD, TOK set.*export MY_POD="):
        start.ensure_conductor(toy.folder)
    assert toy.client.make_masker().mask_text("hf_abcdefghijklmnop") == "[secret TOK]"
    monkeypatch.setenv("TOK", "")  # On purpose.
    monkeypatch.setenv("MY_POD", "pod-7")
    toy.rejoin()
    assert toy.client.has_conductor()
    assert toy.client.make_masker().mask_text("hf_abcdefghijklmnop") == "[secret TOK]"


@pytest.mark.parametrize("damage", ["deleted", "emptied", "cut"])
def test_a_journal_without_the_lines_of_its_attempts_is_damaged(toy: Any, sh: Phase, damage: str) -> None:
    toy.start(sh("echo ran", **ASK))
    toy.gate()
    toy.kill_everything()
    path = toy.folder / "journal.jsonl"
    match damage:
        case "deleted":
            path.unlink()
        case "emptied":
            path.write_bytes(b"")
        case "cut":
            path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    with pytest.raises(SessionError, match="read-only"):
        start.ensure_conductor(toy.folder)
    session = SessionClient(toy.folder).read_snapshot()
    assert "Read-only" in session.notices[-1]
    assert count_runs(toy) == 1


def test_a_session_that_did_not_start_is_no_damage(toy: Any, sh: Phase) -> None:
    toy.folder = start.open_session(toy.plan(sh("true")), approved="test")
    with pytest.raises(Refused):
        SessionClient(toy.folder).read_snapshot()
    toy.rejoin()
    assert toy.over().state == "finished"


def test_a_copied_folder_does_not_act_on_the_original(toy: Any, sh: Phase, tmp_path: Path) -> None:
    toy.start(sh(WAIT))
    toy.until(lambda s: s.find_phase("p1").attempts)
    copy = tmp_path / "copy"
    shutil.copytree(toy.folder, copy, ignore=shutil.ignore_patterns("control.sock"))
    assert toy.client.has_conductor()
    assert not SessionClient(copy).has_conductor()
    with pytest.raises(Refused, match="no conductor is running"):
        Operator(copy).stop_session()
    link = tmp_path / "link"
    link.symlink_to(toy.folder)
    assert SessionClient(link).has_conductor()


def test_a_stopped_conductor_without_a_guard_is_replaced_by_the_next_command(
    toy: Any, sh: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "_HANG_SECONDS", 1.0)
    toy.start(sh("true", **ASK))
    toy.gate()
    first = toy.conductor_pid()
    os.kill(first, signal.SIGSTOP)
    monkeypatch.setattr("app.session.client._TIMEOUT", 1.0)
    toy.client = Operator(toy.folder, timeout=1.0)
    start.ensure_conductor(toy.folder)
    assert toy.conductor_pid() != first
