"""The journal: the append-only record of a session, from which its whole state is rebuilt.

One JSON line an event: `{v, seq, epoch, wall, mono, type, data, prev, sum}`. `prev` is the SHA-256 of the
line before, `sum` that of this line up to it: a byte changed anywhere is found, in the last line too.
A line is on the disk before what it records is done. A last line that its writer did not finish is moved to a
side file; any other damage makes the journal unreadable beyond that line, and nobody appends to it again.
"""

import ctypes
import fcntl
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from app.session.clock import Clock
from app.session.journal.events import AnyEvent

VERSION = 1
_SUM = b',"sum":"'
_FIRST = "0" * 64
_MAXIMUM_LINE = 4 << 20
_AHEAD = 256 << 10
_KEEP_SIZE = 1
_LIBC = ctypes.CDLL(None)


class Entry(msgspec.Struct, frozen=True):
    """One event, when it was recorded, and by which incarnation of the conductor (`epoch`)."""

    seq: int
    epoch: int
    wall: float
    mono: float
    event: AnyEvent


class _Line(msgspec.Struct, frozen=True):
    v: int
    seq: int
    epoch: int
    wall: float
    mono: float
    type: str
    data: dict[str, Any]
    prev: str
    sum: str


class JournalError(Exception):
    """The journal cannot be written; the message says why and what to do."""


class Busy(JournalError):  # noqa: N818
    """Another conductor has the journal."""


class Damaged(JournalError):  # noqa: N818
    """A line of the journal is not what was written."""


class Replay(msgspec.Struct, frozen=True):
    """What a journal holds: its entries, the length of its whole lines, the torn rest, and any damage."""

    entries: tuple[Entry, ...]
    head: str
    length: int
    torn: bytes = b""
    damage: str = ""


def encode(entry: Entry, prev: str) -> bytes:
    """Return the line of an entry, with its newline."""
    data = msgspec.to_builtins(entry.event)
    kind = data.pop("type")
    fields = {
        "v": VERSION,
        "seq": entry.seq,
        "epoch": entry.epoch,
        "wall": entry.wall,
        "mono": entry.mono,
        "type": kind,
        "data": data,
        "prev": prev,
    }
    body = msgspec.json.encode(fields)[:-1]
    return body + _SUM + hashlib.sha256(body).hexdigest().encode() + b'"}\n'


def _decode(line: bytes, seq: int, epoch: int, prev: str) -> Entry:
    body, _, _ = line.rpartition(_SUM)
    fields = msgspec.json.decode(line, type=_Line)
    if fields.sum != hashlib.sha256(body).hexdigest():
        raise ValueError("the line is not what was written: its checksum differs")
    if fields.v != VERSION:
        raise ValueError(f"version {fields.v} of the format; this gonogo reads version {VERSION}")
    if fields.prev != prev:
        raise ValueError("a line before it was changed, removed or added")
    if fields.seq != seq or fields.epoch < epoch:
        raise ValueError(f"sequence {fields.seq} of epoch {fields.epoch}, expected {seq} of {epoch} or later")
    event: AnyEvent = msgspec.convert({"type": fields.type, **fields.data}, AnyEvent)
    return Entry(fields.seq, fields.epoch, fields.wall, fields.mono, event)


def read(path: Path) -> Replay:
    """Read what is there, up to the first damage; never raises for what the file holds."""
    entries: list[Entry] = []
    prev, epoch, length = _FIRST, 0, 0
    with path.open("rb") as file:
        while line := file.readline(_MAXIMUM_LINE):
            if not line.endswith(b"\n") and length + len(line) == os.fstat(file.fileno()).st_size:
                return Replay(tuple(entries), prev, length, torn=line)
            try:
                entry = _decode(line, len(entries) + 1, epoch, prev)
            except (ValueError, msgspec.MsgspecError) as error:
                return Replay(
                    tuple(entries), prev, length, damage=f"{path}, line {len(entries) + 1}: {error}"
                )
            entries.append(entry)
            prev, epoch = hashlib.sha256(line).hexdigest(), entry.epoch
            length += len(line)
    return Replay(tuple(entries), prev, length)


class Journal:
    """The one writer of a journal. `replay` is what was there when it was opened."""

    def __init__(self, path: Path, clock: Clock, sync: Callable[[int], None] = os.fdatasync) -> None:
        """Open for appending, as a new epoch; a torn last line is moved to `<name>.torn-<epoch>`.

        Raises:
            Busy: another process has it open for writing.
            Damaged: a line is not what was written; the journal can still be read up to it.
        """
        self.path = path
        self._clock = clock
        self._sync = sync
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise Busy(f"{path}: another conductor runs this session") from None
        self.replay = read(path)
        if self.replay.damage:
            os.close(self._file)
            raise Damaged(f"{self.replay.damage}. The session can be read up to there, but not continued")
        self._seq = len(self.replay.entries)
        self.epoch = (self.replay.entries[-1].epoch if self.replay.entries else 0) + 1
        self._head = self.replay.head
        self._length = self.replay.length
        self.torn = self._set_torn_line_aside()
        self._reserved = 0
        self._reserve()

    def _set_torn_line_aside(self) -> Path | None:
        if not self.replay.torn:
            return None
        aside = self.path.with_name(f"{self.path.name}.torn-{self.epoch}")
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(handle, self.replay.torn)
        os.fsync(handle)
        os.close(handle)
        os.ftruncate(self._file, self._length)
        os.fsync(self._file)
        return aside

    def _reserve(self) -> None:
        """Take disk blocks beyond the end: a disk that others fill then has room for the next lines."""
        if self._reserved - self._length < _AHEAD // 2:
            # Where a file system cannot do this, a line that finds no room is tried again.
            done = _LIBC.fallocate(self._file, _KEEP_SIZE, ctypes.c_long(self._length), ctypes.c_long(_AHEAD))
            self._reserved = self._length + _AHEAD if done == 0 else self._reserved

    def append(self, event: AnyEvent) -> Entry:
        """Record an event, as `prepare` and `write` do together."""
        entry = self.prepare(event)
        self.write(entry)
        return entry

    def prepare(self, event: AnyEvent) -> Entry:
        """Return the entry of an event that is to be written next."""
        return Entry(self._seq + 1, self.epoch, self._clock.wall(), self._clock.mono(), event)

    def write(self, entry: Entry) -> None:
        """Write the entry; when this returns it is on the disk, and may be acted upon.

        Raises:
            JournalError: someone else wrote to the journal.
            OSError: it could not be written (such as a full disk); the journal is as it was before.
        """
        if os.fstat(self._file).st_size != self._length:
            raise JournalError(f"{self.path}: another process wrote to it; this conductor gives up")
        line = encode(entry, self._head)
        assert len(line) < _MAXIMUM_LINE, "what goes into an event is bounded where it is read"
        try:
            if os.write(self._file, line) != len(line):
                raise OSError(28, "no space left for the line", str(self.path))
            self._sync(self._file)
        except OSError:
            os.ftruncate(self._file, self._length)  # which gives up what was reserved
            self._reserved = 0
            raise
        self._seq += 1
        self._head = hashlib.sha256(line).hexdigest()
        self._length += len(line)
        self._reserve()

    def close(self) -> None:
        """Close it and let another conductor have it."""
        os.close(self._file)
