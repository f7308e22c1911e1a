"""Masking of secrets in text and in streams."""

import base64
import hashlib
import html
import io
import itertools
import json
import os
import random
import string
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.monitor.preview import MAX_BYTES, read_first_rows
from app.monitor.progress import read_progress
from app.monitor.tails import LogTail
from app.session.attempt_log import _print_from
from app.session.encoded_runs import EncodedRuns
from app.session.fingerprints import read_fingerprints, remember_secrets
from app.session.gate.diagnosis import diagnose_failure
from app.session.journal.events import AttemptEnded
from app.session.masking import SHORTEST, Masker

TOKEN = "hf_AbC/dEf+GhI=jK 12"
FORMS = {
    "plain": lambda v: v,
    "base64 first": lambda v: base64.b64encode(v.encode()).decode(),
    "base64 second": lambda v: base64.b64encode(b"x" + v.encode()).decode(),
    "base64 third": lambda v: base64.b64encode(b"xy" + v.encode() + b"z").decode(),
    "url-safe base64": lambda v: base64.urlsafe_b64encode(b"??" + v.encode()).decode(),
    "base64 in a URL": lambda v: quote(base64.b64encode(v.encode()).decode(), safe=""),
    "quoted": quote,
    "quoted whole": lambda v: quote(v, safe=""),
    "quoted plus": quote_plus,
    "every byte quoted": lambda v: "".join(f"%{b:02x}" for b in v.encode()),
    "json": lambda v: json.dumps(v)[1:-1],
    "json, slashes escaped": lambda v: json.dumps(v, ensure_ascii=False)[1:-1].replace("/", "\\/"),
    "every character escaped": lambda v: "".join(
        f"\\u{v.encode('utf-16-be').hex()[i : i + 4]}" for i in range(0, len(v.encode("utf-16-be")) * 2, 4)
    ),
}
# A secret may hold anything but what masks are made of.
VALUES = st.text(
    st.characters(exclude_characters="[] ", exclude_categories=["Cs"]), min_size=SHORTEST, max_size=40
)
VALUES = VALUES.map(str.strip).filter(lambda v: len(v.encode()) >= SHORTEST and v not in "[secret TOKEN]")


def chunks(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def core(value: str, form: str) -> bytes:
    """Return what must not be seen of a form: in Base64, the characters that depend on the value alone."""
    written = FORMS[form](value)
    if "base64" in form and "URL" not in form:
        written = written[4:].rstrip("=")[:-2] if form != "base64 first" else written.rstrip("=")[:-2]
    return written.encode()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "value", [TOKEN, 'a"b\\c/d e', "geheim-schlüssel-€-🔑", "0000\\🔑", "line one\nline two"]
)
def test_every_form_is_masked(form: str, value: str) -> None:
    written = FORMS[form](value)
    out = Masker({"HF_TOKEN": value}).mask_text(f"before {written} after")
    assert out.startswith("before ")
    assert out.endswith(" after")
    assert "[secret HF_TOKEN]" in out
    assert core(value, form) not in out.encode()


@given(
    VALUES, st.sampled_from(sorted(FORMS)), st.text(), st.text(), st.lists(st.integers(0, 10**6), max_size=12)
)
def test_no_chunking_leaks(value: str, form: str, before: str, after: str, cuts: list[int]) -> None:
    masker = Masker({"TOKEN": value})
    data = f"{before}{FORMS[form](value)}{after}".encode(errors="replace")
    whole = masker.mask_data(data)
    assert b"".join(masker.mask_stream(chunks(data, cuts))) == whole
    assert b"[secret TOKEN]" in whole
    for seen in (value.encode(), core(value, form)):
        assert len(seen) < SHORTEST or seen not in whole


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [1, 61, 256])
def test_nothing_leaks_wherever_a_secret_lies_in_a_long_stream(form: str, size: int) -> None:
    masker = Masker({"TOKEN": 'a/b+c=d"é'})
    written = FORMS[form]('a/b+c=d"é').encode()
    for before in range(0, 700, 3):
        data = b"." * before + written + b"." * 500
        out = b"".join(masker.mask_stream(data[i : i + size] for i in range(0, len(data), size)))
        assert out.count(b"[secret TOKEN]") == 1
        assert out == masker.mask_data(data)


