"""Sample outputs of a phase: title, check result and texts."""

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from phases.contract.protocol import Sample
from widgets import styles
from widgets.rows import Part, RowWidget, row
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
    label_width = min(MAX_LABEL_WIDTH, width * 2 // 5, longest) + 1
    for name, text in sample.texts.items():
        # A base model's text may begin with line ends and a space.
        style = "" if text.strip() else styles.QUIET
        visible_text = text.strip("\n").removeprefix(" ") if text.strip() else "(empty)"
        for i, line in enumerate(wrap(visible_text, width - label_width)):
            label = fit(name, label_width - 1) + " " if i == 0 else " " * label_width
            rows.append(row(width, (label, styles.QUIET), (line, style)))
    return rows


NOTHING_MATCHES: Final = "Nothing matches. Change the filter."


class SamplePager(RowWidget):
    """Shows one sample at a time, scrolled if it is longer than the widget."""

    DEFAULT_CSS = "SamplePager { min-height: 3; }"

    samples: tuple[Sample, ...] = ()
    index = 0
    top = 0
    only_failed = False
    note = ""

    heading = "SAMPLES"
    _further: Sequence[Sequence[Content]] = ()

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

    def refresh_rows(self) -> None:
        """Make the rows again, and the title in the border if there is one."""
        super().refresh_rows()
        self.set_border_title(self._make_heading() if self.has_border else ())

    def on_resize(self) -> None:
        """Fit the rows to the new size; it may be the first with a border."""
        super().on_resize()
        self.refresh_rows()

    def _make_heading(self) -> list[Part]:
        pages = self.pages
        title: Part = ("FAILED SAMPLES" if self.only_failed else self.heading, styles.HEADING)
        if not pages:
            return [title, (f"  none  {self.note}", styles.QUIET)]
        number = min(self.index, len(pages) - 1) + 1
        last = number + len(self._further)
        numbers = f"{number}-{last}" if last > number else f"{number}"
        note = f"  {self.note}" if self.note else ""
        return [title, (f"  {numbers} of {len(pages)}  ◂ ▸", styles.INFO), (note, styles.WARN)]

    def _find_further(self, width: int, room: int) -> list[list[Content]]:
        """Return the rows of the samples after the current one that fit into the room, each complete."""
        first = min(self.index, len(self.pages) - 1) + 1
        further: list[list[Content]] = []
        for sample in self.pages[first : first + room]:
            rows = [Content(), *render_sample_rows(sample, width)]
            if len(rows) > room:
                break
            further.append(rows)
            room -= len(rows)
        return further

    def render_rows(self, width: int, height: int) -> Sequence[Content]:
        """Return the heading, unless it is in the border, and the sample."""
        sample = self.sample
        body = render_sample_rows(sample, width) if sample else [row(width, (NOTHING_MATCHES, styles.QUIET))]
        room = height if self.has_border else height - 1
        self.top = min(max(0, self.top), max(0, len(body) - room))
        below = len(body) - self.top - room
        more = [(count_more_rows(below), styles.QUIET)] if below > 0 else []
        if not self.has_border:
            return [row(width, *self._make_heading(), right=more), *body[self.top : self.top + room]]
        self._further = self._find_further(width, -below) if sample else []
        if not more:
            return [*body, *(each for rows in self._further for each in rows)]
        visible_rows = body[self.top : self.top + room - 1]
        return [*visible_rows, row(width, (count_more_rows(below + 1), styles.QUIET))]
