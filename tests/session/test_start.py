from collections.abc import Callable
from typing import Any

from app.session import start
from tests.session.engine.programs import ASK

Phase = Callable[..., dict[str, Any]]


def test_outputs_of_a_finished_session_are_archived_but_not_those_of_other_profiles(
    toy: Any, sh: Phase
) -> None:
    toy.start(sh("mkdir -p artifacts/data; echo 1 > artifacts/data/rows.jsonl"))
    toy.over()
    first = toy.folder
    (toy.artifacts / "README.md").write_text("kept")
    (toy.artifacts / "rehearsal" / "sessions").mkdir(parents=True)
    toy.start(sh("true"))
    toy.over()
    assert toy.folder != first
    assert (toy.artifacts / "archive" / first.name / "data" / "rows.jsonl").read_text() == "1\n"
    assert not (toy.artifacts / "data").exists()
    assert (toy.artifacts / "README.md").exists()
    assert (toy.artifacts / "rehearsal").is_dir()
    assert first.is_dir()


def test_an_unfinished_session_is_rejoined(toy: Any, sh: Phase) -> None:
    toy.start(sh("true", **ASK))
    toy.gate()
    first = toy.folder
    assert start.open_session(toy.plan(sh("false")), approved="test") == first
