"""The feed of the cockpit: follows the session and the selected attempt's files, and makes frames.

It runs in its own thread. It reads a bounded amount before each frame, so that the first frame comes at once
and a long history fills in behind it.
"""

import time
from collections.abc import Callable, Iterator
from functools import cached_property
from threading import Event
from typing import TYPE_CHECKING, Final

from app.monitor.tails import Mask, mask_nothing
from app.session.client import SessionClient
from app.session.snapshot import SessionSnapshot
from widgets.frame import Frame

if TYPE_CHECKING:
    from app.tui.frame_maker import FrameMaker

FRAME_SECONDS: Final = 0.9


class SessionFeed:
    """Makes the frames of a session."""

    def __init__(
        self,
        session: SessionClient,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        mask: Mask = mask_nothing,
    ) -> None:
        self._session = session
        self._clock = clock
        self._monotonic = monotonic
        self._mask = mask
        self._selected: str | None = None

    @cached_property
    def _maker(self) -> "FrameMaker":
        # The readers of logs are slow to import, and the first frame has nothing from a file.
        from app.tui.frame_maker import FrameMaker

        return FrameMaker(self._clock, self._monotonic, self._mask)

    def look_at(self, phase: str | None) -> None:
        """Select a phase and make a frame of it soon; None selects the running phase."""
        self._selected = phase
        self._session.request_snapshot()

    def make_frames(self, stopping: Event) -> Iterator[Frame]:
        """Yield frames until `stopping` is set: the first without history, then one for each change."""
        previous: SessionSnapshot | None = None
        drawn_at, drawn_selection = 0.0, self._selected
        for snapshot in self._session.watch(stopping):
            if stopping.is_set():
                return
            if previous is None:
                yield Frame(snapshot, self._clock())
            elif (
                self._monotonic() - drawn_at < FRAME_SECONDS
                and drawn_selection == self._selected
                and not has_news(previous, snapshot)
            ):
                continue
            drawn_at, drawn_selection, previous = self._monotonic(), self._selected, snapshot
            frame = self.make_frame(snapshot)
            yield frame
            while frame.output is not None and frame.output.reading and not stopping.is_set():
                frame = self.make_frame(snapshot)
                yield frame

    def read_first_rows(self, snapshot: SessionSnapshot, path: str) -> tuple[str, ...]:
        """Return the first rows of a file that a phase wrote, or the names in a folder.

        Raises:
            OSError: it cannot be read, or is outside the artifacts folder.
        """
        return self._maker.read_first_rows(snapshot, path)

    def make_frame(self, snapshot: SessionSnapshot) -> Frame:
        """Return the frame of a snapshot with what the files contain now."""
        return self._maker.make_frame(snapshot, self._selected)


def has_news(before: SessionSnapshot, after: SessionSnapshot) -> bool:
    """Return whether a state or an attempt has changed, which the operator should see at once."""
    return before.state != after.state or any(
        a.state != b.state or len(a.attempts) != len(b.attempts)
        for a, b in zip(before.phases, after.phases, strict=True)
    )
