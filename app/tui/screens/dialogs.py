"""The dialogs for yes or no, and for leaving."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content

from app.session.snapshot import OVER
from app.tui.keys import make_bindings
from app.tui.screens.screen import Dialog, DialogResult
from widgets.frame import Frame
from widgets.key_bar import KeyBar, KeyHint
from widgets.rows import Part, RowWidget, row
from widgets.text import wrap


class TextBlock(RowWidget):
    """Lines of text, wrapped, below rows that are ready."""

    def __init__(
        self,
        lines: Sequence[Part],
        above: Sequence[Content] = (),
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self.lines, self.above = lines, above

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """Return the height of the text at this width."""
        return len(self.render_rows(width, 0))

    def render_rows(self, width: int, height: int) -> Sequence[Content]:
        """Return the rows."""
        text = [row(width, (line, style)) for text, style in self.lines for line in wrap(text, width)]
        return [*self.above, *text]


class QuestionDialog(Dialog[DialogResult]):
    """A title, a text, and keys to answer with; the `highlighted` action is the usual answer."""

    highlighted: ClassVar[str] = ""

    def __init__(self, title: str, *lines: str) -> None:
        super().__init__()
        self.question = title
        self.lines = lines

    def compose(self) -> ComposeResult:
        """Lay out the box."""
        with Vertical(id="box") as box:
            box.border_title = Content(self.question)  # type: ignore[assignment]
            yield TextBlock([(line, "") for line in self.lines])
            yield KeyBar(self.list_key_hints)

    def list_key_hints(self) -> Sequence[KeyHint]:
        """Return the keys that answer."""
        return [
            KeyHint(command.key, command.footer, command.action == self.highlighted)
            for command in self.cockpit.list_commands(self.table)
            if command.footer and self.check_action(command.action, command.arguments)
        ]


class ConfirmDialog(QuestionDialog[bool]):
    """Yes or no; Enter answers nothing. It closes without an answer when the question no longer applies."""

    BINDINGS: ClassVar[list[Binding]] = make_bindings("confirm")  # type: ignore[assignment]
    table = "confirm"

    def __init__(self, title: str, text: str, is_current: Callable[[Frame], bool]) -> None:
        super().__init__(title, text)
        self._is_current = is_current

    def show(self, frame: Frame) -> None:
        """Close if the question no longer applies, because a yes would then mean something else."""
        super().show(frame)
        if not self._is_current(frame):
            self.cockpit.show_message("Someone else decided first; nothing was sent.")
            self.dismiss(None)

    def action_yes(self) -> None:
        """Answer yes."""
        self.dismiss(True)

    def action_no(self) -> None:
        """Answer no."""
        self.dismiss(False)


class QuitDialog(QuestionDialog[str]):
    """Detach (the default, with Enter), stop the session, or stay: results in `detach`, `stop` or empty."""

    BINDINGS: ClassVar[list[Binding]] = make_bindings("quit")  # type: ignore[assignment]
    table = "quit"
    highlighted = "detach"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to stop a session that is not over, unless the cockpit is read-only."""
        if action != "stop":
            return True
        frame = self.cockpit.frame
        return frame is not None and frame.snapshot.state not in OVER and not self.cockpit.read_only

    def action_detach(self) -> None:
        """Close the cockpit; the session keeps running."""
        self.dismiss("detach")

    def action_stop(self) -> None:
        """Stop the session."""
        self.dismiss("stop")

    def action_cancel(self) -> None:
        """Stay."""
        self.dismiss("")
