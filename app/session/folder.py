"""The layout of a session's folder, and the records that locate and describe the session."""

import contextlib
import hashlib
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.errors import UserError
from app.session.runtime_folder import find_runtime_folder
from phases.contract import files

RESERVE_FILE = "reserve"
MAX_PLAN_BYTES = 64 << 20
_MAX_RECORD_BYTES = 1 << 20
SOCKET_PATH_LIMIT = 100  # The kernel's limit is 108 bytes.


class Settings(msgspec.Struct, frozen=True):
    """Intervals and limits of the background processes; times are in seconds.

    Attributes:
        poll: interval at which the conductor checks the running attempt.
        tick: interval at which it samples the machine and publishes a snapshot.
        grace: time between SIGTERM and SIGKILL, for saving a checkpoint.
        guard: interval at which the guard checks money and deadlines; 0 disables the guard.
        reserve: bytes of disk reserved for the journal.
        hang: time without a heartbeat after which guard and conductor replace each other.
    """

    poll: float = 0.2
    tick: float = 1.0
    grace: float = 120.0
    guard: float = 5.0
    reserve: int = 32 << 20
    hang: float = 20.0


class SessionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """`session.json`: the plan that the session was started from, and how that plan was approved.

    `variables` are the variables that the plan names and that were set at the start; values are not stored.
    `created` is in seconds since the epoch, and 0 in records of earlier versions.
    """

    id: str
    plan_path: str
    plan_folder: str
    plan_sha256: str
    profile: str
    approved: str
    settings: Settings = Settings()
    variables: list[str] = []
    created: float = 0.0


class ConductorRecord(msgspec.Struct, frozen=True):
    """`conductor.json`: the conductor's process identity and its socket."""

    boot_id: str
    pid_namespace: str
    pid: int
    start_time: int
    socket: str


BY_GUARD = "--by-guard"


def build_launch_command(folder: Path) -> list[str]:
    """Return the command that starts a session's conductor; the guard appends `BY_GUARD`."""
    return [sys.executable, "-P", "-m", "app.session.engine.conductor", str(folder)]


def write_record(path: Path, value: object) -> None:
    """Write a record of a session; a folder in its place is moved away, a deleted session not made again."""
    if path.is_dir():
        move_away(path)
    files.write_json(path, value, make_folder=False)


def move_away(path: Path) -> None:
    """Rename what lies in place of a file or folder of a session, if anything does."""
    with contextlib.suppress(FileNotFoundError):
        path.rename(path.with_name(f"{path.name}.moved-away-{time.time_ns()}"))


@dataclass(frozen=True)
class SessionFolder:
    """The paths of a session's files, all below `path`."""

    path: Path

    @property
    def info(self) -> Path:
        """The `SessionInfo`; a folder with this file is a session."""
        return self.path / "session.json"

    @property
    def plan(self) -> Path:
        """The resolved plan, with its profile applied."""
        return self.path / "plan.json"

    @property
    def last_snapshot(self) -> Path:
        """The last snapshot of a session that is over."""
        return self.path / "last_snapshot.json"

    @property
    def journal(self) -> Path:
        """The journal."""
        return self.path / "journal.jsonl"

    @property
    def conductor(self) -> Path:
        """The `ConductorRecord`."""
        return self.path / "conductor.json"

    @property
    def conductor_log(self) -> Path:
        """Output of the conductor and the shims, for debugging."""
        return self.path / "conductor.log"

    def locate_attempt(self, phase: str, number: int) -> Path:
        """Return the folder of an attempt of a phase."""
        return self.path / "attempts" / phase / str(number)

    def locate_socket(self) -> Path:
        """Return the conductor's socket: in this folder, or in a runtime folder if the path is too long.

        Raises:
            UserError: there is no place for it.
        """
        here = self.path / "control.sock"
        if len(os.fsencode(here)) <= SOCKET_PATH_LIMIT:
            return here
        return find_runtime_folder() / self._name_runtime_socket()

    def is_own_socket(self, path: Path) -> bool:
        """Return whether a socket is that of this folder, wherever the runtime folder of its conductor is."""
        if path.name == self._name_runtime_socket():
            return True
        try:
            return path.name == "control.sock" and path.parent.samefile(self.path)
        except OSError:
            return False

    def _name_runtime_socket(self) -> str:
        return f"{hashlib.sha256(os.fsencode(self.path.resolve())).hexdigest()[:16]}.sock"

    def read_info(self) -> SessionInfo:
        """Return the session's info.

        Raises:
            UserError: the file is missing or damaged.
        """
        try:
            return files.read_json(self.info, SessionInfo)
        except (OSError, ValueError) as error:
            raise UserError(f"the session's record cannot be read: {error}") from None

    def read_plan(self) -> bytes:
        """Return the JSON of the resolved plan.

        Raises:
            OSError: it cannot be read.
            ValueError: it is not a regular file, or far too large.
        """
        return files.read_regular_file(self.plan, MAX_PLAN_BYTES)

    def write_conductor(self, record: ConductorRecord) -> None:
        """Write the conductor's identity and socket."""
        write_record(self.conductor, record)

    def read_conductor(self) -> ConductorRecord | None:
        """Return the conductor's identity and socket, or None if no conductor has started."""
        try:
            data = files.read_regular_file(self.conductor, _MAX_RECORD_BYTES)
            return msgspec.json.decode(data, type=ConductorRecord)
        except (OSError, ValueError, RecursionError):
            return None
