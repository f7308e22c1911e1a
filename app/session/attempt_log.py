"""Printing the log of an attempt, as text and nothing else."""

import threading
from pathlib import Path
from typing import TextIO

from app.monitor.sanitize import clean_line
from app.session.client import Refused, SessionClient
from app.session.masking import Masker
from app.session.snapshot import OVER

_CHUNK = 64 * 1024
_EVERY = 0.5


def follow_log(folder: Path, phase: str | None, follow: bool, out: TextIO) -> int:
    """Print the newest attempt's log; with `follow` until the session is over, from attempt to attempt.

    Raises:
        Refused: there is no such phase, or it has no log yet.
    """
    client = SessionClient(folder)
    masker = client.masker()
    waiting = threading.Event()
    path = _newest(client, phase)
    if path is None and not follow:
        raise Refused("no phase has run yet" if phase is None else f"{phase} has not run yet")
    offset = 0
    while True:
        if path is not None:
            offset = _print(path, offset, masker, out)
        if not follow:
            return 0
        over = client.snapshot().state in OVER
        newest = _newest(client, phase)
        if newest != path:
            path, offset = newest, 0
        elif over:
            return 0
        waiting.wait(_EVERY)


def _newest(client: SessionClient, phase: str | None) -> Path | None:
    session = client.snapshot()
    known = [p.id for p in session.phases]
    if phase is not None and phase not in known:
        raise Refused(f"there is no phase {phase}; expected one of: {', '.join(known)}")
    tried = [p.attempts[-1] for p in session.phases if p.attempts and phase in (None, p.id)]
    return Path(max(tried, key=lambda a: a.started).folder) / "output.log" if tried else None


def _print(path: Path, offset: int, masker: Masker, out: TextIO) -> int:
    if not path.exists():
        return offset
    with path.open("rb") as file:
        file.seek(offset)
        rest = b""
        for chunk in masker.stream(iter(lambda: file.read(_CHUNK), b"")):
            *lines, rest = (rest + chunk).split(b"\n")
            out.writelines(clean_line(line) + "\n" for line in lines)
            if len(rest) > _CHUNK:  # a line without end is not kept
                out.write(clean_line(rest) + "\n")
                rest = b""
        if rest:
            out.write(clean_line(rest) + "\n")
        out.flush()
        return file.tell()
