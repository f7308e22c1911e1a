"""Makes frames of a session: a snapshot, with what has been read of the files of its attempts."""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from app.monitor.preview import read_first_rows
from app.monitor.tails import Mask
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

READING_SECONDS: Final = 0.15


class FrameMaker:
    """Makes frames; each one reads a bounded amount."""

    def __init__(self, clock: Callable[[], float], monotonic: Callable[[], float], mask: Mask) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._mask = mask
        self._attempt: AttemptReader | None = None
        self._earlier: EarlierAttemptsReader | None = None
        self._machine = MachineReader()
        self._artifacts = ArtifactReader(mask)
        self._evaluations = EvaluationReader(mask)
        self._outcome: tuple[str, ...] = ()

    def read_first_rows(self, snapshot: SessionSnapshot, path: str) -> tuple[str, ...]:
        """Return the first rows of a file that a phase wrote, or the names in a folder.

        Raises:
            OSError: it cannot be read, or is outside the artifacts folder.
        """
        return read_first_rows(resolve_artifact(snapshot, path), self._mask)

    def make_frame(self, snapshot: SessionSnapshot, selected: str | None) -> Frame:
        """Return the frame of a snapshot with what the files contain now.

        Args:
            snapshot: the session.
            selected: the phase to show in detail; None for the running one.
        """
        output = self._read_output(_select_phase(snapshot, selected))
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

    def _read_output(self, phase: PhaseView | None) -> AttemptOutput | None:
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


def _select_phase(snapshot: SessionSnapshot, selected: str | None) -> PhaseView | None:
    """Return the selected phase, or else the current one, or else the last that has started."""
    for phase in snapshot.phases:
        if phase.id == selected:
            return phase
    started = [phase for phase in snapshot.phases if phase.attempts]
    return snapshot.current or (started[-1] if started else None)
