"""The ways in which a program may write a secret, and how to find them.

Base64 (standard and URL-safe, at each of its three alignments inside longer data) and UTF-16 are looked for
as they are, and hex and lists of decimal bytes with or without separators. Percent-encoding, HTML, and the
escapes of strings are decoded first, also several times and nested; line breaks inside long words, escape
codes, erased characters and characters without width are removed. `app.session.encoded_runs` decodes nested
Base64, Base32 and hex. Dumps of `xxd` or `od`, compressed data and hashes are not recognized.
"""

import base64
import bisect
import html
import re
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

_MOST_ROUNDS = 4
_MOST_READINGS = 48
_BYTES_PER_CHARACTER = 32
_BYTES_OF_NOISE = 2048
_SEPARATORS = rb"(?:[\s:,_-]|0x|\\{1,8}x){0,8}"
_SHORT_ESCAPES = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"e": b"\x1b"}
_ESCAPE = (
    rb"(?:u(?P<utf16>[0-9a-fA-F]{4})|u\{(?P<braces>[0-9a-fA-F]{1,8})\}|U(?P<utf32>[0-9a-fA-F]{8})"
    rb"|x(?P<hex>[0-9a-fA-F]{2})|(?P<octal>[0-3][0-7]{2})|(?P<short>[\"'/bfnrte]))"
)
_HIGH_SURROGATE = rb"u(?P<high>[dD][89abAB][0-9a-fA-F]{2})"
_LOW_SURROGATE = rb"u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})"


class Reading(NamedTuple):
    """A text, decoded from another; `starts` are positions in it, and `sources` those that they come from."""

    data: bytes
    origin: "Reading | None" = None
    starts: Sequence[int] = ()
    sources: Sequence[int] = ()

    def locate(self, position: int) -> int:
        """Return the position in the original text that a position of this one comes from."""
        if self.origin is None:
            return position
        index = bisect.bisect_right(self.starts, position) - 1
        return self.origin.locate(self.sources[index] + position - self.starts[index])


def _decode_percent(match: re.Match[bytes]) -> bytes:
    return bytes([int(match[1], 16)])


def _decode_html(match: re.Match[bytes]) -> bytes:
    text = match[0].decode()
    for _ in range(_MOST_ROUNDS):
        text = html.unescape(text)
    return text.encode(errors="replace")


def _decode_escape(match: re.Match[bytes]) -> bytes:
    for kind in ("utf16", "braces", "utf32"):
        if match[kind]:
            return _encode_character(int(match[kind], 16))
    if match["hex"]:
        return bytes([int(match["hex"], 16)])
    if match["octal"]:
        return bytes([int(match["octal"], 8)])
    return _SHORT_ESCAPES.get(match["short"], match["short"])


def _decode_escape_or_backslash(match: re.Match[bytes]) -> bytes:
    if match["backslash"]:
        return b"\\"
    return _decode_pair(match) if match["high"] else _decode_escape(match)


def _decode_pair(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex((match["high"] + match["low"]).decode()).decode("utf-16-be").encode()


def _encode_character(code: int) -> bytes:
    return chr(code).encode(errors="surrogatepass") if code <= sys.maxunicode else b""


def _remove(match: re.Match[bytes]) -> bytes:
    return b""


_DECODERS: tuple[tuple[re.Pattern[bytes], Callable[[re.Match[bytes]], bytes]], ...] = (
    # Programs such as `base64` and `fold` break long lines.
    (
        re.compile(rb"(?<=[A-Za-z0-9+/_-]{16})\r?\n[ \t]{0,8}(?=[A-Za-z0-9+/_=-]+(?:[\r\n\"'<,;)\]}]|\Z))"),
        _remove,
    ),
    (re.compile(rb"%(?:25)*(?:u00)?([0-9a-fA-F]{2})"), _decode_percent),
    (
        re.compile(rb"&(?:amp;)*(?:#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,8}|[a-zA-Z][a-zA-Z0-9]{1,31});"),
        _decode_html,
    ),
    (re.compile(rb"=([0-9A-F]{2})"), _decode_percent),
    # Characters beyond 16 bits are two escapes, which must be decoded together.
    (re.compile(rb"\\+" + _HIGH_SURROGATE + rb"\\+" + _LOW_SURROGATE), _decode_pair),
    (re.compile(rb"\\+" + _ESCAPE), _decode_escape),
    (
        re.compile(
            rb"\\(?:(?P<backslash>\\)|" + _HIGH_SURROGATE + rb"\\" + _LOW_SURROGATE + rb"|" + _ESCAPE + rb")"
        ),
        _decode_escape_or_backslash,
    ),
    # Characters that a terminal does not show.
    (
        re.compile(
            rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])"
            rb"|[^\x08\x1b\n]\x08|\x00|\xc2\xad|\xe2\x80[\x8b-\x8f]|\xe2\x81[\xa0-\xa4]|\xef\xbb\xbf"
        ),
        _remove,
    ),
)


