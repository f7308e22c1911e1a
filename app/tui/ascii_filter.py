"""The last look at every line before it is sent, for terminals that show ASCII alone."""

from typing import Final

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_DRAWN: Final = str.maketrans(
    {
        **dict.fromkeys("│┃▌▐▏▕╎", "|"),
        **dict.fromkeys("─━▁▔▀▄╌", "-"),
        **dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼", "+"),
        **dict.fromkeys("✗×", "x"),
        "✓": "v",
        "◆": "?",
        "·": ".",
        "▪": "#",
        "█": "#",
        "▒": "+",
        "░": "-",
        "▲": "^",
        "…": "~",
        **dict.fromkeys("▸→", ">"),
        **dict.fromkeys("◂←", "<"),
    }
)


def in_ascii(text: str) -> str:
    """Return a text of the same width in ASCII: lines as lines, what has no counterpart as question marks."""
    text = text.translate(_DRAWN)
    if text.isascii():
        return text
    return "".join(char if char.isascii() else "?" * cell_len(char) for char in text)


class Ascii(LineFilter):
    """Leaves nothing but ASCII, whatever drew it: borders, dialogs, messages, a phase's log."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments in ASCII."""
        return [Segment(in_ascii(text), style, control) for text, style, control in segments]
