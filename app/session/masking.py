"""Mask secrets, which the plan names and the environment holds, in all text that leaves gonogo.

A value is recognized verbatim, in hex, in Base64 (standard and URL-safe, at each of its three alignments
inside longer data), and with any characters percent-encoded or escaped as in HTML or in JSON, also twice.
Base64 with line breaks, compressed data and hashes are not recognized.
"""

import base64
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote

from app.monitor.sanitize import clean_line

SHORTEST = 6
_LONGEST = 4096
_WITHOUT_WIDTH = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_MOST_ZEROS = 4
_MOST_BACKSLASHES = 4
# A character as &#x0000XX; or with escaped backslashes before uXXXX.
_LONGEST_ENCODING = 12
_HTML_NAMES = {"&": b"&amp;", "<": b"&lt;", ">": b"&gt;", '"': b"&quot;", "'": b"&apos;"}
_URL_PASSWORD = re.compile(r"//[^/@\s:]*:([^/@\s]+)@")


class Masker:
    """Replaces the values of secrets with their variables' names.

    `notices` says which secrets are not masked, and why. Memory is bounded by the longest value; time is
    linear in the input.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        """Mask these values, by variable name."""
        patterns: list[tuple[bytes, str, bytes]] = []
        notices = []
        for name, text in secrets.items():
            value = os.fsencode(text.strip())
            if not SHORTEST <= len(value) <= _LONGEST:
                notices.append(
                    f"{name} is not masked: its value has {len(value)} bytes; only values of {SHORTEST} to "
                    f"{_LONGEST} bytes are masked"
                )
            elif value in _replacement(name):
                notices.append(f"{name} is not masked: its value is a part of its name")
            else:
                patterns += [(form, name, _pattern(form)) for form in _forms(value)]
        self.notices = tuple(notices)
        # If two secrets have the same beginning, the longer one is tried first.
        patterns.sort(key=lambda item: (-len(item[0]), item[1:]))
        self._names = [name for _, name, _ in patterns]
        self._pattern = re.compile(b"|".join(b"(" + pattern + b")" for _, _, pattern in patterns) or b"(?!)")
        self._forms = [form for form, _, _ in patterns]
        characters = {character for form in self._forms for character in _characters(form)}
        escapes = [encoding for character in sorted(characters) for encoding in _encodings(character)[1:]]
        self._escape = re.compile(b"|".join(escapes) or b"(?!)")
        self._reach = max((_LONGEST_ENCODING * len(form) for form, _, _ in patterns), default=1)

    @classmethod
    def from_environment(cls, names: Iterable[str], environment: Mapping[str, str]) -> "Masker":
        """Return a masker of the variables that are set in an environment; its notices name the others.

        The passwords in the URLs of proxies, which always pass to phases, are masked as well.
        """
        names = list(names)
        secrets = {name: environment[name] for name in names if environment.get(name, "").strip()}
        masker = cls({**dict(_find_proxy_passwords(environment)), **secrets})
        unset = (
            f"{name} is not set here, so its value is not masked"
            for name in names
            if not environment.get(name, "").strip()
        )
        masker.notices += tuple(unset)
        return masker

    def mask_text(self, text: str) -> str:
        """Return a text with all secrets masked."""
        data = text.encode(errors="surrogatepass")
        return self.mask_data(data).decode(errors="surrogatepass") if self._may_contain_secret(data) else text

    def mask_visible(self, text: str) -> str:
        """Return a text for a screen, with all secrets masked that a terminal or browser would show.

        Escape codes, backspaces or characters without width can break a value in the data, which appears
        whole on the screen. Mask before you cut a text, or the start of a value may remain.
        """
        masked = self.mask_text(text)
        if not self._forms or (masked.isascii() and masked.isprintable()):
            return masked
        lines = (_WITHOUT_WIDTH.sub("", clean_line(line)) for line in masked.split("\n"))
        plain = "\n".join(lines)
        masked_plain = self.mask_text(plain)
        return masked if masked_plain == plain else masked_plain

    def mask_data(self, data: bytes) -> bytes:
        """Return bytes with all secrets masked."""
        return b"".join(self.mask_stream([data]))

    def mask_stream(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the chunks' bytes with all secrets masked, including those that cross chunk boundaries."""
        held = b""
        masked = 0  # The number of held bytes that belong to a secret that was already replaced.
        for chunk in chunks:
            held += chunk
            # A match that begins before `safe` ends within the held bytes. Small chunks are accumulated.
            safe = len(held) - self._reach + 1
            if safe > self._reach:
                out, masked = self._mask(held, masked, safe)
                yield out
                held = held[safe:]
        yield self._mask(held, masked, len(held))[0]

    def _mask(self, data: bytes, masked: int, safe: int) -> tuple[bytes, int]:
        """Return the masked form of `data[:safe]` and how many bytes after it belong to a masked secret."""
        if not self._may_contain_secret(data):
            return data[masked:safe], max(0, masked - safe)
        out = []
        written = masked
        match = self._pattern.search(data)
        while match and match.start() < safe:
            # Secrets may overlap: all bytes that any of them covers are masked, under the name of the first.
            if match.start() >= written:
                name = self._names[(match.lastindex or 1) - 1]
                out += [data[written : match.start()], _replacement(name)]
            written = max(written, match.end())
            match = self._pattern.search(data, match.start() + 1)
        out.append(data[written : max(written, safe)])
        return b"".join(out), max(0, written - safe)

    def _may_contain_secret(self, data: bytes) -> bool:
        """Return False quickly for data with neither a verbatim form nor an escape of its characters."""
        if any(form in data for form in self._forms):
            return True
        return bool(self._forms) and self._escape.search(data) is not None


