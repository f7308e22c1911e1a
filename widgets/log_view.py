"""The end of a log: it follows, or it stays where the reader is; it never jumps."""

import re
from collections.abc import Sequence
from typing import Final

from textual.content import Content, Span

from widgets import format as fmt
from widgets.rows import ViewRows
from widgets.view import LogLines, View

TROUBLE: Final = re.compile(r"\b(error|exception|traceback|out of memory|nan)\b", re.IGNORECASE)
CAUTION: Final = re.compile(r"\bwarn(ing)?\b", re.IGNORECASE)
FOUND: Final = "reverse"


def line_style(line: str) -> str:
    """Return the style of a log line by what it speaks of."""
    return fmt.BAD if TROUBLE.search(line) else fmt.WARN if CAUTION.search(line) else ""


def log_row(line: str, left: int, width: int, search: str = "") -> Content:
    """Return a log line from column `left` on, with what is searched for marked."""
    text = fmt.plain(line.expandtabs(8))
    content = Content.styled(text, line_style(text))
    if search:
        found = re.finditer(re.escape(search), text, re.IGNORECASE)
        content = content.add_spans([Span(m.start(), m.end(), FOUND) for m in found])
    return content[left:].truncate(width, ellipsis=True) if left else content.truncate(width, ellipsis=True)


class LogView(ViewRows):
    """A window on the log of the attempt that is shown."""

    follow = True
    top = 0
    left = 0
    search = ""
    only_found = False

    @property
    def log_lines(self) -> LogLines:
        """The lines at hand; with `only_found`, those in which the search is found."""
        log = self.view.record.log if self.view and self.view.record else LogLines()
        if self.only_found and self.search:
            needle = self.search.lower()
            return LogLines(0, tuple(line for line in log.lines if needle in line.lower()))
        return log

    def scroll_rows(self, count: int) -> None:
        """Move up or down; at the end the view follows again."""
        log, height = self.log_lines, self.size.height
        last = max(log.first, log.end - height)
        start = last if self.follow else self.top
        self.top = min(max(log.first, start + count), last)
        self.follow = self.top >= last and count >= 0
        self.refresh_rows()

    def scroll_columns(self, count: int) -> None:
        """Move to the left or right."""
        self.left = max(0, self.left + count)
        self.refresh_rows()

    def go_to_end(self) -> None:
        """Follow the end."""
        self.follow = True
        self.refresh_rows()

    def go_to_start(self) -> None:
        """Show the first line at hand."""
        self.follow, self.top = False, self.log_lines.first
        self.refresh_rows()

    def set_search(self, text: str) -> int:
        """Mark a text; return the number of lines in which it is found."""
        self.search = text
        self.refresh_rows()
        return sum(text.lower() in line.lower() for line in self.log_lines.lines) if text else 0

    def find(self, step: int) -> bool:
        """Go to the next (1) or the previous (-1) line that has the search; False where there is none."""
        log, needle = self.log_lines, self.search.lower()
        if not needle:
            return False
        start = (max(log.first, log.end - self.size.height) if self.follow else self.top) - log.first
        order = range(start + 1, len(log.lines)) if step > 0 else range(start - 1, -1, -1)
        for i in order:
            if needle in log.lines[i].lower():
                self.follow, self.top = False, log.first + i
                self.refresh_rows()
                return True
        return False

    def visible_lines(self) -> Sequence[str]:
        """Return the lines in the window, whole."""
        log, height = self.log_lines, self.size.height
        last = max(log.first, log.end - height)
        top = last if self.follow else min(max(log.first, self.top), max(log.first, log.end - 1))
        if not self.follow:
            self.top = top
        return log.lines[top - log.first : top - log.first + height]

    def draw(self, view: View, width: int, height: int) -> Sequence[Content]:
        """Return the window's rows."""
        lines = self.visible_lines()
        if not lines:
            return [Content.styled("no output yet", fmt.QUIET)]
        return [log_row(line, self.left, width, self.search) for line in lines]
