"""What is sent when a part of the screen has changed."""

import io

from rich.console import Console
from rich.style import Style
from textual._compositor import ChopsUpdate
from textual.strip import Segment, Strip

from app.screens.changes import Changes


def sent(row: str, start: int, stop: int, cuts: tuple[int, ...]) -> str:
    """Return what is sent of the changed cells of a row that is the screen's fourth, cut there by widgets."""
    strip = Strip([Segment(row)])
    ends = [*cuts[1:], strip.cell_length]
    chops = [{x: strip.crop(x, end) for x, end in zip(cuts, ends, strict=True)}]
    update = ChopsUpdate([{}, {}, {}, *chops], [(3, start, stop)], [[], [], [], ends])
    return Changes.of(update).render_segments(Console(file=io.StringIO(), color_system=None))


def test_only_the_changed_cells_are_sent() -> None:
    assert sent("step 1184 loss", 5, 9, (0,)) == "\x1b[4;6H1184"


def test_a_change_across_widgets_is_sent_for_each() -> None:
    assert sent("left|right", 3, 7, (0, 5)) == "\x1b[4;4Ht|\x1b[4;6Hri"
    assert sent("left|right", 5, 10, (0, 5)) == "\x1b[4;6Hright"


def test_half_of_a_wide_character_is_a_blank() -> None:
    assert sent("漢字", 1, 4, (0,)) == "\x1b[4;2H 字"


def test_cells_of_one_style_share_its_escape() -> None:
    bold = Strip([Segment("took 7s", Style(bold=True))])
    update = ChopsUpdate([{0: bold}, {0: bold}], [(0, 5, 6), (1, 5, 6)], [[7], [7]])
    console = Console(file=io.StringIO(), color_system="standard")
    assert Changes.of(update).render_segments(console) == "\x1b[1m\x1b[1;6H7\x1b[2;6H7\x1b[0m"
