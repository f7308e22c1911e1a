"""The layout of a session's folder, and what is written into it once, when the session is created."""

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from phases.contract import files

SOCKET_PATH_LIMIT = 100  # the kernel's is 108 bytes


class Settings(msgspec.Struct, frozen=True):
    """How often conductor and guard look, how long ending may take (seconds), disk to reserve (bytes)."""

    poll: float = 0.2
    tick: float = 1.0
    grace: float = 120.0
    guard: float = 5.0
    reserve: int = 32 << 20


class About(msgspec.Struct, frozen=True, kw_only=True):
    """`session.json`: what the session was started from. `approved` says how its plan was."""

    id: str
    plan_path: str
    plan_folder: str
    plan_sha256: str
    profile: str
    approved: str
    settings: Settings = Settings()


class ConductorRecord(msgspec.Struct, frozen=True):
    """`conductor.json`: who the conductor is and where it listens."""

    boot_id: str
    pid_namespace: str
    pid: int
    start_time: int
    socket: str


BY_GUARD = "--by-guard"


def launch_command(folder: Path) -> list[str]:
    """Return what starts the conductor of a session; the guard adds that it is the guard."""
    return [sys.executable, "-P", "-m", "app.session.engine.conductor", str(folder)]


@dataclass(frozen=True)
class SessionFolder:
    """The files of a session, below `path`."""

    path: Path

    @property
    def about(self) -> Path:
        """What the session was started from."""
        return self.path / "session.json"

    @property
    def plan(self) -> Path:
        """The plan as it runs, profile laid over it."""
        return self.path / "plan.json"

    @property
    def journal(self) -> Path:
        """The journal."""
        return self.path / "journal.jsonl"

    @property
    def conductor(self) -> Path:
        """Where the conductor listens."""
        return self.path / "conductor.json"

    @property
    def conductor_log(self) -> Path:
        """What the conductor and the shims say, for those who mend them."""
        return self.path / "conductor.log"

    def attempt(self, phase: str, number: int) -> Path:
        """Return the folder of an attempt."""
        return self.path / "attempts" / phase / str(number)

    def socket(self) -> Path:
        """Return where the conductor listens: here, or elsewhere if the path is too long for a socket."""
        here = self.path / "control.sock"
        if len(os.fsencode(here)) <= SOCKET_PATH_LIMIT:
            return here
        runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/tmp/gonogo-{os.getuid()}")  # noqa: S108 - made 0700
        if len(os.fsencode(runtime)) > SOCKET_PATH_LIMIT - 30:
            runtime = Path(f"/tmp/gonogo-{os.getuid()}")  # noqa: S108
        runtime.mkdir(mode=0o700, exist_ok=True)
        if runtime.stat().st_uid != os.getuid():
            raise PermissionError(f"{runtime} belongs to someone else: set XDG_RUNTIME_DIR to a short path")
        return runtime / f"{hashlib.sha256(os.fsencode(self.path.absolute())).hexdigest()[:16]}.sock"

    def read_about(self) -> About:
        """Return what the session was started from."""
        return msgspec.json.decode(self.about.read_bytes(), type=About)

    def write_conductor(self, record: ConductorRecord) -> None:
        """Say where the conductor listens."""
        files.write_json(self.conductor, record)

    def read_conductor(self) -> ConductorRecord | None:
        """Return where the conductor listens, or None if that is not known."""
        try:
            return msgspec.json.decode(self.conductor.read_bytes(), type=ConductorRecord)
        except (OSError, msgspec.DecodeError):
            return None
