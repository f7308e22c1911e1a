"""Base classes of the cockpit's widgets: rows of text that a pure function makes from immutable data.

A widget repaints only the cells that have changed, because a terminal over SSH is slow.
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
    """Return one row: `parts` from the left, cut if they do not fit, and `right` at the right edge."""
    end = Content.assemble(*((replace_controls(text), style) for text, style in right))
    room = width - end.cell_length - (1 if right else 0)
    start = Content.assemble(*((replace_controls(text), style) for text, style in parts)).truncate(
        max(0, room), ellipsis=True
    )
    if not right:
        return start
    return Content.assemble(start, " " * (width - start.cell_length - end.cell_length), end)


def _split_cells(strip: Strip) -> list[tuple[str, SegmentStyle | None]] | None:
    """Return the character and style of each cell; None if a character is wider than a cell."""
    cells = [(char, segment.style) for segment in strip for char in segment.text]
    return cells if len(cells) == strip.cell_length else None


def find_changed_cells(old: Strip, new: Strip) -> tuple[int, int]:
    """Return the first cell that differs and the one after the last; every cell if some are wide."""
    runs = find_changed_runs(old, new)
    return (runs[0][0], runs[-1][1]) if runs else (0, 0)


def find_changed_runs(old: Strip, new: Strip, max_gap: int = 0) -> list[tuple[int, int]]:
    """Return the first cell of each run that differs and the one after its last; every cell if some are wide.

    Args:
        old: what is shown.
        new: what will be shown.
        max_gap: the number of equal cells that do not end a run.
    """
    if old == new:
        return []
    before, after = _split_cells(old), _split_cells(new)
    if before is None or after is None or len(before) != len(after):
        return [(0, new.cell_length)]
    runs: list[tuple[int, int]] = []
    for x, (a, b) in enumerate(zip(before, after, strict=True)):
        if a == b:
            continue
        if runs and x - runs[-1][1] <= max_gap:
            runs[-1] = runs[-1][0], x + 1
        else:
            runs.append((x, x + 1))
    return runs


class RowWidget(Widget):
    """Shows the rows of `render_rows()` for its size; `refresh_rows()` repaints those that have changed."""

    DEFAULT_CSS = "RowWidget { height: 1fr; width: 1fr; }"

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._rows: list[Content] = []
        self._strips: dict[int, Strip] = {}
        self._rows_size = Size(0, 0)
        self._title: tuple[Part, ...] = ()

    @property
    def has_border(self) -> bool:
        """Whether the border, and with it the title, is visible."""
        return bool(self.styles.border_top[0] and self.styles.border_left[0])

    def set_border_title(self, title: Sequence[Part]) -> None:
        """Set the title in the border; one that has not changed repaints nothing."""
        if tuple(title) != self._title:
            self._title = tuple(title)
            self.border_title = Content.assemble(*((replace_controls(text), style) for text, style in title))

    def render_rows(self, width: int, height: int) -> Sequence[Content]:
        """Return the rows for this size, without side effects."""
        raise NotImplementedError

    def refresh_rows(self) -> None:
        """Make the rows again and repaint those that differ."""
        width, height = self.size
        if not width or not height:  # Hidden: the rows are out of date when it is shown again.
            self._rows_size = self.size
            return
        before, resized = self._rows, self._rows_size != self.size
        self._update_rows()
        if resized:
            self.refresh()
            return
        changed = [y for y in range(height) if not self._rows[y].is_same(before[y])]
        regions = []
        for y in changed:
            old = self._strips.pop(y, None)
            first, last = find_changed_cells(old, self.render_line(y)) if old else (0, width)
            regions.append(Region(first, y, last - first, 1))
        if regions:
            self.refresh(*regions)

    def _update_rows(self) -> None:
        width, height = self.size
        rows = list(self.render_rows(width, height))[:height]
        self._rows = rows + [Content()] * (height - len(rows))
        if self._rows_size != self.size:
            self._rows_size = self.size
            self._strips.clear()

    def on_resize(self) -> None:
        """Fit the rows to the new size, unless they were already painted in it."""
        if self._rows_size != self.size:
            self.refresh_rows()

    def notify_style_update(self) -> None:
        """Discard strips that have the colors of the previous theme."""
        super().notify_style_update()
        self._strips.clear()

    @staticmethod
    def _parse_style(text: str | Style) -> Style:
        return Style.parse(text) if isinstance(text, str) else text

    def render_line(self, y: int) -> Strip:
        """Return one row as Textual paints it.

        Textual may paint a new size before it sends the resize event, so the size is checked here too.
        """
        if self._rows_size != self.size:
            self._update_rows()
        width = self.size.width
        base = self.visual_style
        if y >= len(self._rows):
            return Strip.blank(width, base.rich_style)
        if y not in self._strips:
            parts = self._rows[y].render(base, end="", parse_style=self._parse_style)
            strip = Strip(
                [Segment(replace_controls(text), (base + style).rich_style) for text, style in parts]
            )
            self._strips[y] = strip.adjust_cell_length(width, base.rich_style).simplify()
        return self._strips[y]


class FrameWidget(RowWidget):
    """A widget that draws a frame."""

    frame: Frame | None = None

    def show(self, frame: Frame) -> None:
        """Draw a new frame."""
        self.frame = frame
        self.refresh_rows()

    def render_rows(self, width: int, height: int) -> Sequence[Content]:
        """Return the rows of the frame; none before the first frame."""
        return self.draw(self.frame, width, height) if self.frame else []

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the rows of a frame, without side effects."""
        raise NotImplementedError


class ScrollableRows(FrameWidget):
    """A window that scrolls over rows, sideways too if a row is wider than the widget."""

    top = left = 0

    def render_text(self, frame: Frame | None, width: int) -> Sequence[Content]:
        """Return all rows, without side effects."""
        raise NotImplementedError

    def scroll_rows(self, count: int) -> None:
        """Scroll up or down by rows."""
        self.top += count
        self.refresh_rows()

    def scroll_pages(self, pages: int) -> None:
        """Scroll up or down by windows."""
        self.scroll_rows(pages * max(1, self.size.height - 2))

    def scroll_columns(self, count: int) -> None:
        """Scroll to the left or right."""
        self.left = max(0, self.left + count)
        self.refresh_rows()

    def render_rows(self, width: int, height: int) -> Sequence[Content]:
        """Return the rows in the window; if not all fit, the last counts those above and below."""
        text = self.render_text(self.frame, width)
        hidden_columns = max(0, max((r.cell_length for r in text), default=0) - width)
        self.left = min(self.left, hidden_columns)
        rows = [(r[self.left :] if self.left else r).truncate(width, ellipsis=True) for r in text]
        if len(rows) <= height:
            self.top = 0
            return rows
        self.top = min(max(0, self.top), len(rows) - height + 1)
        window = rows[self.top : self.top + height - 1]
        below = len(rows) - self.top - len(window)
        above = f"{self.top} above  " if self.top else ""
        more = f"{count_more_rows(below)}  " if below else "end  "
        keys = "up, down, left, right" if hidden_columns else "up, down"
        return [*window, row(width, (f"{more}{above}{keys} to scroll", styles.INFO))]
