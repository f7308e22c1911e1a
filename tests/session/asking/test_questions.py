"""The life of the worker, and what is kept of its answers, with a stand-in for the worker."""

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from app.plan.read import load_plan
from app.session.asking import worker_process
from app.session.asking.questions import Limits, Questions, QuestionsSetting
from app.session.asking.transcript import read_transcript
from app.session.asking.view import AskingView, QuestionView
from app.session.clock import SystemClock
from app.session.journal.events import AttemptStarted, GateDecided
from app.session.journal.state import AttemptRecord, PhaseRecord, State
from app.session.masking import Masker
from app.session.requests import Ask, CancelQuestion, Refused

PLAN = """
[session]
name = "Toy"
model = "embedded"
budget_usd = 10.0
[pod]
gpu = "none"
usd_per_hour = 3.6
[[phase]]
id = "compare"
title = "Compare"
run = "phases.comparison"
params = { base = "a", sft = "b", dpo = "c", output = "d" }
estimate = { hours = [0.1, 0.2] }
"""
LONG = "one " * 200
SECRET = "hunter2-hunter2"
STARTED = AttemptStarted(phase="compare", attempt=1, parameters={}, cookie="c")
AT_GATE = State(
    phases=(PhaseRecord("compare", "gate", (AttemptRecord(1, 0.0, 0.0, STARTED),), gate_since=5.0),)
)
DECIDED = State(phases=(PhaseRecord("compare", "done"),))


class Session:
    """The questions of a session whose state the test sets."""

    def __init__(self, root: Path, limits: Limits) -> None:
        (root / "session_plan.toml").write_text(PLAN)
        self.root = root
        self.state = AT_GATE
        self.notices: list[str] = []
        environment = {**os.environ, "PYTHONPATH": str(Path.cwd()), "TOKEN": SECRET}
        setting = QuestionsSetting(
            load_plan(root / "session_plan.toml"),
            root,
            SystemClock(),
            environment,
            Masker.from_environment(["TOKEN"], environment),
        )
        self.questions = Questions(setting, lambda: None, self.notices.append, limits)

    def ask(self, instruction: str, **fields: Any) -> None:
        request = Ask(
            **{
                "phase": "compare",
                "attempt": 1,
                "by": "ada",
                "pid": os.getpid(),
                "instruction": instruction,
                **fields,
            }
        )
        self.questions.handle(self.state, request)

    @property
    def view(self) -> AskingView:
        view = self.questions.build_view(AT_GATE)
        assert view is not None
        return view

    async def until(self, condition: Callable[[AskingView], Any], what: str) -> Any:
        """Settle until a condition holds, as the conductor does."""
        for _ in range(1000):
            await self.questions.update_worker(lambda: self.state)
            if result := condition(self.view):
                return result
            await asyncio.sleep(0.01)
        raise AssertionError(f"{what} did not come about; it is {self.view}")

    async def answered(self) -> QuestionView:
        question: QuestionView = await self.until(
            lambda view: view.questions[-1].ended is not None and view.questions[-1], "an answer"
        )
        return question

    def decide(self) -> GateDecided:
        event = GateDecided(phase="compare", attempt=1, kind="go", by="ada", verdict="go")
        event = self.questions.close_for_decision(event)
        self.state = DECIDED
        return event

    def lines(self) -> list[dict[str, Any]]:
        path = self.root / "questions" / "compare" / "1.jsonl"
        return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]

    def workers(self) -> list[psutil.Process]:
        """Return the live workers of this session."""
        return [
            each
            for each in psutil.process_iter(["cmdline", "status"])
            if "tests.session.asking.worker_standin" in (each.info["cmdline"] or ())
            and each.info["status"] != psutil.STATUS_ZOMBIE
            and each.cwd() == str(self.root)
        ]


@pytest.fixture(autouse=True)
def _standin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_process, "WORKER_MODULE", "tests.session.asking.worker_standin")


@asynccontextmanager
async def open_session(root: Path, **limits: float) -> AsyncIterator[Session]:
    session = Session(root, Limits(**limits))
    try:
        yield session
    finally:
        await session.questions.stop()


def run(scenario: Callable[[Session], Any], root: Path, **limits: float) -> None:
    async def in_session() -> None:
        async with open_session(root, **limits) as session:
            await scenario(session)

    asyncio.run(in_session())


def test_an_answer_streams_and_is_recorded_with_its_model(tmp_path: Path) -> None:
    async def scenario(session: Session) -> None:
        session.ask("Name three colors.", sampled=True, seed=7)
        assert session.view.state == "off"
        texts = set()

        def is_answered(view: AskingView) -> bool:
            texts.add(view.questions[-1].answers[0].text)
            return view.questions[-1].ended is not None

        await session.until(is_answered, "an answer")
        assert len(texts) > 2
        assert session.view.state == "ready"
        assert session.view.since is not None
        models, answer = session.lines()
        assert models["type"] == "models"
        assert answer["response"] == "Name three colors."
        assert answer["model"] == "base"
        assert answer["model_sha256"] == "hash of embedded"
        assert (answer["temperature"], answer["top_p"], answer["seed"]) == (0.8, 0.95, 7)
        assert answer["prompt_format"] == "v1"
        assert answer["complete"]

    run(scenario, tmp_path)


