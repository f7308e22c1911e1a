"""Untrusted bytes as plain text: what a terminal would show, without what it would execute."""

import re
from collections.abc import Callable

# Strings for the terminal itself (OSC, DCS, SOS, PM, APC), up to their end or the end of the line; control
# sequences (CSI) except "erase in line"; all other escapes. Both as ESC sequences and as C1 controls.
_ESCAPES = re.compile(
    r"(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|(?!\x1b\[[012]?K)(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b(?!\[)[ -/]*[0-~]?"
)
_MOVES = re.compile(r"(\r|\x08|\x1b\[[012]?K)")
# Control characters except tab; line and paragraph separators; marks of direction and byte order; surrogates.
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def remove_controls(text: str) -> str:
    """Return lines of text without what a terminal would execute; tabs and line ends stay."""
    if text.isascii() and text.isprintable():
        return text
    return "\n".join(_INVISIBLE.sub("", _ESCAPES.sub("", line)) for line in text.split("\n"))


def clean_line(raw: bytes | str) -> str:
    """Return a line as a terminal would show it: without escapes, with overwritten text replaced."""
    text = raw.decode(errors="replace") if isinstance(raw, bytes) else raw
    if text.isascii() and text.isprintable():
        return text
    text = _apply_overwrites(_ESCAPES.sub("", text))
    return _INVISIBLE.sub("", text.expandtabs())


def clean_text(raw: str, longest: int, mask: Callable[[bytes], bytes] | None = None) -> str:
    """Return the lines of a text for a person: cleaned, then masked, and only then cut.

    A secret appears when a text is cleaned, and its start remains when a text is cut.
    """
    text = "\n".join(clean_line(line) for line in raw.split("\n"))
    if mask is not None:
        text = mask(text.encode()).decode(errors="replace")
    return text[:longest] + ("…" if len(text) > longest else "")


def _apply_overwrites(text: str) -> str:
    """Return the line after carriage returns, backspaces and erasures have been applied."""
    text = text.rstrip("\r")
    if "\r" not in text and "\x08" not in text and "\x1b" not in text:
        return text
    line, column = "", 0
    for part in _MOVES.split(text):
        if part == "\r":
            column = 0
        elif part == "\x08":
            column = max(0, column - 1)
        elif part.startswith("\x1b["):
            line = {"1": " " * column + line[column:], "2": ""}.get(part[2], line[:column])
        elif part:
            line = line[:column].ljust(column) + part + line[column + len(part) :]
            column += len(part)
    return line
