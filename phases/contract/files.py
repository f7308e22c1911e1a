"""Files of a phase: hashes, whole-file writes, append-only rows and input patterns."""

import glob
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec


def hash_path(path: Path) -> str:
    """Return the hex SHA-256 of a file, or of the sorted names and hashes of the files below a folder."""
    if path.is_dir():
        digest = hashlib.sha256()
        for inner in sorted(p for p in path.rglob("*") if p.is_file()):
            digest.update(f"{inner.relative_to(path)}\0{hash_path(inner)}\n".encode())
        return digest.hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def count_bytes(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder."""
    if path.is_dir():
        return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
    return path.stat().st_size


def read_regular_file(path: Path, most: int) -> bytes:
    """Return what a file holds that somebody else writes; a pipe or device is not waited for.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is no plain file, cannot be read, or has more than `most` bytes.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(error.strerror) from None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ValueError("it is no plain file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(most + 1)
    finally:
        os.close(handle)
    if len(data) > most:
        raise ValueError(f"it is larger than {most:,} bytes")
    return data


def write_atomically(path: Path, data: bytes | str) -> None:
    """Write a file whole or not at all: temporary file, fsync, rename, fsync of the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_json(path: Path, value: object) -> None:
    """Write a value as indented JSON, whole."""
    write_atomically(path, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a JSONL file; a torn last line, left by a process that was killed, is not a row.

    Raises:
        ValueError: a line that is not the torn last one is not a JSON object.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                yield msgspec.json.decode(line, type=dict[str, Any])
            except msgspec.DecodeError as error:
                raise ValueError(f"{path}, line {number}: expected a JSON object: {error}") from error


class RowWriter:
    """Appends rows to a JSONL file, each line flushed to the disk; a torn last line is cut off first."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("ab+")
        self._cut_torn_line()

    def _cut_torn_line(self) -> None:
        self._file.seek(0)
        whole = 0
        for line in self._file:
            if line.endswith(b"\n"):
                whole += len(line)
        self._file.truncate(whole)

    def write(self, rows: Sequence[object]) -> None:
        """Append the rows and wait until they are on the disk."""
        self._file.write(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
        self._file.flush()
        os.fdatasync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def expand_patterns(patterns: Sequence[str]) -> list[Path]:
    """Return the files that paths and glob patterns name, sorted, each once.

    Raises:
        FileNotFoundError: a pattern names no file.
    """
    found: set[Path] = set()
    for pattern in patterns:
        paths = [Path(p) for p in glob.glob(pattern)]  # noqa: PTH207 - patterns may be absolute
        if not paths:
            raise FileNotFoundError(f"no file matches {pattern}")
        found.update(paths)
    return sorted(found)
