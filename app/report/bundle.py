"""Packing what a session leaves into one file to carry home: streaming, resumable, with secrets masked."""

import fcntl
import hashlib
import os
import shlex
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import msgspec

from app.report import archive
from app.session.masking import Masker

ABOUT = "BUNDLE.json"
FOLDER = "bundles"
CHECKPOINTS = "checkpoint-*"
# Copied as they are: nothing but numbers, and by far the largest part.
WEIGHTS = ".safetensors"
_TEXTS = (".log", ".txt", ".jsonl", ".json", ".md", ".html", ".toml", ".yaml", ".csv", ".tsv", ".py", ".sh")
_ELSEWHERE = ("archive", FOLDER)
_CHUNK = 1 << 20
_PARTIAL = ".partial"
_RECORDS = ".partial.jsonl"


class BundleError(Exception):
    """A bundle cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Item:
    """A file to pack, under the name that it gets; `pattern` is what named it."""

    name: str
    path: Path
    size: int
    modified: int
    pattern: str


@dataclass(frozen=True)
class Contents:
    """What the bundle of a session will hold, weights first; and what is to be known of the rest."""

    session: str
    items: tuple[Item, ...]
    notices: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """The size of all files together."""
        return sum(item.size for item in self.items)

    @property
    def groups(self) -> dict[str, tuple[int, int]]:
        """Number and bytes of the files of each pattern."""
        files: Counter[str] = Counter(item.pattern for item in self.items)
        return {
            name: (count, sum(item.size for item in self.items if item.pattern == name))
            for name, count in files.items()
        }


@dataclass(frozen=True)
class Packed:
    """A finished bundle: its files but the manifest; `masked` names those in which a secret was masked."""

    path: Path
    bytes: int
    files: int
    resumed_bytes: int
    masked: tuple[str, ...]
    notices: tuple[str, ...]


class _Record(msgspec.Struct, frozen=True):
    """A file of weights that is already in an unfinished bundle, up to byte `end`."""

    name: str
    size: int
    modified: int
    sha256: str
    end: int


class _About(msgspec.Struct, frozen=True):
    """`BUNDLE.json`: what was changed or left out on the way."""

    session: str
    masked: list[str]
    left_out: list[str]


def contents(outputs: Path, patterns: Sequence[str], session: Path) -> Contents:
    """Return what the patterns name below the folder of outputs, and the session's own records.

    Links are not followed. Checkpoints, hidden (temporary) files, bundles and archived outputs of earlier
    sessions are never packed.

    Raises:
        BundleError: a pattern leaves the folder.
    """
    items: dict[str, Item] = {}
    notices: list[str] = []
    artifacts = session.parent.parent
    named = [(outputs, pattern) for pattern in patterns]
    for base, pattern in (*named, (artifacts, session.relative_to(artifacts).as_posix())):
        parts = PurePosixPath(pattern).parts
        if not parts or pattern.startswith("/") or ".." in parts:
            raise BundleError(
                f"bundle.include: expected a path or pattern below the artifact folder; found {pattern!r}"
            )
        found = sorted(base.glob(pattern))
        if not found:
            notices.append(f"{pattern}: nothing is there")
        for path in (inner for top in found for inner in _files(top, base, notices)):
            name = path.relative_to(base).as_posix()
            if not archive.is_safe(name):
                notices.append(f"{name!r}: left out, the name has characters that not every system takes")
                continue
            stat = path.stat()
            items.setdefault(name, Item(name, path, stat.st_size, stat.st_mtime_ns, pattern))
    ordered = sorted(items.values(), key=lambda item: (item.path.suffix != WEIGHTS, item.name))
    return Contents(session.name, tuple(ordered), tuple(dict.fromkeys(notices)))


def _files(top: Path, base: Path, notices: list[str]) -> Iterator[Path]:
    """Yield the plain files at or below a path."""
    below = top.relative_to(base)
    way = [base / part for part in reversed((below, *below.parents[:-1]))]
    if link := next((path for path in way if path.is_symlink()), None):
        notices.append(f"{link.relative_to(base)}: left out, it is a link")
    elif below.parts[0] in _ELSEWHERE or any(
        path.match(CHECKPOINTS) or path.name.startswith(".") for path in way
    ):
        return
    elif top.is_dir():
        for inner in sorted(top.iterdir()):
            yield from _files(inner, base, notices)
    elif top.is_file():
        yield top


def pack(
    found: Contents,
    target: Path,
    masker: Masker,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Packed:
    """Write the bundle; `progress` is told the bytes done and their total.

    Interrupted and called again, it goes on after the last complete file of weights. Memory is constant. The
    same files and secrets give the same bytes.

    Raises:
        BundleError: there is not enough space, another process writes the same bundle, or a file changed.
    """
    with _partial(target) as tar:
        kept = _kept(tar, target.with_name(target.name + _RECORDS), found.items)
        start = kept[-1].end if kept else 0
        free = shutil.disk_usage(target.parent).free
        if found.bytes - start > free:
            raise BundleError(
                f"{target.parent}: {free:,} bytes are free, the bundle needs {found.bytes - start:,} more. "
                "Free some, or give another place with --output"
            )
        tar.seek(start)
        tar.truncate()
        writer = _Writer(tar, target, found, masker, progress)
        writer.weights(found.items, kept)
        writer.texts([item for item in found.items if item.path.suffix != WEIGHTS])
        writer.finish(found.notices)
        size = tar.tell()
    target.with_name(target.name + _PARTIAL).replace(target)
    target.with_name(target.name + _RECORDS).unlink()
    return Packed(target, size, len(writer.hashes) - 1, start, tuple(writer.masked), tuple(writer.left_out))


@contextmanager
def _partial(target: Path) -> Iterator[BinaryIO]:
    """Open the unfinished bundle, for this process alone."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(target.with_name(target.name + _PARTIAL), os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+b") as tar:
        try:
            fcntl.flock(tar, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BundleError(f"{target}: another process is writing this bundle; wait for it") from None
        yield tar


def _kept(tar: BinaryIO, records: Path, items: Sequence[Item]) -> list[_Record]:
    """Return the records of the files that are in the unfinished bundle and have not changed since."""
    kept: list[_Record] = []
    size = os.fstat(tar.fileno()).st_size
    try:
        lines = records.read_bytes().splitlines()
    except FileNotFoundError:
        lines = []
    for line, item in zip(lines, items, strict=False):
        try:
            record = msgspec.json.decode(line, type=_Record)
        except msgspec.DecodeError:
            break
        if (record.name, record.size, record.modified) != (item.name, item.size, item.modified):
            break
        if record.end > size:
            break
        kept.append(record)
    records.write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in kept))
    return kept


