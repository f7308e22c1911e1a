"""The rows that a widget paints."""

from collections.abc import Sequence

from textual.app import App, ComposeResult
from textual.content import Content
from textual.strip import Strip

from widgets.frame import Frame
from widgets.rows import RowWidget, ScrollableRows


class Numbered(RowWidget):
    """RowWidget that tell their size; remembers what was painted."""

    def __init__(self) -> None:
        super().__init__()
        self.painted: list[tuple[int, str]] = []

    def render_rows(self, width: int, height: int) -> Sequence[Content]:
        return [Content(f"{width}x{height}") for _ in range(height)]

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        self.painted.append((self.size.width, strip.text.strip()))
        return strip


class Paper(App[None]):
    def compose(self) -> ComposeResult:
        yield Numbered()


async def test_no_row_is_painted_empty_or_for_another_size() -> None:
    app = Paper()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.resize_terminal(60, 10)
        await pilot.pause()
        painted = app.query_one(Numbered).painted
    assert {text for width, text in painted if width == 80} == {"80x24"}
    assert {text for width, text in painted if width == 60} == {"60x10"}


class TextBlock(ScrollableRows):
    def render_text(self, frame: Frame | None, width: int) -> list[Content]:
        return [Content(f"line {number}") for number in range(10)]


def window(lines: TextBlock, height: int) -> list[str]:
    return [row.plain for row in lines.render_rows(40, height)]


def test_a_window_says_what_is_above_and_below() -> None:
    lines = TextBlock()
    assert window(lines, 10) == [f"line {number}" for number in range(10)]
    assert window(lines, 4) == ["line 0", "line 1", "line 2", "7 more rows  up, down to scroll"]
    lines.top = 2
    assert window(lines, 4) == ["line 2", "line 3", "line 4", "5 more rows  2 above  up, down to scroll"]
    lines.top = 99
    assert window(lines, 4) == ["line 7", "line 8", "line 9", "end  7 above  up, down to scroll"]
    assert window(lines, 12)[0] == "line 0", "what has room is shown from its beginning"


class WideLines(ScrollableRows):
    def render_text(self, frame: Frame | None, width: int) -> list[Content]:
        return [Content("wide " * 20)] * 10


def test_a_window_whose_rows_are_cut_says_that_it_scrolls_to_the_side_as_well() -> None:
    wide = WideLines()
    assert wide.render_rows(60, 4)[-1].plain == "7 more rows  up, down, left, right to scroll"
    wide.scroll_columns(5)
    assert wide.left == 5
    assert wide.render_rows(100, 4)[-1].plain == "7 more rows  up, down to scroll"
