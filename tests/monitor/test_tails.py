"""Tails of logs: partial lines, truncation, hostile bytes, lines and files without bound."""

import os
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.monitor import tails
from app.monitor.progress import ProgressTail
from app.monitor.sanitize import clean_line
from app.monitor.tails import LogTail
from phases.contract.protocol import Progress
from tests.monitor.tails import append, encoded, read_all


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def test_a_log_grows_line_by_line(path: Path) -> None:
    log = LogTail(path)
    assert not log.poll()
    append(path, b"one\ntw")
    assert log.poll()
    assert (list(log.lines), log.partial, log.first) == (["one"], "tw", 0)
    assert not log.poll()
    append(path, b"o\nthree\n")
    read_all(log)
    assert (list(log.lines), log.partial, log.skipped) == (["one", "two", "three"], "", False)


def test_a_progress_bar_shows_its_last_state(path: Path) -> None:
    log = LogTail(path)
    for percent in range(0, 101, 10):
        append(path, b"\r%3d%%|" % percent + b"#" * 900)
        read_all(log)
        assert log.partial.startswith(f"{percent:3}%")
    append(path, b"\ndone\n")
    read_all(log)
    assert [line[:4] for line in log.lines] == ["100%", "done"]


def test_only_the_last_lines_are_kept_and_numbered(path: Path) -> None:
    log = LogTail(path, max_lines=3)
    append(path, b"".join(b"%d\n" % n for n in range(10)))
    read_all(log)
    assert (list(log.lines), log.first) == (["7", "8", "9"], 7)
    append(path, b"10\n")
    read_all(log)
    assert (list(log.lines), log.first) == (["8", "9", "10"], 8)


@pytest.mark.parametrize("replace", [False, True])
def test_a_log_that_was_cut_or_replaced_is_read_from_its_start(path: Path, replace: bool) -> None:
    log = LogTail(path)
    append(path, b"one\ntwo\nthree\n")
    read_all(log)
    if replace:
        other = path.with_name("other")
        other.write_bytes(b"new and longer than all of the old file\n")
        other.replace(path)
    else:
        path.write_bytes(b"new\n")
    read_all(log)
    assert [line[:3] for line in log.lines] == ["new"]
    assert log.first == 3


def test_a_long_log_opens_at_its_end(path: Path) -> None:
    path.write_bytes(b"".join(b"line %d\n" % n for n in range(400_000)))
    log = LogTail(path, max_lines=100)
    assert log.poll()
    assert list(log.lines) == [f"line {n}" for n in range(399_900, 400_000)]
    assert log.skipped
    assert not log.poll()


@pytest.mark.parametrize("filler", [b"\0", b"x", b"x\r"])
def test_a_line_of_100_megabytes_costs_no_memory(path: Path, filler: bytes) -> None:
    with path.open("wb") as file:
        for _ in range(100):
            file.write(filler * (1_000_000 // len(filler)))
    log, progress = LogTail(path), ProgressTail(path)
    tracemalloc.start()
    read_all(log)
    read_all(progress)
    append(path, b"\nnext\n" + encoded(Progress(1.0, 2.0)))
    read_all(log)
    read_all(progress)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert log.lines[-2] == "next"
    assert progress.progress is not None
    assert progress.bad == 2  # the line and "next"
    assert peak < 12 * tails.CHUNK


def test_an_overlong_line_shows_its_start(path: Path) -> None:
    log = LogTail(path)
    append(path, b"x" * 10_000)
    read_all(log)
    append(path, b"y" * 10_000 + b"\nnext\n")
    read_all(log)
    assert [line[:1] + line[-2:] for line in log.lines] == ["x …", "nxt"]


def test_a_folder_or_pipe_in_place_of_a_log_is_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert not LogTail(tmp_path).poll()
    assert not LogTail(tmp_path / "pipe").poll()


PIECES = st.lists(
    st.one_of(
        st.binary(max_size=12),
        st.sampled_from(
            [b"\n", b"a\n", b"bc\n\n", b"\x1b[31m", b"\x1b]0;", b"\x07", b"d\x08\n", b"\xe2\x82", b"\xac"]
        ),
    ),
    max_size=25,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=PIECES)
def test_a_log_is_the_same_however_it_grew(path: Path, pieces: Sequence[bytes]) -> None:
    path.write_bytes(b"")
    log = LogTail(path)
    for piece in pieces:
        append(path, piece)
        read_all(log)
    *whole, rest = b"".join(pieces).split(b"\n")
    assert list(log.lines) == [clean_line(line) for line in whole]
    assert log.partial == clean_line(rest)
    path.unlink()
