"""Print an attempt's log with secrets masked and control characters removed."""

import time
from pathlib import Path
from typing import TextIO

from app.monitor.sanitize import clean_line
from app.session.client import SessionClient
from app.session.masking import Masker
from app.session.requests import Refused
from app.session.snapshot import OVER

_CHUNK = 64 * 1024
_POLL = 0.5


def print_log(folder: Path, phase: str | None, out: TextIO, *, follow: bool) -> None:
    """Print the newest attempt's log; with `follow` keep printing until the session has ended.

    Raises:
        Refused: there is no such phase, or it has not run yet.
    """
    client = SessionClient(folder)
    masker = client.masker()
    printed = _find_newest_log(client, phase)
    if printed is None and not follow:
        raise Refused("no phase has run yet" if phase is None else f"{phase} has not run yet")
    offset = 0
    while True:
        has_ended = client.snapshot().state in OVER
        newest = _find_newest_log(client, phase)
        offset = _print_from(printed, offset, masker, out)
        if newest != printed:
            printed, offset = newest, _print_from(newest, 0, masker, out)
        if has_ended or not follow:
            return
        time.sleep(_POLL)


def _find_newest_log(client: SessionClient, phase: str | None) -> Path | None:
    session = client.snapshot()
    phases = [p.id for p in session.phases]
    if phase is not None and phase not in phases:
        raise Refused(f"there is no phase {phase}; expected one of: {', '.join(phases)}")
    newest = [p.attempts[-1] for p in session.phases if p.attempts and phase in (None, p.id)]
    if not newest:
        return None
    return Path(max(newest, key=lambda attempt: attempt.started).folder) / "output.log"


def _print_from(path: Path | None, offset: int, masker: Masker, out: TextIO) -> int:
    """Print a log from a byte offset on, and return the offset of its end."""
    if path is None or not path.exists():
        return offset
    with path.open("rb") as file:
        file.seek(offset)
        rest = b""
        for chunk in masker.stream(iter(lambda: file.read(_CHUNK), b"")):
            *lines, rest = (rest + chunk).split(b"\n")
            out.writelines(clean_line(line) + "\n" for line in lines)
            if len(rest) > _CHUNK:  # Do not buffer a line without an end.
                out.write(clean_line(rest) + "\n")
                rest = b""
        if rest:
            out.write(clean_line(rest) + "\n")
        out.flush()
        return file.tell()
