"""Text that fits its place: wrapped, cut or padded, and free of terminal control characters."""

from typing import Final

from rich.cells import cell_len, set_cell_size
from textual.content import Content

# C0 and C1 controls, which a terminal executes, and marks of the reading direction.
_CONTROLS: Final = dict.fromkeys(
    [
        *range(0x20),
        *range(0x7F, 0xA0),
        0x200E,
        0x200F,
        0x2028,
        0x2029,
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    ],
    "\N{REPLACEMENT CHARACTER}",
)


def replace_controls(text: str) -> str:
    """Return the text with a replacement character for each control character."""
    return text.translate(_CONTROLS)


def truncate(text: str, width: int) -> str:
    """Return the start of a text, with an ellipsis if it is longer than `width` cells."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 0 else ""


def tail(text: str, width: int) -> str:
    """Return the end of a text, with an ellipsis if it is longer than `width` cells."""
    if cell_len(text) <= width:
        return text
    return "…" + text[-(width - 1) :] if width > 0 else ""


def fit(text: str, width: int) -> str:
    """Return the text without controls, cut or padded to exactly `width` cells."""
    return set_cell_size(truncate(replace_controls(text), width), width)


def wrap(text: str, width: int) -> list[str]:
    """Return the text in lines of at most `width` cells; existing line ends are kept."""
    printable = "\n".join(replace_controls(line.expandtabs(4)) for line in text.splitlines())
    return [line.plain for line in Content(printable).wrap(max(1, width))] or [""]


def count_more_rows(count: int) -> str:
    """Return the note that this many rows are below."""
    return "1 more row" if count == 1 else f"{count} more rows"
