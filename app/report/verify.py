"""Checking a bundle, or the folder it was unpacked to, byte by byte against its manifest; unpacking it."""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from app.report import archive
from app.report.archive import MANIFEST, ArchiveError

_CHUNK = 1 << 20
_LARGEST_MANIFEST = 64 << 20
_MOST_FILES = 1_000_000


@dataclass(frozen=True)
class Verification:
    """What was checked, and everything that is not as the manifest says."""

    files: int
    bytes: int
    problems: tuple[str, ...]


def verify(path: Path) -> Verification:
    """Check a bundle, or the folder that one was unpacked to. Nothing else is needed.

    Raises:
        OSError: it cannot be read.
    """
    if path.is_dir():
        return _verify_folder(path)
    with path.open("rb") as file:
        return _verify_tar(file, None)


def unpack(path: Path, into: Path) -> Verification:
    """Check a bundle and unpack it below a folder; of one with problems nothing is left there.

    Every file is created anew in a folder that did not exist before: nothing that is there is followed or
    overwritten.

    Raises:
        OSError: it cannot be read or written.
        FileExistsError: its folder is there already.
    """
    into.mkdir(parents=True, exist_ok=True)
    with path.open("rb") as file, tempfile.TemporaryDirectory(prefix=".unpacking-", dir=into) as aside:
        found = _verify_tar(file, Path(aside))
        for folder in Path(aside).iterdir() if not found.problems else ():
            if (into / folder.name).exists():
                raise FileExistsError(17, "is there already; move it away first", str(into / folder.name))
            folder.replace(into / folder.name)
    return found


def _verify_tar(file: BinaryIO, into: Path | None) -> Verification:
    """Check a tar, writing its files below `into` on the way."""
    hashes: dict[str, str] = {}
    listed = b""
    root, total = "", 0
    try:
        for name, size in archive.members(file, os.fstat(file.fileno()).st_size):
            folder, _, inner = name.partition("/")
            root = root or folder
            inside = any(str(parent) in hashes for parent in PurePosixPath(inner).parents)
            if folder != root or not inner or inner in hashes or inside or len(hashes) == _MOST_FILES:
                raise ArchiveError(f"{name!r}: it is there twice, or not where a bundle has a file")
            if inner == MANIFEST and size > _LARGEST_MANIFEST:
                raise ArchiveError(f"{MANIFEST}: {size} bytes are more than any manifest has")
            digest = hashlib.sha256()
            for chunk in _stored(_chunks(file, size), into / name if into else None):
                digest.update(chunk)
                listed += chunk if inner == MANIFEST else b""
            hashes[inner] = digest.hexdigest()
            total += size
        hashes.pop(MANIFEST, None)
        problems = _differences(archive.read_manifest(listed), hashes)
    except ArchiveError as error:
        problems = (f"{error}. What follows it cannot be checked",)
    return Verification(len(hashes), total, problems)


def _verify_folder(folder: Path) -> Verification:
    manifest = folder / MANIFEST
    if not manifest.is_file() or manifest.is_symlink():
        return Verification(0, 0, (f"{folder}: there is no {MANIFEST}; expected an unpacked bundle",))
    try:
        listed = archive.read_manifest(manifest.read_bytes())
    except ArchiveError as error:
        return Verification(0, 0, (str(error),))
    hashes, total = {}, 0
    problems = []
    for top, folders, names in os.walk(folder):
        for path in (Path(top, name) for name in sorted((*folders, *names))):
            inner = path.relative_to(folder).as_posix()
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                problems.append(f"{inner!r}: it is not a plain file")
            elif path.is_dir() or path == manifest:
                continue
            elif inner not in listed:
                problems.append(f"{inner!r}: it is not in the manifest")
            else:
                with path.open("rb") as file:
                    hashes[inner] = hashlib.file_digest(file, "sha256").hexdigest()
                total += path.stat().st_size
    return Verification(len(hashes), total, (*_differences(listed, hashes), *problems))


def _differences(listed: Mapping[str, str], found: Mapping[str, str]) -> tuple[str, ...]:
    """Return a line for each file that is not as listed."""
    changed = [name for name in found if listed.get(name, found[name]) != found[name]]
    return (
        *(f"{name}: it is missing" for name in listed if name not in found),
        *(f"{name}: its bytes are not those of the manifest" for name in changed),
        *(f"{name!r}: it is not in the manifest" for name in found if name not in listed),
    )


def _chunks(file: BinaryIO, size: int) -> Iterator[bytes]:
    left = size
    while left:
        chunk = file.read(min(_CHUNK, left))
        if not chunk:
            raise ArchiveError("the bundle ends too early; it was not copied whole")
        left -= len(chunk)
        yield chunk


def _stored(chunks: Iterator[bytes], path: Path | None) -> Iterator[bytes]:
    """Yield the chunks, writing them to a new file on the way if a path is given."""
    if path is None:
        yield from chunks
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        for chunk in chunks:
            file.write(chunk)
            yield chunk
