"""What the rows of a widget are when they are painted."""

from collections.abc import Sequence

from textual.app import App, ComposeResult
from textual.content import Content
from textual.strip import Strip

from widgets.rows import Rows


class Numbered(Rows):
    """Rows that tell their size; remembers what was painted."""

    def __init__(self) -> None:
        super().__init__()
        self.painted: list[tuple[int, str]] = []

    def rows(self, width: int, height: int) -> Sequence[Content]:
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
