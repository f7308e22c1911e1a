"""What would fail later, found now: the checks of `gonogo preflight`, as a list that fills."""

from collections.abc import Callable, Iterator, Sequence
from threading import Thread
from typing import ClassVar

from textual.binding import Binding
from textual.content import Content
from textual.message import Message

from app.tui.keys import bindings
from app.tui.screens.text import TextScreen
from widgets.frame import Frame
from widgets.preflight import Check, render_check_rows
from widgets.rows import ScrollableRows


class PreflightScreen(TextScreen):
    """Runs the checks when it opens and when it is asked to; `checks` yields what each finds, as it is known.

    They run in a thread that nobody waits for: who leaves, leaves at once.
    """

    BINDINGS: ClassVar[list[Binding]] = bindings("preflight")  # type: ignore[assignment]
    table = "preflight"
    name_of_text = "preflight"

    class Found(Message):
        """What a check found; None after the last."""

        def __init__(self, check: Check | None) -> None:
            super().__init__()
            self.check = check

    def __init__(self, checks: Callable[[], Iterator[Check]]) -> None:
        super().__init__()
        self._checks = checks
        self._found: tuple[Check, ...] = ()
        self._looking = False

    def on_mount(self) -> None:
        """Begin to look."""
        self.action_again()

    def text(self, frame: Frame | None, width: int) -> Sequence[Content]:
        """Return what was found so far."""
        return render_check_rows(self._found, looking=self._looking, width=width)

    def action_again(self) -> None:
        """Look again, from the first check on."""
        if not self._looking:
            self._found, self._looking = (), True
            self._refresh()
            Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        for check in self._checks():
            self.post_message(self.Found(check))
        self.post_message(self.Found(None))

    def on_preflight_screen_found(self, message: Found) -> None:
        """Show one more."""
        if message.check is None:
            self._looking = False
        else:
            self._found = (*self._found, message.check)
        self._refresh()

    def _refresh(self) -> None:
        for rows in self.query(ScrollableRows):
            rows.refresh_rows()
