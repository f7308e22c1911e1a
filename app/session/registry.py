"""What this machine knows of sessions and plans: where sessions are, and which plans were approved."""

import contextlib
import grp
import os
import pwd
import stat
import time
from pathlib import Path

import msgspec

from app.session.attempt import process
from app.session.folder import SessionFolder
from app.session.journal import journal
from app.session.journal.state import State, recover
from phases.contract import files


class CannotStart(Exception):  # noqa: N818 - as its siblings
    """There is no such session, or it or its conductor cannot be started; the message says what to do."""


def read_state(folder: Path) -> State:
    """Return the state that a session's journal tells."""
    path = SessionFolder(folder).journal
    return recover(journal.read_journal(path))[0] if path.exists() else State()


def is_over(folder: Path) -> bool:
    """Say whether a session has ended."""
    return read_state(folder).ended is not None


def state_folder() -> Path:
    """Return the folder of gonogo's own records on this machine."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "gonogo"


def remember(folder: Path) -> None:
    """Note where a session is, so that it is found from any folder; not being able to is no failure."""
    known = state_folder() / "sessions"
    with contextlib.suppress(OSError):
        known.mkdir(parents=True, exist_ok=True, mode=0o700)
        link = known / folder.name
        link.unlink(missing_ok=True)
        link.symlink_to(folder.absolute())


def known_sessions(here: Path) -> list[Path]:
    """Return the sessions below a folder's `artifacts`, or else all that are remembered; newest last."""
    near = [
        *here.glob("artifacts/sessions/*/session.json"),
        *here.glob("artifacts/*/sessions/*/session.json"),
    ]
    links = (state_folder() / "sessions").glob("*/session.json")
    found = {path.parent.resolve() for path in (near or links)}
    return sorted(found, key=lambda folder: (folder.name, str(folder)))


def running_elsewhere(folder: Path) -> Path | None:
    """Return another session of this machine that is not over and has a conductor, if there is one."""
    records = {
        *(state_folder() / "sessions").glob("*/conductor.json"),
        *folder.parent.glob("*/conductor.json"),
    }
    others = sorted({record.parent.resolve() for record in records} - {folder.resolve()})
    living = (other for other in others if process.is_recorded_alive(other / "conductor.json"))
    return next((other for other in living if not is_over(other)), None)


def find_session(here: Path, name: str | None) -> Path:
    """Return the session of that id or folder; without a name the newest unfinished one, or else the newest.

    Raises:
        CannotStart: there is none.
    """
    if name and (Path(name) / "session.json").exists():
        return Path(name).resolve()
    sessions = known_sessions(here)
    if name:
        link = state_folder() / "sessions" / Path(name).name
        known = [link.resolve()] if link.name == name and (link / "session.json").exists() else []
        matching = [s for s in sessions if s.name == name] or known
        if not matching:
            raise CannotStart(f"there is no session {name}: `gonogo sessions` lists them")
        return matching[-1]
    if not sessions:
        raise CannotStart("there is no session here yet: `gonogo run` or `gonogo rehearse` starts one")
    return next((s for s in reversed(sessions) if not is_over(s)), sessions[-1])


class Approval(msgspec.Struct, frozen=True):
    """That an operator has seen what a plan executes, and agreed."""

    plan: str
    how: str
    at: float


def is_approved(digest: str) -> bool:
    """Say whether this very plan has been approved on this machine."""
    return (state_folder() / "approved" / f"{digest}.json").exists()


def approve(digest: str, plan: Path, how: str) -> None:
    """Record that the plan was approved."""
    path = state_folder() / "approved" / f"{digest}.json"
    files.write_json(path, Approval(str(plan), how, time.time()))


def writable_by_others(path: Path) -> str:
    """Return in words how others can write a file or folder, or "" if they cannot."""
    status = path.stat()
    if status.st_uid not in (os.getuid(), 0):
        return "belongs to someone else"
    if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        return "can be written by everyone"
    if status.st_mode & stat.S_IWGRP and not _is_private(status.st_gid):
        return "can be written by its group"
    return ""


def _is_private(group: int) -> bool:
    """Say whether a group is the user's own, which no other account has or is a member of."""
    me = os.getuid()
    with contextlib.suppress(KeyError):
        members = {pwd.getpwnam(name).pw_uid for name in grp.getgrgid(group).gr_mem}
        members |= {entry.pw_uid for entry in pwd.getpwall() if entry.pw_gid == group}
        return members <= {me, 0}
    return group == os.getgid()