def _decode(
    reading: Reading, pattern: re.Pattern[bytes], decode: Callable[[re.Match[bytes]], bytes]
) -> Reading | None:
    """Return a text with one encoding decoded, or None if there is nothing to decode."""
    out = bytearray()
    starts, sources = array("i", [0]), array("i", [0])
    position = 0
    for match in pattern.finditer(reading.data):
        out += reading.data[position : match.start()]
        # Each byte of a character comes from its whole encoding.
        for byte in decode(match):
            starts.append(len(out))
            sources.append(match.start())
            out.append(byte)
        position = match.end()
        starts.append(len(out))
        sources.append(position)
    if not position:
        return None
    out += reading.data[position:]
    return Reading(bytes(out), reading, starts, sources)


def list_readings(data: bytes) -> Iterator[Reading]:
    """Yield a text, then every text that decoding it gives, each once."""
    reading = Reading(data)
    yield reading
    seen, round_readings = {data}, [reading]
    for _ in range(_MOST_ROUNDS):
        next_round = []
        for reading in round_readings:
            for pattern, decode in _DECODERS:
                decoded = _decode(reading, pattern, decode)
                if decoded is None or decoded.data in seen:
                    continue
                if len(seen) >= _MOST_READINGS:
                    return
                seen.add(decoded.data)
                next_round.append(decoded)
                yield decoded
        round_readings = next_round


class Spellings:
    """The spellings of one value.

    Attributes:
        name: the name of the variable that has the value.
        forms: the bytes that stand for it in a decoded text.
        reach: the most bytes that a spelling has.
    """

    def __init__(self, name: str, value: bytes) -> None:
        self.name = name
        self.forms = list_forms(value)
        self.reach = _BYTES_PER_CHARACTER * max(map(len, self.forms)) + _BYTES_OF_NOISE
        self._hex = re.compile(_SEPARATORS.join(map(_hex_pair, value)))
        self._decimal = re.compile(
            rb"(?<!\d)" + rb"[\s,;]{1,8}".join(str(byte).encode() for byte in value) + rb"(?!\d)"
        )

    def find(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Yield the start and end of each spelling in a decoded text."""
        for form in self.forms:
            start = data.find(form)
            while start >= 0:
                yield start, start + len(form)
                start = data.find(form, start + 1)
        for pattern in (self._hex, self._decimal):
            for match in pattern.finditer(data):
                yield match.span()


def list_forms(value: bytes) -> list[bytes]:
    """Return the bytes that stand for a value in a decoded text, the longest first."""
    forms = {value, value.replace(b" ", b"+")}
    for before in range(3):
        # Without the characters that depend on adjacent bytes.
        encoded = base64.b64encode(bytes(before) + value)
        first, end = -(-8 * before // 6), 8 * (before + len(value)) // 6
        forms |= {encoded[first:end], encoded[first:end].translate(bytes.maketrans(b"+/", b"-_"))}
    return sorted(forms, key=len, reverse=True)


def _hex_pair(byte: int) -> bytes:
    digits = f"{byte:02x}"
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits).encode()
