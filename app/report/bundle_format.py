"""The bundle's file format: an uncompressed tar of regular files that ends with a SHA-256 manifest.

Adapters make up nearly all of a bundle and do not compress. An uncompressed tar can be resumed, fetched with
`rsync --append-verify` and read by any tool. A member's header depends only on its name and size, so equal
files give equal bytes, and a reader can reject every other header: links, devices, owners, modes, and
alternative spellings.
"""

import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

MANIFEST = "MANIFEST.sha256"
END_OF_ARCHIVE = bytes(2 * tarfile.BLOCKSIZE)
_MAX_EXTENDED_HEADER = 4096  # It holds a name that is not ASCII, or too long for the plain header.
_MAX_NAME = _MAX_EXTENDED_HEADER // 4
# Linux stores a name of at most 255 bytes, in a path of at most 4,096.
_MAX_PART_BYTES = 255
_MAX_NAME_BYTES = 3000
_REJECTED_TYPES = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.DIRTYPE: "a folder",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}


class BundleFormatError(ValueError):
    """The bytes do not follow the bundle format; the message gives the position and what was found."""


def is_safe_name(name: str) -> bool:
    """Return whether a name is a printable relative path that cannot leave the folder it is unpacked to."""
    return (
        0 < len(name) <= _MAX_NAME
        and name.isprintable()
        and len(name.encode(errors="replace")) <= _MAX_NAME_BYTES
        and all(_is_safe_part(part) for part in name.split("/"))
        and not PurePosixPath(name).is_absolute()
        and "\\" not in name
        and not re.match(r"[A-Za-z]:", name)
    )


def _is_safe_part(part: str) -> bool:
    return part not in ("", ".", "..") and len(part.encode(errors="replace")) <= _MAX_PART_BYTES


def encode_header(name: str, size: int) -> bytes:
    """Return the only valid header for a file of this name and size."""
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.PAX_FORMAT)


def encode_padding(size: int) -> bytes:
    """Return the zero bytes that fill the last block of a file of this size."""
    return bytes(-size % tarfile.BLOCKSIZE)


def encode_manifest(hashes: dict[str, str]) -> bytes:
    """Return the manifest of SHA-256 by file name, readable by `sha256sum --check`."""
    return "".join(f"{sha256}  {name}\n" for name, sha256 in hashes.items()).encode()


def decode_manifest(data: bytes) -> dict[str, str]:
    """Return the SHA-256 of each file that a manifest lists.

    Raises:
        BundleFormatError: a line is not `<sha256>  <relative path>`, or lists a file twice.
    """
    hashes: dict[str, str] = {}
    for number, line in enumerate(data.decode(errors="replace").splitlines(keepends=True), 1):
        match = re.fullmatch(r"([0-9a-f]{64})  ([^\n]+)\n", line)
        if match is None or not is_safe_name(match[2]) or match[2] in hashes:
            raise BundleFormatError(
                f"{MANIFEST}, line {number}: expected the SHA-256 and the path of a file, listed once"
            )
        hashes[match[2]] = match[1]
    return hashes


def iter_members(file: BinaryIO, length: int) -> Iterator[tuple[str, int]]:
    """Yield the name and size of each member of a bundle of `length` bytes.

    At each step the file is positioned at the member's data, and the caller must read exactly `size` bytes.

    Raises:
        BundleFormatError: the bytes differ from what `encode_header` and `encode_padding` produce.
    """
    while True:
        position = file.tell()
        block = _read_exactly(file, tarfile.BLOCKSIZE)
        if block == END_OF_ARCHIVE[: tarfile.BLOCKSIZE]:
            break
        name, size, header = _read_header(file, block, position)
        if encode_header(name, size) != header:
            raise BundleFormatError(
                f"byte {position}: the header of {name!r} is not the one that gonogo writes"
            )
        if not is_safe_name(name):
            raise BundleFormatError(f"byte {position}: {name!r} is not a plain relative path")
        if file.tell() + size + len(END_OF_ARCHIVE) > length:
            raise BundleFormatError(
                f"byte {position}: {name!r} has {size} bytes, more than the rest of the bundle"
            )
        start = file.tell()
        yield name, size
        assert file.tell() == start + size
        if any(_read_exactly(file, -size % tarfile.BLOCKSIZE)):
            raise BundleFormatError(f"byte {start + size}: the padding after {name!r} is not zero")
    if file.read(tarfile.BLOCKSIZE + 1) != END_OF_ARCHIVE[tarfile.BLOCKSIZE :]:
        raise BundleFormatError(f"byte {position}: the bundle does not end at its end marker")


def _read_header(file: BinaryIO, block: bytes, position: int) -> tuple[str, int, bytes]:
    """Return the name, size and complete header of the member that starts with `block`."""
    try:
        header = block
        info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        if info.type == tarfile.XHDTYPE:
            if info.size > _MAX_EXTENDED_HEADER:
                raise BundleFormatError(f"byte {position}: a header of {info.size} bytes is too large")
            header += _read_exactly(file, info.size + -info.size % tarfile.BLOCKSIZE + tarfile.BLOCKSIZE)
        if header[-tarfile.BLOCKSIZE :] == END_OF_ARCHIVE[: tarfile.BLOCKSIZE]:
            raise BundleFormatError(f"byte {position}: a header without a file")
        with tarfile.open(fileobj=io.BytesIO(header + END_OF_ARCHIVE), mode="r:", encoding="utf-8") as tar:
            member = tar.next()
    except BundleFormatError:
        raise
    except (tarfile.TarError, ValueError, OSError) as error:
        raise BundleFormatError(f"byte {position}: damaged, or not a bundle: {error}") from None
    if member is None:
        raise BundleFormatError(f"byte {position}: damaged, or not a bundle")
    if member.type in _REJECTED_TYPES:
        raise BundleFormatError(
            f"byte {position}: {member.name!r} is {_REJECTED_TYPES[member.type]}; expected a regular file"
        )
    return member.name, member.size, header


def _read_exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise BundleFormatError(f"byte {file.tell()}: the bundle ends too early; the copy is incomplete")
    return data
