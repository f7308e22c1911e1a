"""Questions to the models, from the screen."""

import os
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot
from textual.widgets import Input

from app.errors import UserError
from app.session.requests import Ask
from app.tui.app import CockpitApp
from app.tui.screens.ask import AskScreen
from app.tui.screens.gate import GateScreen
from app.tui.screens.prompts import PromptsScreen
from phases.contract.questions import SuitePrompt
from tests.tui import fake
from tests.tui.settling import settle
from widgets.conversation import ConversationPane
from widgets.frame import Frame
from widgets.key_bar import KeyBar

SIZE = (80, 24)
GATE = ("ask", "sft_evaluation", 1)
PROMPTS = [
    SuitePrompt("commands-001", "commands", "What is a needle?"),
    SuitePrompt("format-001", "format", "Write a sentence of exactly eight words."),
    SuitePrompt("format-002", "format", "Order these words from a to z."),
]


class Driven:
    """The app at a gate at which two questions were asked and answered, unless the frame says otherwise."""

    def __init__(self, pilot: Pilot[None], session: fake.FakeSession) -> None:
        self.pilot, self.session = pilot, session
        self.app = pilot.app
        assert isinstance(self.app, CockpitApp)

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause()
        await self.app.workers.wait_for_complete()
        await self.pilot.pause()

    async def show(self, frame: Frame) -> None:
        self.app.show(frame)
        await self.pilot.pause()

    @property
    def shown(self) -> str:
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    @property
    def messages(self) -> list[str]:
        return [notification.message for notification in self.app._notifications]


@asynccontextmanager
async def drive(frame: Frame, *, read_only: bool = False) -> Any:
    session = fake.FakeSession(frame.snapshot)
    app = CockpitApp(session, None, frame, read_only=read_only)  # type: ignore[arg-type]
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        yield Driven(pilot, session)


def answered(**changes: Any) -> Frame:
    """A gate at which the last question was answered."""
    last = replace(fake.QUESTIONS[1], ended=1_796_000_030.0, error="cancelled")
    return fake.gate_asked(questions=(fake.QUESTIONS[0], last), state="ready", **changes)


@pytest.fixture(autouse=True)
def _suite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.tui.screens.prompts.list_suite_prompts", lambda *arguments: PROMPTS)


async def test_an_instruction_is_typed_and_stays_until_it_is_accepted() -> None:
    async with drive(answered()) as driven:
        await driven.press("t")
        assert isinstance(driven.app.screen, AskScreen)
        await driven.press(*"quit", "space", *"it", "enter")  # Letters that are keys elsewhere.
        assert driven.session.asked == [(*GATE, "quit it", (), False)]
        field = driven.app.screen.query_one(Input)
        assert field.value == "quit it"
        await driven.show(answered(total=3))
        assert field.value == ""


async def test_text_written_before_a_question_is_accepted_is_the_next_question() -> None:
    async with drive(answered()) as driven:
        await driven.press("t", "h", "i", "enter", "y", "o")
        field = driven.app.screen.query_one(Input)
        assert field.value == "hiyo"
        await driven.show(answered(total=3))
        assert (field.value, field.cursor_position) == ("yo", 2)
        await driven.press("u")
        assert field.value == "you"


async def test_no_prompt_is_picked_while_a_question_is_being_answered() -> None:
    async with drive(fake.gate_asked()) as driven:
        await driven.press("t", "ctrl+r")
        assert isinstance(driven.app.screen, AskScreen)
        assert driven.messages == ["Question 2 is being answered. Wait, or cancel it: Esc, x."]


async def test_the_key_of_one_model_is_offered_if_there_are_several() -> None:
    for models, is_offered in ((("base",), False), (("base", "sft"), True)):
        async with drive(answered(models=models)) as driven:
            await driven.press("t")
            assert ("Ctrl+O" in driven.shown) is is_offered
            await driven.press("escape")
            assert ("m model" in driven.shown) is is_offered


async def test_a_refused_question_stays_in_the_field() -> None:
    async with drive(answered()) as driven:
        driven.session.refusal = "there is no model dpo so far"
        await driven.press("t", "h", "i", "enter")
        assert driven.messages == ["Not done: there is no model dpo so far"]
        assert driven.app.screen.query_one(Input).value == "hi"


async def test_the_process_that_asks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = []
    async with drive(answered()) as driven:
        monkeypatch.setattr(driven.session, "send", requests.append)
        await driven.press("t", "h", "i", "enter")
    [request] = requests
    assert isinstance(request, Ask)
    assert request.pid == os.getpid()


async def test_models_and_sampling_are_chosen_while_writing_and_outside() -> None:
    async with drive(answered()) as driven:
        await driven.press("t")
        assert "base + SFT, greedy" in driven.shown
        await driven.press("ctrl+s", "ctrl+o")
        assert "base, sampled" in driven.shown
        await driven.press("escape", "m", "i", "h", "enter")
        assert driven.session.asked == [(*GATE, "h", ("sft",), True)]
        await driven.press("escape", "m", "s", "enter", "o", "enter")
        assert driven.session.asked[1] == (*GATE, "ho", (), False)


