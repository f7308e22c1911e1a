"""The sample outputs of a phase, one at a time."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding

from app.tui.keys import bindings
from app.tui.screens.screen import CockpitScreen
from widgets.frame import Frame
from widgets.header import ElapsedTime, HeaderRows
from widgets.samples import SamplePager


class SamplesScreen(CockpitScreen):
    """Pages through samples."""

    CSS_PATH = "samples.tcss"
    BINDINGS: ClassVar[list[Binding]] = bindings("samples")  # type: ignore[assignment]
    table = "samples"

    def __init__(self, at: int = 0) -> None:
        """Begin with the sample of that number, counted from 0."""
        super().__init__()
        self._at = at

    def compose(self) -> ComposeResult:
        """Lay out the pager."""
        yield HeaderRows()
        yield ElapsedTime()
        pager = SamplePager()
        pager.at = self._at
        yield pager
        yield self.key_bar()

    @property
    def pager(self) -> SamplePager:
        """The pager."""
        return self.query_one(SamplePager)

    def show(self, frame: Frame) -> None:
        """Draw a new view."""
        super().show(frame)
        self.pager.give(frame.output.samples if frame.output else ())

    def _text(self) -> str:
        sample = self.pager.sample
        if sample is None:
            return ""
        return (
            "\n\n".join([sample.title, *(f"{name}:\n{text}" for name, text in sample.texts.items())]) + "\n"
        )

    def action_turn(self, pages: int) -> None:
        """Show another sample."""
        self.pager.turn(pages)

    def action_scroll_rows(self, count: int) -> None:
        """Scroll within the sample."""
        self.pager.scroll_rows(count)

    def action_page(self, pages: int) -> None:
        """Scroll within the sample by a page."""
        self.pager.scroll_rows(pages * max(1, self.pager.size.height - 2))

    def action_failed(self) -> None:
        """Only those that failed, or all."""
        self.pager.toggle_failed()

    def action_copy(self) -> None:
        """Copy the sample."""
        self.cockpit.copy(self._text(), "sample")

    def action_write(self) -> None:
        """Write the sample to a file."""
        self.cockpit.write(f"sample-{self.pager.at + 1}.txt", self._text())
