"""Questions through a real conductor, answered by the embedded model."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.report.bundle_contents import collect_contents
from app.session.asking.transcript import AnswerLine, read_transcript
from app.session.requests import Ask, Refused
from tests.session.conftest import HEAD, Operator, wait_for

Phase = Callable[..., dict[str, Any]]

# It fails at once, for lack of files, and its gate opens.
COMPARE = {
    "run": "phases.comparison",
    "params": {"base": "a.json", "sft": "b.json", "dpo": "c.json", "output": "d.txt"},
}
LIST_WORKERS = """
import os, pathlib
here = os.getcwd()
def is_worker(folder):
    try:
        words = (folder / "cmdline").read_bytes().split(bytes(1))
        return b"phases.ask" in words and os.readlink(folder / "cwd") == here
    except OSError:
        return False
found = [each.name for each in pathlib.Path("/proc").iterdir() if each.name.isdigit() and is_worker(each)]
pathlib.Path("workers").write_text(f"found {found}")
"""


def find_workers(root: Path) -> list[psutil.Process]:
    found = []
    for each in psutil.process_iter(["cmdline", "status"]):
        is_worker = "phases.ask" in (each.info["cmdline"] or ())
        if is_worker and each.info["status"] != psutil.STATUS_ZOMBIE and each.cwd() == str(root):
            found.append(each)
    return found


def ask(client: Operator, **fields: Any) -> None:
    client.send(Ask(phase="p1", attempt=1, by="ada", pid=os.getpid(), **fields))


def read_answers(folder: Path) -> list[AnswerLine]:
    lines = read_transcript(folder / "questions" / "p1" / "1.jsonl")
    return [line for line in lines if isinstance(line, AnswerLine)]


def wait_for_answer(toy: Any, number: int) -> Any:
    def find_answer(session: Any) -> Any:
        questions = session.asking.questions if session.asking else ()
        return [each for each in questions if each.number == number and each.ended]

    return find_answer(toy.until(find_answer, f"the answer to question {number}"))[0]


@pytest.mark.timeout(120)
def test_the_models_answer_and_are_gone_before_the_next_phase_starts(toy: Any, python: Phase) -> None:
    client = toy.start(
        COMPARE, python(LIST_WORKERS), head=HEAD.replace('model = "none"', 'model = "embedded"')
    )
    toy.gate()
    ask(client, prompt="commands-001")
    question = wait_for_answer(toy, 1)
    [answer] = question.answers
    assert question.instruction == "What is a needle?"
    assert answer.state == "done", question
    assert answer.verdict is not None
    [worker] = find_workers(toy.root)

    # The conductor dies without warning: so does the worker, and the next one continues the transcript.
    toy.kill_conductor()
    wait_for(lambda: not find_workers(toy.root), "the end of the worker")
    client = toy.rejoin()
    ask(client, instruction="Name three colors.", sampled=True, seed=3)
    wait_for(lambda: find_workers(toy.root), "another worker")
    assert find_workers(toy.root) != [worker]
    asked = subprocess.run(
        [sys.executable, "-m", "app.cli", "decide", "go", "--reason", "seen", "--session", str(toy.folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert asked.returncode == 0, asked.stderr
    session = toy.over()
    assert (toy.root / "workers").read_text() == "found []"
    assert session.decisions[0].transcript == "questions/p1/1.jsonl"
    assert session.asking is None
    assert read_answers(toy.folder)[0].instruction == "What is a needle?"
    toy.assert_nothing_left()
    contents = collect_contents(toy.artifacts, [], toy.folder)
    assert "questions/p1/1.jsonl" in "\n".join(file.name for file in contents.files)


@pytest.mark.timeout(60)
def test_a_session_without_built_in_phases_says_why_nothing_can_be_asked(toy: Any, sh: Phase) -> None:
    client = toy.start(sh("true", gate={"ask": "always"}))
    session = toy.gate()
    assert "other programs" in session.asking.unavailable
    with pytest.raises(Refused, match="the phases of this plan are other programs"):
        ask(client, instruction="hello")
    client.stop_session()
    with pytest.raises(Refused, match=r"the session is over|while a gate is open|no conductor is running"):
        ask(client, instruction="hello")