async def test_a_prompt_of_the_suite_is_filtered_and_asked() -> None:
    async with drive(answered()) as driven:
        await driven.press("t", "ctrl+r")
        assert isinstance(driven.app.screen, PromptsScreen)
        assert "3 of 3" in driven.shown
        await driven.press(*"format", "down")
        assert "2 of 3" in driven.shown
        await driven.press("enter")
        assert isinstance(driven.app.screen, AskScreen)
        assert driven.session.asked == [(*GATE, "format-002", (), False)]
        await driven.press("ctrl+r", *"nothing", "enter")
        assert isinstance(driven.app.screen, PromptsScreen), "no prompt matches"
        await driven.press("escape")
        assert isinstance(driven.app.screen, AskScreen)


async def test_a_suite_that_cannot_be_read_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise UserError("the prompts of suite x cannot be listed: no such file")

    monkeypatch.setattr("app.tui.screens.prompts.list_suite_prompts", fail)
    async with drive(answered()) as driven:
        await driven.press("t", "ctrl+r")
        assert driven.messages == ["the prompts of suite x cannot be listed: no such file"]


async def test_one_question_at_a_time_which_can_be_cancelled() -> None:
    async with drive(fake.gate_asked()) as driven:
        await driven.press("t", "h", "i", "enter")
        assert driven.session.asked == []
        assert driven.messages == ["Question 2 is being answered. Wait, or cancel it: Esc, x."]
        await driven.press("escape", "x")
        assert driven.session.asked == [("cancel_question",)]
        await driven.show(answered())
        assert "cancel" not in driven.app.screen.query_one(KeyBar).render_rows(80, 1)[0].plain


async def test_answers_and_their_cost_are_shown_as_they_come() -> None:
    async with drive(fake.gate_asked()) as driven:
        await driven.press("t")
        assert "answering 1m35s, $0.046 at $1.74/h" in driven.shown
        assert "format-044  greedy" in driven.shown
        assert "✗ fails: not the items asked for" in driven.shown
        assert "✓ passes, stops by itself" in driven.shown
        assert "sampled 0.8, top-p 0.95, seed 2" in driven.shown
        assert "The sky is▌" in driven.shown


async def test_the_screen_closes_with_the_gate() -> None:
    async with drive(answered()) as driven:
        await driven.press("t")
        await driven.show(fake.running())
        await driven.press()
        assert not isinstance(driven.app.screen, AskScreen | GateScreen)
        assert "The gate was decided. Its transcript is kept with the decision." in driven.messages


async def test_the_gate_closes_below_the_list_of_prompts() -> None:
    async with drive(answered()) as driven:
        await driven.press("t", "ctrl+r")
        await driven.show(fake.running())
        await driven.press(*"format", "enter")
        assert driven.session.asked == []
        assert not isinstance(driven.app.screen, AskScreen | PromptsScreen)


async def test_without_a_model_the_screen_says_why_and_takes_no_question() -> None:
    frame = fake.gate_asked(models=(), unavailable="there is no model to ask", questions=(), total=0)
    async with drive(frame) as driven:
        assert "t ask the models" not in driven.shown
        await driven.press("t")
        assert "There is no model to ask." in driven.shown
        assert "greedy" not in driven.shown
        await driven.press("i", "p", "s", "h")
        assert driven.session.asked == []


async def test_a_read_only_screen_does_not_ask() -> None:
    async with drive(answered(), read_only=True) as driven:
        await driven.press("t")
        assert not isinstance(driven.app.screen, AskScreen)
        assert driven.session.asked == []


async def test_the_newest_answer_is_followed_unless_the_operator_scrolls() -> None:
    many = tuple(replace(fake.QUESTIONS[0], number=number) for number in range(1, 10))
    async with drive(fake.gate_asked(questions=many, total=12, state="ready")) as driven:
        await driven.press("t")
        pane = driven.app.screen.query_one(ConversationPane)
        assert "9 List five words" in driven.shown
        await driven.press("escape", *["pageup"] * 9)
        assert "3 earlier questions are in the transcript" in driven.shown
        await driven.press(*["pagedown"] * 12)
        assert pane.follows


async def test_no_text_of_a_model_reaches_the_terminal_as_a_code() -> None:
    answer = replace(fake.QUESTIONS[0].answers[0], text="\x1b]0;owned\x07 [red]x[/red]")
    question = replace(fake.QUESTIONS[0], answers=(answer,), instruction="\x1b[2J [b]y")
    async with drive(fake.gate_asked(questions=(question,), total=1)) as driven:
        await driven.press("t")
        assert "\x1b" not in driven.shown
        assert "[red]x[/red]" in driven.shown
        assert "[b]y" in driven.shown


async def test_the_process_that_answers_is_no_foreign_user_of_the_gpu() -> None:
    async with drive(fake.gate_asked(pid=99)) as driven:
        await driven.press("q")
        assert "GPU in use by" not in driven.shown
        await driven.press("u")
        assert "jupyter-lab 99 (questions)" in driven.shown
        await driven.press("q")
        await driven.show(fake.gate_asked(pid=None))
        assert "! GPU in use by jupyter-lab 99" in driven.shown