@given(
    st.lists(st.text("ab", min_size=SHORTEST, max_size=12), min_size=1, max_size=3),
    st.text("ab%61\\u0", max_size=400),
    st.lists(st.integers(0, 10**6), max_size=12),
)
def test_overlapping_secrets_never_leak(values: list[str], text: str, cuts: list[int]) -> None:
    masker = Masker({f"NAME_{i}": value for i, value in enumerate(values)})
    out = b"".join(masker.mask_stream(chunks(text.encode(), cuts)))
    assert out == masker.mask_data(text.encode())
    assert not any(value.encode() in out for value in values)


@given(
    st.text(st.characters(exclude_categories=[])), st.binary(), st.lists(st.integers(0, 10**6), max_size=5)
)
def test_text_without_a_secret_is_unchanged(text: str, data: bytes, cuts: list[int]) -> None:
    masker = Masker({"TOKEN": "a secret that hypothesis will not guess"})
    assert masker.mask_text(text) == text
    assert b"".join(masker.mask_stream(chunks(data, cuts))) == data
    assert Masker({}).mask_text(text) == text


def test_the_replacement_names_the_variable() -> None:
    masker = Masker({"HF_TOKEN": "hf_0123456789", "RUNPOD_API_KEY": "rpa_0123456789"})
    assert masker.mask_text("hf_0123456789,rpa_0123456789") == "[secret HF_TOKEN],[secret RUNPOD_API_KEY]"
    assert masker.mask_text("hf_0123456789hf_0123456789") == "[secret HF_TOKEN][secret HF_TOKEN]"


def test_a_secret_that_begins_like_another_is_masked_completely() -> None:
    masker = Masker({"SHORT": "abcdefgh", "LONG": "abcdefghijkl", "ACROSS": "ghijklmnop"})
    assert masker.mask_text("x abcdefghijkl y") == "x [secret LONG] y"
    assert masker.mask_text("x abcdefghijklmnop y") == "x [secret LONG] y"


def test_secrets_that_cannot_be_masked_are_reported() -> None:
    environment = {"SHORT": "abc", "HUGE": "x" * 5000, "SILLY": "SILLY]", "BLANK": " \n"}
    masker = Masker.from_environment(["SHORT", "HUGE", "SILLY", "BLANK", "UNSET"], environment)
    assert [notice.split(" is ")[0] for notice in masker.notices] == [
        "SHORT",
        "HUGE",
        "SILLY",
        "BLANK",
        "UNSET",
    ]
    assert "3 bytes" in masker.notices[0]
    assert "not set" in masker.notices[4]
    assert masker.mask_text("abc SILLY]") == "abc SILLY]"


def test_white_space_around_a_value_does_not_matter() -> None:
    assert Masker({"TOKEN": "  secret-value\n"}).mask_text("Bearer secret-value.") == "Bearer [secret TOKEN]."


