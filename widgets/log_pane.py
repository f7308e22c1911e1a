"""A window on the end of a log: it follows new lines, or stays still while the operator reads."""

import re
from collections.abc import Sequence
from typing import Final

from textual.content import Content, Span

from widgets import styles
from widgets.frame import Frame, LogLines
from widgets.panel import Panel, name_panel
from widgets.rows import Part
from widgets.text import replace_controls

ERROR: Final = re.compile(r"\b(error|exception|traceback|out of memory|nan)\b", re.IGNORECASE)
WARNING: Final = re.compile(r"\bwarn(ing)?\b", re.IGNORECASE)
MATCH_STYLE: Final = "reverse"


def _identify_attempt(frame: Frame) -> tuple[str, int]:
    return (frame.output.phase, frame.output.attempt) if frame.output else ("", 0)


def select_log_style(line: str) -> str:
    """Return the color of a log line: errors and warnings stand out."""
    if ERROR.search(line):
        return styles.BAD
    return styles.WARN if WARNING.search(line) else ""


def render_log_row(line: str, left: int, width: int, search: str = "", *, current: bool = False) -> Content:
    """Return a log line from column `left` on, with matches of the search marked."""
    text = replace_controls(line.expandtabs(8))
    style = select_log_style(text)
    content = Content.styled(text, f"{styles.STRONG} {style}" if current else style)
    if search:
        matches = re.finditer(re.escape(search), text, re.IGNORECASE)
        content = content.add_spans([Span(m.start(), m.end(), MATCH_STYLE) for m in matches])
    return (content[left:] if left else content).truncate(width, ellipsis=True)


class LogPane(Panel):
    """A window on the log of the selected attempt.

    When the operator scrolls up, the pane keeps the log of that moment: lines that arrive or are dropped
    later do not move the text.
    """

    held: LogLines | None = None
    top = 0
    left = 0
    search = ""
    match: int | None = None
    only_matches = False

    def make_title(self, frame: Frame) -> Sequence[Part]:
        """Return the name of the log."""
        return name_panel("LOG")

    @property
    def follows(self) -> bool:
        """Whether the pane follows the end of the log."""
        return self.held is None

    @property
    def newest(self) -> LogLines:
        """The latest lines of the log."""
        return self.frame.output.log if self.frame and self.frame.output else LogLines()

    @property
    def log_lines(self) -> LogLines:
        """The lines to read; with `only_matches`, those that match the search."""
        log = self.newest if self.held is None else self.held
        if self.only_matches and self.search:
            needle = self.search.lower()
            return LogLines(0, tuple(line for line in log.lines if needle in line.lower()))
        return log

    def show(self, frame: Frame) -> None:
        """Draw a new frame; for another attempt, follow the end of its log."""
        if self.frame is None or _identify_attempt(self.frame) != _identify_attempt(frame):
            self.held = self.match = None
        super().show(frame)

    def scroll_rows(self, count: int) -> None:
        """Scroll up or down; at the end, follow again."""
        log, height = self.log_lines, self.size.height
        last = max(log.first, log.end - height)
        self.top = min(max(log.first, self.window_start + count), last)
        self.held = None if self.top >= last and count >= 0 else self.held or self.newest
        self.refresh_rows()

    def scroll_columns(self, count: int) -> None:
        """Scroll to the left or right."""
        self.left = max(0, self.left + count)
        self.refresh_rows()

    def go_to_end(self) -> None:
        """Follow the end of the log."""
        self.held = self.match = None
        self.refresh_rows()

    def go_to_start(self) -> None:
        """Show the first line in memory."""
        self.held = self.held or self.newest
        self.top = self.log_lines.first
        self.refresh_rows()

    def set_search(self, text: str) -> int:
        """Mark a text and return the number of lines that contain it."""
        self.search, self.match = text, None
        self.refresh_rows()
        return sum(text.lower() in line.lower() for line in self.log_lines.lines) if text else 0

    def go_to_match(self, step: int) -> bool:
        """Go to the next (1) or previous (-1) line that matches; return whether there is one.

        The first call after a search starts at the end of the log.
        """
        log, needle, height = self.log_lines, self.search.lower(), self.size.height
        if not needle:
            return False
        start = log.end if self.match is None else self.match
        numbers = range(start + 1, log.end) if step > 0 else range(start - 1, log.first - 1, -1)
        match = next((n for n in numbers if n >= log.first and needle in log.line(n).lower()), None)
        if match is None:
            return False
        last = max(log.first, log.end - height)
        self.match, self.held = match, self.held or self.newest
        self.top = min(max(log.first, match - height // 3), last)
        self.refresh_rows()
        return True

    @property
    def window_start(self) -> int:
        """The number of the first line in the window, which is never one that the log has dropped."""
        log = self.log_lines
        last = max(log.first, log.end - self.size.height)
        return last if self.follows else min(max(log.first, self.top), last)

    def list_visible_lines(self) -> Sequence[str]:
        """Return the lines in the window at full length."""
        log, start = self.log_lines, self.window_start
        return log.lines[start - log.first : start - log.first + self.size.height]

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the window's rows."""
        lines = self.list_visible_lines()
        if not lines:
            return [Content.styled("no output yet", styles.QUIET)]
        match_row = self.match - self.window_start if self.match is not None else None
        return [
            render_log_row(line, self.left, width, self.search, current=i == match_row)
            for i, line in enumerate(lines)
        ]
