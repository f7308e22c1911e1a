"""The base of the cockpit's widgets: rows of text that a pure function makes from an immutable view.

A terminal over SSH is slow, so a row is sent again only when it has changed.
"""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style as SegmentStyle
from textual.content import Content
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.style import Style
from textual.widget import Widget

from widgets import styles
from widgets.frame import Frame
from widgets.text import count_more_rows, replace_controls

Part = tuple[str, str]
"""A piece of text and its style."""


def row(width: int, *parts: Part, right: Sequence[Part] = ()) -> Content:
    """Return one row: parts from the left, `right` at the right edge; the left is cut to the room."""
    end = Content.assemble(*((replace_controls(text), style) for text, style in right))
    room = width - end.cell_length - (1 if right else 0)
    start = Content.assemble(*((replace_controls(text), style) for text, style in parts)).truncate(
        max(0, room), ellipsis=True
    )
    if not right:
        return start
    return Content.assemble(start, " " * (width - start.cell_length - end.cell_length), end)


def _cells(strip: Strip) -> list[tuple[str, SegmentStyle | None]] | None:
    cells = [(char, segment.style) for segment in strip for char in segment.text]
    return cells if len(cells) == strip.cell_length else None


def find_changed_cells(old: Strip, new: Strip) -> tuple[int, int]:
    """Return the first cell that differs and the one after the last; all where characters are wide."""
    if old == new:
        return 0, 0
    before, after = _cells(old), _cells(new)
    if before is None or after is None or len(before) != len(after):
        return 0, new.cell_length
    differ = [x for x, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    return (differ[0], differ[-1] + 1) if differ else (0, 0)


class RowWidget(Widget):
    """Shows what `rows()` returns for the widget's size; `refresh_rows()` redraws what has changed."""

    DEFAULT_CSS = "RowWidget { height: 1fr; width: 1fr; }"

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._shown: list[Content] = []
        self._strips: dict[int, Strip] = {}
        self._made_for = Size(0, 0)

    def rows(self, width: int, height: int) -> Sequence[Content]:
        """Return the rows for this size; a pure function of what the widget was given."""
        raise NotImplementedError

    def refresh_rows(self) -> None:
        """Make the rows anew and redraw those that differ."""
        width, height = self.size
        if not width or not height:  # hidden: what was made is old when it is shown again
            self._made_for = self.size
            return
        before, resized = self._shown, self._made_for != self.size
        self._make()
        if resized:
            self.refresh()
            return
        changed = [y for y in range(height) if not self._shown[y].is_same(before[y])]
        regions = []
        for y in changed:
            old = self._strips.pop(y, None)
            first, last = find_changed_cells(old, self.render_line(y)) if old else (0, width)
            regions.append(Region(first, y, last - first, 1))
        if regions:
            self.refresh(*regions)

    def _make(self) -> None:
        width, height = self.size
        fresh = list(self.rows(width, height))[:height]
        self._shown = fresh + [Content()] * (height - len(fresh))
        if self._made_for != self.size:
            self._made_for = self.size
            self._strips.clear()

    def on_resize(self) -> None:
        """Fit the rows to the new size, unless they have been painted in it already."""
        if self._made_for != self.size:
            self.refresh_rows()

    def notify_style_update(self) -> None:
        """Forget colours of the theme that was."""
        super().notify_style_update()
        self._strips.clear()

    @staticmethod
    def _style(text: str | Style) -> Style:
        return Style.parse(text) if isinstance(text, str) else text

    def render_line(self, y: int) -> Strip:
        """Return one row as Textual draws it; the first paint in a size comes before the message of it."""
        if self._made_for != self.size:
            self._make()
        width = self.size.width
        base = self.visual_style
        if y >= len(self._shown):
            return Strip.blank(width, base.rich_style)
        if y not in self._strips:
            parts = self._shown[y].render(base, end="", parse_style=self._style)
            strip = Strip(
                [Segment(replace_controls(text), (base + style).rich_style) for text, style in parts]
            )
            self._strips[y] = strip.adjust_cell_length(width, base.rich_style).simplify()
        return self._strips[y]


class FrameWidget(RowWidget):
    """RowWidget drawn from a view of the session."""

    frame: Frame | None = None

    def show(self, frame: Frame) -> None:
        """Draw a new view."""
        self.frame = frame
        self.refresh_rows()

    def rows(self, width: int, height: int) -> Sequence[Content]:
        """Return the rows of the view, none before there is one."""
        return self.draw(self.frame, width, height) if self.frame else []

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the rows of a view; a pure function."""
        raise NotImplementedError


class ScrollableRows(FrameWidget):
    """RowWidget in a window that scrolls, to the side as well where one is longer than the widget is wide."""

    top = left = 0

    def text(self, frame: Frame | None, width: int) -> Sequence[Content]:
        """Return all rows; a pure function."""
        raise NotImplementedError

    def scroll_rows(self, count: int) -> None:
        """Move up or down."""
        self.top += count
        self.refresh_rows()

    def scroll_pages(self, pages: int) -> None:
        """Move up or down by what the window shows."""
        self.scroll_rows(pages * max(1, self.size.height - 2))

    def scroll_columns(self, count: int) -> None:
        """Move to the left or right."""
        self.left = max(0, self.left + count)
        self.refresh_rows()

    def rows(self, width: int, height: int) -> Sequence[Content]:
        """Return the rows in the window; where not all fit, the last says how many are above and below."""
        whole = self.text(self.frame, width)
        hidden = max(0, max((r.cell_length for r in whole), default=0) - width)
        self.left = min(self.left, hidden)
        rows = [(r[self.left :] if self.left else r).truncate(width, ellipsis=True) for r in whole]
        if len(rows) <= height:
            self.top = 0
            return rows
        self.top = min(max(0, self.top), len(rows) - height + 1)
        window = rows[self.top : self.top + height - 1]
        below = len(rows) - self.top - len(window)
        above = f"{self.top} above  " if self.top else ""
        more = f"{count_more_rows(below)}  " if below else "end  "
        keys = "up, down, left, right" if hidden else "up, down"
        return [*window, row(width, (f"{more}{above}{keys} to scroll", styles.INFO))]
