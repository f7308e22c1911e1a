"""The sample outputs of a phase, full screen."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding

from app.tui.keys import make_bindings
from app.tui.screens.screen import CockpitScreen
from phases.contract.protocol import Sample
from widgets.frame import Frame
from widgets.header import ElapsedTime, HeaderRows
from widgets.samples import SamplePager


class SamplesScreen(CockpitScreen):
    """Pages through samples."""

    BINDINGS: ClassVar[list[Binding]] = make_bindings("samples")  # type: ignore[assignment]
    table = "samples"

    def __init__(self, index: int = 0, samples: tuple[Sample, ...] | None = None) -> None:
        """Start at a sample, counted from 0; show these samples, or else those that the phase reports."""
        super().__init__()
        self._index, self._samples = index, samples

    def compose(self) -> ComposeResult:
        """Lay out the pager."""
        yield HeaderRows()
        yield ElapsedTime()
        pager = SamplePager()
        pager.index = self._index
        yield pager
        yield self.make_key_bar()

    @property
    def pager(self) -> SamplePager:
        """The pager."""
        return self.query_one(SamplePager)

    def show(self, frame: Frame) -> None:
        """Draw a new frame."""
        super().show(frame)
        if self._samples is not None:
            self.pager.set_samples(self._samples, "ANSWERS")
        else:
            self.pager.set_samples(frame.output.samples if frame.output else ())

    def _format_sample(self) -> str:
        sample = self.pager.sample
        if sample is None:
            return ""
        texts = [f"{name}:\n{text}" for name, text in sample.texts.items()]
        return "\n\n".join([sample.title, *texts]) + "\n"

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
        """Show only failed samples, or all."""
        self.pager.toggle_failed()

    def action_copy(self) -> None:
        """Copy the sample."""
        self.cockpit.copy(self._format_sample(), "sample")

    def action_write(self) -> None:
        """Write the sample to a file."""
        self.cockpit.write(f"sample-{self.pager.index + 1}.txt", self._format_sample())
