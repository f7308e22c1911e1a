"""The format of a bundle: a plain tar of regular files that ends with their SHA-256 manifest.

It is not compressed: nearly all of it are adapters, which do not shrink, and a tar can be resumed, carried
with `rsync --append-verify` and read by anything. Every header follows from a file's name and size alone, so
the same files give the same bytes, and a reader accepts no header but that one: no link, device, owner, mode
or second spelling gets past it.
"""

import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

MANIFEST = "MANIFEST.sha256"
END = bytes(2 * tarfile.BLOCKSIZE)
# A name in a header of its own, where it is too long or not ASCII.
_LONGEST_NAME = 4096
_KINDS = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.DIRTYPE: "a folder",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}


class ArchiveError(ValueError):
    """A tar is not what gonogo writes; the message says where and what is there instead."""


def is_safe(name: str) -> bool:
    """Say whether a name is a plain relative path that stays below the folder in which it is used."""
    parts = name.split("/")
    return (
        0 < len(name) <= _LONGEST_NAME // 4
        and name.isprintable()
        and not any(part in ("", ".", "..") for part in parts)
        and not PurePosixPath(name).is_absolute()
        and "\\" not in name
        and not re.match(r"[A-Za-z]:", name)
    )


def header(name: str, size: int) -> bytes:
    """Return the one header that a file of this name and size has."""
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.PAX_FORMAT)


def padding(size: int) -> bytes:
    """Return what follows the data of a file, up to the next block."""
    return bytes(-size % tarfile.BLOCKSIZE)


def members(file: BinaryIO, length: int) -> Iterator[tuple[str, int]]:
    """Yield name and size of each file of a tar of `length` bytes, the reader standing at its data.

    Between two steps the caller reads exactly that many bytes.

    Raises:
        ArchiveError: something is not as `header`, `padding` and `END` give it.
    """
    while True:
        at = file.tell()
        block = _read(file, tarfile.BLOCKSIZE)
        if block == END[: tarfile.BLOCKSIZE]:
            break
        name, size, raw = _member(file, block, at)
        if header(name, size) != raw:
            raise ArchiveError(f"byte {at}: the header of {name!r} is not the one that gonogo writes")
        if not is_safe(name):
            raise ArchiveError(f"byte {at}: {name!r} is not a plain relative path")
        if file.tell() + size + len(END) > length:
            raise ArchiveError(f"byte {at}: {name!r} has {size} bytes, more than the rest of the bundle")
        start = file.tell()
        yield name, size
        assert file.tell() == start + size
        if any(_read(file, -size % tarfile.BLOCKSIZE)):
            raise ArchiveError(f"byte {start + size}: the padding after {name!r} is not empty")
    if file.read(tarfile.BLOCKSIZE + 1) != END[tarfile.BLOCKSIZE :]:
        raise ArchiveError(f"byte {at}: the bundle does not end where its end is marked")


def _member(file: BinaryIO, block: bytes, at: int) -> tuple[str, int, bytes]:
    """Return name, size and the whole header of the member whose first block was just read."""
    try:
        raw = block
        info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        if info.type == tarfile.XHDTYPE:
            if info.size > _LONGEST_NAME:
                raise ArchiveError(f"byte {at}: a header of {info.size} bytes")
            raw += _read(file, info.size + -info.size % tarfile.BLOCKSIZE + tarfile.BLOCKSIZE)
        if raw[-tarfile.BLOCKSIZE :] == END[: tarfile.BLOCKSIZE]:
            raise ArchiveError(f"byte {at}: a header without a file")
        with tarfile.open(fileobj=io.BytesIO(raw + END), mode="r:", encoding="utf-8") as tar:
            found = tar.next()
    except (tarfile.TarError, ValueError, OSError) as error:
        if isinstance(error, ArchiveError):
            raise
        raise ArchiveError(f"byte {at}: damaged, or not a bundle: {error}") from None
    if found is None:
        raise ArchiveError(f"byte {at}: damaged, or not a bundle")
    if found.type in _KINDS:
        raise ArchiveError(
            f"byte {at}: {found.name!r} is {_KINDS[found.type]}; a bundle has plain files only"
        )
    return found.name, found.size, raw


def _read(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise ArchiveError(f"byte {file.tell()}: the bundle ends too early; it was not copied whole")
    return data


def manifest(hashes: dict[str, str]) -> bytes:
    """Return the manifest of files by hash, as `sha256sum --check` reads it."""
    return "".join(f"{sha256}  {name}\n" for name, sha256 in hashes.items()).encode()


def read_manifest(data: bytes) -> dict[str, str]:
    """Return the hash of each file that a manifest names.

    Raises:
        ArchiveError: a line is not `<sha256>  <plain relative path>`, or a file is named twice.
    """
    hashes: dict[str, str] = {}
    for number, line in enumerate(data.decode(errors="replace").splitlines(keepends=True), 1):
        match = re.fullmatch(r"([0-9a-f]{64})  ([^\n]+)\n", line)
        if match is None or not is_safe(match[2]) or match[2] in hashes:
            raise ArchiveError(
                f"{MANIFEST}, line {number}: expected the SHA-256 and the path of a file, once"
            )
        hashes[match[2]] = match[1]
    return hashes