def test_the_worker_is_gone_before_a_phase_may_start(tmp_path: Path) -> None:
    """A decision cuts the answer; a worker that ignores TERM is killed."""

    async def scenario(session: Session) -> None:
        session.ask("ignore")
        await session.answered()
        session.ask(LONG)
        await session.until(lambda view: view.questions[-1].answers[0].text, "a first word")
        assert session.workers()
        event = session.decide()
        assert event.transcript == "questions/compare/1.jsonl"
        data = (session.root / event.transcript).read_bytes()
        assert event.transcript_sha256 == hashlib.sha256(data).hexdigest()
        assert await session.questions.update_worker(lambda: session.state)
        assert session.workers() == []
        assert (session.root / event.transcript).read_bytes() == data
        *_, cut, error = session.lines()
        assert LONG.startswith(cut["response"])
        assert cut["response"]
        assert not cut["complete"]
        assert error["error"] == "the gate was decided"

    run(scenario, tmp_path)


def test_a_decision_while_the_worker_starts_holds_the_phase_back(tmp_path: Path) -> None:
    async def scenario(session: Session) -> None:
        session.ask("hello")
        starting = asyncio.ensure_future(session.questions.update_worker(lambda: session.state))
        await asyncio.sleep(0)
        while not starting.done() and not session.workers():
            await asyncio.sleep(0)
        session.decide()
        if not await starting:
            assert await session.questions.update_worker(lambda: session.state)
        assert session.workers() == []

    run(scenario, tmp_path)


def test_a_decision_without_questions_names_no_transcript(tmp_path: Path) -> None:
    async def scenario(session: Session) -> None:
        assert session.decide().transcript is None
        assert await session.questions.update_worker(lambda: session.state)

    run(scenario, tmp_path)


def test_the_worker_ends_with_the_last_process_that_asked(tmp_path: Path) -> None:
    async def scenario(session: Session) -> None:
        askers = [subprocess.Popen(["sleep", "60"]) for _ in range(2)]
        session.ask("first", pid=askers[0].pid)
        await session.answered()
        session.ask("second", pid=askers[1].pid)
        await session.answered()
        askers[0].kill()
        askers[0].wait()
        await session.questions.update_worker(lambda: session.state)
        assert session.workers()
        askers[1].kill()
        askers[1].wait()
        await session.questions.update_worker(lambda: session.state)
        assert session.workers() == []
        assert session.view.state == "off"
        session.ask("third")  # The gate is still open: another worker starts.
        assert (await session.answered()).answers[0].text == "third"

    run(scenario, tmp_path)


def test_an_asker_that_dies_leaves_the_beginning_of_its_answer(tmp_path: Path) -> None:
    async def scenario(session: Session) -> None:
        asker = subprocess.Popen(["sleep", "60"])
        session.ask(LONG, pid=asker.pid)
        await session.until(lambda view: view.questions[-1].answers[0].text, "a first word")
        asker.kill()
        asker.wait()
        question = await session.answered()
        assert question.error == "the process that asked has ended"
        assert LONG.startswith(session.lines()[1]["response"])
        assert session.workers() == []

    run(scenario, tmp_path)


@pytest.mark.parametrize(
    ("limits", "instruction", "error"),
    [
        ({"load": 0.3}, "slow", "the models did not load within"),
        ({"silence": 0.3}, "silent", "no token came for"),
        ({"idle": 0.3}, "fine", "no question came for"),
    ],
)
def test_a_worker_that_takes_too_long_is_ended(
    limits: dict[str, float], instruction: str, error: str, tmp_path: Path
) -> None:
    if instruction == "slow":
        (tmp_path / "slow_load").touch()

    async def scenario(session: Session) -> None:
        session.ask(instruction)
        await session.until(lambda view: error in view.error, error)
        assert session.view.state == "off"
        assert session.workers() == []

    run(scenario, tmp_path, **limits)


@pytest.mark.parametrize(
    ("instruction", "error"),
    [
        ("load", "GPU 0 has 1.0 GiB free"),
        ("crash", "the process that answers ended with signal 11; its messages are in questions/worker.log"),
    ],
)
def test_a_failure_is_one_line_and_the_next_question_starts_again(
    instruction: str, error: str, tmp_path: Path
) -> None:
    if instruction == "load":
        (tmp_path / "cannot_load").touch()

    async def scenario(session: Session) -> None:
        session.ask(instruction)
        assert (await session.answered()).error == error
        assert session.view.error == error
        assert session.lines()[-1]["error"] == error
        (session.root / "cannot_load").unlink(missing_ok=True)
        session.ask("again")
        assert (await session.answered()).answers[0].text == "again"
        assert session.view.error == ""

    run(scenario, tmp_path)


