"""Print an attempt's log with secrets masked and control characters removed."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TextIO

from app.monitor.sanitize import clean_line
from app.session.client import SessionClient
from app.session.masking import Masker
from app.session.requests import Refused
from app.session.snapshot import OVER
from phases.contract.files import open_regular_file

_CHUNK = 64 * 1024
_POLL = 0.5


def print_log(folder: Path, phase: str | None, out: TextIO, *, follow: bool) -> None:
    """Print the newest attempt's log; with `follow` keep printing until the session has ended.

    Raises:
        Refused: there is no such phase, or it has not run yet.
    """
    client = SessionClient(folder)
    masker = client.make_masker()
    printed = _find_newest_log(client, phase)
    if printed is None and not follow:
        raise Refused("no phase has run yet" if phase is None else f"{phase} has not run yet")
    offset = 0
    while True:
        has_ended = client.read_snapshot().state in OVER
        newest = _find_newest_log(client, phase)
        is_growing = follow and not has_ended and newest == printed
        offset = _print_from(printed, offset, masker, out, is_growing=is_growing)
        if newest != printed:
            printed = newest
            offset = _print_from(newest, 0, masker, out, is_growing=follow and not has_ended)
        if has_ended or not follow:
            return
        time.sleep(_POLL)


def _find_newest_log(client: SessionClient, phase: str | None) -> Path | None:
    session = client.read_snapshot()
    phases = [p.id for p in session.phases]
    if phase is not None and phase not in phases:
        raise Refused(f"there is no phase {phase}; expected one of: {', '.join(phases)}")
    newest = [p.attempts[-1] for p in session.phases if p.attempts and phase in (None, p.id)]
    if not newest:
        return None
    return Path(max(newest, key=lambda attempt: attempt.started).folder) / "output.log"


def _print_from(
    path: Path | None, offset: int, masker: Masker, out: TextIO, *, is_growing: bool = False
) -> int:
    """Print a log from a byte offset on, and return the offset of its end, or of its last complete line."""
    if path is None or not path.exists():
        return offset
    with open_regular_file(path) as file:
        end = os.fstat(file.fileno()).st_size
        if is_growing:
            end = _find_line_end(file, offset, end)
        file.seek(offset)
        rest = b""
        for chunk in masker.mask_stream(_read_until(file, end)):
            *lines, rest = (rest + chunk).split(b"\n")
            out.writelines(_clean(line, masker) for line in lines)
            if len(rest) > _CHUNK:  # Do not buffer an endless line.
                out.write(_clean(rest, masker))
                rest = b""
        if rest:
            out.write(_clean(rest, masker))
        out.flush()
        return file.tell()


def _clean(line: bytes, masker: Masker) -> str:
    return clean_line(masker.mask_visible(line.decode(errors="replace"))) + "\n"


def _read_until(file: BinaryIO, end: int) -> Iterator[bytes]:
    while chunk := file.read(min(_CHUNK, max(0, end - file.tell()))):
        yield chunk


def _find_line_end(file: BinaryIO, offset: int, end: int) -> int:
    """Return where the last complete line ends, so that no secret in a growing line is printed in parts.

    A progress bar that is drawn again with carriage returns is complete up to the last one.
    """
    while end > offset:
        start = max(offset, end - _CHUNK)
        file.seek(start)
        chunk = file.read(end - start)
        complete = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
        if complete:
            return start + complete
        end = start
    return offset
