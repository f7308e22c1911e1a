"""Approval of plans: a plan executes commands, so an operator approves each digest once per machine."""

import contextlib
import grp
import os
import pwd
import stat
import time
from pathlib import Path

import msgspec

from app.session.registry import state_folder
from phases.contract import files


class Approval(msgspec.Struct, frozen=True):
    """The record that an operator approved the commands of a plan."""

    plan: str
    how: str
    at: float


def is_approved(digest: str) -> bool:
    """Return whether the plan with this digest was approved on this machine."""
    return _approval_path(digest).exists()


def record_approval(digest: str, plan: Path, how: str) -> None:
    """Record that the plan with this digest was approved."""
    files.write_json(_approval_path(digest), Approval(str(plan), how, time.time()))


def _approval_path(digest: str) -> Path:
    return state_folder() / "approved" / f"{digest}.json"


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
