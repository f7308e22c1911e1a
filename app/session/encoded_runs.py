"""Find secrets in Base64, Base32 and hex, also nested, by decoding the parts that encode ASCII.

Hashes, paths and images hardly ever encode ASCII over several bytes, so most logs have nothing to decode.
"""

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

Span = tuple[int, int, str]
"""The start, the end and the name of a secret."""

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_STANDARD = bytes.maketrans(b"-_", b"+/")
_BASE32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_HEX = b"0123456789abcdef"


class _Encoding(NamedTuple):
    """An encoding with `bits` per character, whose alignment repeats after `group` characters.

    `start` matches the fewest aligned characters that must encode ASCII, and `window` all that follow.
    """

    runs: re.Pattern[bytes]
    start: re.Pattern[bytes]
    window: re.Pattern[bytes]
    bits: int
    group: int
    decode: Callable[[bytes], bytes]


def _decode_base64(text: bytes) -> bytes:
    return base64.b64decode(text.translate(_STANDARD) + b"A" * (-len(text) % 4))


def _decode_base32(text: bytes) -> bytes:
    return base64.b32decode(text.upper() + b"A" * (-len(text) % 8))


def _decode_hex(text: bytes) -> bytes:
    return bytes.fromhex(text[: len(text) // 2 * 2].decode())


def _make_encoding(
    decode: Callable[[bytes], bytes], runs: bytes, alphabet: bytes, masks: Sequence[int], groups: int
) -> _Encoding:
    """Return an encoding.

    Args:
        decode: decodes characters of a whole number of groups, or fewer in the last group.
        runs: a pattern of the words to look at.
        alphabet: the characters by their values.
        masks: for each character of a group, its bits that are the first ones of bytes, and 0 in ASCII.
        groups: the fewest groups that must encode ASCII.
    """
    classes = [
        b"[%b]" % b"".join(_list_characters(alphabet, i) for i in range(len(alphabet)) if not i & mask)
        for mask in masks
    ]
    group = b"".join(classes)
    return _Encoding(
        re.compile(runs),
        re.compile(rb"(?:%b){%d}" % (group, groups)),
        re.compile(rb"(?:%b)+" % group),
        len(alphabet).bit_length() - 1,
        len(masks),
        decode,
    )


def _list_characters(alphabet: bytes, value: int) -> bytes:
    character = alphabet[value : value + 1]
    if alphabet is _BASE64:
        return re.escape(character) + {62: rb"\-", 63: b"_"}.get(value, b"")
    return bytes(sorted({*character.lower(), *character.upper()}))


_ENCODINGS = (
    _make_encoding(
        _decode_base64, rb"[A-Za-z0-9+/_-]{16,}", _BASE64, (0b100000, 0b001000, 0b000010, 0), groups=4
    ),
    _make_encoding(
        _decode_base32,
        rb"[A-Z2-7]{16,}|[a-z2-7]{16,}",
        _BASE32,
        (0b10000, 0b00010, 0, 0b01000, 0b00001, 0, 0b00100, 0),
        groups=2,
    ),
    _make_encoding(_decode_hex, rb"[0-9A-Fa-f]{24,}", _HEX, (0b1000, 0), groups=12),
)


class EncodedRuns:
    """The encoded runs of one text; `limit` bounds the bytes that are decoded."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._cache: dict[tuple[int, int, bytes], list[Span]] = {}

    def find(self, data: bytes, level: int, find: Callable[[bytes], Iterable[Span]]) -> Iterator[Span]:
        """Yield what `find` finds in the decoded runs of the data, as spans of the data itself."""
        for encoding in _ENCODINGS:
            for run in encoding.runs.finditer(data):
                if not encoding.start.search(data, run.start(), run.end()):
                    continue
                key = (encoding.bits, level, run[0])
                if key not in self._cache:
                    self._cache[key] = list(self._find_in_run(encoding, run[0], find))
                for start, end, name in self._cache[key]:
                    yield run.start() + start, run.start() + end, name

    def _find_in_run(
        self, encoding: _Encoding, text: bytes, find: Callable[[bytes], Iterable[Span]]
    ) -> Iterator[Span]:
        for first, last in _list_windows(encoding, text):
            if last - first > self._limit:
                return
            self._limit -= last - first
            for start, end, name in find(encoding.decode(text[first:last])):
                yield (
                    first + 8 * start // encoding.bits,
                    min(len(text), first - (-8 * end // encoding.bits)),
                    name,
                )


def _list_windows(encoding: _Encoding, text: bytes) -> Iterator[tuple[int, int]]:
    """Yield the starts and ends of what may encode ASCII; windows of other alignments may overlap."""
    ends = dict.fromkeys(range(encoding.group), 0)
    begin = encoding.start.search(text)
    while begin:
        start, alignment = begin.start(), begin.start() % encoding.group
        if start >= ends[alignment] and (window := encoding.window.match(text, start)):
            ends[alignment] = window.end()
            # A secret may begin or end inside an adjacent group.
            yield max(alignment, start - encoding.group), window.end() + encoding.group
        begin = encoding.start.search(text, start + 1)
