"""Checks of the artifact folder: whether it can be created, and whether its disk supports a session.

A session needs three things that some network and container file systems lack: locks (`flock`), so that
nothing runs twice; unix sockets, for its clients; and `fsync` of folders, so that no recorded event is lost.
"""

import contextlib
import fcntl
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from app.errors import UserError

_ADVICE = "put session.artifacts on another disk, such as the pod's own volume"


def make_artifacts_folder(folder: Path) -> None:
    """Create the artifact folder.

    Raises:
        UserError: it cannot be created; the message says why.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = describe_unusable(folder) or f"{folder} cannot be created: {error.strerror}"
        raise UserError(f"{reason}. Correct that, or change session.artifacts") from None


def describe_unusable(folder: Path) -> str:
    """Return why a path cannot be the artifact folder, or "" if it is one or can be created."""
    for path in (folder, *folder.parents):
        if path.is_symlink() and not path.exists():
            return f"{path} is a link to {path.readlink()}, which does not exist"
        if path.exists():
            return "" if path.is_dir() else f"{path} is not a folder"
    return ""


def require_session_disk(folder: Path) -> None:
    """Check that a folder's disk can hold sessions.

    Raises:
        UserError: it cannot; the message names all that is missing.
    """
    if problems := find_disk_problems(folder):
        raise UserError(f"the disk of {folder} cannot hold a session: {'; '.join(problems)}; {_ADVICE}")


def find_disk_problems(folder: Path) -> list[str]:
    """Return what the disk of a folder lacks for a session, tried in a temporary folder in it."""
    try:
        probe = Path(tempfile.mkdtemp(dir=folder, prefix=".gonogo-probe-"))
    except OSError as error:
        return [f"no file can be written there ({error.strerror})"]
    try:
        return [problem for check in (_try_lock, _try_socket, _try_folder_sync) for problem in check(probe)]
    finally:
        shutil.rmtree(probe, ignore_errors=True)


def _try_lock(probe: Path) -> Iterator[str]:
    with (probe / "lock").open("w") as first, (probe / "lock").open("w") as second:
        try:
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            yield f"it has no file locks (flock: {error.strerror})"
            return
        with contextlib.suppress(OSError):
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield "its file locks (flock) lock nothing"


def _try_socket(probe: Path) -> Iterator[str]:
    handle = os.open(probe, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
            # The path of a socket is limited to 108 bytes; this one is short in any folder.
            server.bind(f"/proc/self/fd/{handle}/socket")
    except OSError as error:
        yield f"it has no unix sockets ({error.strerror})"
    finally:
        os.close(handle)


def _try_folder_sync(probe: Path) -> Iterator[str]:
    handle = os.open(probe, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        yield f"it cannot write folders to disk (fsync: {error.strerror})"
    finally:
        os.close(handle)
