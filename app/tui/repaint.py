"""Sends only the cells that differ from what the terminal shows.

Textual repaints whole regions, and a new screen two or three times. Over a session whose phase reports once a
second in 80x24, the cockpit without this module sends 56 kB a minute instead of 6. It uses private
names of Textual 8.2.8, so the tests cover each of them.
"""

from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.geometry import Size
from textual.strip import Strip

from app.tui.sgr import render_styled
from widgets.rows import find_changed_runs

MOVE_CELLS: Final = 4
"""Unchanged cells that are sent again, because moving the cursor over them would take as many bytes."""
MOST_BACK: Final = 4
"""Columns that the cursor goes back one by one, because another sequence would take as many bytes."""
PlacedStrip = tuple[int, int, Strip]
"""A column, a row, and what is there from the column on."""


class TerminalContent:
    """The rows that the terminal shows, as far as they are known."""

    def __init__(self) -> None:
        self._rows: dict[int, Strip] = {}
        self._size = Size()

    @property
    def width(self) -> int:
        """The columns of the terminal; 0 if they are not known."""
        return self._size.width

    def forget(self) -> None:
        """Assume nothing about the screen, so that the next update repaints everything."""
        self._rows.clear()

    def apply(self, update: ChopsUpdate | LayoutUpdate) -> Iterator[PlacedStrip]:
        """Yield the differences between the update and the terminal, and remember them as sent."""
        if isinstance(update, LayoutUpdate) and update.region.size != self._size:
            self.forget()
            self._size = update.region.size
        for x, y, strip in _place_strips(update):
            yield from self._apply_strip(x, y, strip)

    def _apply_strip(self, x: int, y: int, strip: Strip) -> Iterator[PlacedStrip]:
        end, row = x + strip.cell_length, self._rows.get(y)
        if row is None:
            if x == 0 and end == self._size.width:
                self._rows[y] = strip
            yield x, y, strip
            return
        runs = find_changed_runs(row.crop(x, end), strip, MOVE_CELLS)
        if runs:
            self._rows[y] = Strip.join([row.crop(0, x), strip, row.crop(end)])
        for first, last in runs:
            yield x + first, y, strip.crop(first, last)


class Cursor:
    """The cursor of a terminal that does not wrap lines, moved by the shortest sequence."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._x: int | None = None
        self._y: int | None = None

    def move_to(self, x: int, y: int) -> str:
        """Return the sequence that moves the cursor to a column and row."""
        columns_back = -1 if self._x is None else self._x - x
        rows_down = -1 if self._y is None else y - self._y
        self._x, self._y = x, y
        if rows_down == columns_back == 0:
            return ""
        if rows_down == 0:
            return f"\x1b[{x + 1}G"
        if rows_down == 1 and 0 <= columns_back <= MOST_BACK:  # The number in the next line of a log.
            return "\x1b[B" + "\b" * columns_back
        return f"\x1b[{y + 1};{x + 1}H"

    def write(self, text: str) -> None:
        """Note that a text was written, whose width is only certain if all its characters are ASCII."""
        end = None if self._x is None else self._x + len(text)
        self._x = end if end is not None and end < self._width and text.isascii() else None


class DifferenceUpdate(CompositorUpdate):
    """A compositor update that sends only differences, which it computes when it is sent."""

    def __init__(self, content: TerminalContent, update: ChopsUpdate | LayoutUpdate) -> None:
        self._content, self._update = content, update

    def render_segments(self, console: Console) -> str:
        """Return the text to send."""
        # Cells are changed once in an update, so their order is free: of one style, one after the other.
        placed = sorted(self._content.apply(self._update), key=_order_by_style)
        cursor = Cursor(self._content.width)
        pieces: list[tuple[str, Style | None]] = []
        for x, y, strip in placed:
            move = cursor.move_to(x, y)
            cursor.write(strip.text)
            for text, style, _ in strip:
                pieces.append((move + text, style))
                move = ""
        if console._color_system is None:
            return "".join(text for text, _ in pieces)
        return render_styled(pieces, console._color_system)


def _order_by_style(placed: PlacedStrip) -> tuple[bool, str]:
    """Return a key that puts plain text before bold, because bold can only be ended with all styles."""
    style = next((segment.style for segment in placed[2] if segment.style), None)
    return (bool(style.bold), str(style)) if style else (False, "")


def _place_strips(update: ChopsUpdate | LayoutUpdate) -> Iterator[PlacedStrip]:
    """Yield what an update paints, row by row."""
    if isinstance(update, LayoutUpdate):
        for y, line in enumerate(update.strips, update.region.y):
            yield update.region.x, y, Strip.join(line)
        return
    for y, start, stop in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            first, last = max(x, start), min(end, stop)
            if strip is not None and first < last:
                yield first, y, strip.crop(first - x, last - x)
