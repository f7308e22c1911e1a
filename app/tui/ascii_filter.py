"""Translates every line to ASCII before it is sent, for terminals that show nothing else."""

from typing import Final

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SYMBOLS: Final = str.maketrans(
    {
        **dict.fromkeys("│┃▌▐▏▕╎", "|"),
        **dict.fromkeys("─━▁▔▀╌╸", "-"),
        **dict.fromkeys("▂▃", "."),
        **dict.fromkeys("▄▅▆▇", "#"),
        **dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼", "+"),
        **dict.fromkeys("✗×", "x"),
        **dict.fromkeys("▸→", ">"),
        **dict.fromkeys("◂←", "<"),
        "✓": "v",
        "■": "#",
        "□": "o",
        "┊": ":",
        "▼": "v",
        "◆": "*",
        "·": ".",
        "▪": "#",
        "█": "#",
        "▒": "+",
        "░": "-",
        "▲": "^",
        "…": "~",
    }
)


def to_ascii(text: str) -> str:
    """Return a text of the same width in ASCII; characters without a counterpart become question marks."""
    text = text.translate(_SYMBOLS)
    if text.isascii():
        return text
    return "".join(char if char.isascii() else "?" * cell_len(char) for char in text)


class AsciiFilter(LineFilter):
    """Keeps every line in ASCII: borders, dialogs, messages and a phase's log."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments in ASCII."""
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]
