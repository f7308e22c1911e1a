"""What is sent when a part of the screen has changed: those cells and no others, for a line may be slow."""

from rich.console import Console
from rich.control import Control
from rich.segment import Segment
from textual._compositor import ChopsUpdate
from textual.strip import Strip


class Changes(ChopsUpdate):
    """Sends the changed cells of each row; Textual's own begins at the left edge of their widget."""

    @classmethod
    def of(cls, update: ChopsUpdate) -> "Changes":
        """Return the same update."""
        return cls(update.chops, update.spans, update.chop_ends)

    def render_segments(self, console: Console) -> str:
        """Return what the terminal is sent; cells of one style share its escape, wherever they are."""
        sent = []
        for y, start, stop in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                first, last = max(x, start), min(end, stop)
                if strip is None or first >= last:
                    continue
                move = Control.move_to(first, y).segment.text
                for text, style, _ in strip.crop(first - x, last - x):
                    sent.append(Segment(move + text, style))
                    move = ""
        return Strip(sent).simplify().render(console)
