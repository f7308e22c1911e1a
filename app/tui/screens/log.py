"""The log of a phase: search, follow, write to a file, copy."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, Label

from app.tui.keys import bindings
from app.tui.screens.screen import CockpitScreen
from widgets import styles
from widgets.frame import Frame
from widgets.header import ElapsedTime, HeaderRows
from widgets.key_bar import Key, KeyBar
from widgets.log_pane import LogPane
from widgets.rows import FrameWidget, row


class LogTitle(FrameWidget):
    """Which log, where in it, and what is searched for."""

    def __init__(self, log: LogPane) -> None:
        super().__init__()
        self.log_pane = log
        self.found = 0

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the row."""
        log, lines = self.log_pane, self.log_pane.log_lines
        phase = frame.phase
        title = (
            f"{phase.title}, attempt {frame.output.attempt}" if phase and frame.output else "no attempt yet"
        )
        newer = log.newest.end - log.held.end if log.held else 0
        more = f", {newer:,} newer" if newer else ""
        place = "following" if log.follow else f"line {log.window_start + 1:,} of {lines.end:,}{more}"
        lines_with = "line" if self.found == 1 else "lines"
        search = f'  {self.found} {lines_with} with "{log.search}"' if log.search else ""
        only = ", only these" if log.only_found and log.search else ""
        return [
            row(
                width,
                ("LOG ", styles.HEADING),
                (title, styles.STRONG),
                (search + only, styles.WARN),
                right=[(place, styles.INFO if log.follow else styles.WARN)],
            )
        ]


class LogScreen(CockpitScreen):
    """The end of the log, as far as it is kept in memory."""

    CSS_PATH = "log.tcss"
    BINDINGS: ClassVar[list[Binding]] = bindings("log")  # type: ignore[assignment]
    table = "log"

    def compose(self) -> ComposeResult:
        """Lay out title, lines and search field."""
        log = LogPane(id="log")
        yield HeaderRows()
        yield ElapsedTime()
        yield LogTitle(log)
        yield log
        with Horizontal(id="search-field"):
            yield Label("search", markup=False)
            yield Input(id="search", compact=True, select_on_focus=True)
        yield self.key_bar()

    @property
    def log_pane(self) -> LogPane:
        """The lines."""
        return self.query_one(LogPane)

    def keys(self) -> Sequence[Key]:
        """Return the keys that work where the focus is."""
        return [Key("Enter", "find", loud=True), Key("Esc", "back")] if self.focused else super().keys()

    def on_descendant_focus(self) -> None:
        """Show the keys of the search field."""
        self.query_one(KeyBar).refresh_rows()

    def on_descendant_blur(self) -> None:
        """Show the keys of the log again."""
        self.call_after_refresh(self.query_one(KeyBar).refresh_rows)

    def on_mount(self) -> None:
        """Draw the first view; a cursor that blinks would be sent over the line for ever."""
        self.query_one("#search", Input).cursor_blink = False
        super().on_mount()

    def _moved(self) -> None:
        self.query_one(LogTitle).refresh_rows()

    def action_search(self) -> None:
        """Ask what to search for."""
        self.query_one("#search-field").display = True
        self.set_focus(self.query_one("#search"))

    def on_input_changed(self, message: Input.Changed) -> None:
        """Mark what is found while it is typed."""
        self.query_one(LogTitle).found = self.log_pane.set_search(message.value)
        self._moved()

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Go to the latest line found."""
        self.query_one("#search-field").display = False
        self.set_focus(None)
        self.log_pane.find(-1)
        self._moved()

    def action_find(self, step: int) -> None:
        """Go to another line that is found."""
        if not self.log_pane.find(step):
            self.cockpit.say("no other line" if self.log_pane.search else "press / to search")
        self._moved()

    def action_filter(self) -> None:
        """Show only lines that are found, or all again."""
        self.log_pane.only_found = not self.log_pane.only_found
        self.log_pane.go_to_end()
        self._moved()

    def action_follow(self) -> None:
        """Follow the end."""
        self.log_pane.go_to_end()
        self._moved()

    def action_start(self) -> None:
        """Go to the first line at hand."""
        self.log_pane.go_to_start()
        self._moved()

    def action_scroll_rows(self, count: int) -> None:
        """Move up or down."""
        self.log_pane.scroll_rows(count)
        self._moved()

    def action_page(self, pages: int) -> None:
        """Move by a page."""
        self.action_scroll_rows(pages * max(1, self.log_pane.size.height - 1))

    def action_scroll_columns(self, count: int) -> None:
        """Move to the left or right."""
        self.log_pane.scroll_columns(count)

    def action_copy(self) -> None:
        """Copy the lines on the screen, whole."""
        self.cockpit.copy("\n".join(self.log_pane.visible_lines()) + "\n", "lines")

    def action_write(self) -> None:
        """Write the lines at hand to a file."""
        output = self.frame.output if self.frame else None
        name = f"log-{output.phase}-{output.attempt}.txt" if output else "log.txt"
        self.cockpit.write(name, "\n".join(self.log_pane.log_lines.lines) + "\n")

    def action_back(self) -> None:
        """Leave the search, then the screen."""
        field = self.query_one("#search-field")
        if field.display:
            field.display = False
            self.set_focus(None)
        else:
            self.dismiss()
