"""Questions to the models while a gate is open: an instruction or a prompt of the suite, and the answers."""

import os
from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.widgets import Label

from app.session.asking.view import AskingView
from app.session.requests import Ask, CancelQuestion, get_current_user
from app.tui.keys import make_bindings, name_key
from app.tui.screens.screen import CockpitScreen
from phases.contract.questions import LONGEST_INSTRUCTION, SuitePrompt
from widgets.conversation import AskingTitle, ConversationPane
from widgets.frame import Frame
from widgets.header import ElapsedTime, HeaderRows
from widgets.key_bar import KeyBar, KeyHint
from widgets.metric_names import name_model
from widgets.text_field import TextField

_KEYS_WHILE_WRITING = ("sample", "models", "prompts")


class AskScreen(CockpitScreen):
    """The conversation at the open gate, above the field for the next question."""

    BINDINGS: ClassVar[list[Binding]] = make_bindings("ask")  # type: ignore[assignment]
    table = "ask"

    is_sampled = False
    chosen_model = ""
    _sent_at_total: int | None = None
    _sent_text = ""

    def compose(self) -> ComposeResult:
        """Lay out title, conversation and field."""
        yield HeaderRows()
        yield ElapsedTime()
        yield AskingTitle()
        yield ConversationPane()
        with Horizontal(id="question-field"):
            yield Label("ask", markup=False)
            yield TextField(id="question", max_length=LONGEST_INSTRUCTION, select_on_focus=False)
        yield self.make_key_bar()

    @property
    def asking(self) -> AskingView | None:
        """The models that can be asked at the open gate, and the questions so far."""
        return self.frame.snapshot.asking if self.frame else None

    @property
    def field(self) -> TextField:
        """The field for the next question."""
        return self.query_one("#question", TextField)

    def on_mount(self) -> None:
        """Write at once, if there is a model."""
        super().on_mount()
        if self.asking is not None and not self.asking.unavailable:
            self.set_focus(self.field)

    def show(self, frame: Frame) -> None:
        """Draw the conversation; close when the gate has been decided."""
        if frame.snapshot.gate is None:
            if self.app.screen is self:
                self.cockpit.show_message("The gate was decided. Its transcript is kept with the decision.")
                self.dismiss()
            return
        asking = frame.snapshot.asking
        if asking is not None and self._sent_at_total is not None and asking.total > self._sent_at_total:
            self._sent_at_total = None
            # It has been accepted. The operator may have written on.
            self.field.value = self.field.value.removeprefix(self._sent_text)
            self.field.cursor_position = len(self.field.value)
        self.query_one(AskingTitle).choice = self._describe_choice(asking)
        super().show(frame)

    def _describe_choice(self, asking: AskingView | None) -> str:
        if asking is None or asking.unavailable:
            return ""
        chosen = (self.chosen_model,) if self.chosen_model else asking.models
        models = " + ".join(map(name_model, chosen))
        return f"{models}, {'sampled' if self.is_sampled else 'greedy'}"

    def list_key_hints(self) -> Sequence[KeyHint]:
        """Return the keys that work where the focus is."""
        if self.focused is None:
            return super().list_key_hints()
        commands = [
            each
            for each in self.cockpit.list_commands("ask")
            if each.action in _KEYS_WHILE_WRITING and self.check_action(each.action, each.arguments)
        ]
        return [
            KeyHint("Enter", "ask", highlighted=True),
            *(KeyHint(name_key(each.keys.split(",")[-1]), each.footer) for each in commands),
            KeyHint("Esc", "more keys"),
        ]

    def on_descendant_focus(self) -> None:
        """Show the keys of the field."""
        self.query_one(KeyBar).refresh_rows()

    def on_descendant_blur(self) -> None:
        """Show the keys of the screen."""
        self.call_after_refresh(self.query_one(KeyBar).refresh_rows)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to ask if there is a model, and to cancel while one answers."""
        asking = self.asking
        match action:
            case "models":
                return asking is not None and not asking.unavailable and len(asking.models) > 1
            case "write_question" | "sample" | "prompts":
                return asking is not None and not asking.unavailable
            case "cancel":
                return self._find_open_question() is not None
        return super().check_action(action, parameters)

    def _find_open_question(self) -> int | None:
        questions = self.asking.questions if self.asking else ()
        return questions[-1].number if questions and questions[-1].ended is None else None

    def on_input_submitted(self, message: TextField.Submitted) -> None:
        """Ask the question; it stays in the field until the session has accepted it."""
        message.stop()
        if message.value.strip():
            self._ask(instruction=message.value)

    def _must_wait(self) -> bool:
        """Return whether a question is being answered, and say so."""
        number = self._find_open_question()
        if number is not None:
            self.cockpit.show_message(f"Question {number} is being answered. Wait, or cancel it: Esc, x.")
        return number is not None

    def _ask(self, *, instruction: str = "", prompt: str = "") -> None:
        gate = self.frame.snapshot.gate if self.frame else None
        if gate is None or self._must_wait():
            return
        if instruction:
            self._sent_at_total, self._sent_text = self.asking.total if self.asking else 0, instruction
        self.query_one(ConversationPane).follows = True
        request = Ask(
            phase=gate.phase,
            attempt=gate.attempt,
            by=get_current_user(),
            pid=os.getpid(),
            instruction=instruction.strip(),
            prompt=prompt,
            models=(self.chosen_model,) if self.chosen_model else (),
            sampled=self.is_sampled,
        )
        self.cockpit.send(request, "")

    def action_write_question(self) -> None:
        """Write a question."""
        self.set_focus(self.field)

    def action_sample(self) -> None:
        """Sample the next answers, or decode them greedily."""
        self.is_sampled = not self.is_sampled
        self._redraw()

    def action_models(self) -> None:
        """Ask the next model alone, or all."""
        choices = ("", *self.asking.models) if self.asking else ("",)
        index = choices.index(self.chosen_model) if self.chosen_model in choices else -1
        self.chosen_model = choices[(index + 1) % len(choices)]
        self._redraw()

    def action_prompts(self) -> None:
        """Pick a prompt of the suite, and ask it; not while it could not be asked."""
        if not self._must_wait():
            self.cockpit.open_screen("prompts", self._ask_prompt)

    def _ask_prompt(self, prompt: SuitePrompt) -> None:
        self._ask(prompt=prompt.key)

    def action_cancel(self) -> None:
        """End the answers to the question."""
        number = self._find_open_question()
        if number is not None:
            self.cockpit.send(CancelQuestion(number), "")

    def _redraw(self) -> None:
        if self.frame is not None:
            self.show(self.frame)

    def action_scroll_rows(self, count: int) -> None:
        """Scroll the conversation."""
        self.query_one(ConversationPane).scroll_rows(count)

    def action_page(self, pages: int) -> None:
        """Scroll the conversation by pages."""
        self.query_one(ConversationPane).scroll_pages(pages)

    def _format_conversation(self) -> str:
        pane = self.query_one(ConversationPane)
        rows = pane.render_text(self.frame, pane.size.width)
        return "\n".join(each.plain.rstrip() for each in rows) + "\n"

    def action_copy(self) -> None:
        """Copy the conversation."""
        self.cockpit.copy(self._format_conversation(), "questions and answers")

    def action_write(self) -> None:
        """Write the conversation to a file."""
        self.cockpit.write("questions.txt", self._format_conversation())

    def action_back(self) -> None:
        """Leave the field, or else the screen."""
        if self.focused is not None:
            self.set_focus(None)
        else:
            self.dismiss()
