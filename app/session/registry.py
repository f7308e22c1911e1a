"""The sessions of this machine: where they are, and whether they have ended."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from app.errors import UserError
from app.paths import find_home_folder
from app.session.attempt import process
from app.session.folder import SessionFolder
from app.session.journal import journal
from app.session.journal.state import State, recover

# A session whose conductor has just died is still running: its guard starts another.
_PROCESS_FILES = ("conductor.json", "guard_process.json")


class SessionError(UserError):
    """A session cannot be found or started; the message says what to do."""


def read_state(folder: Path) -> State:
    """Return the state that a session's journal gives."""
    path = SessionFolder(folder).journal
    return recover(journal.read_journal(path))[0] if path.exists() else State()


def has_ended(folder: Path) -> bool:
    """Return whether a session has ended."""
    return read_state(folder).ended is not None


def locate_state_folder() -> Path:
    """Return the folder of gonogo's own records on this machine."""
    return find_home_folder("XDG_STATE_HOME", ".local/state") / "gonogo"


def _links() -> Path:
    return locate_state_folder() / "sessions"


def register_session(folder: Path) -> None:
    """Record where a session is, so that it is found from any folder; failing to do so is not an error."""
    with contextlib.suppress(OSError):
        _links().mkdir(parents=True, exist_ok=True, mode=0o700)
        link = _links() / folder.name
        link.unlink(missing_ok=True)
        link.symlink_to(folder.absolute())


def list_sessions(here: Path) -> list[Path]:
    """Return the sessions below a folder's `artifacts`, or else all registered ones; newest last."""
    nearby = [
        *here.glob("artifacts/sessions/*/session.json"),
        *here.glob("artifacts/*/sessions/*/session.json"),
    ]
    paths = nearby or _links().glob("*/session.json")
    folders = {path.parent.resolve() for path in paths}
    return sorted(folders, key=lambda folder: (folder.name, str(folder)))


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
    records = {*_links().glob("*/session.json"), *folder.parent.glob("*/session.json")}
    for other in sorted({record.parent.resolve() for record in records} - {folder.resolve()}):
        if any(process.is_recorded_alive(other / name) for name in _PROCESS_FILES):
            with contextlib.suppress(OSError):
                state = read_state(other)
                if state.ended is None:
                    yield other, state


def find_session(here: Path, name: str | None) -> Path:
    """Return a session by its id or folder; without a name, the newest unfinished one or else the newest.

    Raises:
        SessionError: there is no such session.
    """
    if name:
        return _find_by_name(here, name)
    sessions = list_sessions(here)
    if not sessions:
        raise SessionError("there is no session here; start one with `gonogo run` or `gonogo rehearse`")
    return next((folder for folder in reversed(sessions) if not has_ended(folder)), sessions[-1])


def _find_by_name(here: Path, name: str) -> Path:
    if (Path(name) / "session.json").exists():
        return Path(name).resolve()
    matching = [folder for folder in list_sessions(here) if folder.name == name]
    if matching:
        return matching[-1]
    link = _links() / Path(name).name
    if link.name == name and (link / "session.json").exists():
        return link.resolve()
    raise SessionError(f"there is no session {name}; list sessions with `gonogo sessions`")