def _find_proxy_passwords(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in environment.items():
        if name.lower().endswith("_proxy") and (match := _URL_PASSWORD.search(value)):
            yield name, unquote(match[1])


def _replacement(name: str) -> bytes:
    return f"[secret {name}]".encode()


def _forms(value: bytes) -> list[bytes]:
    """Return a value verbatim and in Base64, without the characters that depend on adjacent bytes."""
    forms = {value, value.hex().encode(), value.hex().upper().encode()}
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + value)
        first, end = -(-8 * before // 6), 8 * (before + len(value)) // 6
        forms |= {encoded[first:end], encoded[first:end].translate(bytes.maketrans(b"+/", b"-_"))}
    return sorted(forms)


def _characters(form: bytes) -> str:
    return form.decode(errors="surrogateescape")


def _pattern(form: bytes) -> bytes:
    """Return a regular expression that matches a form with any characters percent-encoded or escaped."""
    return b"".join(b"(?:" + b"|".join(_encodings(character)) + b")" for character in _characters(form))


def _encodings(character: str) -> list[bytes]:
    """Return regular expressions for a character verbatim, and as a URL or JSON may encode it."""
    raw = character.encode(errors="surrogateescape")
    patterns = [re.escape(raw), b"".join(b"%%(?i:%02x)" % byte for byte in raw)]
    if not "\udc80" <= character <= "\udcff":
        utf16 = character.encode("utf-16-be").hex()
        slashes = rf"\\{{1,{_MOST_BACKSLASHES}}}"
        patterns.append(
            b"".join(rf"{slashes}u(?i:{utf16[i : i + 4]})".encode() for i in range(0, len(utf16), 4))
        )
        short = json.dumps(character)[1:-1].encode()
        if re.fullmatch(rb"\\[^u]", short):
            patterns.append(slashes.encode() + re.escape(short[1:]))
        code = ord(character)
        patterns.append(rf"&#0{{0,{_MOST_ZEROS}}}(?:{code}|(?i:x0{{0,{_MOST_ZEROS}}}{code:x}));".encode())
        if character in _HTML_NAMES:
            patterns.append(_HTML_NAMES[character])
    return patterns + {" ": [rb"\+"], "/": [rb"\\/"]}.get(character, [])
