"""Compare the attempts on disk with the journal.

A journal that lost lines would make gonogo run attempts again and bill wrongly.
"""

import contextlib
from pathlib import Path

from app.session.folder import SessionFolder
from app.session.heartbeat import CONDUCTOR_HEARTBEAT
from app.session.journal.state import State


def describe_missing_lines(folder: SessionFolder, state: State) -> str:
    """Return a message about attempts that the journal does not mention, or "" if it mentions all.

    The journal records each attempt before its folder is made, so such an attempt means that the journal
    was deleted, emptied or cut.
    """
    if state.started is None and (folder.path / CONDUCTOR_HEARTBEAT).exists():
        return f"{folder.journal}: it is missing or empty, although the session has been running"
    recorded = {(phase.id, attempt.number) for phase in state.phases for attempt in phase.attempts}
    for path in _list_attempts(folder.path / "attempts"):
        number = int(path.name)
        if (path.parent.name, number) not in recorded:
            return (
                f"{folder.journal}: lines are missing; attempt {number} of {path.parent.name} is on disk, "
                "but the journal does not mention it"
            )
    return ""


def _list_attempts(attempts: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return sorted(path for path in attempts.glob("*/*") if path.name.isdecimal() and path.is_dir())
    return []
