"""Pages of text: help, plan, decisions and the session's result."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content

from app.tui.keys import TABLE_TITLES, KeyCommand, make_bindings
from app.tui.screens.screen import CockpitScreen, is_pod_waiting
from widgets import styles
from widgets.frame import Frame
from widgets.header import ElapsedTime, HeaderRows
from widgets.pages import TITLE_STYLE, render_decision_rows, render_outcome_rows, render_plan_rows
from widgets.rows import ScrollableRows, row
from widgets.text import fit

KEYS_WIDTH = 24


def render_help_rows(
    commands_of: Callable[[str], Sequence[KeyCommand]], first_table: str, width: int
) -> list[Content]:
    """Return all keys, those of `first_table` first; `commands_of` returns the commands of a key table."""
    rows = [row(width, ("Keys", TITLE_STYLE), ("  to change them: gonogo keys", styles.QUIET))]
    for table in sorted(TABLE_TITLES, key=lambda table: table != first_table):
        rows += [Content(), row(width, (TABLE_TITLES[table], styles.STRONG))]
        for command in commands_of(table):
            keys = f"  {fit(command.all_keys, KEYS_WIDTH)}"
            rows.append(row(width, (keys, styles.INFO), (command.help, "")))
    return rows


class TextPage(ScrollableRows):
    """Shows the rows that `render` returns for a frame and a width."""

    def __init__(self, render: Callable[[Frame | None, int], Sequence[Content]]) -> None:
        super().__init__()
        self._render_text = render

    def render_text(self, frame: Frame | None, width: int) -> Sequence[Content]:
        """Return all rows."""
        return self._render_text(frame, width)


class TextScreen(CockpitScreen):
    """A page of text below the session's header; `export_name` names it when it is copied or written."""

    BINDINGS: ClassVar[list[Binding]] = make_bindings("text")  # type: ignore[assignment]
    table = "text"
    export_name = "text"

    def render_text(self, frame: Frame | None, width: int) -> Sequence[Content]:
        """Return the page's rows."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Lay out the page."""
        yield HeaderRows()
        yield ElapsedTime()
        yield TextPage(self.render_text)
        yield self.make_key_bar()

    @property
    def page(self) -> TextPage:
        """The page."""
        return self.query_one(TextPage)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to keep the pod only on the result, which says when it is stopped."""
        return action != "keep" and super().check_action(action, parameters)

    def _format_page(self) -> str:
        rows = self.render_text(self.frame, self.page.size.width)
        return "\n".join(each.plain.rstrip() for each in rows) + "\n"

    def action_scroll_rows(self, count: int) -> None:
        """Scroll up or down."""
        self.page.scroll_rows(count)

    def action_page(self, pages: int) -> None:
        """Scroll by pages."""
        self.page.scroll_pages(pages)

    def action_scroll_columns(self, count: int) -> None:
        """Scroll to the left or right."""
        self.page.scroll_columns(count)

    def action_copy(self) -> None:
        """Copy the complete text."""
        self.cockpit.copy(self._format_page(), self.export_name)

    def action_write(self) -> None:
        """Write the complete text to a file."""
        self.cockpit.write(f"{self.export_name}.txt", self._format_page())


class HelpScreen(TextScreen):
    """All keys, those of the screen that it was opened from first."""

    export_name = "keys"

    def __init__(self, first_table: str) -> None:
        super().__init__()
        self._first_table = first_table

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Do not offer help on the help."""
        return action != "help" and super().check_action(action, parameters)

    def render_text(self, frame: Frame | None, width: int) -> Sequence[Content]:
        """Return the keys."""
        return render_help_rows(self.cockpit.list_commands, self._first_table, width)


class PlanScreen(TextScreen):
    """The plan and the selected phase's parameters."""

    export_name = "plan"

    def render_text(self, frame: Frame | None, width: int) -> Sequence[Content]:
        """Return the plan."""
        return render_plan_rows(frame, width) if frame else []


class DecisionsScreen(TextScreen):
    """The past decisions with their reasons."""

    export_name = "decisions"

    def render_text(self, frame: Frame | None, width: int) -> Sequence[Content]:
        """Return the decisions."""
        return render_decision_rows(frame, width) if frame else []


class OutcomeScreen(TextScreen):
    """The session's result."""

    export_name = "result"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to keep the pod while it waits to be stopped."""
        if action == "keep":
            return self.frame is not None and is_pod_waiting(self.frame)
        return super().check_action(action, parameters)

    def should_highlight(self, action: str) -> bool:
        """Highlight the key that keeps the pod."""
        return action == "keep"

    def render_text(self, frame: Frame | None, width: int) -> Sequence[Content]:
        """Return the result."""
        return render_outcome_rows(frame, width) if frame else []
