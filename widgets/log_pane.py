"""The end of a log: it follows, or it stays where the reader is; it never jumps."""

import re
from collections.abc import Sequence
from typing import Final

from textual.content import Content, Span

from widgets import styles
from widgets.frame import Frame, LogLines
from widgets.rows import FrameWidget
from widgets.text import replace_controls

TROUBLE: Final = re.compile(r"\b(error|exception|traceback|out of memory|nan)\b", re.IGNORECASE)
CAUTION: Final = re.compile(r"\bwarn(ing)?\b", re.IGNORECASE)
FOUND: Final = "reverse"


def _attempt(frame: Frame) -> tuple[str, int]:
    return (frame.output.phase, frame.output.attempt) if frame.output else ("", 0)


def select_log_style(line: str) -> str:
    """Return the style of a log line by what it speaks of."""
    return styles.BAD if TROUBLE.search(line) else styles.WARN if CAUTION.search(line) else ""


def render_log_row(line: str, left: int, width: int, search: str = "", here: bool = False) -> Content:
    """Return a log line from column `left` on, with what is searched for marked."""
    text = replace_controls(line.expandtabs(8))
    content = Content.styled(
        text, f"{styles.STRONG} {select_log_style(text)}" if here else select_log_style(text)
    )
    if search:
        found = re.finditer(re.escape(search), text, re.IGNORECASE)
        content = content.add_spans([Span(m.start(), m.end(), FOUND) for m in found])
    return content[left:].truncate(width, ellipsis=True) if left else content.truncate(width, ellipsis=True)


class LogPane(FrameWidget):
    """A window on the log of the attempt that is shown.

    Who reads, reads the log as it was then: lines that come or are dropped meanwhile move nothing.
    """

    held: LogLines | None = None
    top = 0
    left = 0
    search = ""
    found: int | None = None
    only_found = False

    @property
    def follow(self) -> bool:
        """Whether the end is followed."""
        return self.held is None

    @property
    def newest(self) -> LogLines:
        """The lines as they stand."""
        return self.frame.output.log if self.frame and self.frame.output else LogLines()

    @property
    def log_lines(self) -> LogLines:
        """The lines that are read; with `only_found`, those in which the search is found."""
        log = self.newest if self.held is None else self.held
        if self.only_found and self.search:
            needle = self.search.lower()
            return LogLines(0, tuple(line for line in log.lines if needle in line.lower()))
        return log

    def show(self, frame: Frame) -> None:
        """Draw a new view; the log of another attempt is followed from its end."""
        if self.frame is None or _attempt(self.frame) != _attempt(frame):
            self.held = self.found = None
        super().show(frame)

    def scroll_rows(self, count: int) -> None:
        """Move up or down; at the end the view follows again."""
        log, height = self.log_lines, self.size.height
        last = max(log.first, log.end - height)
        self.top = min(max(log.first, self.window_start + count), last)
        self.held = None if self.top >= last and count >= 0 else self.held or self.newest
        self.refresh_rows()

    def scroll_columns(self, count: int) -> None:
        """Move to the left or right."""
        self.left = max(0, self.left + count)
        self.refresh_rows()

    def go_to_end(self) -> None:
        """Follow the end."""
        self.held = self.found = None
        self.refresh_rows()

    def go_to_start(self) -> None:
        """Show the first line at hand."""
        self.held = self.held or self.newest
        self.top = self.log_lines.first
        self.refresh_rows()

    def set_search(self, text: str) -> int:
        """Mark a text; return the number of lines in which it is found."""
        self.search, self.found = text, None
        self.refresh_rows()
        return sum(text.lower() in line.lower() for line in self.log_lines.lines) if text else 0

    def find(self, step: int) -> bool:
        """Go to the next (1) or the previous (-1) line that has the search; False where there is none.

        The first search goes from the end backwards.
        """
        log, needle, height = self.log_lines, self.search.lower(), self.size.height
        if not needle:
            return False
        start = log.end if self.found is None else self.found
        lines = range(start + 1, log.end) if step > 0 else range(start - 1, log.first - 1, -1)
        there = next(
            (n for n in lines if n >= log.first and needle in log.lines[n - log.first].lower()), None
        )
        if there is None:
            return False
        last = max(log.first, log.end - height)
        self.found, self.held = there, self.held or self.newest
        self.top = min(max(log.first, there - height // 3), last)
        self.refresh_rows()
        return True

    @property
    def window_start(self) -> int:
        """The number of the first line in the window; what the log has dropped is not waited for."""
        log = self.log_lines
        last = max(log.first, log.end - self.size.height)
        return last if self.follow else min(max(log.first, self.top), last)

    def visible_lines(self) -> Sequence[str]:
        """Return the lines in the window, whole."""
        log, start = self.log_lines, self.window_start
        return log.lines[start - log.first : start - log.first + self.size.height]

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the window's rows."""
        lines = self.visible_lines()
        if not lines:
            return [Content.styled("no output yet", styles.QUIET)]
        at = self.found - self.window_start if self.found is not None else None
        return [render_log_row(line, self.left, width, self.search, i == at) for i, line in enumerate(lines)]
