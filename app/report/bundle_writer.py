"""Writing a bundle: streamed in constant memory, resumable after an interruption, with secrets masked."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from app.report.bundle_contents import BundleContents, BundleError, BundleFile
from app.report.bundle_format import (
    END_OF_ARCHIVE,
    MANIFEST,
    encode_header,
    encode_manifest,
    encode_padding,
)
from app.session.masking import Masker
from phases.contract.files import open_regular_file

METADATA = "BUNDLE.json"
_TEXT_SUFFIXES = (
    ".log", ".txt", ".jsonl", ".json", ".md", ".html", ".toml", ".yaml", ".csv", ".tsv", ".py", ".sh",
)  # fmt: skip
_CHUNK = 1 << 20

ProgressCallback = Callable[[int, int], None]


@dataclass(frozen=True)
class BundleSummary:
    """A finished bundle; `files` does not count the manifest, `masked` names files with a masked secret."""

    path: Path
    bytes: int
    files: int
    resumed_bytes: int
    masked: tuple[str, ...]
    notices: tuple[str, ...]


class _PackedWeights(msgspec.Struct, frozen=True):
    """A weights file that is complete in an unfinished bundle, which it fills up to byte `end`."""

    name: str
    size: int
    modified: int
    sha256: str
    end: int


class _BundleMetadata(msgspec.Struct, frozen=True):
    """The content of `BUNDLE.json`: the files that were masked or left out."""

    session: str
    masked: list[str]
    left_out: list[str]


def pack_bundle(
    contents: BundleContents,
    target: Path,
    masker: Masker,
    progress: ProgressCallback = lambda done, total: None,
) -> BundleSummary:
    """Write the bundle, resuming an interrupted one after its last complete weights file.

    The same files and secrets give the same bytes. `progress` is called with the bytes done and their total.

    Raises:
        BundleError: the disk is too small, another process writes the same bundle, a file changed, or a
            device, pipe or folder lies in place of the bundle.
    """
    partial = target.with_name(f"{target.name}.partial")
    log = target.with_name(f"{target.name}.partial.jsonl")
    for path in (target, partial, log):
        if path.exists() and not path.is_file():
            raise BundleError(f"{path} is not a regular file, and would be replaced; name another --output")
    with _open_exclusively(partial) as tar:
        packed = _find_packed_weights(tar, log, contents.files)
        start = packed[-1].end if packed else 0
        free = shutil.disk_usage(target.parent).free
        if contents.bytes - start > free:
            raise BundleError(
                f"{target.parent}: {free:,} bytes are free, but the bundle needs {contents.bytes - start:,}. "
                "Free some space, or choose another place with --output"
            )
        tar.seek(start)
        tar.truncate()
        writer = _BundleWriter(tar, log, contents, masker, progress)
        writer.add_weights(packed)
        writer.add_masked_files()
        writer.add_metadata_and_manifest()
        size = tar.tell()
    partial.replace(target)
    log.unlink()
    return BundleSummary(
        target, size, len(writer.hashes) - 1, start, tuple(writer.masked), tuple(writer.left_out)
    )


@contextmanager
def _open_exclusively(path: Path) -> Iterator[BinaryIO]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BundleError(f"{path}: another process is writing this bundle; wait for it") from None
        yield file


def _find_packed_weights(tar: BinaryIO, log: Path, files: Sequence[BundleFile]) -> list[_PackedWeights]:
    """Return the unchanged files at the start of an unfinished bundle, and limit the log to them."""
    packed: list[_PackedWeights] = []
    size = os.fstat(tar.fileno()).st_size
    try:
        lines = log.read_bytes().splitlines()
    except FileNotFoundError:
        lines = []
    for line, file in zip(lines, files, strict=False):
        try:
            entry = msgspec.json.decode(line, type=_PackedWeights)
        except msgspec.DecodeError:
            break
        is_unchanged = (entry.name, entry.size, entry.modified) == (file.name, file.size, file.modified)
        if not is_unchanged or entry.end > size:
            break
        packed.append(entry)
    log.write_bytes(b"".join(msgspec.json.encode(entry) + b"\n" for entry in packed))
    return packed


class _BundleWriter:
    """Appends members to the tar below a folder named after the session, and collects their hashes."""

    def __init__(
        self,
        tar: BinaryIO,
        log: Path,
        contents: BundleContents,
        masker: Masker,
        progress: ProgressCallback,
    ) -> None:
        self.hashes: dict[str, str] = {}
        self.masked: list[str] = []
        self.left_out: list[str] = []
        self._tar = tar
        self._log = log
        self._contents = contents
        self._masker = masker
        self._progress = progress
        self._done = 0

    def add_weights(self, packed: Sequence[_PackedWeights]) -> None:
        """Add the weights that are not packed yet; each is on the disk before the next one starts."""
        for entry in packed:
            self.hashes[entry.name] = entry.sha256
        self._count(sum(entry.size for entry in packed))
        weights = [file for file in self._contents.files if file.is_weights]
        with self._log.open("ab") as log:
            for file in weights[len(packed) :]:
                self._add_file(file, file.size, self._count_chunks(_read_file(file)))
                self._sync()
                entry = _PackedWeights(
                    file.name, file.size, file.modified, self.hashes[file.name], self._tar.tell()
                )
                log.write(msgspec.json.encode(entry) + b"\n")
                log.flush()
                os.fsync(log.fileno())

    def add_masked_files(self) -> None:
        """Add every other file with its secrets masked."""
        for file in self._contents.files:
            if file.is_weights:
                continue
            size, has_secret, is_binary = _measure_masked(file, self._masker)
            if has_secret and is_binary and file.path.suffix not in _TEXT_SUFFIXES:
                self.left_out.append(f"{file.name}: left out, because it is binary and contains a secret")
                self._count(file.size)
                continue
            if has_secret:
                self.masked.append(file.name)
            self._add_file(file, size, self._masker.mask_stream(self._count_chunks(_read_file(file))))

    def add_metadata_and_manifest(self) -> None:
        """Add the list of masked and omitted files, then the manifest, and end the tar."""
        notices = [*self._contents.notices, *self._masker.notices, *self.left_out]
        metadata = _BundleMetadata(self._contents.session, self.masked, notices)
        self._add_bytes(METADATA, msgspec.json.format(msgspec.json.encode(metadata), indent=2) + b"\n")
        self._add_bytes(MANIFEST, encode_manifest(self.hashes))
        self._tar.write(END_OF_ARCHIVE)
        self._sync()

    def _add_file(self, file: BundleFile, size: int, chunks: Iterator[bytes]) -> None:
        self._tar.write(encode_header(f"{self._contents.session}/{file.name}", size))
        digest, bytes_written = hashlib.sha256(), 0
        for chunk in chunks:
            digest.update(chunk)
            bytes_written += len(chunk)
            if bytes_written > size:
                break
            self._tar.write(chunk)
        if bytes_written != size:
            raise BundleError(f"{file.path} changed while it was packed. Run gonogo bundle again to resume")
        self._tar.write(encode_padding(size))
        self.hashes[file.name] = digest.hexdigest()

    def _add_bytes(self, name: str, data: bytes) -> None:
        self._tar.write(encode_header(f"{self._contents.session}/{name}", len(data)) + data)
        self._tar.write(encode_padding(len(data)))
        self.hashes[name] = hashlib.sha256(data).hexdigest()

    def _sync(self) -> None:
        self._tar.flush()
        os.fsync(self._tar.fileno())

    def _count(self, size: int) -> None:
        self._done += size
        self._progress(self._done, self._contents.bytes)

    def _count_chunks(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._count(len(chunk))
            yield chunk


def _read_file(file: BundleFile) -> Iterator[bytes]:
    """Yield the bytes up to the size that was found, so that a growing log does not exceed its header."""
    remaining = file.size
    with open_regular_file(file.path) as source:
        while remaining and (chunk := source.read(min(_CHUNK, remaining))):
            remaining -= len(chunk)
            yield chunk


def _measure_masked(file: BundleFile, masker: Masker) -> tuple[int, bool, bool]:
    """Return the size after masking, whether masking changes the content, and whether the file is binary.

    The header precedes the data and needs the masked size, so each file is read once more than it is written.
    """
    original, masked, size, is_binary = hashlib.sha256(), hashlib.sha256(), 0, False

    def read_original() -> Iterator[bytes]:
        nonlocal is_binary
        for chunk in _read_file(file):
            original.update(chunk)
            is_binary = is_binary or b"\0" in chunk
            yield chunk

    for chunk in masker.mask_stream(read_original()):
        masked.update(chunk)
        size += len(chunk)
    return size, original.digest() != masked.digest(), is_binary
