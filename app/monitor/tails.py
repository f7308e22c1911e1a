"""Following growing files by byte offset: the log of a phase and the samples of the machine.

A tail reads a bounded number of bytes per poll and keeps a bounded number of records, whatever the size of
the file and of its lines. An unfinished line is read again later. A file that was truncated or replaced is
read from its start.
"""

import os
import re
import stat
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

import msgspec

from app.monitor.machine_sample import MachineSample
from app.monitor.sanitize import clean_line

CHUNK = 1 << 20
"""Bytes read per poll."""
LONGEST_LOG_LINE = 8192
_LINE_END = re.compile(rb"\r?\n|\r")

Mask = Callable[[bytes], bytes]
"""Removes secrets from complete lines."""


def mask_nothing(data: bytes) -> bytes:
    """Return the data unchanged."""
    return data


def _needs_end(rest: bytes) -> bool:
    """Return that a line is not complete without its end."""
    return False


class FileTail:
    """Reads a growing file from an offset, and notices if the file was truncated or replaced."""

    def __init__(self, path: Path, chunk: int = CHUNK) -> None:
        self.path = path
        self.chunk = chunk
        self.modified = 0.0
        """When the file was written last, seconds since the epoch."""
        self.offset = 0
        self.is_skipping = False
        """Whether the offset is inside a line that is too long, so that nothing counts until its end."""
        self._inode: int | None = None

    def read(self, *, most_behind: int | None = None) -> tuple[bytes, bool]:
        """Return at most a chunk of bytes from the offset, and whether the file was truncated or replaced.

        With `most_behind`, a reader farther than that from the end of the file skips to that distance.
        """
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return b"", False
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return b"", False
            is_same = self._inode in (None, status.st_ino) and status.st_size >= self.offset
            restarted = self._inode is not None and not is_same
            self._inode, self.modified = status.st_ino, status.st_mtime
            if restarted:
                self.offset, self.is_skipping = 0, False
            if most_behind is not None and status.st_size - self.offset > most_behind:
                self.offset, self.is_skipping = status.st_size - most_behind, True
            return os.pread(descriptor, self.chunk, self.offset), restarted
        finally:
            os.close(descriptor)

    def read_lines(
        self,
        ends: bytes = b"\n",
        *,
        most_behind: int | None = None,
        is_complete: Callable[[bytes], bool] = _needs_end,
    ) -> tuple[list[bytes], int, bool]:
        """Return the next complete lines, the number of lines too long to read, and whether it restarted.

        `is_complete` says whether the text after the last line end is a complete line without one, as a
        program may leave at the end of the file.
        """
        data, restarted = self.read(most_behind=most_behind)
        end = max(data.rfind(ends[i : i + 1]) for i in range(len(ends))) + 1
        rest = data[end:]
        if rest and not (self.is_skipping and end == 0) and is_complete(rest):
            data, end = data + ends[:1], len(data) + 1
            self.offset -= 1  # The line end that was added is not in the file.
        if end == 0:
            too_long = len(data) == self.chunk
            is_new = too_long and not self.is_skipping
            if too_long:
                self.offset, self.is_skipping = self.offset + len(data), True
            return [], int(is_new), restarted
        self.offset += end
        lines = re.split(b"[" + ends + b"]", data[: end - 1])
        if self.is_skipping:
            self.is_skipping = False
            lines = lines[1:]
        return lines, 0, restarted


class LogTail:
    """The last lines of a log as a terminal would show them.

    Attributes:
        lines: the last complete lines.
        first: the number of `lines[0]`, counting the lines that this tail has read from 0.
        partial: the unfinished line.
        skipped: whether a part of the log before `lines` was not read.
    """

    def __init__(self, path: Path, max_lines: int = 5000, mask: Mask = mask_nothing) -> None:
        self._mask = mask
        self.lines: deque[str] = deque(maxlen=max_lines)
        self.first = 0
        self.partial = ""
        self.skipped = False
        self._file = FileTail(path)

    def poll(self) -> bool:
        """Read the next chunk; return whether anything was new."""
        file = self._file
        before = (file.offset, self.partial)
        data, restarted = file.read(most_behind=CHUNK)
        if restarted:
            self.first += len(self.lines)
            self.lines.clear()
        if file.is_skipping:
            self.skipped = True
            end = _LINE_END.search(data)
            file.is_skipping = end is None
            passed = len(data) if end is None else end.end()
            file.offset += passed
            data = data[passed:]
        complete, _, rest = data.rpartition(b"\n")
        file.offset += len(data) - len(rest)
        if len(rest) < len(data):
            self._add(self._mask(complete).split(b"\n"))
        self._set_partial(rest)
        return restarted or (file.offset, self.partial) != before

    def _add(self, raw: Sequence[bytes]) -> None:
        limit = self.lines.maxlen or 0
        self.first += max(0, len(self.lines) + len(raw) - limit)
        self.lines.extend(self._clean(line) for line in islice(raw, max(0, len(raw) - limit), None))

    def _clean(self, raw: bytes) -> str:
        """Return a log line; what only its cleaning joins to a secret is masked as well."""
        line = _clean_log_line(raw)
        return line if len(line) == len(raw) else self._mask(line.encode()).decode(errors="replace")

    def _set_partial(self, rest: bytes) -> None:
        """Show the unfinished line, and skip what is too long to be read again on each poll."""
        masked = self._mask(rest)
        self.partial = self._clean(masked)
        if len(rest) > LONGEST_LOG_LINE:
            rewritten = rest.rfind(b"\r", 0, -1) + 1
            if rewritten == 0:
                self._add([masked])
                self._file.is_skipping, self.partial = True, ""
            self._file.offset += rewritten or len(rest)


def _clean_log_line(raw: bytes) -> str:
    """Return a log line; of one that is too long, its last rewrite or else its start."""
    if len(raw) > LONGEST_LOG_LINE:
        raw = raw[raw.rfind(b"\r", 0, -1) + 1 :]
    return clean_line(raw[:LONGEST_LOG_LINE]) + (" …" if len(raw) > LONGEST_LOG_LINE else "")


class MachineTail:
    """The samples of the machine during an attempt. Invalid lines are ignored."""

    def __init__(self, path: Path) -> None:
        self._file = FileTail(path)
        self._decoder = msgspec.json.Decoder(MachineSample)

    def poll(self) -> list[MachineSample]:
        """Return the samples of the next chunk, or none if nothing was new."""
        lines, _, _ = self._file.read_lines()
        samples = []
        for line in lines:
            with suppress(ValueError, RecursionError):
                samples.append(self._decoder.decode(line))
        return samples
