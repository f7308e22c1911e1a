"""The feed of the cockpit: follows the session and the selected attempt's files, and makes frames.

It runs in its own thread. It reads a bounded amount before each frame, so that the first frame comes at once
and a long history fills in behind it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Event
from typing import Final

from app.monitor.preview import read_first_rows
from app.monitor.tails import Mask, mask_nothing
from app.session.client import SessionClient
from app.session.snapshot import OVER, PhaseView, SessionSnapshot
from app.tui.readers import (
    ArtifactReader,
    AttemptReader,
    EarlierAttemptsReader,
    EvaluationReader,
    MachineReader,
    read_outcome,
    resolve_artifact,
)
from widgets.frame import AttemptOutput, Frame

FRAME_SECONDS: Final = 0.9
READING_SECONDS: Final = 0.15


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
        self._attempt: AttemptReader | None = None
        self._earlier: EarlierAttemptsReader | None = None
        self._machine = MachineReader()
        self._artifacts = ArtifactReader(mask)
        self._evaluations = EvaluationReader(mask)
        self._outcome: tuple[str, ...] = ()

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
        return read_first_rows(resolve_artifact(snapshot, path), self._mask)

    def make_frame(self, snapshot: SessionSnapshot) -> Frame:
        """Return the frame of a snapshot with what the files contain now."""
        output = self._read_output(snapshot)
        if snapshot.state == "finished" and not self._outcome:
            self._outcome = read_outcome(snapshot, self._mask)
        is_connected = snapshot.machine is not None or snapshot.state in OVER
        artifacts = self._artifacts.read(snapshot, output)
        return Frame(
            snapshot,
            self._clock(),
            output,
            disconnected="" if is_connected else "no conductor",
            outcome=self._outcome,
            machine_use=self._machine.read(snapshot),
            artifacts=artifacts,
            evaluations=self._evaluations.read(snapshot, artifacts),
        )

    def _select_phase(self, snapshot: SessionSnapshot) -> PhaseView | None:
        """Return the selected phase, or else the current one, or else the last that has started."""
        for phase in snapshot.phases:
            if phase.id == self._selected:
                return phase
        started = [phase for phase in snapshot.phases if phase.attempts]
        return snapshot.current or (started[-1] if started else None)

    def _read_output(self, snapshot: SessionSnapshot) -> AttemptOutput | None:
        phase = self._select_phase(snapshot)
        if phase is None or not phase.attempts:
            self._attempt = None
            return AttemptOutput(phase.id, 0) if phase else None
        key = phase.id, phase.attempts[-1].number
        if self._attempt is None or self._attempt.key != key:
            self._attempt = AttemptReader(phase.id, phase.attempts[-1], self._mask, phase.log_format)
        has_ended = phase.attempts[-1].ended is not None
        output = self._attempt.read(READING_SECONDS, self._monotonic, has_ended=has_ended)
        if output.reading or len(phase.attempts) == 1:
            return output
        if self._earlier is None or self._earlier.key != key:
            self._earlier = EarlierAttemptsReader(phase)
        return replace(output, earlier=self._earlier.read(READING_SECONDS, self._monotonic))


def has_news(before: SessionSnapshot, after: SessionSnapshot) -> bool:
    """Return whether a state or an attempt has changed, which the operator should see at once."""
    return before.state != after.state or any(
        a.state != b.state or len(a.attempts) != len(b.attempts)
        for a, b in zip(before.phases, after.phases, strict=True)
    )
