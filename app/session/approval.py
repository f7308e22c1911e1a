"""Approval of plans: a plan executes commands, so an operator approves each digest once per machine."""

import contextlib
import grp
import os
import pwd
import stat
import time
from pathlib import Path

import msgspec

from app.session.folder import SessionFolder
from app.session.registry import locate_state_folder, make_private_folder
from phases.contract import files

_approved_now: set[str] = set()


class Approval(msgspec.Struct, frozen=True):
    """The record that an operator approved the commands of a plan."""

    plan: str
    how: str
    at: float


def is_approved(digest: str) -> bool:
    """Return whether the plan with this digest was approved on this machine.

    A record that another user could have written, or that cannot be read, does not count.
    """
    path = _locate_approval(digest)
    try:
        return not (describe_unsafe_permissions(path) or describe_unsafe_permissions(path.parent))
    except OSError:  # With HOME=/dev/null, for example, no folder for records can exist.
        return False


def record_approval(digest: str, plan: Path, how: str) -> None:
    """Record that the plan with this digest was approved."""
    make_private_folder(_locate_approval(digest).parent)
    files.write_json(_locate_approval(digest), Approval(str(plan), how, time.time()))


def is_session_approved(folder: Path) -> bool:
    """Return whether the plan that a session's folder holds was approved on this machine.

    A folder that was cloned or unpacked may hold any plan, whatever its records say.
    """
    try:
        digest = files.hash_path(SessionFolder(folder).plan)
    except OSError:
        return False
    return digest in _approved_now or is_approved(digest)


def approve_session(folder: Path, how: str) -> None:
    """Record that the plan that a session's folder holds was approved."""
    plan = SessionFolder(folder).plan
    digest = files.hash_path(plan)
    _approved_now.add(digest)
    with contextlib.suppress(OSError):  # Without a folder for records, it counts for this process.
        record_approval(digest, plan, how)


def revoke_session(folder: Path) -> None:
    """Forget the approval of a session that will not run again."""
    with contextlib.suppress(OSError):
        _locate_approval(files.hash_path(SessionFolder(folder).plan)).unlink(missing_ok=True)


def _locate_approval(digest: str) -> Path:
    return locate_state_folder() / "approved" / f"{digest}.json"


def describe_unsafe_permissions(path: Path) -> str:
    """Return how another user could change a file or folder, as a predicate, or "" if none can."""
    status = path.stat()
    if status.st_uid not in (os.getuid(), 0):
        return "belongs to another user"
    if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        return "is writable by everyone"
    if status.st_mode & stat.S_IWGRP and not _is_private_group(status.st_gid):
        return "is writable by its group"
    return ""


def _is_private_group(group: int) -> bool:
    """Return whether no other account has this group or is a member of it."""
    me = os.getuid()
    with contextlib.suppress(KeyError):
        members = {pwd.getpwnam(name).pw_uid for name in grp.getgrgid(group).gr_mem}
        members |= {entry.pw_uid for entry in pwd.getpwall() if entry.pw_gid == group}
        return members <= {me, 0}
    return group == os.getgid()
