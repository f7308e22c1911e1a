"""Attempts as the conductor sees them: their folder, their shim, their environment and their liveness."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from app.monitor.files import CHUNK, Mask, ProgressTail, Series, unmasked
from app.plan.schema import Plan
from app.session.attempt import process
from app.session.clock import Clock
from app.session.journal.events import AttemptEnded, AttemptStarted
from app.session.snapshot import ProgressView
from phases.contract import files

PASSED = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "TERM",
    "GONOGO_ENGINE_ARGS",
)
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
    "PYTORCH_",
    "VLLM_",
)
_SECRET_SUFFIXES = ("TOKEN", "KEY", "SECRET", "PASSWORD", "CREDENTIALS")
_CHUNKS_AT_ONCE = 4
_LARGEST_EXIT = 64 * 1024
_LONGEST = 2_000


class Exit(msgspec.Struct, frozen=True):
    """`exit.json`, as the shim writes it."""

    code: int | None
    signal: int | None
    reason: str
    started: float
    ended: float
    seconds: float
    survivors: list[int] = []


def passed(plan: Plan, given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that phases get to see: the usual ones, and those that the plan names.

    What is called a token, key or password is never one of the usual ones: it is to be named, and so masked.
    """
    named = {*plan.session.secrets, *plan.session.environment}
    return {k: v for k, v in given.items() if k in named or _is_usual(k)}


def _is_usual(name: str) -> bool:
    return name in PASSED or (name.startswith(PASSED_PREFIXES) and not name.endswith(_SECRET_SUFFIXES))


class _IdentityRecord(msgspec.Struct, frozen=True):
    boot_id: str
    pid_namespace: str
    pid: int
    start_time: int


def environment(
    plan: Plan, attempt: AttemptStarted, *, session: Path, folder: Path, given: Mapping[str, str]
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
    if plan.phase(attempt.phase).run:
        # Built-in phases are gonogo's own, whatever lies in the plan's folder.
        told["PYTHONSAFEPATH"] = "1"
    return {**passed(plan, given), **told}


def write_spec(
    plan: Plan, attempt: AttemptStarted, *, folder: Path, environment: Mapping[str, str], grace: float
) -> Path:
    """Write what the shim is to run; values of the environment are not stored."""
    for private in (folder.parent.parent, folder.parent, folder):
        private.mkdir(exist_ok=True, mode=0o700)
    spec = folder / "spec.json"
    if spec.exists():  # a conductor before this one wrote it
        return spec
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
            "deadline": attempt.deadline and {"boot_id": process.boot_id(), "mono": attempt.deadline},
        },
    )
    return spec


def is_claimed(folder: Path) -> bool:
    """Say whether the attempt has begun to run."""
    return (folder / "claim.json").exists()


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
        [sys.executable, "-P", "-m", "app.session.attempt.shim", str(spec)],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def _identity(path: Path) -> process.Identity | None:
    try:
        record = msgspec.json.decode(path.read_bytes(), type=_IdentityRecord)
    except (OSError, msgspec.MsgspecError):
        return None
    return process.Identity(record.boot_id, record.pid_namespace, record.pid, record.start_time)


def stop_shim(folder: Path) -> None:
    """Tell the attempt's shim to end the attempt; nobody else can be hit."""
    shim = _identity(folder / "shim.json")
    if shim is not None:
        process.send_to(shim, signal.SIGTERM)


def phase_pid(folder: Path) -> int | None:
    """Return the PID of an attempt's program while it runs."""
    phase = _identity(folder / "pid.json")
    return phase.pid if phase is not None and process.is_alive(phase) else None


def append_line(path: Path, line: bytes) -> None:
    """Append one line, in one write."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, line + b"\n")
    finally:
        os.close(handle)


def read_exit(folder: Path) -> Exit | None:
    """Return the recorded exit of an attempt, if there is one.

    Raises:
        ValueError: it is not what a shim writes.
    """
    try:
        record = msgspec.json.decode(files.read_plain(folder / "exit.json", _LARGEST_EXIT), type=Exit)
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{folder / 'exit.json'}: {error}") from None
    return msgspec.structs.replace(record, seconds=max(0.0, record.seconds), reason=record.reason[:_LONGEST])


def ended(attempt: AttemptStarted, record: Exit, *, stalled: bool = False) -> AttemptEnded:
    """Return the event of a recorded exit; `stalled` if it was to be stopped for that."""
    return AttemptEnded(
        phase=attempt.phase,
        attempt=attempt.attempt,
        ended=record.ended,
        seconds=record.seconds,
        reason="stalled" if stalled and record.reason == "stopped" else record.reason,
        code=record.code,
        signal=record.signal,
    )


class Liveness:
    """What an attempt last reported, and how long ago by the monotonic clock.

    The log of a program that reports no progress stands in for it.
    """

    def __init__(self, folder: Path, clock: Clock, mask: Mask = unmasked) -> None:
        self._clock = clock
        self._progress: ProgressTail[Series] = ProgressTail(
            folder / "progress.jsonl", mask=mask, behind=_CHUNKS_AT_ONCE * CHUNK
        )
        self._files = (folder / "progress.jsonl", folder / "output.log")
        self._log_size = 0
        self._since = clock.mono()
        # What was said before this conductor came, was said by its own clock.
        said = max((f.stat().st_mtime for f in self._files if f.exists()), default=clock.wall())
        self._heard = clock.mono() - max(0.0, clock.wall() - said)
        self._catch_up()

    def _catch_up(self) -> bool:
        heard = False
        for _ in range(_CHUNKS_AT_ONCE):
            if not self._progress.poll():
                break
            heard = True
        return heard

    def look(self) -> None:
        """Read on."""
        heard = self._catch_up()
        progress, log = self._files
        if not progress.exists() and log.exists():
            size = log.stat().st_size
            heard, self._log_size = size != self._log_size, size
        if heard:
            self._heard = self._clock.mono()

    @property
    def progress(self) -> ProgressView | None:
        """The last progress reported."""
        return self._progress.progress

    @property
    def silence(self) -> float:
        """Seconds since something was reported."""
        return self._clock.mono() - self._heard

    @property
    def witnessed_silence(self) -> float:
        """As `silence`, but only what was seen here: no wall clock that was set has a part in it."""
        return self._clock.mono() - max(self._heard, self._since)


def unreadable_exit(started: float, now: float) -> Exit:
    """Return what is known of an attempt whose exit record is there but is not what the shim wrote."""
    return Exit(None, None, "unknown", started, now, max(0.0, now - started))
