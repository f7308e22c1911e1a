"""Tails of logs and progress: partial lines, truncation, hostile bytes, lines and files without bound."""

import json
import math
import os
import tracemalloc
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.monitor import files
from app.monitor.files import LogMetrics, LogTail, ProgressTail
from app.monitor.sanitize import clean_line
from phases.contract.protocol import Artifact, Line, MetricPoint, Notice, Progress, Sample


class Values:
    """A series that keeps everything: the bound is the real one's own affair."""

    def __init__(self, name: str) -> None:
        self.points: list[tuple[float, float | None]] = []

    def add(self, step: float, value: float | None) -> None:
        self.points.append((step, value))


def encoded(*lines: Line) -> bytes:
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def read_all(any_tail: LogTail | ProgressTail[Values] | LogMetrics[Values]) -> None:
    while any_tail.poll():
        pass


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


# Logs


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


def test_a_progress_bar_is_shown_as_it_stands(path: Path) -> None:
    log = LogTail(path)
    for percent in range(0, 101, 10):
        append(path, b"\r%3d%%|" % percent + b"#" * 900)
        read_all(log)
        assert log.partial.startswith(f"{percent:3}%")
    append(path, b"\ndone\n")
    read_all(log)
    assert [line[:4] for line in log.lines] == ["100%", "done"]


def test_only_the_last_lines_are_kept_and_numbered(path: Path) -> None:
    log = LogTail(path, most=3)
    append(path, b"".join(b"%d\n" % n for n in range(10)))
    read_all(log)
    assert (list(log.lines), log.first) == (["7", "8", "9"], 7)
    append(path, b"10\n")
    read_all(log)
    assert (list(log.lines), log.first) == (["8", "9", "10"], 8)


@pytest.mark.parametrize("replace", [False, True])
def test_a_log_that_was_cut_or_replaced_is_read_anew(path: Path, replace: bool) -> None:
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
    log = LogTail(path, most=100)
    assert log.poll()
    assert list(log.lines) == [f"line {n}" for n in range(399_900, 400_000)]
    assert log.skipped
    assert not log.poll()


