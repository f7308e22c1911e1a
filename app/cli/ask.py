"""The command `gonogo ask`: questions to the models at the open gate, without the screen."""

import argparse
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from app.errors import UserError
from app.session.asking.describe import describe_cost, describe_ending
from app.session.asking.prompts import list_suite_prompts
from app.session.asking.transcript import locate_transcript, read_transcript
from app.session.asking.view import AnswerView, AskingView, QuestionView
from app.session.client import SessionClient
from app.session.registry import find_session
from app.session.requests import Ask, get_current_user
from app.session.snapshot import GateView, SessionSnapshot
from app.session.start import ensure_conductor


def ask(options: argparse.Namespace) -> int:
    """Ask the models at the open gate and print their answers as they come; return 1 if some are missing."""
    folder = find_session(Path(), options.session)
    client = SessionClient(folder)
    session = client.read_snapshot()
    gate = _require_gate(session)
    if not client.has_conductor():
        ensure_conductor(folder)
        session = client.read_snapshot()
    if options.list_prompts:
        return _print_prompts(session)
    is_complete = True
    for text in _read_questions(options):
        request = Ask(
            phase=gate.phase,
            attempt=gate.attempt,
            by=get_current_user(),
            pid=os.getpid(),
            instruction=text,
            prompt=options.suite_prompt or "",
            models=tuple(options.model),
            sampled=options.sampled,
            seed=options.seed,
        )
        question = _Printer(client, is_silent=options.json).follow(client.send(request))
        if options.json:
            _print_lines(folder, gate, question.number)
        is_complete = is_complete and not question.error
    return 0 if is_complete else 1


def _require_gate(session: SessionSnapshot) -> GateView:
    if session.gate is not None:
        return session.gate
    if session.state in ("finished", "stopped"):
        raise UserError(f"session {session.id} is over: models can be asked only while a gate is open")
    phase = f"{session.current.title} is running" if session.current else "no phase has run"
    raise UserError(
        f"no gate is open ({phase}): models can be asked only while a gate is open; "
        "`gonogo hold` opens one after the current phase"
    )


def _read_questions(options: argparse.Namespace) -> Iterator[str]:
    """Yield the question of the command line, or else the lines of standard input."""
    if options.suite_prompt and options.question:
        raise UserError("expected a question or --suite-prompt, not both")
    if options.suite_prompt or options.question:
        yield " ".join(options.question)
        return
    if sys.stdin.isatty():
        print("One question a line; Ctrl+D ends, and frees the models' memory.", file=sys.stderr)
    for line in sys.stdin:
        if line.strip():
            yield line.strip()


def _print_prompts(session: SessionSnapshot) -> int:
    asking = session.asking
    if asking is None or asking.unavailable:
        raise UserError(asking.unavailable if asking else "the conductor does not respond; try again")
    for prompt in list_suite_prompts(asking.suite, asking.base, Path(session.plan_folder)):
        print(f"{prompt.key}\t{prompt.category}\t{' '.join(prompt.instruction.split())}")
    return 0


def _print_lines(folder: Path, gate: GateView, number: int) -> None:
    """Print a question's lines of the transcript, as they are on disk."""
    for line in read_transcript(locate_transcript(folder, gate.phase, gate.attempt)):
        if getattr(line, "question", None) == number:
            print(msgspec.json.encode(line).decode(), flush=True)


class _Printer:
    """Prints the answers to one question as they grow."""

    def __init__(self, client: SessionClient, *, is_silent: bool) -> None:
        self._client = client
        self._is_silent = is_silent
        self._printed: dict[str, str] = {}
        self._finished: set[str] = set()
        self._is_waiting = False

    def follow(self, session: SessionSnapshot) -> QuestionView:
        """Print until the question is closed, and return it.

        Raises:
            UserError: the gate was decided, or the conductor has ended.
        """
        assert session.asking is not None
        number = session.asking.questions[-1].number
        question = session.asking.questions[-1]
        stopping = threading.Event()
        for snapshot in self._client.watch(stopping):
            asking = snapshot.asking
            if not self._client.is_conducted:
                raise UserError("the conductor has ended, and the models with it; run `gonogo attach`")
            matches = [each for each in asking.questions if each.number == number] if asking else []
            if asking is None or not matches:
                raise UserError("the gate has closed; the answers so far are in the transcript")
            question = matches[0]
            self._show(snapshot, asking, question)
            if question.ended is not None:
                break
        if question.error:
            print(f"gonogo: question {number}: {question.error}", file=sys.stderr)
        return question

    def _show(self, session: SessionSnapshot, asking: AskingView, question: QuestionView) -> None:
        if asking.state in ("off", "loading") and not question.ended and not self._is_waiting:
            self._is_waiting = True
            print(f"loading {', '.join(asking.models)} ...", file=sys.stderr)
        if self._is_silent:
            return
        for answer in question.answers:
            if answer.state != "waiting" and answer.model not in self._finished:
                self._show_answer(answer)
        if question.ended is not None:
            print(_describe_cost(session, question), file=sys.stderr)

    def _show_answer(self, answer: AnswerView) -> None:
        text = answer.text.strip()
        before = self._printed.get(answer.model)
        if before is None:
            print(f"── {answer.model}")
        # A text that is masked as it grows starts again.
        elif not text.startswith(before):
            print()
            before = None
        print(text[len(before or "") :], end="", flush=True)
        self._printed[answer.model] = text
        if answer.state in ("done", "cut"):
            self._finished.add(answer.model)
            print(f"\n   [{describe_ending(answer)}]", flush=True)


def _describe_cost(session: SessionSnapshot, question: QuestionView) -> str:
    seconds = (question.ended or session.now) - question.asked
    return f"waited {describe_cost(seconds, session.money.usd_per_hour)}"
