"""Programs that phases run in these tests, and what they leave behind."""

from pathlib import Path
from typing import Any

from app.session.journal import journal

SCORE = """echo '{"metrics": {"score": %s}}' > $GONOGO_RESULT"""


ASK = {"gate": {"ask": "always"}}


GOOD = {
    "reports": ["score"],
    "criteria": [{"name": "good", "expr": "score > 0.5"}],
    "gate": {"ask": "unless_go"},
}


WAIT = "while [ ! -e go ]; do sleep 0.02; done"


def read_events(folder: Path) -> list[Any]:
    replay = journal.read_journal(folder / "journal.jsonl")
    assert replay.damage == ""
    return [entry.event for entry in replay.entries]


def count_runs(toy: Any, phase: str = "p1", attempt: int = 1) -> int:
    log = toy.locate_attempt(phase, attempt) / "output.log"
    return log.read_text().count("ran") if log.exists() else 0