def test_a_cancelled_question_makes_room_for_the_next(tmp_path: Path) -> None:
    (tmp_path / "slow_load").touch()

    async def scenario(session: Session) -> None:
        session.ask("first")
        with pytest.raises(Refused, match="question 1 is being answered"):
            session.ask("second")
        with pytest.raises(Refused, match="question 2 is not being answered"):
            session.questions.handle(session.state, CancelQuestion(2))
        await session.until(lambda view: view.state == "loading", "loading")
        session.questions.handle(session.state, CancelQuestion(1))
        assert session.view.questions[0].error == "cancelled"
        session.ask("second")
        (session.root / "slow_load").unlink()
        question = await session.answered()
        assert (question.number, question.answers[0].text) == (2, "second")

    run(scenario, tmp_path)


def test_secrets_and_control_characters_are_not_shown_and_secrets_not_stored(tmp_path: Path) -> None:
    async def scenario(session: Session) -> None:
        session.ask(f"say {SECRET} and \x1b[31mred")
        question = await session.answered()
        assert question.instruction == "say [secret TOKEN] and red"
        assert question.answers[0].text == "say [secret TOKEN] and red"
        stored = (session.root / "questions" / "compare" / "1.jsonl").read_text()
        assert SECRET not in stored
        assert session.lines()[1]["response"] == "say [secret TOKEN] and \x1b[31mred"

    run(scenario, tmp_path)


def test_the_beginning_of_a_secret_is_masked_while_it_streams_and_when_it_is_cut(tmp_path: Path) -> None:
    async def scenario(session: Session) -> None:
        session.ask(SECRET + LONG)
        shown = set()

        def has_begun(view: AskingView) -> bool:
            shown.add(view.questions[-1].answers[0].text)
            return any(len(text) > 4 for text in shown)

        await session.until(has_begun, "the beginning of the secret")
        session.decide()
        assert not any(SECRET[:6] in text for text in shown)
        assert SECRET[:6] not in session.lines()[1]["response"]

    run(scenario, tmp_path)


def test_the_next_conductor_continues_the_transcript_and_ends_the_worker(tmp_path: Path) -> None:
    async def first(session: Session) -> None:
        session.ask("first")
        await session.answered()

    run(first, tmp_path)
    path = tmp_path / "questions" / "compare" / "1.jsonl"
    path.write_bytes(path.read_bytes() + b'{"type":"answer","at":1')  # It died while writing.
    leftover = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"],
        env={**os.environ, "GONOGO_COOKIE": "left"},
        start_new_session=True,
    )
    record = msgspec.json.decode((tmp_path / "questions" / "worker.json").read_bytes())
    (tmp_path / "questions" / "worker.json").write_bytes(msgspec.json.encode({**record, "cookie": "left"}))

    async def second(session: Session) -> None:
        await session.questions.update_worker(lambda: session.state)
        assert leftover.wait(timeout=5) < 0
        session.ask("second")
        question = await session.answered()
        assert question.number == 2
        assert [each.instruction for each in session.view.questions] == ["first", "second"]
        assert [line["type"] for line in session.lines()] == ["models", "answer", "models", "answer"]

    run(second, tmp_path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"phase": "other"}, "this gate is not open"),
        ({"attempt": 2}, "this gate is not open"),
        ({"models": ("dpo",)}, "there is no model dpo so far; expected one of: base"),
        ({"instruction": "  "}, "expected an instruction"),
        ({"prompt": "commands-001"}, "expected an instruction, or else the key"),
        ({"instruction": "x" * 8001}, "8,001 characters"),
        ({"pid": 2**22 + 1}, "cannot see the process that asks"),
    ],
)
def test_bad_questions_are_refused(fields: dict[str, Any], message: str, tmp_path: Path) -> None:
    async def scenario(session: Session) -> None:
        with pytest.raises(Refused, match=message):
            session.ask(fields.pop("instruction", "hello"), **fields)
        assert session.view.total == 0

    run(scenario, tmp_path)


def test_without_a_gate_nothing_can_be_asked(tmp_path: Path) -> None:
    async def scenario(session: Session) -> None:
        session.state = DECIDED
        assert session.questions.build_view(DECIDED) is None
        with pytest.raises(Refused, match="only at the open gate"):
            session.ask("hello")

    run(scenario, tmp_path)


def test_a_torn_line_of_a_transcript_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "1.jsonl"
    path.write_bytes(b'{"type":"models","at":1,"provenance":{}}\n\xff{"type":"ans')
    assert len(read_transcript(path)) == 1


@pytest.fixture(autouse=True)
def _no_process_is_left(tmp_path: Path) -> Iterator[None]:
    yield
    left = [
        each
        for each in psutil.process_iter(["cmdline"])
        if "tests.session.asking.worker_standin" in (each.info["cmdline"] or ())
        and each.cwd() == str(tmp_path)
    ]
    assert left == []
