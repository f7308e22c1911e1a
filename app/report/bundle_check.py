"""Checking and unpacking a bundle: every byte is compared with the manifest."""

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from app.report.bundle_format import MANIFEST, BundleFormatError, decode_manifest, iter_members
from phases.contract.files import open_regular_file, read_regular_file

_CHUNK = 1 << 20
_MAX_MANIFEST = 64 << 20
_MAX_FILES = 1_000_000


@dataclass(frozen=True)
class BundleCheck:
    """The outcome of a check: the files and bytes that were read, and every difference from the manifest."""

    files: int
    bytes: int
    problems: tuple[str, ...]


def check_bundle(path: Path) -> BundleCheck:
    """Check a bundle, or the folder of an unpacked one, against the manifest inside it.

    Raises:
        OSError: it cannot be read.
    """
    if path.is_dir():
        return _check_folder(path)
    with open_regular_file(path) as file:
        return _check_tar(file, None)


def unpack_bundle(path: Path, target: Path) -> BundleCheck:
    """Check a bundle and unpack it below a folder; if a check fails, leave nothing there.

    The files are created in a new temporary folder that is renamed at the end, so nothing that exists is
    followed or overwritten.

    Raises:
        OSError: it cannot be read or written.
        FileExistsError: the bundle's folder exists already.
    """
    target.mkdir(parents=True, exist_ok=True)
    with (
        open_regular_file(path) as file,
        tempfile.TemporaryDirectory(prefix=".unpacking-", dir=target) as temporary,
    ):
        check = _check_tar(file, Path(temporary))
        if not check.problems:
            for folder in Path(temporary).iterdir():
                if (target / folder.name).exists():
                    raise FileExistsError(
                        errno.EEXIST, "exists already; move it away first", str(target / folder.name)
                    )
                folder.replace(target / folder.name)
    return check


def _check_tar(file: BinaryIO, target: Path | None) -> BundleCheck:
    """Check a tar; with a target, also write its files there."""
    hashes: dict[str, str] = {}
    folders: set[str] = set()
    manifest = b""
    session, total = "", 0
    try:
        for member, size in iter_members(file, os.fstat(file.fileno()).st_size):
            folder, _, name = member.partition("/")
            session = session or folder
            parents = {str(parent) for parent in PurePosixPath(name).parents}
            is_taken = name in hashes or name in folders or any(parent in hashes for parent in parents)
            folders |= parents
            if folder != session or not name or is_taken or len(hashes) == _MAX_FILES:
                raise BundleFormatError(f"{member!r}: listed twice, or not below the bundle's one folder")
            if name == MANIFEST and size > _MAX_MANIFEST:
                raise BundleFormatError(f"{MANIFEST}: {size} bytes are too many for a manifest")
            digest = hashlib.sha256()
            chunks = _read_chunks(file, size)
            if target is not None:
                chunks = _copy_chunks(chunks, target / member)
            for chunk in chunks:
                digest.update(chunk)
                if name == MANIFEST:
                    manifest += chunk
            hashes[name] = digest.hexdigest()
            total += size
        hashes.pop(MANIFEST, None)
        problems = _compare_hashes(decode_manifest(manifest), hashes)
    except BundleFormatError as error:
        problems = (f"{error}. The rest cannot be checked",)
    return BundleCheck(len(hashes), total, problems)


def _check_folder(folder: Path) -> BundleCheck:
    manifest = folder / MANIFEST
    if not manifest.is_file() or manifest.is_symlink():
        return BundleCheck(0, 0, (f"{folder}: {MANIFEST} is missing; expected an unpacked bundle",))
    try:
        expected = decode_manifest(read_regular_file(manifest, _MAX_MANIFEST))
    except ValueError as error:
        return BundleCheck(0, 0, (str(error),))
    hashes: dict[str, str] = {}
    problems = []
    total = 0
    for top, folders, names in os.walk(folder):
        for path in (Path(top, name) for name in sorted((*folders, *names))):
            name = path.relative_to(folder).as_posix()
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                problems.append(f"{name!r}: not a regular file")
            elif path.is_dir() or path == manifest:
                continue
            elif name not in expected:
                problems.append(f"{name!r}: not in the manifest")
            else:
                with open_regular_file(path) as file:
                    hashes[name] = hashlib.file_digest(file, "sha256").hexdigest()
                total += path.stat().st_size
    return BundleCheck(len(hashes), total, (*_compare_hashes(expected, hashes), *problems))


def _compare_hashes(expected: Mapping[str, str], actual: Mapping[str, str]) -> tuple[str, ...]:
    missing = [f"{name}: missing" for name in expected if name not in actual]
    changed = [
        f"{name}: the content differs from the manifest"
        for name, sha256 in actual.items()
        if name in expected and expected[name] != sha256
    ]
    unlisted = [f"{name!r}: not in the manifest" for name in actual if name not in expected]
    return (*missing, *changed, *unlisted)


def _read_chunks(file: BinaryIO, size: int) -> Iterator[bytes]:
    remaining = size
    while remaining:
        chunk = file.read(min(_CHUNK, remaining))
        if not chunk:
            raise BundleFormatError("the bundle ends too early; the copy is incomplete")
        remaining -= len(chunk)
        yield chunk


def _copy_chunks(chunks: Iterator[bytes], path: Path) -> Iterator[bytes]:
    """Yield the chunks and write them to a new file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        for chunk in chunks:
            file.write(chunk)
            yield chunk