@pytest.mark.parametrize("filler", [b"\0", b"x", b"x\r"])
def test_a_line_of_100_megabytes_costs_no_memory(path: Path, filler: bytes) -> None:
    with path.open("wb") as file:
        for _ in range(100):
            file.write(filler * (1_000_000 // len(filler)))
    log, progress = LogTail(path), ProgressTail(path, Values)
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
    assert peak < 12 * files.CHUNK


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


# Progress


def test_progress_is_collected(path: Path) -> None:
    lines = ProgressTail(path, Values)
    assert lines.progress is None
    append(
        path,
        encoded(
            Progress(100.0, 0, 50, "rows"),
            MetricPoint(101.0, 1, {"loss": 2.0, "eval_loss": None}),
            MetricPoint(102.0, 2, {"loss": None}),
            Sample(103.0, "a \x1b[31msample", {"prompt": "one\ntwo\x07"}, True),
            Notice(104.0, "look", "warning"),
            Artifact(105.0, "data.jsonl", 10, "ab", 1),
            Artifact(106.0, "data.jsonl", 20, "cd", 2),
            Progress(106.0, 12, 50, "rows"),
            Progress(110.0, 20, 50, "rows"),
        ),
    )
    read_all(lines)
    assert {name: values.points for name, values in lines.series.items()} == {
        "loss": [(1, 2.0), (2, None)],
        "eval_loss": [(1, None)],
    }
    assert lines.samples[0] == Sample(103.0, "a sample", {"prompt": "one\ntwo"}, True)
    assert [notice.text for notice in lines.notices] == ["look"]
    assert [artifact.rows for artifact in lines.artifacts.values()] == [2]
    assert lines.progress is not None
    assert (lines.progress.done, lines.progress.total, lines.progress.at) == (20, 50, 110.0)
    assert lines.progress.rate == 2.0
    assert lines.bad == 0


def test_the_rate_is_that_of_the_last_minutes(path: Path) -> None:
    lines = ProgressTail(path, Values)
    slow = [Progress(float(n), n * 1.0) for n in range(0, 1000, 10)]
    fast = [Progress(1000.0 + n, 1000 + n * 5.0) for n in range(0, 400, 10)]
    append(path, encoded(*slow, *fast))
    read_all(lines)
    assert lines.progress is not None
    assert lines.progress.rate == 5.0
    append(path, encoded(Progress(1500.0, 0)))
    read_all(lines)
    assert lines.progress is not None
    assert lines.progress.rate is None


def test_what_is_before_the_first_unit_and_the_first_of_the_units_are_no_rate(path: Path) -> None:
    lines = ProgressTail(path, Values)
    loading = [Progress(float(n), 0) for n in range(50)]
    compiling = [Progress(50.0 + 3 * n, 1 + n) for n in range(4)]
    append(path, encoded(*loading, *compiling))
    read_all(lines)
    assert lines.progress is not None
    assert (lines.progress.since, lines.progress.average) == (50.0, 1 / 3)
    append(path, encoded(*(Progress(59.0 + n, 4 + n) for n in range(1, 4))))
    read_all(lines)
    assert lines.progress is not None
    assert (lines.progress.since, lines.progress.average, lines.progress.rate) == (50.0, 0.5, 1.0)


def test_units_that_come_together_have_the_rate_of_the_time_between(path: Path) -> None:
    lines = ProgressTail(path, Values)
    bursts = [Progress(float(n), 100.0 * (1 + n // 30)) for n in range(91)]
    append(path, encoded(*bursts))
    read_all(lines)
    assert lines.progress is not None
    assert lines.progress.rate == lines.progress.average == 100 / 30
    append(path, encoded(Progress(105.0, 400)))
    read_all(lines)
    assert lines.progress is not None
    assert lines.progress.average == 300 / 105


def test_numbers_that_are_not_finite_are_gaps_however_they_are_written(path: Path) -> None:
    progress = ProgressTail(path, Values)
    losses = (2.5, math.nan, math.inf, -math.inf, None, 1.5)
    for step, loss in enumerate(losses):  # as Python's json writes them
        line = {"type": "metric", "time": 1, "step": step, "values": {"loss": loss, "NaN, Infinity": 1}}
        append(path, json.dumps(line).encode() + b"\n")
    read_all(progress)
    assert progress.series["loss"].points == [(0, 2.5), (1, None), (2, None), (3, None), (4, None), (5, 1.5)]
    assert progress.series["NaN, Infinity"].points == [(step, 1.0) for step in range(6)]
    assert progress.bad == 0


BAD = st.one_of(
    st.binary(max_size=30).map(lambda raw: raw.replace(b"\n", b"") or b"x"),
    st.sampled_from(
        [
            b"{",
            b"null",
            b"[]",
            b'{"type":"unknown"}',
            b'{"type":"progress","time":"x","done":1}',
            b'{"type":"metric","time":1,"step":1,"values":{"a":1e999}}',
            b'{"type":"progress","time":1,"done":NaN}',
            b'{"type":"notice","time":1,"text":"\xff"}',
            b'{"type":"notice","time":1,"text":"x","level":"loud"}',
            b'{"type":"progress","time":1,"done":1,"x":' + b"[" * 5000,
        ]
    ),
)
GOOD = st.builds(MetricPoint, st.just(1.0), st.integers(0, 99), st.just({"loss": 0.5}))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.one_of(BAD, GOOD), max_size=20), cuts=st.lists(st.integers(0, 2000), max_size=5))
def test_bad_lines_are_passed_over_and_good_ones_kept(
    path: Path, lines: Sequence[bytes | MetricPoint], cuts: Sequence[int]
) -> None:
    path.write_bytes(b"")
    data = b"".join(line + b"\n" if isinstance(line, bytes) else encoded(line) for line in lines)
    progress = ProgressTail(path, Values)
    bounds = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    for start, end in pairwise(bounds):
        append(path, data[start:end])
        read_all(progress)
    good = [(line.step, 0.5) for line in lines if isinstance(line, MetricPoint)]
    assert (progress.series["loss"].points if "loss" in progress.series else []) == good
    assert progress.bad == sum(isinstance(line, bytes) and line.strip() != b"" for line in lines)
    path.unlink()


def test_what_is_kept_is_bounded(path: Path) -> None:
    lines = ProgressTail(path, Values, most=10)
    append(path, encoded(*(MetricPoint(1.0, 1, {f"name {n}": 1.0}) for n in range(1000))))
    append(
        path,
        encoded(*(Sample(1.0, "x" * 1000, {f"{n}": "y" * 30_000 for n in range(20)}) for _ in range(20))),
    )
    append(path, encoded(*(Artifact(1.0, f"file {n}", 1, "") for n in range(100))))
    append(path, encoded(*(Progress(float(n) / 100, n) for n in range(10_000))))
    read_all(lines)
    assert len(lines.series) <= 64
    assert [len(lines.samples), len(lines.artifacts)] == [10, 10]
    assert sum(len(text) for sample in lines.samples for text in sample.texts.values()) < 10 * 16 * 8002
    assert "file 99" in lines.artifacts
    assert lines.progress is not None
    assert lines.progress.rate == pytest.approx(100)


def test_what_is_far_behind_is_passed_over_where_that_is_asked_for(path: Path) -> None:
    append(path, encoded(*(Progress(float(n), n) for n in range(10_000))))
    lines = ProgressTail(path, Values, behind=10_000)
    read_all(lines)
    append(path, encoded(MetricPoint(1.0, 1, {"loss": 3.0}), Progress(10_000.0, 10_000)))
    read_all(lines)
    assert lines.progress is not None
    assert (lines.progress.done, lines.progress.rate, lines.bad) == (10_000, 1.0, 0)
    assert list(lines.series) == ["loss"]


def test_progress_that_was_cut_begins_anew(path: Path) -> None:
    lines = ProgressTail(path, Values)
    append(path, encoded(MetricPoint(1.0, 1, {"loss": 3.0}), MetricPoint(2.0, 2, {"loss": 2.0})))
    read_all(lines)
    path.write_bytes(encoded(MetricPoint(1.0, 7, {"loss": 1.0})))
    read_all(lines)
    assert lines.series["loss"].points == [(7, 1.0)]


# Numbers in a log


def test_numbers_are_found_in_a_log(path: Path) -> None:
    numbers = LogMetrics(path, {"loss": r"'loss': ([^,}]+)", "lr": r"lr=(\S+)"}, Values)
    append(
        path,
        b"start\n 10%|#\r 20%|##\r{'loss': 2.5, 'x': 1}\n{'loss': nan}\r\x1b[1m{'los\x1b[0ms': 1.5}\nlr=x\n",
    )
    read_all(numbers)
    assert numbers.series["loss"].points == [(0, 2.5), (1, None), (2, 1.5)]
    assert numbers.results() == {"loss": 1.5, "first_loss": 2.5}
    append(path, b"{'loss': inf}\n")
    read_all(numbers)
    assert numbers.results() == {"loss": None, "first_loss": 2.5}
