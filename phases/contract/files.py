"""Reading and writing files: hashes, atomic writes, append-only rows and glob patterns."""

import errno
import glob
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
"""The byte order mark that some editors write at the start of a UTF-8 file."""

T = TypeVar("T")
_MAX_JSON_BYTES = 4 << 30
# The path is a socket, a device without a driver, or a link to itself.
_NOT_FILES = (errno.ENXIO, errno.ELOOP, errno.ENODEV)


def hash_path(path: Path) -> str:
    """Return the hex SHA-256 of a file, or of the sorted names and hashes of the files in a folder."""
    if path.is_dir():
        digest = hashlib.sha256()
        for inner in sorted(p for p in path.rglob("*") if p.is_file()):
            digest.update(f"{inner.relative_to(path)}\0{hash_path(inner)}\n".encode())
        return digest.hexdigest()
    with open_regular_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def count_bytes(path: Path) -> int:
    """Return the size of a file, or of all files in a folder."""
    if path.is_dir():
        return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
    return path.stat().st_size


def read_regular_file(path: Path, max_bytes: int) -> bytes:
    """Return the content of a file that another program writes, without blocking on a pipe or device.

    Raises:
        FileNotFoundError: the file does not exist.
        OSError: it cannot be read now, for example because no file descriptors are left.
        ValueError: it is not a regular file, or has more than `max_bytes` bytes.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in _NOT_FILES:
            raise ValueError(error.strerror) from None
        raise
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ValueError("it is not a regular file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(min(os.fstat(handle).st_size, max_bytes) + 1)
    finally:
        os.close(handle)
    if len(data) > max_bytes:
        raise ValueError(f"it is larger than {max_bytes:,} bytes")
    return data


def open_regular_file(path: Path) -> BufferedReader:
    """Open a file for reading; a pipe or device in its place is an error and is not waited for.

    Raises:
        OSError: it cannot be read, or is not a regular file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return os.fdopen(handle, "rb")


def open_for_appending(path: Path) -> int:
    """Return a descriptor that appends to a private file; a pipe in its place is not waited for.

    Raises:
        OSError: it cannot be written, or is not a regular file.
    """
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, 0o600)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return handle


def write_atomically(path: Path, data: bytes | str, *, make_folder: bool = True) -> None:
    """Write a file completely or not at all: temporary file, fsync, rename, fsync of the folder.

    Raises:
        OSError: it cannot be written; the error names the file, not the temporary one.
    """
    try:
        _replace_file(path, data, make_folder=make_folder)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def _replace_file(path: Path, data: bytes | str, *, make_folder: bool) -> None:
    if make_folder:
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


def write_json(path: Path, value: object, *, make_folder: bool = True) -> None:
    """Write a value as indented JSON, atomically."""
    data = msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
    write_atomically(path, data, make_folder=make_folder)


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a text file with their numbers, without blank ones and a byte order mark."""
    with open_regular_file(path) as file:
        for number, raw in enumerate(file, 1):
            line = raw.removeprefix(BYTE_ORDER_MARK) if number == 1 else raw
            if line.strip():
                yield number, line


def read_numbered_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows of a JSONL file with their line numbers, without a torn last line.

    A killed process leaves a torn line: it has no line end and is not JSON. A complete row without a line end
    is a row.

    Raises:
        ValueError: a line is not a JSON object.
    """
    for number, line in read_lines(path):
        try:
            yield number, msgspec.json.decode(line, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError) as error:
            if not line.endswith(b"\n") and not isinstance(error, msgspec.ValidationError):
                return
            raise ValueError(f"{path}, line {number}: expected a JSON object: {error}") from error


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a JSONL file; see `read_numbered_rows`."""
    return (row for _, row in read_numbered_rows(path))


def read_json(path: Path, kind: type[T]) -> T:
    """Return the content of a JSON file.

    Raises:
        ValueError: the content is something else, or the path is not a regular file.
    """
    try:
        data = read_regular_file(path, _MAX_JSON_BYTES)
        return msgspec.json.decode(data.removeprefix(BYTE_ORDER_MARK), type=kind)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from error


class RowWriter:
    """Appends rows to a JSONL file and waits until they are on disk.

    A torn last line, which a killed process leaves, is removed first.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("ab+")
        self._complete_last_line()

    def _complete_last_line(self) -> None:
        """End the last line if it is a row, as `read_rows` sees it; remove it if it is torn."""
        self._file.seek(0)
        complete_bytes, last = 0, b""
        for line in self._file:
            complete_bytes, last = complete_bytes + len(last), line
        if not last or last.endswith(b"\n"):
            return
        try:
            msgspec.json.decode(last.removeprefix(BYTE_ORDER_MARK), type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            self._file.truncate(complete_bytes)
        else:
            self._file.write(b"\n")

    def write(self, rows: Sequence[object]) -> None:
        """Append rows and wait until they are on disk."""
        self._file.write(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
        self._file.flush()
        os.fdatasync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def expand_patterns(patterns: Sequence[str]) -> list[Path]:
    """Return the files that paths and glob patterns name, sorted and without duplicates.

    Raises:
        FileNotFoundError: a pattern matches no file.
    """
    files: set[Path] = set()
    for pattern in patterns:
        paths = [Path(p) for p in glob.glob(pattern)]  # noqa: PTH207 - patterns may be absolute
        if not paths:
            raise FileNotFoundError(f"no file matches {pattern}")
        files.update(paths)
    return sorted(files)
