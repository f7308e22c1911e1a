import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.session import start
from app.session.attempt import process
from app.session.journal import events, journal
from app.session.pod import guard
from app.session.requests import Refused
from tests.session.pod.plans import GUARDED, WAIT, format_head, wait_until

Phase = Callable[..., dict[str, Any]]


def test_the_pod_of_a_finished_session_is_stopped(toy: Any, sh: Phase) -> None:
    toy.start(sh("true"), head=format_head(toy, "0.5 s"), settings=GUARDED)
    assert toy.over().state == "finished"
    wait_until(lambda: any("sh: the pod is stopped" in n for n in toy.client.read_snapshot().notices))
    notices = "\n".join(toy.client.read_snapshot().notices)
    assert "The session is over. The pod will be stopped unless you run `gonogo keep`" in notices
    assert "stopping the pod: the session is over" in notices
    assert "the session is bundled" in notices
    assert (toy.root / "stops").exists()
    assert toy.client.read_snapshot().state == "finished"
    toy.client.keep_pod()
    toy.assert_nothing_left()


def test_a_kept_pod_is_not_stopped_after_kills(toy: Any, sh: Phase) -> None:
    client = toy.start(sh(WAIT), head=format_head(toy, "2 h"), settings=GUARDED)
    with pytest.raises(Refused, match="the session is not over"):
        client.keep_pod()
    (toy.root / "go").touch()
    toy.over()
    session = toy.client.read_snapshot()
    assert session.stops_at == pytest.approx(time.time() + 7200, abs=60)
    spent = session.money.spent_usd
    first = toy.conductor_pid()
    toy.kill_conductor()
    wait_until(lambda: toy.conductor_pid() != first and client.has_conductor())  # Restarted by the guard.
    session = client.read_snapshot()
    assert session.stops_at == pytest.approx(time.time() + 7200, abs=60)
    assert session.money.spent_usd == spent
    with pytest.raises(Refused, match="the session is over"):
        client.hold(True)
    client.keep_pod()
    toy.assert_nothing_left()
    assert not (toy.root / "stops").exists()
    assert client.read_snapshot().stops_at is None
    notices = client.read_snapshot().notices  # One about a restart may follow.
    assert any(notice.endswith("it keeps running and billing until you stop it") for notice in notices)
    kept = [e.event for e in journal.read_journal(toy.folder / "journal.jsonl").entries]
    assert sum(isinstance(event, events.PodKept) for event in kept) == 1


def test_rejoining_a_finished_session_after_kills_schedules_the_stop_again(toy: Any, sh: Phase) -> None:
    toy.start(sh("true"), head=format_head(toy, "2 h"), settings=GUARDED)
    toy.over()
    toy.kill_everything()
    assert start.needs_conductor(toy.folder)
    toy.rejoin()
    wait_until(lambda: process.is_recorded_alive(toy.folder / guard.PROCESS_FILE))
    assert toy.client.read_snapshot().stops_at == pytest.approx(time.time() + 7200, abs=60)
    toy.client.keep_pod()
    toy.assert_nothing_left()
    assert not start.needs_conductor(toy.folder)
    toy.rejoin()  # Nothing is left to do.
    assert not toy.client.has_conductor()


def test_another_pod_is_not_stopped(toy: Any, sh: Phase, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.start(sh("true"), head=format_head(toy, "2 h"), settings=GUARDED)
    toy.over()
    toy.kill_everything()
    monkeypatch.setenv("RUNPOD_POD_ID", "another")
    assert not start.needs_conductor(toy.folder)


def test_a_pod_is_left_to_another_running_session(toy: Any, sh: Phase, tmp_path: Path) -> None:
    toy.start(sh("true"), head=format_head(toy, "2 h"), settings=GUARDED)
    toy.over()
    before = toy.client.read_snapshot().stops_at
    (tmp_path / "rehearsal").mkdir()
    other = type(toy)(tmp_path / "rehearsal")
    other.start(sh(WAIT), settings=GUARDED)  # It cannot stop the pod, so the wait starts again.
    wait_until(lambda: toy.client.read_snapshot().stops_at > before + 1)
    (other.root / "go").touch()
    other.over()
    (tmp_path / "next").mkdir()
    other = type(toy)(tmp_path / "next")
    # This session stops the pod at its own end.
    other.start(sh(WAIT), head=format_head(other, "2 h"), settings=GUARDED)
    wait_until(lambda: not toy.client.has_conductor())
    kept = [e.event for e in journal.read_journal(toy.folder / "journal.jsonl").entries]
    assert events.PodKept(by=f"session {other.folder.name}") in kept
