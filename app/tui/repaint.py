"""What is sent when the screen has changed: the cells that differ and no others, for a line may be slow."""

from collections.abc import Iterator

from rich.console import Console
from rich.control import Control
from rich.segment import Segment
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.geometry import Size
from textual.strip import Strip

from widgets.rows import find_changed_cells

Piece = tuple[int, int, Strip]
"""A column, a row, and what is there from the column on."""


class Shown:
    """What the terminal shows: Textual paints a new screen two or three times, of which one has news."""

    def __init__(self) -> None:
        self._rows: dict[int, Strip] = {}
        self._size = Size()

    def forget(self) -> None:
        """Send every cell the next time: what the terminal shows is not known."""
        self._rows.clear()

    def news(self, update: ChopsUpdate | LayoutUpdate) -> Iterator[Piece]:
        """Yield what differs from what the terminal shows; who takes it sends it."""
        if isinstance(update, LayoutUpdate) and update.region.size != self._size:
            self.forget()
            self._size = update.region.size
        for piece in _pieces(update):
            yield from self._news(*piece)

    def _news(self, x: int, y: int, strip: Strip) -> Iterator[Piece]:
        end, row = x + strip.cell_length, self._rows.get(y)
        if row is None:
            if x == 0 and end == self._size.width:
                self._rows[y] = strip
            yield x, y, strip
            return
        first, last = find_changed_cells(row.crop(x, end), strip)
        if first < last:
            self._rows[y] = Strip.join([row.crop(0, x), strip, row.crop(end)])
            yield x + first, y, strip.crop(first, last)


class Changes(CompositorUpdate):
    """What differs from what the terminal shows, found when it is sent."""

    def __init__(self, shown: Shown, update: ChopsUpdate | LayoutUpdate) -> None:
        self._shown, self._update = shown, update

    def render_segments(self, console: Console) -> str:
        """Return what the terminal is sent; cells of one style share its escape, wherever they are."""
        sent = []
        for x, y, strip in self._shown.news(self._update):
            move = Control.move_to(x, y).segment.text
            for text, style, _ in strip:
                sent.append(Segment(move + text, style))
                move = ""
        return Strip(sent).simplify().render(console)


def _pieces(update: ChopsUpdate | LayoutUpdate) -> Iterator[Piece]:
    """Yield what an update would send, row by row."""
    if isinstance(update, LayoutUpdate):
        for y, line in enumerate(update.strips, update.region.y):
            yield update.region.x, y, Strip.join(line)
        return
    for y, start, stop in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            first, last = max(x, start), min(end, stop)
            if strip is not None and first < last:
                yield first, y, strip.crop(first - x, last - x)
