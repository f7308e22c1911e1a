"""The cells that are sent when a part of the screen has changed."""

import io
import random
import re

from rich.console import Console
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Segment, Strip

from app.tui.repaint import Cursor, DifferenceUpdate, TerminalContent


def part(row: str, start: int, stop: int, cuts: tuple[int, ...] = (0,)) -> ChopsUpdate:
    """Return the change of some cells of a row that is the screen's fourth, cut there by widgets."""
    strip = Strip([Segment(row)])
    ends = [*cuts[1:], strip.cell_length]
    chops = [{x: strip.crop(x, end) for x, end in zip(cuts, ends, strict=True)}]
    return ChopsUpdate([{}, {}, {}, *chops], [(3, start, stop)], [[], [], [], ends])


def whole(*rows: str) -> LayoutUpdate:
    """Return a paint of the whole screen."""
    return LayoutUpdate([[Strip([Segment(row)])] for row in rows], Region(0, 0, len(rows[0]), len(rows)))


def sent(update: ChopsUpdate | LayoutUpdate, shown: TerminalContent | None = None) -> str:
    console = Console(file=io.StringIO(), color_system=None)
    return DifferenceUpdate(shown or TerminalContent(), update).render_segments(console)


def test_only_the_changed_cells_are_sent() -> None:
    assert sent(part("step 1184 loss", 5, 9)) == "\x1b[4;6H1184"


def test_a_change_across_widgets_is_sent_for_each() -> None:
    assert sent(part("left|right", 3, 7, (0, 5))) == "\x1b[4;4Ht|\x1b[6Gri"
    assert sent(part("left|right", 5, 10, (0, 5))) == "\x1b[4;6Hright"


def test_half_of_a_wide_character_is_a_blank() -> None:
    assert sent(part("漢字", 1, 4)) == "\x1b[4;2H 字"


def test_cells_of_one_style_share_its_escape() -> None:
    bold = Strip([Segment("took 7s", Style(bold=True))])
    update = ChopsUpdate([{0: bold}, {0: bold}], [(0, 5, 6), (1, 5, 6)], [[7], [7]])
    console = Console(file=io.StringIO(), color_system="standard")
    assert (
        DifferenceUpdate(TerminalContent(), update).render_segments(console)
        == "\x1b[1m\x1b[1;6H7\x1b[2;6H7\x1b[0m"
    )


def test_cells_on_the_terminal_are_not_sent_again() -> None:
    shown = TerminalContent()
    assert sent(whole("gonogo 1", "PHASES  "), shown) == "\x1b[1;1Hgonogo 1\x1b[2;1HPHASES  "
    assert not sent(whole("gonogo 1", "PHASES  "), shown)
    assert sent(whole("gonogo 2", "LOG     "), shown) == "\x1b[1;8H2\x1b[2;1HLOG   "
    assert sent(whole("gonogo 1", "LOG     "), shown) == "\x1b[1;8H1"


def test_a_part_that_was_sent_is_known_too() -> None:
    shown = TerminalContent()
    sent(whole("a ", "b ", "c ", "step 1"[:2]), shown)
    assert sent(part("ST", 0, 2), shown) == "\x1b[4;1HST"
    assert not sent(part("ST", 1, 2), shown)
    assert sent(whole("a ", "b ", "c ", "SX"), shown) == "\x1b[4;2HX"


def test_another_size_and_a_terminal_that_was_written_to_are_repainted() -> None:
    shown = TerminalContent()
    sent(whole("one", "two"), shown)
    assert sent(whole("one"), shown) == "\x1b[1;1Hone"
    shown.forget()
    assert sent(whole("one"), shown) == "\x1b[1;1Hone"


def test_runs_of_changes_far_apart_are_sent_without_the_cells_between_them() -> None:
    content = TerminalContent()
    sent(whole("step 1184 loss 0.81"), content)
    assert sent(whole("step 1185 loss 0.82"), content) == "\x1b[1;9H5\x1b[19G2"
    assert sent(whole("step 2185 1oss 0.82"), content) == "\x1b[1;6H2185 1"


def test_changes_of_one_style_are_sent_together_and_plain_ones_first() -> None:
    bold = Style(bold=True)
    rows = [[Strip([Segment("1", bold), Segment("a", Style())])], [Strip([Segment("2", bold)])]]
    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard")
    update = LayoutUpdate([*rows, [Strip([Segment("3", Style())])]], Region(0, 0, 2, 3))
    text = DifferenceUpdate(TerminalContent(), update).render_segments(console)
    assert text == "\x1b[3;1H3\x1b[1m\x1b[1;1H1\x1b[0ma\x1b[1m\x1b[2;1H2\x1b[0m"


def read_places(text: str, columns: int) -> dict[str, tuple[int, int]]:
    """Return the column and row of each character."""
    places, x, y = {}, 0, 0
    for row, column, code, char in re.findall(r"\x1b\[(?:(\d+);)?(\d*)([HGB])|(.|\x08)", text):
        if code == "H":
            x, y = int(column) - 1, int(row) - 1
        elif code == "G":
            x = int(column) - 1
        elif code == "B":
            y += 1
        elif char == "\b":
            x -= 1
        else:
            places[char] = x, y
            # Terminals disagree about the width of other characters, and stay in the last column.
            x = x + 1 if char.isascii() and x + 1 < columns else -100
    return places


def test_short_moves_of_the_cursor_arrive_where_long_ones_do() -> None:
    columns, rows, chance = 12, 5, random.Random(1)
    short = 0
    for _ in range(500):
        cursor, text, expected = Cursor(columns), "", {}
        for name in "ABCDEF":
            x, y = chance.randrange(columns), chance.randrange(rows)
            word = name + "".join(chance.choices("ab漢⠢", (6, 6, 1, 1), k=chance.randrange(columns - x)))
            move = cursor.move_to(x, y)
            cursor.write(word)
            text += move + word
            expected[name] = x, y
            short += len(move) < len("\x1b[1;1H")
        places = read_places(text, columns)
        assert {name: places[name] for name in expected} == expected
    assert short > 100


def test_the_lines_of_a_log_that_scrolls_are_sent_with_short_moves() -> None:
    shown = TerminalContent()
    sent(whole("step 8 ", "step 9 ", "step 10"), shown)
    assert sent(whole("step 9 ", "step 10", "step 11"), shown) == "\x1b[1;6H9\x1b[B\b10\x1b[3;7H1"
