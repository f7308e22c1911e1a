"""`gonogo ask`, against a session whose snapshots the test gives."""

import os
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import ClassVar

import pytest
from msgspec.structs import replace

import app.cli.ask
from app.cli import main
from app.session.requests import Ask
from app.session.snapshot import SessionSnapshot
from phases.contract.questions import SuitePrompt
from tests.tui import fake

BASE, SFT = fake.QUESTIONS[0].answers


def session(*answers: object, **fields: object) -> SessionSnapshot:
    """Return a gate with one question and these answers."""
    question = replace(fake.QUESTIONS[0], answers=answers, **fields)
    return fake.gate_asked(questions=(question,), total=1).snapshot


class Client:
    """A session that answers a question with the given snapshots."""

    requests: ClassVar[list[Ask]] = []
    snapshots: ClassVar[list[SessionSnapshot]] = []
    is_conducted = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has_conductor(self) -> bool:
        return True

    def read_snapshot(self) -> SessionSnapshot:
        return self.snapshots[0]

    def send(self, request: Ask) -> SessionSnapshot:
        self.requests.append(request)
        return self.snapshots[0]

    def watch(self, stopping: Event) -> Iterator[SessionSnapshot]:
        yield from self.snapshots


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[Client]:
    monkeypatch.setattr(Client, "requests", [])
    monkeypatch.setattr(Client, "is_conducted", True)
    streaming = replace(BASE, state="streaming", text=" s is the")
    waiting = replace(SFT, state="waiting", text="")
    monkeypatch.setattr(
        Client,
        "snapshots",
        [
            session(replace(waiting, model="base"), waiting, ended=None),
            session(streaming, waiting, ended=None),
            session(BASE, waiting, ended=None),
            session(BASE, SFT),
        ],
    )
    monkeypatch.setattr(app.cli.ask, "SessionClient", Client)
    monkeypatch.setattr(app.cli.ask, "find_session", lambda here, name: tmp_path)
    return Client


def test_answers_are_printed_once_as_they_grow(
    client: type[Client], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "List", "five words.", "--model", "sft", "--model", "base", "--sampled"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "── base",
        BASE.text.strip(),
        "   [✗ fails: not the items asked for, continues with another prompt, 96 tokens in 4.1 s]",
        "── sft",
        *SFT.text.strip().splitlines(),
        "   [✓ passes, stops by itself, 16 tokens in 0.7 s]",
    ]
    assert "$0.004 at $1.74/h" in printed.err
    [request] = client.requests
    assert (request.instruction, request.models, request.sampled) == (
        "List five words.",
        ("sft", "base"),
        True,
    )
    assert (request.phase, request.attempt, request.pid) == ("sft_evaluation", 1, os.getpid())


def test_each_line_of_standard_input_is_a_question(
    client: type[Client], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    questions = tmp_path / "questions.txt"
    questions.write_text("first\n\n second \n")
    with questions.open() as file:
        monkeypatch.setattr("sys.stdin", file)
        assert main(["ask"]) == 0
    assert [request.instruction for request in client.requests] == ["first", "second"]


def test_a_question_without_all_answers_is_an_error(
    client: type[Client], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = session(BASE, replace(SFT, state="cut"), error="no token came for 5m00s")
    monkeypatch.setattr(client, "snapshots", [failed])
    assert main(["ask", "hello"]) == 1
    printed = capsys.readouterr()
    assert "[ended before it was complete]" in printed.out
    assert "gonogo: question 1: no token came for 5m00s" in printed.err


@pytest.mark.parametrize("is_conducted", [True, False])
def test_a_question_that_can_get_no_answer_ends(
    is_conducted: bool,
    client: type[Client],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "snapshots", [client.snapshots[0], fake.running().snapshot])
    monkeypatch.setattr(client, "is_conducted", is_conducted)
    assert main(["ask", "hello"]) == 2
    message = "the gate has closed" if is_conducted else "the conductor has ended"
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("snapshot", "message"),
    [
        (fake.running().snapshot, "no gate is open (SFT training is running)"),
        (fake.starting().snapshot, "no gate is open"),
        (fake.finished().snapshot, "is over: models can be asked only while a gate is open"),
    ],
)
def test_without_a_gate_the_command_says_what_opens_one(
    snapshot: SessionSnapshot,
    message: str,
    client: type[Client],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "snapshots", [snapshot])
    assert main(["ask", "hello"]) == 2
    assert message in capsys.readouterr().err
    assert client.requests == []


def test_prompts_are_listed(
    client: type[Client], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = [SuitePrompt("format-001", "format", "One\nper line.")]
    monkeypatch.setattr(app.cli.ask, "list_suite_prompts", lambda *arguments: prompts)
    assert main(["ask", "--list-prompts"]) == 0
    assert capsys.readouterr().out == "format-001\tformat\tOne per line.\n"


def test_a_question_and_a_prompt_exclude_each_other(
    client: type[Client], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "hello", "--suite-prompt", "format-001"]) == 2
    assert "not both" in capsys.readouterr().err
    assert client.requests == []


def test_an_answer_is_printed_without_the_space_around_it(
    client: type[Client], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    streaming = replace(BASE, state="streaming", text=" parrot,\n")
    done = replace(BASE, text=" parrot,\n owl\n\n ")
    snapshots = [session(streaming, ended=None), session(done)]
    monkeypatch.setattr(client, "snapshots", snapshots)
    assert main(["ask", "Name two birds."]) == 0
    _, *lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["parrot,", " owl"]
    assert lines[2].startswith("   [")
