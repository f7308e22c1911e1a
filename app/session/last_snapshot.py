"""The last snapshot of a session that is over, so that a screen can show it before it has read the journal.

A snapshot from the journal needs the plan's schema, which takes longer to import than the first screen to
paint. The screen reads the journal afterwards, and replaces this snapshot.
"""

import contextlib

import msgspec

from app.session.folder import SessionFolder
from app.session.snapshot import OVER, SessionSnapshot
from phases.contract import files

_MAX_BYTES = 32_000_000


class _LastSnapshot(msgspec.Struct, frozen=True):
    journal_bytes: int
    snapshot: SessionSnapshot


def save_last_snapshot(folder: SessionFolder, snapshot: SessionSnapshot) -> None:
    """Write the snapshot if the session is over; without it, the screen only comes later."""
    if snapshot.state not in OVER:
        return
    with contextlib.suppress(OSError):
        last = _LastSnapshot(folder.journal.stat().st_size, snapshot)
        files.write_atomically(folder.last_snapshot, msgspec.json.encode(last), make_folder=False)


def load_last_snapshot(folder: SessionFolder) -> SessionSnapshot | None:
    """Return the last snapshot; None if there is none, or if it is not of this folder and this journal."""
    try:
        data = files.read_regular_file(folder.last_snapshot, _MAX_BYTES)
        last = msgspec.json.decode(data, type=_LastSnapshot)
        is_current = last.journal_bytes == folder.journal.stat().st_size
    except (OSError, ValueError, RecursionError):
        return None
    snapshot = last.snapshot
    is_here = snapshot.folder == str(folder.path)
    return snapshot if is_current and is_here and snapshot.state in OVER else None


def needs_nothing(folder: SessionFolder) -> bool:
    """Return whether the session is known to be over and its pod is known not to be stopped later."""
    last = load_last_snapshot(folder)
    return last is not None and last.stops_at is None
