"""The exit of an attempt as its shim recorded it in `exit.json`."""

from pathlib import Path

import msgspec

from app.session.journal.events import AttemptEnded, AttemptStarted
from phases.contract import files

_MAX_BYTES = 64 * 1024
_MAX_REASON = 2_000


class ExitRecord(msgspec.Struct, frozen=True):
    """The content of `exit.json`; `seconds` is by the monotonic clock, the other times by the wall clock.

    Attributes:
        survivors: PIDs of processes that could not be ended.
        killed: processes of the attempt, besides the program, that a signal killed while the program ran.
        ended_after: processes that still ran after the program had exited, and were ended.
        oom_kills: processes of the container that the kernel killed for lack of memory.
        host_oom_kills: those of the whole host; None if unknown.
    """

    code: int | None
    signal: int | None
    reason: str
    started: float
    ended: float
    seconds: float
    survivors: list[int] = []
    cookie: str = ""
    killed: list[str] = []
    ended_after: list[str] = []
    oom_kills: int = 0
    host_oom_kills: int | None = None


def read_exit(folder: Path, cookie: str) -> ExitRecord | None:
    """Return the recorded exit of the attempt with a cookie, or None if none is recorded.

    Raises:
        ValueError: the file is not a valid exit record, or is that of another attempt.
        OSError: the file cannot be read now.

    Neither error means that the attempt has ended.
    """
    path = folder / "exit.json"
    try:
        record = msgspec.json.decode(files.read_regular_file(path, _MAX_BYTES), type=ExitRecord)
    except (FileNotFoundError, NotADirectoryError):  # A file may lie in place of the attempt's folder.
        return None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from None
    if record.cookie != cookie:
        raise ValueError(f"{path}: it is the exit of another attempt")
    return msgspec.structs.replace(
        record, seconds=max(0.0, record.seconds), reason=record.reason[:_MAX_REASON]
    )


def find_exit(folder: Path, cookie: str) -> ExitRecord | None:
    """Return the recorded exit of the attempt with a cookie, or None if none can be read."""
    try:
        return read_exit(folder, cookie)
    except (OSError, ValueError):
        return None


def replace_unreadable_exit(started: float, now: float, reason: str) -> ExitRecord:
    """Return the record of an unknown exit, for an attempt whose `exit.json` is lost or not valid."""
    return ExitRecord(None, None, reason, started, now, max(0.0, now - started))


def build_end_event(attempt: AttemptStarted, record: ExitRecord, *, stalled: bool = False) -> AttemptEnded:
    """Return the event of a recorded exit; `stalled` if the attempt was stopped for a lack of progress."""
    return AttemptEnded(
        phase=attempt.phase,
        attempt=attempt.attempt,
        ended=record.ended,
        seconds=record.seconds,
        reason="stalled" if stalled and record.reason == "stopped" else record.reason,
        code=record.code,
        signal=record.signal,
    )
