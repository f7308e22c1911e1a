"""The last snapshot of a session that is over, so that a screen can show it before it has read the journal.

Reading the journal imports the plan's schema, which takes longer than the first paint. The journal is read
all the same, and what it says replaces this snapshot.
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
