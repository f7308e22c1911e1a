"""The last row of a screen: its keys, as many as there is room for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual.content import Content

from widgets import styles
from widgets.rows import Part, RowWidget, row


@dataclass(frozen=True)
class Key:
    """A key and what it does, in a word; `loud` where it is what the operator is waited for."""

    key: str
    label: str
    loud: bool = False


def render_key_row(keys: Sequence[Key], width: int) -> Content:
    """Return the keys that fit, those that come first before the others, closer where that lets all fit."""
    parts: list[Part] = []
    used = 0
    whole = sum(len(key.key) + 1 + len(key.label) for key in keys)
    gap = " " if whole + len(keys) <= width < whole + 2 * len(keys) else "  "
    for key in keys:
        need = len(gap) + len(key.key) + 1 + len(key.label)
        if used + need > width:
            continue
        style = f"{styles.STRONG} {styles.WARN}" if key.loud else f"{styles.STRONG} {styles.INFO}"
        parts += [(gap, ""), (key.key, style), (f" {key.label}", styles.STRONG if key.loud else styles.QUIET)]
        used += need
    return row(width, *parts)


class KeyBar(RowWidget):
    """Shows the keys that `keys()` returns."""

    DEFAULT_CSS = "KeyBar { height: 1; dock: bottom; background: $bar; }"

    def __init__(self, keys: Callable[[], Sequence[Key]]) -> None:
        super().__init__()
        self._keys = keys

    def rows(self, width: int, height: int) -> Sequence[Content]:
        """Return the one row."""
        return [render_key_row(self._keys(), width)]
