"""The checks of `gonogo preflight`, with results that appear while they run."""

from collections.abc import Sequence
from threading import Thread
from typing import ClassVar

from textual.binding import Binding
from textual.content import Content
from textual.message import Message

from app.tui.keys import make_bindings
from app.tui.screens.text import TextScreen
from widgets.frame import Frame
from widgets.preflight import PreflightResult, render_result_rows
from widgets.rows import ScrollableRows


class PreflightScreen(TextScreen):
    """Runs the checks when it opens and on request.

    They run in a daemon thread, so that the operator can leave at once.
    """

    BINDINGS: ClassVar[list[Binding]] = make_bindings("preflight")  # type: ignore[assignment]
    table = "preflight"
    export_name = "preflight"

    class CheckCompleted(Message):
        """The result of a check; None after the last one."""

        def __init__(self, result: PreflightResult | None) -> None:
            super().__init__()
            self.result = result

    def __init__(self) -> None:
        super().__init__()
        self._results: tuple[PreflightResult, ...] = ()
        self._is_checking = False

    def on_mount(self) -> None:
        """Run the checks."""
        self.action_again()

    def render_text(self, frame: Frame | None, width: int) -> Sequence[Content]:
        """Return the results so far."""
        return render_result_rows(self._results, running=self._is_checking, width=width)

    def action_again(self) -> None:
        """Run all checks again, unless they are running."""
        if not self._is_checking:
            self._results, self._is_checking = (), True
            self._refresh_page()
            Thread(target=self._run_checks, daemon=True).start()

    def _run_checks(self) -> None:
        for result in self.cockpit.checks():
            self.post_message(self.CheckCompleted(result))
        self.post_message(self.CheckCompleted(None))

    def on_preflight_screen_check_completed(self, message: CheckCompleted) -> None:
        """Show one more result."""
        if message.result is None:
            self._is_checking = False
        else:
            self._results = (*self._results, message.result)
        self._refresh_page()

    def _refresh_page(self) -> None:
        for page in self.query(ScrollableRows):
            page.refresh_rows()
