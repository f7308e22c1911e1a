"""Panels: widgets with a titled border on screens that have room for it, and charts of the session's time."""

from collections.abc import Hashable, Sequence
from typing import Final

from textual.content import Content

from app.units import HOUR, MINUTE
from widgets import styles
from widgets.frame import Frame
from widgets.rows import FrameWidget, Part

REDRAW_SECONDS: Final = 2.5
CHART_SECONDS: Final = 30.0
"""A chart of the session's time is drawn again after this long, because each time all its cells may move."""
TITLE_SECONDS: Final = 5.0
DOTS_PER_CELL: Final = 2
TIME_UNITS: Final = ((HOUR, "hours"), (MINUTE, "minutes"), (1, "seconds"))


def name_panel(name: str, *figures: Part) -> list[Part]:
    """Return the title of a panel: its name, then figures."""
    return [(name, styles.HEADING), *figures]


def choose_time_unit(seconds: float) -> tuple[int, str]:
    """Return the seconds and the name of the largest unit that divides a duration into at least two."""
    return next((unit for unit in TIME_UNITS if seconds > 2 * unit[0]), TIME_UNITS[-1])


class Panel(FrameWidget):
    """Draws a frame; the style sheet of its screen decides whether it has a border."""

    def make_title(self, frame: Frame) -> Sequence[Part]:
        """Return the title in the border, without side effects."""
        raise NotImplementedError

    def show(self, frame: Frame) -> None:
        """Draw a new frame and its title."""
        super().show(frame)
        self._refresh_title()

    def on_resize(self) -> None:
        """Fit the rows to the new size; it may be the first with a border."""
        super().on_resize()
        self._refresh_title()

    def _refresh_title(self) -> None:
        if self.frame is None:
            return
        self.set_border_title(self.make_title(self.frame) if self.has_border else ())


class TimePanel(Panel):
    """A panel over the session's time. Its rows are made again only when time has moved by a dot."""

    _drawn_for: Hashable = None
    _drawn_rows: Sequence[Content] = ()
    _titled_at = 0.0
    _titled_subject: Hashable = None

    def show(self, frame: Frame) -> None:
        """Draw a new frame; figures in the title change every few seconds, unless the subject is another."""
        FrameWidget.show(self, frame)
        subject = self.find_subject(frame)
        if abs(frame.now - self._titled_at) >= TITLE_SECONDS or subject != self._titled_subject:
            self._titled_at, self._titled_subject = frame.now, subject
            self._refresh_title()

    def find_subject(self, frame: Frame) -> Hashable:
        """Return what the panel shows except the time; a change of it is drawn at once."""
        raise NotImplementedError

    def draw_rows(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the rows, without side effects."""
        raise NotImplementedError

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the rows; the previous ones if nothing that they show has changed."""
        elapsed = max(0.0, frame.now - frame.snapshot.started)
        step = CHART_SECONDS
        while 2 * step * DOTS_PER_CELL * width < elapsed:  # A step that stays the same while time passes.
            step *= 2
        # The axis of a young session grows fast: it is drawn each time it has become four times as long.
        moment = elapsed // step if elapsed >= step else -1 - int(elapsed).bit_length() // 2
        inputs = (moment, width, height, self.find_subject(frame))
        if inputs != self._drawn_for:
            self._drawn_for = inputs
            self._drawn_rows = self.draw_rows(frame, width, height)
        return self._drawn_rows
