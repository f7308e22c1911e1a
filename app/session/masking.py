"""Mask secrets, which the plan names and the environment holds, in all text that leaves gonogo.

Text for people goes through one pipeline: clean it as a terminal would, mask what is seen then, and only then
cut it. `app.session.spellings` says in which spellings a value is recognized.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import unquote

from app.monitor.sanitize import clean_line
from app.session.encoded_runs import EncodedRuns, Span
from app.session.fingerprints import Fingerprint, find_lost_secrets
from app.session.spellings import Spellings, list_forms, list_readings

SHORTEST = 6
_LONGEST = 4096
_BLOCK = 32 << 10
_LEVELS = 3  # How deep encodings may be nested.
_DECODED_PER_BYTE = 16  # Bounds the time that a text takes that is made to be decoded.
# The characters that Unicode calls default-ignorable: a terminal shows nothing for them, or a blank.
_WITHOUT_WIDTH = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_URL_PASSWORD = re.compile(r"//[^/@\s:]*:([^/@\s]+)@")


class _Match(NamedTuple):
    start: int
    end: int
    name: str


class Masker:
    """Replaces the values of secrets with their variables' names.

    `notices` says which secrets are not masked, and why. Memory is bounded by the longest value; time is
    linear in the input.
    """

    def __init__(self, secrets: Mapping[str, str], lost_secrets: Iterable[Fingerprint] = ()) -> None:
        """Mask these values, by variable name, and the values of which only fingerprints are left."""
        values: dict[bytes, str] = {}
        notices = []
        for name, text in secrets.items():
            value = os.fsencode(text.strip())
            if not SHORTEST <= len(value) <= _LONGEST:
                notices.append(
                    f"{name} is not masked: its value has {len(value)} bytes; only values of {SHORTEST} to "
                    f"{_LONGEST} bytes are masked"
                )
            elif value in _make_replacement(name):
                notices.append(f"{name} is not masked: its value is a part of its name")
            else:
                values.setdefault(value, name)
        self.notices = tuple(notices)
        known = [form for value in values for form in (*list_forms(value), value.hex().encode())]
        self._lost_secrets = [each for each in lost_secrets if not any(map(each.matches, known))]
        self._spellings = [Spellings(name, value) for value, name in values.items()]
        reaches = [spellings.reach for spellings in self._spellings]
        self._reach = max([*reaches, *(each.length for each in self._lost_secrets)], default=1)

    @classmethod
    def from_environment(
        cls, names: Iterable[str], environment: Mapping[str, str], lost_secrets: Iterable[Fingerprint] = ()
    ) -> "Masker":
        """Return a masker of the variables that are set in an environment; its notices name the others.

        The passwords in the URLs of proxies, which always pass to phases, are masked as well.
        `lost_secrets` are the fingerprints of the values that the session has had.
        """
        names, lost_secrets = list(names), list(lost_secrets)
        secrets = {name: environment[name] for name in names if environment.get(name, "").strip()}
        masker = cls({**dict(_find_proxy_passwords(environment)), **secrets}, lost_secrets)
        unset = [name for name in names if not environment.get(name, "").strip()]
        remembered = {each.name for each in lost_secrets}
        masker.notices += tuple(
            f"{name} is not set here, so its value is masked, but not in unusual spellings"
            if name in remembered
            else f"{name} is not set here, so its value is not masked"
            for name in unset
        )
        return masker

    def mask_text(self, text: str) -> str:
        """Return a text with all secrets masked."""
        if not self._has_secrets:
            return text
        return self.mask_data(text.encode(errors="surrogatepass")).decode(errors="surrogatepass")

    def mask_visible(self, text: str) -> str:
        """Return a text for a screen, with all secrets masked that a terminal or browser would show.

        Escape codes, backspaces or characters without width can break a value in the data, which appears
        whole on the screen. Mask before you cut a text, or the start of a value may remain.
        """
        masked = self.mask_text(text)
        if not self._has_secrets or (masked.isascii() and masked.replace("\n", "").isprintable()):
            return masked
        plain = "\n".join(map(_show_line, masked.split("\n")))
        masked_plain = self.mask_text(plain)
        return masked if masked_plain == plain else masked_plain

    def mask_lines(self, data: bytes) -> bytes:
        """Return lines of a file for a screen: as `mask_visible`, and without a secret that has only begun.

        A program may be writing the last line; the start of a value at its end is masked as well.
        """
        if not self._has_secrets:
            return data
        visible = self.mask_visible(data.decode(errors="surrogateescape")).encode(errors="surrogateescape")
        for spellings in self._spellings:
            for form in spellings.forms:
                for length in range(min(len(form) - 1, len(visible)), SHORTEST - 1, -1):
                    if visible.endswith(form[:length]):
                        return visible[:-length] + _make_replacement(spellings.name)
        return visible

    def mask_data(self, data: bytes) -> bytes:
        """Return bytes with all secrets masked."""
        return b"".join(self.mask_stream([data]))

    def mask_stream(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the chunks' bytes with all secrets masked, including those that cross chunk boundaries."""
        pending = b""
        masked = 0  # The number of held bytes that belong to a secret that was already replaced.
        for block in _split(chunks, max(_BLOCK, 4 * self._reach)):
            pending += block
            # A match that begins before `safe` ends within the held bytes. Small blocks are accumulated.
            safe = len(pending) - self._reach + 1
            if safe > self._reach:
                out, masked = self._mask(pending, masked, safe)
                yield out
                pending = pending[safe:]
        yield self._mask(pending, masked, len(pending))[0]

    def _mask(self, data: bytes, masked: int, safe: int) -> tuple[bytes, int]:
        """Return the masked form of `data[:safe]` and how many bytes after it belong to a masked secret."""
        out = []
        copied = masked
        for match in self._find_matches(data) if self._has_secrets else ():
            if match.start >= safe:
                break
            # Secrets may overlap: all bytes that any of them covers are masked, under the name of the first.
            if match.start >= copied:
                out += [data[copied : match.start], _make_replacement(match.name)]
            copied = max(copied, match.end)
        out.append(data[copied : max(copied, safe)])
        return b"".join(out), max(0, copied - safe)

    def _find_matches(self, data: bytes) -> list[_Match]:
        """Return the secrets in any reading of the data by their start; of two, the longer one is first."""
        spans = self._find_spans(data, EncodedRuns(_DECODED_PER_BYTE * len(data)), _LEVELS)
        return sorted(
            {_Match(*span) for span in spans}, key=lambda match: (match.start, -match.end, match.name)
        )

    def _find_spans(self, data: bytes, runs: EncodedRuns, levels: int) -> Iterator[Span]:
        for reading in list_readings(data):
            spans = [(*span, each.name) for each in self._spellings for span in each.find(reading.data)]
            spans += find_lost_secrets(self._lost_secrets, reading.data)
            if levels and self._spellings:
                spans += runs.find(
                    reading.data, levels, lambda text: self._find_spans(text, runs, levels - 1)
                )
            for start, end, name in spans:
                yield reading.locate(start), reading.locate(end), name

    @property
    def _has_secrets(self) -> bool:
        return bool(self._spellings or self._lost_secrets)


def _split(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield the chunks in pieces of at most this size, because decoding takes several times their memory."""
    for chunk in chunks:
        for start in range(0, len(chunk), size):
            yield chunk[start : start + size]


def _show_line(line: str) -> str:
    return _WITHOUT_WIDTH.sub("", clean_line(line))


def _find_proxy_passwords(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in environment.items():
        if name.lower().endswith("_proxy") and (match := _URL_PASSWORD.search(value)):
            yield name, unquote(match[1])


def _make_replacement(name: str) -> bytes:
    return f"[secret {name}]".encode()
