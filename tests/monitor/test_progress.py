"""Progress files: partial and invalid lines, rates, truncation, bounds."""

import json
import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.monitor.progress import ProgressTail, iterate_lines, read_progress
from phases.contract.protocol import Artifact, MetricPoint, Notice, Progress, Sample
from tests.monitor.tails import append, encoded, points, read_all


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def test_progress_is_collected(path: Path) -> None:
    lines = ProgressTail(path)
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
    assert {name: points(values) for name, values in lines.series.items()} == {
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
    lines = ProgressTail(path)
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


def test_preparation_and_the_first_unit_are_no_rate(path: Path) -> None:
    lines = ProgressTail(path)
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
    lines = ProgressTail(path)
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
    progress = ProgressTail(path)
    losses = (2.5, math.nan, math.inf, -math.inf, None, 1.5)
    for step, loss in enumerate(losses):  # as Python's json writes them
        line = {"type": "metric", "time": 1, "step": step, "values": {"loss": loss, "NaN, Infinity": 1}}
        append(path, json.dumps(line).encode() + b"\n")
    read_all(progress)
    assert points(progress.series["loss"]) == [(0, 2.5), (1, None), (2, None), (3, None), (4, None), (5, 1.5)]
    assert points(progress.series["NaN, Infinity"]) == [(step, 1.0) for step in range(6)]
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
    progress = ProgressTail(path)
    bounds = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    for start, end in pairwise(bounds):
        append(path, data[start:end])
        read_all(progress)
    good = [(line.step, 0.5) for line in lines if isinstance(line, MetricPoint)]
    assert (points(progress.series["loss"]) if "loss" in progress.series else []) == good
    assert progress.bad == sum(isinstance(line, bytes) and line.strip() != b"" for line in lines)
    path.unlink()


def test_memory_is_bounded(path: Path) -> None:
    lines = ProgressTail(path, max_records=10)
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


def test_a_reader_may_skip_to_the_end(path: Path) -> None:
    append(path, encoded(*(Progress(float(n), n) for n in range(10_000))))
    lines = ProgressTail(path, most_behind=10_000)
    read_all(lines)
    append(path, encoded(MetricPoint(1.0, 1, {"loss": 3.0}), Progress(10_000.0, 10_000)))
    read_all(lines)
    assert lines.progress is not None
    assert (lines.progress.done, lines.progress.rate, lines.bad) == (10_000, 1.0, 0)
    assert list(lines.series) == ["loss"]


def test_progress_that_was_cut_begins_again(path: Path) -> None:
    lines = ProgressTail(path)
    append(path, encoded(MetricPoint(1.0, 1, {"loss": 3.0}), MetricPoint(2.0, 2, {"loss": 2.0})))
    read_all(lines)
    path.write_bytes(encoded(MetricPoint(1.0, 7, {"loss": 1.0})))
    read_all(lines)
    assert points(lines.series["loss"]) == [(7, 1.0)]


def test_a_file_is_read_to_its_end_at_once(path: Path) -> None:
    append(path, b"bad\n" + encoded(*(Progress(float(n), n) for n in range(40_000))))
    tail = read_progress(path)
    assert tail.progress is not None
    assert (tail.progress.done, tail.bad) == (39_999, 1)
    assert [line.time for line in iterate_lines(path)] == list(range(40_000))


def test_a_file_that_is_not_there_has_no_lines(path: Path) -> None:
    assert read_progress(path).progress is None
    assert list(iterate_lines(path)) == []


def test_a_last_line_without_an_end_counts_once_it_is_complete(path: Path) -> None:
    lines = ProgressTail(path)
    whole = encoded(Progress(1.0, 3, 9, "rows")).rstrip(b"\n")
    append(path, whole[:-5])
    read_all(lines)
    assert lines.progress is None
    append(path, whole[-5:])
    read_all(lines)
    assert lines.progress is not None
    assert lines.progress.done == 3
    append(
        path, b"\n" + encoded(Progress(2.0, 4, 9, "rows")) + b'{"type": "progress", "time": 3, "done": 5} '
    )
    read_all(lines)
    assert (lines.progress.done, lines.bad) == (5, 0)
    assert [line.done for line in iterate_lines(path) if isinstance(line, Progress)] == [3, 4, 5]


def test_a_last_line_that_is_torn_or_invalid_is_not_counted_before_its_end(path: Path) -> None:
    append(path, encoded(Progress(1.0, 3)) + b'{"type": "nothing"}')
    lines = read_progress(path)
    assert (lines.progress.done if lines.progress else None, lines.bad) == (3, 0)
    append(path, b"\n")
    read_all(lines)
    assert lines.bad == 1