def test_memory_is_bounded_and_every_byte_comes_out() -> None:
    masker = Masker({"TOKEN": "".join(string.ascii_letters)})
    chunk = (b"step 1 loss 0.5 \\u0041 %41 " * 3000)[: 64 << 10]
    tracemalloc.start()
    size = sum(len(out) for out in masker.mask_stream(chunk for _ in range(20)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size == 20 * len(chunk)
    assert peak < 8 * len(chunk)


TOKEN = "hf_aBc&9/xyz-secret"


@pytest.mark.parametrize(
    "shown",
    [
        "\x1b[01;31m\x1b[Khf_aBc\x1b[m\x1b[K&9/xyz-secret",  # grep --color
        "hf_aBX\x08c&9/xyz-secret",
        "hf_a\u200eBc&9/\u200bxyz\ufeff-secret",
        "hf_a\u034fBc&9/\ufe0fxyz\U000e0041-\u3164secret",
        "hf_a\x1b]0;title\x07Bc&9/xyz-secret",
        "wrong\rhf_aBc&9/xyz-secret",
    ],
)
def test_a_secret_that_only_the_screen_joins_is_masked(shown: str) -> None:
    masker = Masker({"TOK": TOKEN})
    text = masker.mask_visible(f"before\ntoken {shown} after")
    assert "xyz" not in text
    assert text.startswith("before\n")
    assert "[secret TOK]" in text


def test_a_text_without_secrets_keeps_its_escapes() -> None:
    masker = Masker({"TOK": TOKEN})
    assert masker.mask_visible("a\x1b[1mb\u200bc") == "a\x1b[1mb\u200bc"


@pytest.mark.parametrize(
    "spelling",
    [
        TOKEN.encode().hex(),
        TOKEN.encode().hex().upper(),
        html.escape(TOKEN),
        "".join(f"&#{ord(c)};" for c in TOKEN),
        "".join(f"&#x{ord(c):04X};" for c in TOKEN),
        json.dumps(json.dumps("".join(f"\\u{ord(c):04x}" for c in TOKEN))),
        json.dumps(json.dumps({"token": TOKEN + chr(34)})),
    ],
)
def test_other_spellings_are_masked(spelling: str) -> None:
    masker = Masker({"TOK": TOKEN})
    assert "[secret TOK]" in masker.mask_text(f"before {spelling} after")
    assert spelling not in masker.mask_text(f"before {spelling} after")


def test_a_log_that_grows_is_not_printed_in_the_middle_of_a_line(tmp_path: Path) -> None:
    masker, out = Masker({"TOK": TOKEN}), io.StringIO()
    path = tmp_path / "output.log"
    path.write_text(f"first\ntoken {TOKEN[:9]}")
    offset = _print_from(path, 0, masker, out, is_growing=True)
    assert out.getvalue() == "first\n"
    with path.open("a") as file:
        file.write(TOKEN[9:])
    _print_from(path, offset, masker, out)
    assert out.getvalue() == "first\ntoken [secret TOK]\n"


def test_the_evidence_of_a_failure_is_masked_before_it_is_cut(tmp_path: Path) -> None:
    error = f"ValueError: {'x' * 140} {TOKEN}"
    (tmp_path / "output.log").write_text(f"Traceback (most recent call last):\n{error}\n")
    end = AttemptEnded(phase="a", attempt=1, ended=0, seconds=1, reason="exited", code=1)
    problem = diagnose_failure(
        end, tmp_path, cookie="", is_slow=False, is_disk_full=False, mask=Masker({"TOK": TOKEN}).mask_data
    )
    assert "hf_" not in str(problem)
    assert "hf_" in str(diagnose_failure(end, tmp_path, cookie="", is_slow=False, is_disk_full=False))


def test_a_colored_secret_is_masked_in_a_log_on_the_screen(tmp_path: Path) -> None:
    (tmp_path / "output.log").write_text("\x1b[31mhf_aBc\x1b[m&9/xyz-secret\n")
    log = LogTail(tmp_path / "output.log", mask=Masker({"TOK": TOKEN}).mask_data)
    log.poll()
    assert list(log.lines) == ["[secret TOK]"]


@pytest.mark.parametrize(
    "spelling",
    [
        TOKEN.encode().hex(" "),
        TOKEN.encode().hex(":").upper(),
        " 68 66 5f 61 42 63 26 39\n 2f 78 79 7a 2d 73 65 63\n 72 65 74",
        ", ".join(f"0x{b:02x}" for b in TOKEN.encode()),
        "".join(f"\\x{b:02x}" for b in TOKEN.encode()),
        "".join(f"\\{b:03o}" for b in TOKEN.encode()),
        "".join(f"\\u{{{b:x}}}" for b in TOKEN.encode()),
        quote(quote(quote(TOKEN, safe=""), safe=""), safe=""),
        "".join(f"%25{b:02X}" for b in TOKEN.encode()),
        html.escape(html.escape(html.escape(TOKEN))),
        TOKEN.replace("&", "&amp;").replace("/", "&sol;").replace("_", "&lowbar;").replace("-", "&#x2d;"),
        html.escape(json.dumps(json.dumps("".join(f"\\u{ord(c):04x}" for c in TOKEN)))),
        quote(json.dumps("".join(f"\\u{ord(c):04x}" for c in TOKEN))),
        json.dumps("\x1b[01;31m" + "\x1b[m\x1b[K".join(TOKEN)),
        "\u200b".join(TOKEN),
        json.dumps("\ufeff".join(TOKEN)),
        "\x1b]0;title\x07".join(TOKEN),
        "".join(f"{c}x\x08" for c in TOKEN),
        TOKEN.encode("utf-16-le").decode("latin-1"),
        base64.b64encode(f"user:{TOKEN}".encode()).decode().replace("=", "%3D"),
    ],
)
def test_spellings_are_masked_as_they_are_in_a_file(spelling: str) -> None:
    masker = Masker({"TOK": TOKEN})
    out = masker.mask_data(f"before {spelling} after".encode())
    assert b"[secret TOK]" in out
    assert out.startswith(b"before ")
    assert out.endswith(b" after")
    assert len(out) < 60
    assert b"".join(masker.mask_stream(chunks(f"before {spelling} after".encode(), [5, 17, 31, 64]))) == out


def test_a_long_secret_takes_no_time_to_look_for() -> None:
    key = "-----BEGIN PRIVATE KEY-----\n" + "\n".join(["MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 2] * 40)
    started = time.thread_time()
    assert Masker({"KEY": key}).mask_text(json.dumps({"key": key})) == '{"key": "[secret KEY]"}'
    assert time.thread_time() - started < 2.0


def test_a_text_that_is_cut_inside_a_secret_shows_no_start_of_it() -> None:
    masker = Masker({"TOK": TOKEN})
    assert masker.mask_lines(f"first\ntoken {TOKEN[:12]}".encode()) == b"first\ntoken [secret TOK]"
    assert masker.mask_lines(b"first\nhf_") == b"first\nhf_"


def test_a_secret_stays_masked_when_its_variable_is_gone_or_has_changed(tmp_path: Path) -> None:
    remember_secrets(tmp_path, ["TOK", "UNSET"], {"TOK": f" {TOKEN}\n"})
    remember_secrets(tmp_path, ["TOK"], {"TOK": TOKEN})
    lost = read_fingerprints(tmp_path)
    assert len({each.length for each in lost}) < len(lost) < 12
    assert TOKEN not in (tmp_path / ".fingerprints.json").read_text()
    assert (tmp_path / ".fingerprints.json").stat().st_mode & 0o077 == 0
    text = f"export TOK='{TOKEN}'; again:{TOKEN}x \x1b[1m{TOKEN[:4]}\x1b[m{TOKEN[4:]} {TOKEN[:-1]}"
    for environment in ({}, {"TOK": "another-value"}):
        masker = Masker.from_environment(["TOK"], environment, lost)
        expected = f"export TOK='[secret TOK]'; again:[secret TOK]x \x1b[1m[secret TOK] {TOKEN[:-1]}"
        assert masker.mask_text(text) == expected
        data = f"{'.' * 3000}{TOKEN}{'.' * 3000}".encode()
        assert masker.mask_data(data).count(b"[secret TOK]") == 1
        assert b"".join(masker.mask_stream(chunks(data, [2990, 3005, 3010]))) == masker.mask_data(data)
    for spelling in (base64.b64encode(TOKEN.encode()).decode(), TOKEN.encode().hex(), quote(TOKEN, safe="")):
        assert TOKEN[:3] not in Masker.from_environment(["TOK"], {}, lost).mask_text(f"x {spelling} y")
        assert "[secret TOK]" in Masker.from_environment(["TOK"], {}, lost).mask_text(f"x {spelling} y")
    assert "unusual" in Masker.from_environment(["TOK"], {}, lost).notices[0]
    assert Masker.from_environment(["TOK"], {"TOK": TOKEN}, lost).notices == ()


def test_damaged_fingerprints_are_none(tmp_path: Path) -> None:
    (tmp_path / ".fingerprints.json").write_text('[{"name": 3}]')
    assert read_fingerprints(tmp_path) == []
    remember_secrets(tmp_path, ["TOK"], {"TOK": TOKEN})
    assert read_fingerprints(tmp_path)


def test_progress_shows_no_secret_that_its_json_hides(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    broken = f"{TOKEN[:4]}\x1b[0m{TOKEN[4:]}"
    reports = [
        {"type": "notice", "time": 1, "text": f"{'x' * 7990} {broken}"},
        {"type": "progress", "time": 1, "done": 1, "total": 2, "unit": f"{'r' * 90}{broken}"},
        {"type": "sample", "time": 1, "title": broken, "texts": {broken: "\u200b".join(TOKEN)}},
        {"type": "artifact", "time": 1, "path": f"a/{broken}", "bytes": 1, "sha256": "0"},
    ]
    path.write_text("".join(json.dumps(report) + "\n" for report in reports))
    shown = read_progress(path, Masker({"TOK": TOKEN}).mask_lines)
    texts = [shown.notices[0].text, shown.samples[0].title, *shown.samples[0].texts, *shown.artifacts]
    texts += [*shown.samples[0].texts.values(), shown.progress.unit if shown.progress else ""]
    assert len(texts) == 6
    assert not [text for text in texts if "hf_" in text or "xyz" in text]
    assert all("[secre" in text for text in texts)


def test_files_and_their_names_show_no_secret_where_they_are_cut(tmp_path: Path) -> None:
    mask = Masker({"TOK": TOKEN.replace("/", "-")}).mask_lines
    token = TOKEN.replace("/", "-")
    (tmp_path / f"model-{token}.txt").write_text("x")
    assert read_first_rows(tmp_path, mask)[0].endswith("model-[secret TOK].txt")
    long = tmp_path / "long.txt"
    long.write_text("x" * (MAX_BYTES - 10) + token + "y" * 5000)
    assert "hf_" not in read_first_rows(long, mask)[0]
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="not a regular file"):
        read_first_rows(tmp_path / "fifo", mask)


def test_a_long_line_that_grows_is_not_printed_in_parts(tmp_path: Path) -> None:
    masker, out = Masker({"TOK": TOKEN}), io.StringIO()
    path = tmp_path / "output.log"
    path.write_text("first\n" + "x" * 200_000 + TOKEN[:9])
    offset = _print_from(path, 0, masker, out, is_growing=True)
    assert out.getvalue() == "first\n"
    with path.open("a") as file:
        file.write(f"{TOKEN[9:]}\rstep 2\rstep")
    offset = _print_from(path, offset, masker, out, is_growing=True)
    with path.open("a") as file:
        file.write(" 3\n")
    _print_from(path, offset, masker, out, is_growing=True)
    assert "hf_" not in out.getvalue()
    assert "xyz" not in out.getvalue()
    assert out.getvalue().endswith("step 3\n")


def wrap(text: bytes) -> bytes:
    return base64.encodebytes(b"x" * 50 + text)


ENCODERS: list[Callable[[bytes], bytes]] = [
    base64.b64encode,
    base64.urlsafe_b64encode,
    base64.b32encode,
    lambda text: base64.b32encode(text).lower(),
    lambda text: text.hex().encode(),
    lambda text: text.hex().upper().encode(),
    lambda text: json.dumps({"token": text.decode()}).encode(),
    lambda text: quote(text, safe="").encode(),
    wrap,
]


@pytest.mark.parametrize("outer", range(len(ENCODERS)))
@pytest.mark.parametrize("inner", range(len(ENCODERS)))
@pytest.mark.parametrize("before", [b"", b"u", b"us", b"user:"])
def test_encodings_inside_each_other_are_masked(inner: int, outer: int, before: bytes) -> None:
    masker = Masker({"TOK": TOKEN})
    spelling = ENCODERS[outer](before + ENCODERS[inner](before + TOKEN.encode()) + b"&b=1")
    text = f"before {spelling.decode()}\nafter"
    masked = masker.mask_text(text)
    assert "[secret TOK]" in masked
    assert masked.startswith("before ")
    assert masked.endswith("\nafter")


def test_three_encodings_and_lists_of_bytes_are_masked() -> None:
    masker, text = Masker({"TOK": TOKEN}), TOKEN.encode()
    for _ in range(3):
        text = base64.b64encode(text)
    for spelling in (text.decode(), str(list(TOKEN.encode())), "".join(f"%u{ord(c):04x}" for c in TOKEN)):
        assert "[secret TOK]" in masker.mask_text(spelling)


def find_decoded(runs: EncodedRuns, data: bytes, decoded: list[bytes]) -> None:
    """Appends what is decoded in the data."""

    def find(text: bytes) -> list[tuple[int, int, str]]:
        decoded.append(text)
        return []

    assert list(runs.find(data, 1, find)) == []


def test_only_what_stands_for_ascii_is_decoded() -> None:
    decoded: list[bytes] = []
    hashes = [hashlib.sha256(bytes([n])).hexdigest() for n in range(256)]
    log = "".join(f"{each} /usr/lib/python3/site-packages/a.py\n" for each in hashes)
    binary = base64.b64encode(random.Random(1).randbytes(64 << 10))
    for data in (log.encode(), binary):
        find_decoded(EncodedRuns(1 << 30), data, decoded)
    assert sum(map(len, decoded)) < 4096
    find_decoded(EncodedRuns(1 << 30), base64.b64encode(b"hello world, this is text" * 20), decoded)
    assert decoded[-1].startswith(b"hello")


def test_a_text_that_is_made_to_be_decoded_is_decoded_within_a_limit() -> None:
    decoded: list[bytes] = []
    text = b"YWFh" * 10_000
    find_decoded(EncodedRuns(20_000), b"\n".join([text[:9000], b"a" + text[:9000], text]), decoded)
    assert 0 < sum(map(len, decoded)) <= 20_000
