"""Small questions: leave or stop, yes or no."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content

from app.session.snapshot import OVER
from app.tui.keys import bindings
from app.tui.screens.screen import Answer, Dialog
from widgets.frame import Frame
from widgets.key_bar import Key, KeyBar
from widgets.rows import Part, RowWidget, row
from widgets.text import wrap


class TextBlock(RowWidget):
    """A few lines of text, wrapped."""

    def __init__(self, lines: Sequence[Sequence[Part]], above: Sequence[Content] = ()) -> None:
        super().__init__()
        self.lines, self.above = lines, above

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """As high as the text is at this width."""
        return len(self.rows(width, 0))

    def rows(self, width: int, height: int) -> Sequence[Content]:
        """Return the lines; one that is a single part is wrapped."""
        found = list(self.above)
        for parts in self.lines:
            if len(parts) == 1:
                text, style = parts[0]
                found += [row(width, (line, style)) for line in wrap(text, width)]
            else:
                found.append(row(width, *parts))
        return found


class Question(Dialog[Answer]):
    """A title, a text, and keys to answer with; `table` names their part of the table of keys."""

    CSS_PATH = "dialogs.tcss"
    table: ClassVar[str]
    loud: ClassVar[str] = ""

    def __init__(self, title: str, *lines: str) -> None:
        super().__init__()
        self.question_title = title
        self.lines = lines

    def compose(self) -> ComposeResult:
        """Lay out the box."""
        with Vertical(id="box") as box:
            box.border_title = Content(self.question_title)  # type: ignore[assignment]
            yield TextBlock([[(line, "")] for line in self.lines])
            yield KeyBar(
                lambda: [
                    Key(c.key, c.footer, c.action == self.loud)
                    for c in self.cockpit.commands(self.table)
                    if c.footer and self.check_action(c.action, ())
                ]
            )


class Confirm(Question[bool]):
    """Yes or no; Enter answers nothing. It closes unanswered as soon as a view is not what it `asks_of`."""

    BINDINGS: ClassVar[list[Binding]] = bindings("confirm")  # type: ignore[assignment]
    table = "confirm"

    def __init__(self, title: str, text: str, asks_of: Callable[[Frame], bool]) -> None:
        super().__init__(title, text)
        self._asks_of = asks_of

    def show(self, frame: Frame) -> None:
        """Close where the question was settled meanwhile: a yes would then mean something else."""
        super().show(frame)
        if not self._asks_of(frame):
            self.cockpit.say("Settled meanwhile: nothing was sent.")
            self.dismiss(None)

    def action_yes(self) -> None:
        """Answer yes."""
        self.dismiss(True)

    def action_no(self) -> None:
        """Answer no."""
        self.dismiss(False)


class Quit(Question[str]):
    """Detach (the default, with Enter), stop the session, or stay: answers `detach`, `stop` or nothing."""

    BINDINGS: ClassVar[list[Binding]] = bindings("quit")  # type: ignore[assignment]
    table = "quit"
    loud = "detach"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to stop what goes on, to who may."""
        frame = self.cockpit.frame
        goes_on = frame is not None and frame.snapshot.state not in OVER
        return action != "stop" or (goes_on and not self.cockpit.read_only)

    def action_detach(self) -> None:
        """Leave; the session goes on."""
        self.dismiss("detach")

    def action_stop(self) -> None:
        """Stop the session."""
        self.dismiss("stop")

    def action_cancel(self) -> None:
        """Stay."""
        self.dismiss("")