class _Writer:
    """Appends files to the tar, below a folder named after the session, and remembers their hashes."""

    def __init__(
        self,
        tar: BinaryIO,
        target: Path,
        found: Contents,
        masker: Masker,
        progress: Callable[[int, int], None],
    ) -> None:
        self.hashes: dict[str, str] = {}
        self.masked: list[str] = []
        self.left_out: list[str] = []
        self._tar = tar
        self._records = target.with_name(target.name + _RECORDS)
        self._session = found.session
        self._masker = masker
        self._total = found.bytes
        self._progress = progress
        self._done = 0

    def weights(self, items: Sequence[Item], kept: Sequence[_Record]) -> None:
        """Add the files of weights after those that are there; each is safe on the disk before the next."""
        self.hashes |= {record.name: record.sha256 for record in kept}
        self._count(sum(record.size for record in kept))
        with self._records.open("ab") as records:
            for item in items[len(kept) :]:
                if item.path.suffix != WEIGHTS:
                    break
                self._add(item, item.size, self._counted(_read(item)))
                self._sync()
                record = _Record(
                    item.name, item.size, item.modified, self.hashes[item.name], self._tar.tell()
                )
                records.write(msgspec.json.encode(record) + b"\n")
                records.flush()
                os.fsync(records.fileno())

    def texts(self, items: Sequence[Item]) -> None:
        """Add all other files with secrets masked. Each is read twice: its header needs the masked size."""
        for item in items:
            size, changed, binary = _measure(item, self._masker)
            if changed and binary and item.path.suffix not in _TEXTS:
                self.left_out.append(f"{item.name}: left out, it is not text and holds a secret")
                self._count(item.size)
                continue
            if changed:
                self.masked.append(item.name)
            self._add(item, size, self._masker.stream(self._counted(_read(item))))

    def finish(self, notices: Sequence[str]) -> None:
        """Add what was changed and left out, and the manifest."""
        about = _About(self._session, self.masked, [*notices, *self._masker.notices, *self.left_out])
        self._data(ABOUT, msgspec.json.format(msgspec.json.encode(about), indent=2) + b"\n")
        self._data(archive.MANIFEST, archive.manifest(self.hashes))
        self._tar.write(archive.END)
        self._sync()

    def _add(self, item: Item, size: int, chunks: Iterator[bytes]) -> None:
        self._tar.write(archive.header(f"{self._session}/{item.name}", size))
        digest, written = hashlib.sha256(), 0
        for chunk in chunks:
            digest.update(chunk)
            written += len(chunk)
            if written > size:
                break
            self._tar.write(chunk)
        if written != size:
            raise BundleError(f"{item.path} changed while it was packed. Run gonogo bundle again: it goes on")
        self._tar.write(archive.padding(size))
        self.hashes[item.name] = digest.hexdigest()

    def _data(self, name: str, data: bytes) -> None:
        self._tar.write(archive.header(f"{self._session}/{name}", len(data)) + data)
        self._tar.write(archive.padding(len(data)))
        self.hashes[name] = hashlib.sha256(data).hexdigest()

    def _sync(self) -> None:
        self._tar.flush()
        os.fsync(self._tar.fileno())

    def _count(self, size: int) -> None:
        self._done += size
        self._progress(self._done, self._total)

    def _counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._count(len(chunk))
            yield chunk


def _read(item: Item) -> Iterator[bytes]:
    """Yield the bytes that the file had when it was found: a log that grows is packed as it was then."""
    left = item.size
    with item.path.open("rb") as file:
        while left and (chunk := file.read(min(_CHUNK, left))):
            left -= len(chunk)
            yield chunk


def _measure(item: Item, masker: Masker) -> tuple[int, bool, bool]:
    """Return the masked size of a file, whether masking changes it, and whether it is not text."""
    before, after, size, binary = hashlib.sha256(), hashlib.sha256(), 0, False

    def seen() -> Iterator[bytes]:
        nonlocal binary
        for chunk in _read(item):
            before.update(chunk)
            binary = binary or b"\0" in chunk
            yield chunk

    for chunk in masker.stream(seen()):
        after.update(chunk)
        size += len(chunk)
    return size, before.digest() != after.digest(), binary


def transfer_commands(bundle: Path, environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the rsync and the scp command that fetch a bundle, to be run at home.

    A RunPod pod knows its public address; elsewhere HOST and PORT are left to fill in.
    """
    host = environment.get("RUNPOD_PUBLIC_IP", "HOST")
    port = environment.get("RUNPOD_TCP_PORT_22", "PORT")
    place = f"root@{host}:{bundle.absolute()}"
    shell = shlex.quote(f"ssh -p {port}")
    return (
        f"rsync --partial --append-verify --progress -e {shell} {shlex.quote(place)} .",
        f"scp -P {port} {shlex.quote(place)} .",
    )
