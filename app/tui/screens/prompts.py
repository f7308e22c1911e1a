"""The prompts of the evaluation suite, to pick one and ask it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Label

from app.errors import UserError
from app.session.asking.prompts import list_suite_prompts
from app.tui.keys import make_bindings
from app.tui.screens.screen import CockpitScreen
from phases.contract.questions import SuitePrompt
from widgets import styles
from widgets.header import ElapsedTime, HeaderRows
from widgets.key_bar import KeyBar, KeyHint
from widgets.rows import RowWidget, row
from widgets.text import fit
from widgets.text_field import TextField


class PromptList(RowWidget):
    """The prompts that contain the filter's words; one is selected."""

    prompts: Sequence[SuitePrompt] | None = None
    words: tuple[str, ...] = ()
    index = 0

    @property
    def matching(self) -> list[SuitePrompt]:
        """The prompts whose key, category or instruction contains each of the words."""
        return [
            prompt
            for prompt in self.prompts or ()
            if all(
                word in f"{prompt.key} {prompt.category} {prompt.instruction}".lower() for word in self.words
            )
        ]

    @property
    def selected(self) -> SuitePrompt | None:
        """The selected prompt."""
        matching = self.matching
        return matching[min(self.index, len(matching) - 1)] if matching else None

    def choose(self, count: int) -> None:
        """Move the selection."""
        self.index = min(max(0, self.index + count), max(0, len(self.matching) - 1))
        self.refresh_rows()

    def render_rows(self, width: int, height: int) -> Sequence[Content]:
        """Return the heading and the prompts around the selected one."""
        matching = self.matching
        if self.prompts is None:
            return [row(width, ("PROMPTS OF THE SUITE  ", styles.HEADING), ("reading ...", styles.QUIET))]
        count = f"{len(matching)} of {len(self.prompts)}"
        rows = [row(width, ("PROMPTS OF THE SUITE  ", styles.HEADING), (count, styles.INFO))]
        room = max(1, height - 1)
        top = max(0, min(self.index - room // 2, len(matching) - room))
        key_width = max((len(prompt.key) for prompt in matching), default=0) + 2
        for position, prompt in enumerate(matching[top : top + room], top):
            style = "reverse" if position == self.index else ""
            text = " ".join(prompt.instruction.split())
            rows.append(row(width, (fit(prompt.key, key_width), styles.QUIET), (text, style)))
        return rows


class PromptsScreen(CockpitScreen):
    """Filters while the operator types; Enter asks the selected prompt."""

    BINDINGS: ClassVar[list[Binding]] = make_bindings("prompts")  # type: ignore[assignment]
    table = "prompts"

    def __init__(self, ask: Callable[[SuitePrompt], None]) -> None:
        """Prepare; `ask` takes the prompt that is picked."""
        super().__init__()
        self._ask_prompt = ask

    def compose(self) -> ComposeResult:
        """Lay out list and filter."""
        yield HeaderRows()
        yield ElapsedTime()
        yield PromptList()
        with Horizontal(id="filter-field"):
            yield Label("filter", markup=False)
            yield TextField(id="filter")
        yield self.make_key_bar()

    @property
    def prompts(self) -> PromptList:
        """The list."""
        return self.query_one(PromptList)

    def on_mount(self) -> None:
        """Read the suite in the background."""
        super().on_mount()
        self.set_focus(self.query_one(TextField))
        asking = self.frame.snapshot.asking if self.frame else None
        if self.frame is not None and asking is not None:
            self._read(asking.suite, asking.base, Path(self.frame.snapshot.plan_folder))

    @work(thread=True)
    def _read(self, suite: str, base: str, plan_folder: Path) -> None:
        try:
            prompts = list_suite_prompts(suite, base, plan_folder)
        except UserError as error:
            self.app.call_from_thread(self.cockpit.show_message, str(error), is_error=True)
        else:
            self.app.call_from_thread(self._set_prompts, prompts)

    def _set_prompts(self, prompts: Sequence[SuitePrompt]) -> None:
        self.prompts.prompts = prompts
        self.prompts.refresh_rows()

    def list_key_hints(self) -> Sequence[KeyHint]:
        """Return the keys that work while the operator types."""
        return [
            KeyHint("Enter", "ask", highlighted=True),
            KeyHint("up, down", "select"),
            KeyHint("Esc", "back"),
        ]

    def on_input_changed(self, message: TextField.Changed) -> None:
        """Filter the prompts."""
        self.prompts.words = tuple(message.value.lower().split())
        self.prompts.index = 0
        self.prompts.refresh_rows()
        self.query_one(KeyBar).refresh_rows()

    def on_input_submitted(self, message: TextField.Submitted) -> None:
        """Ask the selected prompt."""
        message.stop()
        prompt = self.prompts.selected
        if prompt is not None:
            self.dismiss()
            self._ask_prompt(prompt)

    def action_choose(self, count: int) -> None:
        """Select another prompt."""
        self.prompts.choose(count)
