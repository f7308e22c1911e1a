"""Sequences between styles: what a terminal shows for them is what the styles say."""

import io
import itertools
import re

from rich.color import ColorSystem
from rich.style import Style

from app.tui.sgr import render_styled


def make_styles() -> list[Style | None]:
    """Return new styles, because a style keeps the sequence of the first color system it is rendered for."""
    return [
        None,
        Style(),
        Style(bold=True),
        Style(bold=True, reverse=True, color="#112233"),
        Style(dim=True, italic=True, underline=True, strike=True, bgcolor="#445566"),
        Style(color="red", bgcolor="default"),
        Style(color="default", bgcolor="bright_blue", bold=False),
        Style(color="#112233", bgcolor="#445566"),
    ]


ATTRIBUTES = {"1", "2", "3", "4", "7", "9"}


def read_terminal(text: str) -> list[tuple[str, set[str], str, str]]:
    """Return each character with the attributes and colors that a terminal would give it."""
    attributes, color, background, cells = set[str](), "39", "49", []
    for codes, char in re.findall(r"\x1b\[([\d;]*)m|(.)", text):
        if char:
            cells.append((char, set(attributes), color, background))
            continue
        numbers = io.StringIO(codes.replace(";", "\n"))
        for number in map(str.strip, numbers):
            if number in ("38", "48"):
                kind = next(numbers).strip()
                rest = [next(numbers).strip() for _ in range(3 if kind == "2" else 1)]
                value = ";".join([number, kind, *rest])
                color, background = (value, background) if number == "38" else (color, value)
            elif number in ("", "0"):
                attributes, color, background = set(), "39", "49"
            elif number in ATTRIBUTES:
                attributes.add(number)
            elif number[0] == "3" or number[:1] == "9":
                color = number
            else:
                background = number
    return cells


def test_every_change_of_style_arrives() -> None:
    for colors in (ColorSystem.STANDARD, ColorSystem.EIGHT_BIT, ColorSystem.TRUECOLOR):
        for styles in itertools.permutations(make_styles(), 3):
            texts = list(zip("abc", styles, strict=True))
            whole = "".join(
                style.render(text, color_system=colors) if style else text for text, style in texts
            )
            short = render_styled(texts, colors)
            assert read_terminal(short + "d") == read_terminal(whole + "d"), styles
            assert len(short) <= len(whole) + 2 * len("0;"), styles


def test_unchanged_cells_are_not_sent_again() -> None:
    bold, plain = Style(color="red", bgcolor="blue", bold=True), Style(color="red", bgcolor="blue")
    green = Style(color="green", bgcolor="blue")
    text = render_styled([("a", plain), ("b", green), ("c", green), ("d", bold)], ColorSystem.STANDARD)
    assert text == "\x1b[31;44ma\x1b[32mbc\x1b[1;31md\x1b[0m"
