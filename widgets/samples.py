"""Sample outputs of a phase: title, check result and texts."""

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content

from phases.contract.protocol import Sample
from widgets import styles
from widgets.rows import RowWidget, row
from widgets.text import count_more_rows, fit, wrap

MAX_LABEL_WIDTH = 22


def render_sample_rows(sample: Sample, width: int) -> list[Content]:
    """Return the rows of a sample, each text next to its name."""
    right = []
    if sample.passed is not None:
        badge = styles.CHECK_BADGES[sample.passed]
        right = [(badge.label, badge.style)]
    rows = [row(width, (sample.title, styles.STRONG), right=right)]
    longest = max((cell_len(name) for name in sample.texts), default=0)
    label_width = min(MAX_LABEL_WIDTH, width // 3, longest) + 1
    for name, text in sample.texts.items():
        # A base model's text may begin with line ends and a space.
        style = "" if text.strip() else styles.QUIET
        shown = text.strip("\n").removeprefix(" ") if text.strip() else "(empty)"
        for i, line in enumerate(wrap(shown, width - label_width)):
            label = fit(name, label_width - 1) + " " if i == 0 else " " * label_width
            rows.append(row(width, (label, styles.QUIET), (line, style)))
    return rows


class SamplePager(RowWidget):
    """Shows one sample at a time, scrolled if it is longer than the widget."""

    DEFAULT_CSS = "SamplePager { min-height: 3; }"

    samples: tuple[Sample, ...] = ()
    index = 0
    top = 0
    only_failed = False
    note = ""

    heading = "SAMPLES"

    def set_samples(self, samples: tuple[Sample, ...], name: str = "SAMPLES", note: str = "") -> None:
        """Replace the samples; the page stays.

        Args:
            samples: the samples.
            name: their name in the heading.
            note: what restricts them.
        """
        self.samples, self.heading, self.note = samples, name, note
        self.refresh_rows()

    @property
    def pages(self) -> tuple[Sample, ...]:
        """The samples to page through."""
        return tuple(s for s in self.samples if s.passed is False) if self.only_failed else self.samples

    @property
    def sample(self) -> Sample | None:
        """The sample on the current page."""
        pages = self.pages
        return pages[min(self.index, len(pages) - 1)] if pages else None

    def turn(self, pages: int) -> None:
        """Go forwards or backwards by pages."""
        self.index = min(max(0, self.index + pages), max(0, len(self.pages) - 1))
        self.top = 0
        self.refresh_rows()

    def scroll_rows(self, count: int) -> None:
        """Scroll within the sample."""
        self.top += count
        self.refresh_rows()

    def toggle_failed(self) -> None:
        """Show only failed samples, or all again."""
        self.only_failed = not self.only_failed
        self.index = self.top = 0
        self.refresh_rows()

    def render_rows(self, width: int, height: int) -> Sequence[Content]:
        """Return the heading and the sample."""
        pages = self.pages
        title = "FAILED SAMPLES" if self.only_failed else self.heading
        if not pages:
            return [row(width, (title, styles.HEADING), (f"  none  {self.note}", styles.QUIET))]
        index = min(self.index, len(pages) - 1)
        body = render_sample_rows(pages[index], width)
        self.top = min(max(0, self.top), max(0, len(body) - (height - 1)))
        below = len(body) - self.top - (height - 1)
        heading = row(
            width,
            (title, styles.HEADING),
            (f"  {index + 1} of {len(pages)}  ◂ ▸", styles.INFO),
            (f"  {self.note}" if self.note else "", styles.WARN),
            right=[(count_more_rows(below), styles.QUIET)] if below > 0 else [],
        )
        return [heading, *body[self.top : self.top + height - 1]]
