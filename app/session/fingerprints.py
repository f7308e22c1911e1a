"""Fingerprints of the secrets that a session had, so that they stay masked when their variables are gone.

The conductor knows the values. It leaves a salted hash and the length of each in the session's folder, which
only the operator can read and which is not packed into bundles. A reader in a shell without the variable, or
with another value, finds the old value in a log by its hash: in plain text, in Base64 or in hex.
"""

import hashlib
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from app.session.spellings import list_forms
from phases.contract import files

FILE = ".fingerprints.json"  # Hidden files are not packed into bundles.
_SALT_BYTES = 16
_DIGEST_BYTES = 16
_SHORTEST, _LONGEST = 6, 4096
_MOST = 512
_CHECK_BYTES = 4
_CHECK_MASK = 0xFFF


class Fingerprint(msgspec.Struct, frozen=True):
    """The hash of one secret; `check` is a short hash of its beginning, which makes the search fast."""

    name: str
    length: int
    salt: bytes
    digest: bytes
    check: int

    def matches(self, value: bytes) -> bool:
        """Return whether this is the fingerprint of a value."""
        return len(value) == self.length and _hash(value, self.salt) == self.digest


def take_fingerprint(name: str, value: bytes) -> Fingerprint:
    """Return the fingerprint of a variable's value."""
    salt = os.urandom(_SALT_BYTES)
    return Fingerprint(name, len(value), salt, _hash(value, salt), _hash_beginning(value, salt))


def _hash(value: bytes, salt: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=_DIGEST_BYTES, salt=salt).digest()


def _hash_beginning(value: bytes, salt: bytes) -> int:
    return zlib.crc32(value[:_CHECK_BYTES], zlib.crc32(salt)) & _CHECK_MASK


def read_fingerprints(folder: Path) -> list[Fingerprint]:
    """Return the fingerprints in a session's folder, or none if they cannot be read."""
    try:
        return files.read_json(folder / FILE, list[Fingerprint])
    except (OSError, ValueError):
        return []


def remember_secrets(folder: Path, names: Iterable[str], environment: Mapping[str, str]) -> None:
    """Add the fingerprints of the variables' values to those in a session's folder."""
    known = read_fingerprints(folder)
    values = {name: os.fsencode(environment.get(name, "").strip()) for name in names}
    new = [
        take_fingerprint(name, form)
        for name, value in values.items()
        if _SHORTEST <= len(value) <= _LONGEST and not any(each.matches(value) for each in known)
        for form in (*list_forms(value), value.hex().encode())
    ]
    if new:
        files.write_json(folder / FILE, [*known, *new][-_MOST:])


def find_lost_secrets(lost_secrets: Iterable[Fingerprint], data: bytes) -> Iterator[tuple[int, int, str]]:
    """Yield the start, the end and the name of each value of which only the fingerprint is left."""
    for each in lost_secrets:
        # No token contains control characters, and hardly any text has a word that is as long.
        for run in re.finditer(rb"[^\x00-\x20\x7f]{%d,}" % each.length, data):
            checksum = zlib.crc32(each.salt)
            for start in range(run.start(), run.end() - each.length + 1):
                if zlib.crc32(data[start : start + _CHECK_BYTES], checksum) & _CHECK_MASK != each.check:
                    continue
                end = start + each.length
                if _hash(data[start:end], each.salt) == each.digest:
                    yield start, end, each.name
