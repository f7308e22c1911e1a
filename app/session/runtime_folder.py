"""A folder with a short path for the sockets of sessions whose own path is too long for one."""

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from app.errors import UserError

LONGEST_FOLDER = 70
"""Bytes of a folder's path that leave enough of a socket's 108 for its name."""
_TEMPORARY_FOLDERS = ("/tmp", "/dev/shm", "/var/tmp")  # noqa: S108 - the folder in them is checked
_MOST_TRIES = 10


def find_runtime_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the first usable folder: XDG_RUNTIME_DIR, or a private one among the temporary files.

    A folder that is missing, or that another user made first, is passed over.

    Raises:
        UserError: none is usable.
    """
    for folder in _list_candidates(environment):
        if len(os.fsencode(folder)) <= LONGEST_FOLDER and _is_private(folder):
            return folder
    raise UserError(
        "the path of the session is too long for a socket, and neither XDG_RUNTIME_DIR nor "
        f"{', '.join(_TEMPORARY_FOLDERS)} can hold it; set XDG_RUNTIME_DIR to a folder of yours with a path "
        f"of at most {LONGEST_FOLDER} characters"
    )


def _list_candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    runtime = Path(environment.get("XDG_RUNTIME_DIR", ""))
    if runtime.is_absolute():
        yield runtime
    for number in range(1, _MOST_TRIES + 1):
        suffix = f"-{number}" if number > 1 else ""
        for parent in _TEMPORARY_FOLDERS:
            folder = Path(parent) / f"gonogo-{os.getuid()}{suffix}"
            with contextlib.suppress(OSError):  # It may exist; `_is_private` checks it.
                folder.mkdir(mode=0o700)
            yield folder


def _is_private(folder: Path) -> bool:
    """Return whether a path is this user's own folder, not a link, and writable by no other user."""
    try:
        status = folder.lstat()
    except (OSError, ValueError):
        return False
    is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    is_closed = not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return is_ours and is_closed and os.access(folder, os.W_OK | os.X_OK)
