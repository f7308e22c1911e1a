"""The journal: the append-only record of a session, from which its state is rebuilt.

Each event is one JSON line: `{v, seq, epoch, wall, mono, type, data, prev, sum}`. `prev` is the SHA-256 of
the previous line and `sum` that of this line up to the field, so a changed byte is detected in every line,
including the last. A line is on disk before the conductor acts on it. An unfinished last line is moved to a
side file. Any other damage makes the journal read-only and unreadable beyond that line.
"""

import contextlib
import ctypes
import errno
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import msgspec

from app.session.clock import Clock
from app.session.folder import move_away
from app.session.journal.events import ADDED_FIELDS, AnyEvent
from phases.contract.files import open_regular_file

VERSION = 1
_CHECKSUM_FIELD = b',"sum":"'
_FIRST_PREVIOUS = "0" * 64
_MAX_LINE_BYTES = 4 << 20
_NEWLINE = ord("\n")
_RESERVED_BYTES = 256 << 10
_FALLOC_KEEP_SIZE = 1
_LOST_SECONDS = 3.0
_LIBC = ctypes.CDLL(None)


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An event with the times it was recorded at; `epoch` counts the conductors of the session."""

    seq: int
    epoch: int
    wall: float
    mono: float
    event: AnyEvent


class _JournalLine(msgspec.Struct, frozen=True, gc=False):
    v: int
    seq: int
    epoch: int
    wall: float
    mono: float
    type: str
    data: msgspec.Raw
    prev: str
    sum: str


_LINE_DECODER = msgspec.json.Decoder(_JournalLine)
_EVENT_DECODERS = {kind.__struct_config__.tag: msgspec.json.Decoder(kind) for kind in get_args(AnyEvent)}


class JournalError(Exception):
    """The journal cannot be written; the message says why and what to do."""


class JournalBusyError(JournalError):
    """Another conductor has the journal open."""


class JournalDamagedError(JournalError):
    """A line of the journal differs from what was written."""


class Replay(msgspec.Struct, frozen=True):
    """The content of a journal.

    `head` is the SHA-256 of the last complete line, `length` the bytes of all complete lines, `torn` an
    unfinished last line and `damage` a message about the first damaged line.
    """

    entries: tuple[Entry, ...]
    head: str
    length: int
    torn: bytes = b""
    damage: str = ""


def encode_entry(entry: Entry, previous: str) -> bytes:
    """Return the journal line of an entry, including its newline."""
    data = msgspec.to_builtins(entry.event)
    tag = data.pop("type")
    for name in ADDED_FIELDS:
        if name in data and data[name] is None:  # Lines of earlier versions stay as they are.
            del data[name]
    fields = {
        "v": VERSION,
        "seq": entry.seq,
        "epoch": entry.epoch,
        "wall": entry.wall,
        "mono": entry.mono,
        "type": tag,
        "data": data,
        "prev": previous,
    }
    body = msgspec.json.encode(fields)[:-1]
    return body + _CHECKSUM_FIELD + hashlib.sha256(body).hexdigest().encode() + b'"}\n'


def _decode_entry(line: bytes, seq: int, epoch: int, previous: str) -> Entry:
    """Return the entry of a line. Its checksum is not compared: `prev` of the next line covers the line."""
    fields = _LINE_DECODER.decode(line)
    if fields.v != VERSION:
        raise ValueError(f"the format has version {fields.v}; this gonogo reads version {VERSION}")
    if fields.prev != previous:
        raise ValueError("a previous line was changed, removed or added")
    if fields.seq != seq or fields.epoch < epoch:
        raise ValueError(f"sequence {fields.seq} of epoch {fields.epoch}, expected {seq} of {epoch} or later")
    decoder = _EVENT_DECODERS.get(fields.type)
    if decoder is None:
        raise ValueError(f"this gonogo does not know the event {fields.type!r}")
    return Entry(fields.seq, fields.epoch, fields.wall, fields.mono, decoder.decode(fields.data))


def _require_checksum(line: bytes) -> None:
    body, _, _ = line.rpartition(_CHECKSUM_FIELD)
    if _LINE_DECODER.decode(line).sum != hashlib.sha256(body).hexdigest():
        raise ValueError("the line was changed: its checksum differs")


class JournalReader:
    """Reads the entries of a journal up to the first damage, one at a time.

    The other attributes are those of a `Replay`; they are final when `entries` is exhausted.
    """

    def __init__(self, path: Path) -> None:
        """Prepare to read; errors of the file are raised by the first entry."""
        self._path = path
        self.head = _FIRST_PREVIOUS
        self.length = 0
        self.torn = b""
        self.damage = ""
        self.entries = self._read()

    def _read(self) -> Iterator[Entry]:
        """Yield each entry once the next line, or the checksum of the last one, has covered it."""
        entry: Entry | None = None
        last, seq, epoch, length = b"", 1, 0, 0
        head = before_last = _FIRST_PREVIOUS
        with open_regular_file(self._path) as file:
            while line := file.readline(_MAX_LINE_BYTES):
                if line[-1] != _NEWLINE and length + len(line) == os.fstat(file.fileno()).st_size:
                    self.torn = line
                    break
                try:
                    following = _decode_entry(line, seq, epoch, head)
                except (ValueError, RecursionError) as error:
                    self.damage = f"{self._path}, line {seq}: {error}"
                    break
                if entry is not None:
                    yield entry
                entry, last, epoch = following, line, following.epoch
                before_last, head = head, hashlib.sha256(line).hexdigest()
                length += len(line)
                seq += 1
        if entry is not None:
            try:
                _require_checksum(last)
            except ValueError as error:
                self.damage = f"{self._path}, line {entry.seq}: {error}"
                self.torn = b""
                entry, head, length = None, before_last, length - len(last)
        self.head, self.length = head, length
        if entry is not None:
            yield entry


def read_journal(path: Path) -> Replay:
    """Return the content of a journal up to the first damage; damage is reported, not raised."""
    reader = JournalReader(path)
    entries = tuple(reader.entries)
    return Replay(entries, reader.head, reader.length, reader.torn, reader.damage)


def read_first_wall(path: Path) -> float:
    """Return the wall time of a journal's first entry.

    Raises:
        OSError: the journal cannot be read.
        ValueError: it is empty, or its first line is damaged.
    """
    with open_regular_file(path) as file:
        return _decode_entry(file.readline(_MAX_LINE_BYTES), 1, 0, _FIRST_PREVIOUS).wall


class Journal:
    """The only writer of a journal; `replay` is what the journal held when it was opened."""

    def __init__(self, path: Path, clock: Clock, sync: Callable[[int], None] = os.fdatasync) -> None:
        """Open the journal for appending in a new epoch; move a torn last line to `<name>.torn-<epoch>`.

        Raises:
            JournalBusyError: another process has it open for writing.
            JournalDamagedError: a line differs from what was written; the lines before it can be read.
        """
        self.path = path
        self._clock = clock
        self._sync = sync
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise JournalBusyError(f"{path}: another conductor runs this session") from None
        self.replay = read_journal(path)
        if self.replay.damage:
            os.close(self._file)
            raise JournalDamagedError(
                f"{self.replay.damage}. The lines before it can be read; the session cannot continue"
            )
        self._seq = len(self.replay.entries)
        self.epoch = (self.replay.entries[-1].epoch if self.replay.entries else 0) + 1
        self._head = self.replay.head
        self._length = self.replay.length
        self._lost_since: float | None = None
        self.torn = self._move_torn_line()
        self._reserved_end = 0
        self._reserve_blocks()

    def _move_torn_line(self) -> Path | None:
        if not self.replay.torn:
            return None
        path = self.path.with_name(f"{self.path.name}.torn-{self.epoch}")
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(handle, self.replay.torn)
        os.fsync(handle)
        os.close(handle)
        os.ftruncate(self._file, self._length)
        os.fsync(self._file)
        return path

    def _reserve_blocks(self) -> None:
        """Reserve disk blocks beyond the end, so that the next lines fit even if the disk fills up."""
        if self._reserved_end - self._length >= _RESERVED_BYTES // 2:
            return
        # If the file system cannot reserve, a line that does not fit is written again later.
        failed = _LIBC.fallocate(
            self._file, _FALLOC_KEEP_SIZE, ctypes.c_long(self._length), ctypes.c_long(_RESERVED_BYTES)
        )
        if not failed:
            self._reserved_end = self._length + _RESERVED_BYTES

    def append(self, event: AnyEvent) -> Entry:
        """Prepare and write an event; return its entry."""
        entry = self.prepare(event)
        self.write(entry)
        return entry

    def prepare(self, event: AnyEvent) -> Entry:
        """Return the entry that would record an event now, without writing it."""
        return Entry(self._seq + 1, self.epoch, self._clock.wall(), self._clock.mono(), event)

    def write(self, entry: Entry) -> None:
        """Write an entry; when this returns, the entry is on disk.

        Raises:
            JournalError: another process wrote to the journal.
            OSError: the entry could not be written, as on a full disk; the journal is unchanged.
        """
        if os.fstat(self._file).st_size != self._length:
            raise JournalError(f"{self.path}: another process wrote to it; this conductor gives up")
        line = encode_entry(entry, self._head)
        assert len(line) < _MAX_LINE_BYTES, "the contents of events are bounded where they are read"
        try:
            if os.write(self._file, line) != len(line):
                raise OSError(errno.ENOSPC, "no space left for the line", str(self.path))
            self._sync(self._file)
        except OSError:
            os.ftruncate(self._file, self._length)  # This also releases the reserved blocks.
            self._reserved_end = 0
            raise
        self._seq += 1
        self._head = hashlib.sha256(line).hexdigest()
        self._length += len(line)
        self._reserve_blocks()

    def keep_on_disk(self) -> None:
        """Write the journal again if its file was deleted or replaced some seconds ago.

        The open file still has all lines. If the session's folder is being deleted, it is not made again.
        """
        if self._is_in_place():
            self._lost_since = None
            return
        now = self._clock.mono()
        if self._lost_since is None:
            self._lost_since = now
        if now - self._lost_since >= _LOST_SECONDS and self.path.with_name("session.json").exists():
            with contextlib.suppress(OSError):
                self._write_again()

    def _is_in_place(self) -> bool:
        try:
            status = self.path.lstat()
        except FileNotFoundError:
            return False
        except OSError:  # This says nothing about the file.
            return True
        return os.path.samestat(status, os.fstat(self._file))

    def _write_again(self) -> None:
        data = os.pread(self._file, self._length, 0)
        if len(data) != self._length or os.fstat(self._file).st_size != self._length:
            return  # It was damaged before.
        path = self.path.with_name(f"{self.path.name}.again-{self.epoch}")
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NONBLOCK, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.write(handle, data) != len(data):
                raise OSError(errno.ENOSPC, "no space left for the journal", str(path))
            os.fsync(handle)
            move_away(self.path)
            path.rename(self.path)
        except OSError:
            os.close(handle)
            raise
        os.close(self._file)
        self._file, self._reserved_end = handle, 0

    def close(self) -> None:
        """Close the journal so that another conductor can open it."""
        os.close(self._file)
