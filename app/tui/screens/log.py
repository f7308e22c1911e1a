"""The log of a phase, full screen: search, follow, write to a file, copy."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Label

from app.tui.keys import make_bindings
from app.tui.screens.screen import CockpitScreen
from widgets import styles
from widgets.frame import Frame
from widgets.header import ElapsedTime, HeaderRows
from widgets.key_bar import KeyBar, KeyHint
from widgets.log_pane import LogPane
from widgets.rows import FrameWidget, row
from widgets.text_field import TextField


class LogTitle(FrameWidget):
    """The log's phase, the search, and the position in the log."""

    def __init__(self, log: LogPane) -> None:
        super().__init__()
        self.log_pane = log
        self.matches = 0

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the row."""
        log = self.log_pane
        title = "no attempt yet"
        if frame.phase and frame.output:
            title = f"{frame.phase.title}, attempt {frame.output.attempt}"
        search = ""
        if log.search:
            lines = "line" if self.matches == 1 else "lines"
            only = ", only these" if log.only_matches else ""
            search = f'  {self.matches} {lines} with "{log.search}"{only}'
        position = ("following", styles.INFO) if log.follows else (self._describe_position(), styles.WARN)
        return [
            row(
                width,
                ("LOG ", styles.HEADING),
                (title, styles.STRONG),
                (search, styles.WARN),
                right=[position],
            )
        ]

    def _describe_position(self) -> str:
        log = self.log_pane
        newer = log.newest.end - log.held.end if log.held else 0
        more = f", {newer:,} newer" if newer else ""
        return f"line {log.window_start + 1:,} of {log.log_lines.end:,}{more}"


class LogScreen(CockpitScreen):
    """The part of the log that is in memory, which ends with the last line."""

    BINDINGS: ClassVar[list[Binding]] = make_bindings("log")  # type: ignore[assignment]
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
            yield TextField(id="search", select_on_focus=True)
        yield self.make_key_bar()

    @property
    def log_pane(self) -> LogPane:
        """The lines."""
        return self.query_one(LogPane)

    def list_key_hints(self) -> Sequence[KeyHint]:
        """Return the keys that work where the focus is."""
        if self.focused:
            return [KeyHint("Enter", "find", highlighted=True), KeyHint("Esc", "back")]
        return super().list_key_hints()

    def on_descendant_focus(self) -> None:
        """Show the keys of the search field."""
        self.query_one(KeyBar).refresh_rows()

    def on_descendant_blur(self) -> None:
        """Show the keys of the log again."""
        self.call_after_refresh(self.query_one(KeyBar).refresh_rows)

    def _refresh_title(self) -> None:
        self.query_one(LogTitle).refresh_rows()

    def action_search(self) -> None:
        """Open the search field."""
        self.query_one("#search-field").display = True
        self.set_focus(self.query_one("#search"))

    def on_input_changed(self, message: TextField.Changed) -> None:
        """Mark the matches while the operator types."""
        self.query_one(LogTitle).matches = self.log_pane.set_search(message.value)
        self._refresh_title()

    def on_input_submitted(self, message: TextField.Submitted) -> None:
        """Go to the latest match."""
        self.query_one("#search-field").display = False
        self.set_focus(None)
        self.log_pane.go_to_match(-1)
        self._refresh_title()

    def action_find(self, step: int) -> None:
        """Go to the next or previous match."""
        if not self.log_pane.go_to_match(step):
            self.cockpit.show_message("no other match" if self.log_pane.search else "press / to search")
        self._refresh_title()

    def action_filter(self) -> None:
        """Show only matching lines, or all."""
        self.log_pane.only_matches = not self.log_pane.only_matches
        self.log_pane.go_to_end()
        self._refresh_title()

    def action_follow(self) -> None:
        """Follow the end of the log."""
        self.log_pane.go_to_end()
        self._refresh_title()

    def action_start(self) -> None:
        """Go to the first line in memory."""
        self.log_pane.go_to_start()
        self._refresh_title()

    def action_scroll_rows(self, count: int) -> None:
        """Scroll up or down."""
        self.log_pane.scroll_rows(count)
        self._refresh_title()

    def action_page(self, pages: int) -> None:
        """Scroll by pages."""
        self.action_scroll_rows(pages * max(1, self.log_pane.size.height - 1))

    def action_scroll_columns(self, count: int) -> None:
        """Scroll to the left or right."""
        self.log_pane.scroll_columns(count)

    def action_copy(self) -> None:
        """Copy the lines on the screen at full length."""
        self.cockpit.copy("\n".join(self.log_pane.list_visible_lines()) + "\n", "lines")

    def action_write(self) -> None:
        """Write the lines in memory to a file."""
        output = self.frame.output if self.frame else None
        name = f"log-{output.phase}-{output.attempt}.txt" if output else "log.txt"
        self.cockpit.write(name, "\n".join(self.log_pane.log_lines.lines) + "\n")

    def action_back(self) -> None:
        """Leave the search field, or else the screen."""
        field = self.query_one("#search-field")
        if field.display:
            field.display = False
            self.set_focus(None)
        else:
            self.dismiss()
