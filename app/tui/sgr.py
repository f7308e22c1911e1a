"""Escape sequences for the styles of text, as short as the style before allows."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from rich.color import ColorSystem
from rich.style import Style

_RESET: Final = "\x1b[0m"

Codes = tuple[list[str], list[str], list[str]]
"""The parameters of a style: attributes such as bold, foreground, background."""
_DEFAULT: Final[Codes] = ([], ["39"], ["49"])


def render_styled(texts: Iterable[tuple[str, Style | None]], colors: ColorSystem) -> str:
    """Return texts with the sequences between them; the terminal has no style before and after."""
    pieces, current = [], _DEFAULT
    for text, style in texts:
        codes = _list_codes(style, colors) if style else _DEFAULT
        pieces += [_change_style(current, codes), text]
        current = codes
    return "".join(pieces) + (_RESET if current != _DEFAULT else "")


@lru_cache
def _list_codes(style: Style, colors: ColorSystem) -> Codes:
    attributes = style._attributes & style._set_attributes
    color, background = style.color, style.bgcolor
    return (
        [code for bit, code in Style._style_map.items() if attributes & (1 << bit)],
        list(color.downgrade(colors).get_ansi_codes()) if color else _DEFAULT[1],
        list(background.downgrade(colors).get_ansi_codes(foreground=False)) if background else _DEFAULT[2],
    )


def _change_style(current: Codes, target: Codes) -> str:
    if current == target:
        return ""
    codes: list[str] = []
    if set(current[0]) - set(target[0]):  # Attributes cannot be removed one by one on every terminal.
        codes, current = ["0", *target[0]], (target[0], *_DEFAULT[1:])
    else:
        codes = [code for code in target[0] if code not in current[0]]
    for now, then in zip(current[1:], target[1:], strict=True):
        if now != then:
            codes += then
    return f"\x1b[{';'.join(codes)}m"
