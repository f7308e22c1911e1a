"""The sessions of this machine: where they are, in which order they were created, and whether they ended."""

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from app.errors import UserError
from app.paths import find_home_folder
from app.session.attempt import process
from app.session.folder import SessionFolder
from app.session.journal.attempts_on_disk import describe_missing_lines
from app.session.journal.fold import recover_file
from app.session.journal.journal import read_first_wall
from app.session.journal.state import State

# A session whose conductor has just died is still running: its guard starts another.
PROCESS_FILES = ("conductor.json", "guard_process.json")


class SessionError(UserError):
    """A session cannot be found or started; the message says what to do."""


def read_state(folder: Path) -> State:
    """Return the state that a session's journal gives.

    Raises:
        OSError: the journal cannot be read.
    """
    try:
        return recover_file(SessionFolder(folder).journal)[0]
    except FileNotFoundError:
        return State()


def describe_damage(session: SessionFolder) -> str:
    """Return what is wrong with a session's journal, or "" if it is intact."""
    try:
        state, damage = recover_file(session.journal)
    except FileNotFoundError:
        state, damage = State(), ""
    except OSError as error:
        return f"{session.journal} cannot be read: {error.strerror}"
    return damage or describe_missing_lines(session, state)


def has_ended(folder: Path) -> bool:
    """Return whether a session is known to have ended; one whose journal cannot be read is not."""
    try:
        return read_state(folder).ended is not None
    except OSError:
        return False


def has_processes(folder: Path) -> bool:
    """Return whether the conductor or the guard of a session is running."""
    return any(process.is_recorded_alive(folder / name) for name in PROCESS_FILES)


def is_copy_or_renamed(folder: Path) -> bool:
    """Return whether a session's folder has another name than the session was created with."""
    try:
        return SessionFolder(folder).read_info().id != folder.name
    except UserError:
        return False


def read_created(folder: Path) -> float:
    """Return when a session was created, in seconds since the epoch, or 0 if that cannot be read.

    Records of earlier versions do not say so; their journal begins at that time.
    """
    session = SessionFolder(folder)
    with contextlib.suppress(UserError):
        if created := session.read_info().created:
            return created
    with contextlib.suppress(OSError, ValueError):
        return read_first_wall(session.journal)
    with contextlib.suppress(OSError):
        return session.info.stat().st_mtime
    return 0.0


def sort_by_time(folders: Iterable[Path]) -> list[Path]:
    """Return sessions in the order of their creation; a copy comes before its original.

    Names do not give the order: they are local times, which a time zone or daylight saving sets back.
    """
    return sorted(
        folders, key=lambda folder: (read_created(folder), not is_copy_or_renamed(folder), str(folder))
    )


def list_sessions_in(parent: Path) -> list[Path]:
    """Return the sessions in a folder, in the order of their creation."""
    return sort_by_time(_find_sessions_in(parent))


def locate_state_folder() -> Path:
    """Return the folder of gonogo's own records on this machine."""
    return find_home_folder("XDG_STATE_HOME", ".local/state") / "gonogo"


def make_private_folder(folder: Path) -> None:
    """Make a folder of gonogo's records, which only this user can read and change, whatever the umask is."""
    for each in (folder.parent, folder):
        each.mkdir(parents=True, exist_ok=True, mode=0o700)
        if each.stat().st_mode & 0o077:
            each.chmod(0o700)


def _locate_links() -> Path:
    return locate_state_folder() / "sessions"


def register_session(folder: Path) -> bool:
    """Record where a session is, so that it is found from any folder by its unique name.

    Returns:
        False if another session has the name; True if it is recorded, or if there is no place for records.
    """
    with contextlib.suppress(OSError):
        make_private_folder(_locate_links())
    link = _locate_links() / folder.name
    try:
        link.symlink_to(folder.absolute())
    except FileExistsError:
        return os.path.realpath(link) == os.path.realpath(folder)
    except OSError:
        pass
    return True


def list_sessions(here: Path) -> list[Path]:
    """Return the sessions below a folder's `artifacts`, or else all registered ones; newest last."""
    nearby = {
        session
        for parent in (here / "artifacts" / "sessions", *_find_sessions_folders(here / "artifacts"))
        for session in _find_sessions_in(parent)
    }
    return sort_by_time(nearby or set(_find_sessions_in(_locate_links())))


def _find_sessions_folders(artifacts: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return [folder / "sessions" for folder in artifacts.iterdir()]
    return []


def _find_sessions_in(parent: Path) -> Iterator[Path]:
    """Yield the sessions in a folder, including those that cannot be read."""
    try:
        folders = list(parent.iterdir())
    except OSError:
        return
    for folder in folders:
        if _is_session(folder):
            yield Path(os.path.realpath(folder))


def _is_session(folder: Path) -> bool:
    try:
        SessionFolder(folder).info.lstat()
    except OSError as error:
        return error.errno == errno.EACCES
    except ValueError:  # A null character in the name.
        return False
    return True


def find_other_running_session(folder: Path) -> Path | None:
    """Return another session of this machine that has a conductor and has not ended, if there is one."""
    return next((other for other, state in _list_other_running_sessions(folder)), None)


def find_session_with_running_phase(folder: Path) -> Path | None:
    """Return another session of this machine that is not waiting at a gate, if there is one."""
    for other, state in _list_other_running_sessions(folder):
        phase = state.current
        if phase is not None and phase.status != "gate":
            return other
    return None


def _list_other_running_sessions(folder: Path) -> Iterator[tuple[Path, State]]:
    others = {*_find_sessions_in(_locate_links()), *_find_sessions_in(folder.parent)}
    for other in sorted(others - {Path(os.path.realpath(folder))}):
        if has_processes(other):
            with contextlib.suppress(OSError):
                state = read_state(other)
                if state.ended is None:
                    yield other, state


def find_session(here: Path, name: str | None) -> Path:
    """Return a session by its id or folder; without a name, the newest unfinished one or else the newest.

    Raises:
        SessionError: there is no such session, or several have the id.
    """
    if name:
        return _find_by_name(here, name)
    sessions = list_sessions(here)
    if not sessions:
        raise SessionError("there is no session here; start one with `gonogo run` or `gonogo rehearse`")
    for folder in reversed(sessions):
        if not has_ended(folder) and not describe_damage(SessionFolder(folder)):
            return folder
    return sessions[-1]


def _find_by_name(here: Path, name: str) -> Path:
    if _is_session(Path(name)):
        return Path(os.path.realpath(name))
    matching = [folder for folder in list_sessions(here) if folder.name == name]
    if len(matching) > 1:
        folders = ", ".join(map(str, matching))
        raise SessionError(f"several sessions have the id {name}; name the folder of one: {folders}")
    if matching:
        return matching[0]
    link = _locate_links() / Path(name).name
    if link.name == name and _is_session(link):
        return Path(os.path.realpath(link))
    raise SessionError(f"there is no session {name}; list sessions with `gonogo sessions`")
