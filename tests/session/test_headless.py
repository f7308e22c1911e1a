import json
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pytest

from app.cli.attach import _restart_conductor
from app.session import approval, client, start, status_text
from app.session.headless import FINISHED, STOPPED, STOPPED_BY_VERDICT, Narrator, follow
from tests.session.conftest import Operator, processes_with
from tests.tui import fake

Phase = Callable[..., dict[str, Any]]
SCORE = """echo '{"metrics": {"score": %s}}' > $GONOGO_RESULT"""
GOOD = {
    "reports": ["score"],
    "criteria": [{"name": "good", "expr": "score > 0.5"}],
    "headline": "scores {score:.2f}",
    "gate": {"ask": "always"},
}


def test_by_verdict_it_continues_and_finishes(toy: Any, sh: Phase) -> None:
    lines: list[str] = []
    client = toy.start(sh(SCORE % 0.7, **GOOD), sh("true"))
    assert follow(client, lines.append, decide_by_verdict=True) == FINISHED
    taken = client.read_snapshot().decisions
    assert [(d.kind, d.by, d.overrides) for d in taken] == [("go", "verdict", False)]
    text = "\n".join(lines)
    for said in (
        "GATE after Phase 1",
        "verdict GO  scores 0.70",
        "pass  good: score > 0.5",
        "session finished",
    ):
        assert said in text


def test_by_verdict_it_stops_on_anything_but_go(toy: Any, sh: Phase) -> None:
    lines: list[str] = []
    client = toy.start(sh(SCORE % 0.3, **GOOD), sh("true"))
    assert follow(client, lines.append, decide_by_verdict=True) == STOPPED_BY_VERDICT
    assert (
        client.read_snapshot().decisions[0].reason
        == "the verdict is investigate; --decide-by-verdict continues only on go"
    )
    assert client.read_snapshot().find_phase("p2").attempts == ()
    assert any("FAIL  good" in line for line in lines)


def test_without_it_a_gate_waits_for_a_person_who_may_stop(toy: Any, sh: Phase) -> None:
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        if "gonogo decide stop" in line:
            toy.client.decide("p1", 1, "stop")

    assert follow(toy.start(sh(SCORE % 0.7, **GOOD)), say) == STOPPED


def test_progress_is_printed_at_intervals_and_nothing_twice(toy: Any, sh: Phase) -> None:
    toy.start(sh("while [ ! -e go ]; do sleep 0.02; done"))
    session = toy.until(lambda s: s.find_phase("p1").state == "running")
    narrator = Narrator(progress_every=30)
    first = list(narrator.describe_changes(session))
    assert any("attempt 1 started" in line for line in first)

    def later(seconds: float) -> list[str]:
        return list(narrator.describe_changes(msgspec.structs.replace(session, now=session.now + seconds)))

    assert later(10) == []
    assert len(later(31)) == 1
    assert later(32) == []
    (toy.root / "go").touch()
    toy.over()


@pytest.mark.parametrize("hostile", ["\x1b]0;owned\x07", "\x1b[2Jword", "a\rb", "\x9b31m"])
def test_nothing_that_a_phase_says_commands_the_terminal(toy: Any, python: Phase, hostile: str) -> None:
    result = {"metrics": {"score": 0.9, "word": hostile}}
    program = f"import os, json; open(os.environ['GONOGO_RESULT'], 'w').write({json.dumps(result)!r})"
    lines: list[str] = []
    phase = {**GOOD, "reports": ["score", "word"], "headline": "says {word}"}
    client = toy.start(python(program, **phase))
    assert follow(client, lines.append, decide_by_verdict=True) == FINISHED
    assert client.read_snapshot().find_phase("p1").attempts[0].metrics["word"] == hostile
    assert any("word =" in line for line in lines)
    assert all(line.isprintable() for line in lines)


def test_a_stalled_phase_has_no_expected_end() -> None:
    session = fake.stalled().snapshot
    line = status_text.format_progress(session.find_phase("sft_training"), session.now)
    assert "STALLED" in line
    assert "left" not in line
    assert "forecast from $11.20 of" in status_text.format_money(session)


def test_a_session_that_no_conductor_runs_prints_no_further_progress() -> None:
    now = [0.0]
    narrator = Narrator(progress_every=0.0, clock=lambda: now[0])
    session = fake.running().snapshot
    assert list(narrator.describe_changes(session))
    lines: list[str] = []
    for _ in range(30):
        now[0] += 1
        later = msgspec.structs.replace(session, now=session.now + now[0])
        lines += narrator.describe_changes(later, is_conducted=False)
    assert lines == ["No conductor is running, so nothing will stop the pod. Run `gonogo attach`."]
    assert "a conductor is running again" in list(narrator.describe_changes(session, is_conducted=True))


def test_an_open_viewer_starts_the_conductor_again_if_no_guard_does(
    toy: Any, sh: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_RESTART_AFTER", 0.2)
    toy.start(sh("while [ ! -e go ]; do sleep 0.02; done"))
    toy.until(lambda s: s.find_phase("p1").state == "running")
    toy.client = Operator(toy.folder, restart=partial(_restart_conductor, toy.folder))
    toy.kill_conductor()
    (toy.root / "go").touch()
    assert toy.over().state == "finished"


def test_a_viewer_starts_no_conductor_of_a_session_that_is_not_approved_here(
    toy: Any, sh: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = start.open_session(toy.plan(sh(f"touch {toy.root}/planted")), approved="by its author")
    monkeypatch.setenv("XDG_STATE_HOME", str(toy.root / "of another user"))
    monkeypatch.setattr(approval, "_approved_now", set())
    _restart_conductor(folder)
    assert not (folder / "journal.jsonl").exists()
    assert processes_with(str(folder)) == []
