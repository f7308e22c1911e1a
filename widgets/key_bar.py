"""The last row of a screen: as many of its keys as fit."""

from collections.abc import Callable, Sequence

import msgspec
from textual.content import Content

from widgets import styles
from widgets.rows import Part, RowWidget, row


class KeyHint(msgspec.Struct, frozen=True):
    """A key and a word for what it does; the key that the session waits for is `highlighted`."""

    key: str
    label: str
    highlighted: bool = False

    @property
    def width(self) -> int:
        """The cells that key and label take."""
        return len(self.key) + 1 + len(self.label)


def render_key_row(hints: Sequence[KeyHint], width: int) -> Content:
    """Return the keys that fit, the first ones first, closer together if that makes all of them fit."""
    parts: list[Part] = []
    used = 0
    total = sum(hint.width for hint in hints)
    gap = " " if total + len(hints) <= width < total + 2 * len(hints) else "  "
    for hint in hints:
        needed = len(gap) + hint.width
        if used + needed > width:
            continue
        key_style = f"{styles.STRONG} {styles.WARN if hint.highlighted else styles.INFO}"
        label_style = styles.STRONG if hint.highlighted else styles.QUIET
        parts += [(gap, ""), (hint.key, key_style), (f" {hint.label}", label_style)]
        used += needed
    return row(width, *parts)


class KeyBar(RowWidget):
    """Shows the hints that `hints` returns."""

    DEFAULT_CSS = "KeyBar { height: 1; dock: bottom; background: $bar; }"

    def __init__(self, hints: Callable[[], Sequence[KeyHint]]) -> None:
        super().__init__()
        self._hints = hints

    def render_rows(self, width: int, height: int) -> Sequence[Content]:
        """Return the row of keys."""
        return [render_key_row(self._hints(), width)]
