"""One example to look at: its title, what the verifier found, and its texts."""

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content

from phases.contract.protocol import Sample
from widgets import styles
from widgets.rows import RowWidget, row
from widgets.text import count_more_rows, fit, wrap

LONGEST_LABEL = 16


def render_sample_rows(sample: Sample, width: int) -> list[Content]:
    """Return the rows of a sample, each text beside its name."""
    check = styles.CHECK_BADGES[sample.passed] if sample.passed is not None else None
    right = [(check.label, check.style)] if check else []
    rows = [row(width, (sample.title, styles.STRONG), right=right)]
    room = min(LONGEST_LABEL, width // 3, max((cell_len(name) for name in sample.texts), default=0)) + 1
    for name, text in sample.texts.items():
        for i, line in enumerate(wrap(text.strip("\n"), width - room)):
            label = fit(name, room - 1) + " " if i == 0 else " " * room
            rows.append(row(width, (label, styles.QUIET), (line, "")))
    return rows


class SamplePager(RowWidget):
    """Pages through samples: one at a time, scrolled where it is longer than the widget."""

    DEFAULT_CSS = "SamplePager { min-height: 3; }"

    samples: tuple[Sample, ...] = ()
    at = 0
    top = 0
    only_failed = False

    def give(self, samples: tuple[Sample, ...]) -> None:
        """Take the samples as they stand; the one that is shown stays."""
        self.samples = samples
        self.refresh_rows()

    @property
    def chosen(self) -> tuple[Sample, ...]:
        """The samples that are paged through."""
        return tuple(s for s in self.samples if s.passed is False) if self.only_failed else self.samples

    @property
    def sample(self) -> Sample | None:
        """The sample that is shown."""
        chosen = self.chosen
        return chosen[min(self.at, len(chosen) - 1)] if chosen else None

    def turn(self, pages: int) -> None:
        """Go to another sample."""
        self.at = min(max(0, self.at + pages), max(0, len(self.chosen) - 1))
        self.top = 0
        self.refresh_rows()

    def scroll_rows(self, count: int) -> None:
        """Scroll within the sample."""
        self.top += count
        self.refresh_rows()

    def toggle_failed(self) -> None:
        """Show only samples that failed, or all again."""
        self.only_failed = not self.only_failed
        self.at = self.top = 0
        self.refresh_rows()

    def rows(self, width: int, height: int) -> Sequence[Content]:
        """Return the heading and the sample."""
        chosen = self.chosen
        kind = "FAILED SAMPLES" if self.only_failed else "SAMPLES"
        if not chosen:
            return [row(width, (kind, styles.HEADING), ("  none", styles.QUIET))]
        at = min(self.at, len(chosen) - 1)
        body = render_sample_rows(chosen[at], width)
        self.top = min(max(0, self.top), max(0, len(body) - (height - 1)))
        below = len(body) - self.top - (height - 1)
        keys = "◂ ▸"
        heading = row(
            width,
            (kind, styles.HEADING),
            (f"  {at + 1} of {len(chosen)}  {keys}", styles.INFO),
            right=[(count_more_rows(below), styles.QUIET)] if below > 0 else [],
        )
        return [heading, *body[self.top : self.top + height - 1]]
