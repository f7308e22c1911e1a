"""Find the folder that a session's processes work in, which a copy of the folder must not disturb."""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

from app.session.attempt import process
from app.session.registry import PROCESS_FILES, read_state

_MODULES = ("app.session.engine.conductor", "app.session.pod.guard")


def find_original(folder: Path) -> Path | None:
    """Return the folder that the processes of a session work in, if it is not this one.

    A copied folder holds the identities of the processes and the cookie of the attempt. A conductor of the
    copy would take the running phase for its own, and end it.
    """
    for place in _find_places(folder):
        if not _is_same_folder(place, folder):
            return place
    return None


def _find_places(folder: Path) -> Iterator[Path]:
    for name in PROCESS_FILES:
        identity = process.read_identity(folder / name)
        if identity is not None and process.is_alive(identity):
            arguments = process.read_arguments(identity.pid)
            for module, argument in itertools.pairwise(arguments):
                if module in _MODULES:
                    yield Path(argument)
    with contextlib.suppress(OSError):
        phase = read_state(folder).current
        if phase is not None and phase.last is not None and phase.last.end is None:
            for pid in process.find_attempt_processes(phase.last.spec.cookie):
                identity = process.identify(pid)
                environment = process.read_environment(identity) if identity is not None else {}
                if place := environment.get("GONOGO_SESSION"):
                    yield Path(place)


def _is_same_folder(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return False
