"""The conductor's presence: files that show clients where it listens, and the guard that it works."""

from app.session import heartbeat
from app.session.attempt import process
from app.session.clock import Clock
from app.session.folder import ConductorRecord, SessionFolder
from app.session.journal.state import State


class Presence:
    """Writes `conductor.json` and the conductor's heartbeat.

    The heartbeat ends when the conductor's loop makes no step for `longest_step` seconds, so that the guard
    replaces a conductor that is stuck.
    """

    def __init__(self, folder: SessionFolder, clock: Clock, pod_id: str, longest_step: float) -> None:
        self._folder = folder
        self._clock = clock
        self._pod_id = pod_id
        self._longest_step = longest_step
        self._boot_id = process.read_boot_id()
        self._stepped_at = clock.mono()

    def note_step(self) -> None:
        """Note that the conductor's loop made a step."""
        self._stepped_at = self._clock.mono()

    def beat(self, state: State) -> None:
        """Write a heartbeat, unless the loop is stuck."""
        now = self._clock.mono()
        if now - self._stepped_at > self._longest_step:
            return
        up = state.pod_time.compute_elapsed(now)
        beat = heartbeat.Heartbeat(self._clock.wall(), now, self._boot_id, self._pod_id, up)
        heartbeat.write_heartbeat(self._folder.path / heartbeat.CONDUCTOR_HEARTBEAT, beat)

    def publish_identity(self) -> None:
        """Write where this conductor listens, unless the file says so already."""
        record = ConductorRecord(*process.identify_self(), str(self._folder.locate_socket()))
        if self._folder.read_conductor() != record:
            self._folder.write_conductor(record)
