"""The text shown of a phase's output contains no control characters, whatever bytes it prints."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.monitor.sanitize import clean_line, clean_text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"plain", "plain"),
        (b"caf\xc3\xa9 \xff", "café \N{REPLACEMENT CHARACTER}"),
        (b"\x1b[31mred\x1b[0m", "red"),
        (b"\x1b[?1049h\x1b[2J\x1b[Hhidden", "hidden"),
        (b"a\x1b]0;evil title\x07b", "ab"),
        (b"a\x1b]52;c;ZXZpbA==\x1b\\b", "ab"),
        (b"a\x1bPq#0;2;0;0;0\x1b\\b", "ab"),
        (b"a\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "alink"),
        ("a\x9b31mb\x9d0;t\x9cc".encode(), "abc"),
        (b"a\x1b]0;no end", "a"),
        (b"a\x1b", "a"),
        (b"a\x1b[", "a"),
        (b"a\x1b(Bb\x1bcc", "abc"),
        (b"10%\r50%\r100%", "100%"),
        (b"abcdef\rXY", "XYcdef"),
        (b"windows\r", "windows"),
        (b"abcdef\r\x1b[Kxy", "xy"),
        (b"abcdef\r\x1b[2Kxy", "xy"),
        (b"abcdef\x08\x08\x1b[K", "abcd"),
        (b"abcdef\x08\x08\x08\x1b[1Kx", "   xef"),
        (b"a\tb", "a       b"),
        (b"a\x00\x07\x7fb", "ab"),
        ("a\N{RIGHT-TO-LEFT OVERRIDE}b\N{LINE SEPARATOR}c".encode(), "abc"),
        (b"[bold]not markup[/bold]", "[bold]not markup[/bold]"),
    ],
)
def test_a_line_is_shown_as_a_terminal_would_show_it(raw: bytes, shown: str) -> None:
    assert clean_line(raw) == shown


HOSTILE = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"\x1b",
                b"[",
                b"]",
                b"P",
                b"\\",
                b"\x07",
                b"\r",
                b"\x08",
                b"K",
                b"2K",
                b"\xc2\x9b",
                b"\xc2\x9d",
                b"a",
            ]
        ),
        st.binary(max_size=4),
    ),
    max_size=30,
).map(b"".join)


@given(HOSTILE)
def test_nothing_shown_controls_the_terminal(raw: bytes) -> None:
    shown = clean_line(raw)
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in shown)
    assert not any(unicodedata.bidirectional(c) in ("RLO", "LRO", "RLE", "LRE", "PDF", "RLI") for c in shown)
    assert clean_line(shown) == shown


@given(st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs"))))
def test_plain_text_is_unchanged(text: str) -> None:
    assert clean_line(text.encode()) == text


def test_texts_keep_their_lines_and_are_bounded() -> None:
    assert clean_text("one\n\x1b[31mtwo", 100) == "one\ntwo"
    assert clean_text("x" * 200, 100) == "x" * 100 + "…"


@pytest.mark.parametrize("hostile", [b"\x08a", b"\x1b]", b"\x1b[", b"a\r", b"\x1b[1K", b"a\x1b[1K"])
def test_the_longest_line_is_quick(hostile: bytes) -> None:
    line = (b"x" * 4096 + hostile * 4096)[:8192]
    started = time.perf_counter()
    clean_line(line)
    assert time.perf_counter() - started < 0.5
