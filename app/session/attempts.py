"""Attempts as the conductor sees them: their folder, their shim, their environment and their liveness."""

import fcntl
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Mapping
from pathlib import Path

import msgspec

from app.plan.schema import Phase, Plan
from app.session import process
from app.session.clock import Clock
from app.session.events import AttemptEnded, AttemptStarted
from app.session.snapshot import ProgressView
from phases.common import files
from phases.common.protocol import Progress

PASSED = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM")
PASSED_PREFIXES = (
    "LC_",
    "CUDA_",
    "NVIDIA_",
    "NCCL_",
    "HF_",
    "OMP_",
    "MKL_",
    "PYTHON",
    "XDG_",
    "VIRTUAL_ENV",
    "TORCH",
)
_TAIL = 64 * 1024
_RATE_WINDOW = 180.0


class Exit(msgspec.Struct, frozen=True):
    """`exit.json`, as the shim writes it."""

    code: int | None
    signal: int | None
    reason: str
    started: float
    ended: float
    seconds: float
    survivors: list[int] = []


def passed(given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that phases get to see."""
    return {k: v for k, v in given.items() if k in PASSED or k.startswith(PASSED_PREFIXES)}


def environment(
    phase: Phase, attempt: AttemptStarted, *, session: Path, folder: Path, given: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of an attempt: what is passed on of `given`, and what gonogo tells the phase."""
    told = {
        "GONOGO_PROGRESS": str(folder / "progress.jsonl"),
        "GONOGO_RESULT": str(folder / "result.json"),
        "GONOGO_SESSION": str(session),
        process.COOKIE: attempt.cookie,
        "PYTHONUNBUFFERED": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    if phase.run:
        # Built-in phases are gonogo's own, whatever lies in the plan's folder.
        told["PYTHONSAFEPATH"] = "1"
    return {**passed(given), **told}


def write_spec(
    plan: Plan, attempt: AttemptStarted, *, folder: Path, environment: Mapping[str, str], grace: float
) -> Path:
    """Write what the shim is to run; values of the environment are not stored."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    spec = folder / "spec.json"
    files.write_json(
        spec,
        {
            "argv": plan.phase(attempt.phase).argv(attempt.parameters),
            "cwd": str(plan.folder),
            "environment": sorted(environment),
            "parameters": attempt.parameters,
            "changed": attempt.changed,
            "parent": attempt.attempt - 1 or None,
            "batch": attempt.batch,
            "cookie": attempt.cookie,
            "grace": grace,
            "deadline": None,
        },
    )
    return spec


def has_shim(folder: Path) -> bool:
    """Say whether a shim holds the attempt's lock."""
    try:
        handle = os.open(folder / "lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def start_shim(spec: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a shim in a session of its own; it runs the attempt, or adopts what is left of it."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "app.session.shim", str(spec)],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def stop_shim(folder: Path) -> None:
    """Tell the attempt's shim to end the attempt; nobody else can be hit."""
    try:
        shim = msgspec.convert(msgspec.json.decode((folder / "shim.json").read_bytes()), dict[str, str | int])
        identity = process.Identity(**shim)  # type: ignore[arg-type]
    except (OSError, msgspec.MsgspecError, TypeError):
        return
    process.send_to(identity, signal.SIGTERM)


def read_exit(folder: Path) -> Exit | None:
    """Return the recorded exit of an attempt, if there is one."""
    try:
        return msgspec.json.decode((folder / "exit.json").read_bytes(), type=Exit)
    except FileNotFoundError:
        return None


def ended(attempt: AttemptStarted, record: Exit) -> AttemptEnded:
    """Return the event of a recorded exit."""
    return AttemptEnded(
        phase=attempt.phase,
        attempt=attempt.attempt,
        ended=record.ended,
        seconds=record.seconds,
        reason=record.reason,
        code=record.code,
        signal=record.signal,
    )


class Liveness:
    """What an attempt last reported, and how long ago by the monotonic clock."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._size = -1
        self._heard = clock.mono()
        self._done: deque[tuple[float, float]] = deque()
        self.progress: ProgressView | None = None

    def look(self) -> None:
        """Look at the end of the progress file, and whether the log grew where there is none."""
        path = self._folder / "progress.jsonl"
        if not path.exists():
            path = self._folder / "output.log"
        try:
            status = path.stat()
        except FileNotFoundError:
            return
        if status.st_size == self._size:
            return
        now, wall = self._clock.mono(), self._clock.wall()
        if self._size < 0:  # found, perhaps long after it was written
            now -= max(0.0, wall - status.st_mtime)
        self._size, self._heard = status.st_size, now
        last = last_progress(path, status.st_size)
        if last is None:
            return
        self._done.append((now, last.done))
        while self._done[0][0] < now - _RATE_WINDOW:
            self._done.popleft()
        then, done = self._done[0]
        rate = (last.done - done) / (now - then) if now - then >= 1.0 and last.done > done else None
        self.progress = ProgressView(last.done, last.total, last.unit, status.st_mtime, rate)

    @property
    def silence(self) -> float:
        """Seconds since something was reported."""
        return self._clock.mono() - self._heard


def last_progress(path: Path, size: int) -> Progress | None:
    """Return the last whole progress line near the end of a file."""
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL))
        tail = file.read(_TAIL)
    for line in reversed(tail.split(b"\n")[:-1]):
        if b'"progress"' in line:
            try:
                return msgspec.json.decode(line, type=Progress)
            except (msgspec.MsgspecError, RecursionError):
                continue
    return None


def unreadable_exit(started: float, now: float) -> Exit:
    """Return what is known of an attempt whose exit record is there but is not what the shim wrote."""
    return Exit(None, None, "unknown", started, now, max(0.0, now - started))
