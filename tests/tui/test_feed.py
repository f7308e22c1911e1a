"""The reader: from files and snapshots to views, without a screen and without waiting."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import msgspec
import pytest
from msgspec.structs import replace

from app.monitor.log_format import LogFormat
from app.session.masking import Masker
from app.session.snapshot import AttemptView, SessionSnapshot
from app.tui.feed import SessionFeed
from app.tui.readers import AttemptReader, read_artifacts
from phases.contract.protocol import Artifact, Line, MetricPoint, Notice, Result, Sample
from tests.tui import fake
from widgets.figure import ChartSettings, render_figure_rows
from widgets.frame import AttemptArtifacts


def write(folder: Path, *lines: Line) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "progress.jsonl").open("ab") as file:
        for line in lines:
            file.write(msgspec.json.encode(line) + b"\n")


def attempt(folder: Path, number: int = 1) -> AttemptView:
    return AttemptView(number=number, folder=str(folder), started=0.0, parameters={})


def session_in(folder: Path) -> SessionSnapshot:
    """A session at SFT training whose attempts are in this folder."""
    base = fake.running().snapshot
    for phase in base.phases:
        attempts = tuple(replace(a, folder=str(folder / phase.id)) for a in phase.attempts)
        base = fake.with_phase(base, phase.id, attempts=attempts)
    return base


class Watched(fake.FakeSession):
    """A session that is seen as these snapshots, one after another."""

    def __init__(self, *snapshots: SessionSnapshot) -> None:
        super().__init__(snapshots[0])
        self.snapshots = snapshots

    def watch(self, stopping: Event) -> Iterator[SessionSnapshot]:
        yield from self.snapshots


def test_a_record_is_what_the_files_say(tmp_path: Path) -> None:
    write(
        tmp_path,
        MetricPoint(0.0, 1, {"loss": 2.0, "eval_loss": None}),
        MetricPoint(0.0, 2, {"loss": 1.0}),
        Sample(0.0, "first", {"prompt": "p"}, True),
        Artifact(0.0, "out.jsonl", 10, "ab", 3),
        Notice(0.0, "careful", "warning"),
    )
    (tmp_path / "output.log").write_text("one\ntwo\nthr")
    output = AttemptReader("sft_training", attempt(tmp_path)).read(60.0, lambda: 0.0)
    assert {name: series.last for name, series in output.series.items()} == {"loss": 1.0, "eval_loss": None}
    assert output.log.lines == ("one", "two", "thr")
    assert [s.title for s in output.samples] == ["first"]
    assert [a.rows for a in output.artifacts] == [3]
    assert [n.text for n in output.notices] == ["careful"]
    assert not output.reading


@pytest.mark.parametrize(("line", "unit"), [("{'loss': 2.0}", "value"), ("step 7: {'loss': 2.0}", "step")])
def test_values_of_a_log_without_steps_are_not_called_steps(tmp_path: Path, line: str, unit: str) -> None:
    (tmp_path / "output.log").write_text(f"{line}\n")
    log_format = LogFormat({"loss": r"'loss': ([^}]+)"})
    reader = AttemptReader("sft_training", attempt(tmp_path), log_format=log_format)
    output = reader.read(60.0, lambda: 0.0)
    rows = render_figure_rows(replace(fake.running(), output=output), ChartSettings(), 60, 9)
    assert rows[-1].plain.rstrip().endswith(unit)


def test_reading_stops_in_time_and_continues(tmp_path: Path) -> None:
    write(tmp_path, *(MetricPoint(0.0, step, {"loss": 1.0 / (step + 1)}) for step in range(40_000)))
    ticks = iter(range(1000))
    reader = AttemptReader("sft_training", attempt(tmp_path))
    first = reader.read(1.5, lambda: float(next(ticks)))
    assert first.reading
    assert 0 < first.series["loss"].total < 40_000
    last = reader.read(60.0, lambda: 0.0)
    assert not last.reading
    assert last.series["loss"].total == 40_000


def test_the_first_view_does_not_wait_for_the_history(tmp_path: Path) -> None:
    base = session_in(tmp_path)
    write(tmp_path / "sft_training", MetricPoint(0.0, 1, {"loss": 2.0}))
    frames = list(SessionFeed(Watched(base), lambda: base.now, lambda: 0.0).make_frames(Event()))
    assert frames[0].output is None
    assert frames[-1].output is not None
    assert frames[-1].output.series["loss"].last == 2.0


def test_snapshots_that_say_nothing_new_are_coalesced(tmp_path: Path) -> None:
    base = session_in(tmp_path)
    gate = fake.gate_fails().snapshot
    quiet = SessionFeed(Watched(*[base] * 50), lambda: base.now, lambda: 1.0)
    assert len(list(quiet.make_frames(Event()))) == 2
    news = SessionFeed(Watched(base, base, gate, gate), lambda: base.now, lambda: 1.0)
    assert [v.snapshot.state for v in news.make_frames(Event())] == ["running", "running", "gate"]


def test_another_phase_that_is_looked_at_is_news(tmp_path: Path) -> None:
    base = session_in(tmp_path)
    feed = SessionFeed(Watched(*[base] * 50), lambda: base.now, lambda: 1.0)
    frames = feed.make_frames(Event())
    next(frames), next(frames)
    feed.look_at("comparison")
    assert [frame.output and frame.output.phase for frame in frames] == ["comparison"]


def test_the_phase_that_is_looked_at_is_read(tmp_path: Path) -> None:
    base = session_in(tmp_path)
    write(tmp_path / "sft_data", Sample(0.0, "made", {}))
    feed = SessionFeed(Watched(base), lambda: base.now, lambda: 0.0)
    feed.look_at("sft_data")
    output = feed.make_frame(base).output
    assert output is not None
    assert (output.phase, [s.title for s in output.samples]) == ("sft_data", ["made"])
    feed.look_at("comparison")
    waiting = feed.make_frame(base)
    assert waiting.phase is not None
    assert waiting.phase.state == "waiting"
    feed.look_at(None)
    assert feed.make_frame(base).phase is base.current


@pytest.mark.parametrize("where", ["absolute", "relative"])
def test_the_result_of_a_finished_session_is_its_last_text(tmp_path: Path, where: str) -> None:
    file = tmp_path / "artifacts" / "final_comparison.txt"
    file.parent.mkdir()
    file.write_text("base 0.1\n\x1b[31mSFT\x1b[0m 0.7\n")
    path = str(file) if where == "absolute" else "artifacts/final_comparison.txt"
    folder = tmp_path / "comparison"
    write(folder, Artifact(0.0, path, 10, "ab"))
    base = replace(fake.finished().snapshot, artifacts=str(tmp_path / "artifacts"), plan_folder=str(tmp_path))
    last = base.phases[-1]
    base = fake.with_phase(base, last.id, attempts=(attempt(folder),))
    assert SessionFeed(Watched(base), lambda: base.now, lambda: 0.0).make_frame(base).outcome == (
        "base 0.1",
        "SFT 0.7",
    )


def test_the_result_is_not_read_from_outside_the_artifacts(tmp_path: Path) -> None:
    (tmp_path / "private.txt").write_text("private")
    write(tmp_path / "comparison", Artifact(0.0, "../private.txt", 10, "ab"))
    artifacts = str(tmp_path / "artifacts")
    base = replace(fake.finished().snapshot, artifacts=artifacts, plan_folder=artifacts)
    (tmp_path / "artifacts").mkdir()
    base = fake.with_phase(base, base.phases[-1].id, attempts=(attempt(tmp_path / "comparison"),))
    assert SessionFeed(Watched(base), lambda: base.now, lambda: 0.0).make_frame(base).outcome == ()


def test_secrets_are_masked_in_all_that_a_phase_wrote(tmp_path: Path) -> None:
    base = replace(fake.finished().snapshot, artifacts=str(tmp_path), plan_folder=str(tmp_path))
    folder = tmp_path / "comparison"
    write(
        folder,
        Sample(0.0, "a", {"t": "s3cr3t-value"}),
        Notice(0.0, "s3cr3t-value"),
        Artifact(0.0, "o.txt", 1, ""),
    )
    (folder / "output.log").write_text("one s3cr3t-value\ntwo s3cr3t-value")
    (tmp_path / "o.txt").write_text("s3cr3t-value")
    base = fake.with_phase(base, base.phases[-1].id, attempts=(attempt(folder),))
    mask = Masker({"HUB": "s3cr3t-value"}).mask_data
    frame = SessionFeed(Watched(base), lambda: base.now, lambda: 0.0, mask).make_frame(base)
    assert frame.output is not None
    assert frame.output.log.lines == ("one [secret HUB]", "two [secret HUB]")
    assert frame.output.samples[0].texts == {"t": "[secret HUB]"}
    assert frame.output.notices[0].text == "[secret HUB]"
    assert frame.outcome == ("[secret HUB]",)


def test_a_session_without_a_conductor_is_reported_as_lost(tmp_path: Path) -> None:
    base = replace(session_in(tmp_path), machine=None)
    assert SessionFeed(Watched(base), lambda: base.now, lambda: 0.0).make_frame(base).disconnected


def test_attempts_before_are_read_once_behind_the_current_one(tmp_path: Path) -> None:
    base = session_in(tmp_path)
    attempts = tuple(attempt(tmp_path / str(n), n) for n in (1, 2, 3))
    base = fake.with_phase(base, "sft_training", attempts=attempts)
    for n in (1, 2, 3):
        write(tmp_path / str(n), MetricPoint(0.0, n, {"loss": float(n)}))
    feed = SessionFeed(Watched(base), lambda: base.now, lambda: 0.0)
    for _ in range(2):
        output = feed.make_frame(base).output
        assert output is not None
        assert output.series["loss"].last == 3.0
        assert {n: each["loss"].last for n, each in output.earlier.items()} == {2: 2.0, 1: 1.0}
        write(tmp_path / "1", MetricPoint(0.0, 9, {"loss": 9.0}))


def test_memory_is_that_of_each_attempt_in_the_order_in_which_they_ran(tmp_path: Path) -> None:
    base = session_in(tmp_path)
    begun = [p.id for p in base.phases if p.attempts]
    for i, phase in enumerate(begun):
        folder = tmp_path / phase
        folder.mkdir()
        lines = [
            msgspec.json.encode(replace(fake.machine(1, 10.0 * i + t), gpus=(fake.gpu(0, i + t),)))
            for t in range(3)
        ]
        (folder / "machine.jsonl").write_bytes(b"not a sample\n" + b"\n".join(lines) + b"\n")
    feed = SessionFeed(Watched(base), lambda: base.now, lambda: 0.0)
    for _ in range(2 * len(begun)):
        frame = feed.make_frame(base)
    assert [use.phase for use in frame.machine_use] == begun
    assert [use.peak(0) for use in frame.machine_use] == [(i + 2) * fake.GIB for i in range(len(begun))]
    assert [use.peak(7) for use in frame.machine_use] == [None] * len(begun)
    assert all(use.peak() == int(3.1 * fake.GIB) for use in frame.machine_use)


def test_the_files_of_ended_attempts_are_read_from_their_results_once(tmp_path: Path) -> None:
    base = session_in(tmp_path)
    folder = tmp_path / "data"
    folder.mkdir()
    evil = Artifact(0.0, "rows\x1b]0;owned\x07.jsonl", 10, "ab", 3)
    result = folder / "result.json"
    result.write_bytes(msgspec.json.encode(Result({}, artifacts=[evil])))
    base = fake.with_phase(base, "sft_data", attempts=(replace(attempt(folder), ended=1.0, started=-1.0),))
    now = Artifact(0.0, "checkpoint", 5, "cd")
    write(tmp_path / "sft_training", now)
    feed = SessionFeed(Watched(base), lambda: base.now, lambda: 0.0)
    for _ in range(2):
        assert feed.make_frame(base).artifacts == (
            AttemptArtifacts("sft_data", 1, (replace(evil, path="rows.jsonl"),)),
            AttemptArtifacts("sft_training", 1, (now,)),
        )
        result.write_text("torn")


@pytest.mark.parametrize("text", ["", "[]", '{"metrics": {}, "artifacts": [{"path": 3}]}'])
def test_a_result_that_cannot_be_read_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "result.json").write_text(text)
    assert read_artifacts(tmp_path / "result.json") == ()


def test_first_rows_are_masked_and_come_from_below_the_artifacts(tmp_path: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "rows.txt").write_text("key s3cr3t-value\n")
    (tmp_path / "private.txt").write_text("private")
    artifacts = str(tmp_path / "artifacts")
    base = replace(fake.finished().snapshot, artifacts=artifacts, plan_folder=str(tmp_path))
    feed = SessionFeed(Watched(base), mask=Masker({"HUB": "s3cr3t-value"}).mask_data)
    assert feed.read_first_rows(base, "artifacts/rows.txt") == ("key [secret HUB]",)
    for outside in ("private.txt", "artifacts/../private.txt", str(tmp_path / "private.txt")):
        with pytest.raises(PermissionError, match="outside the artifacts folder"):
            feed.read_first_rows(base, outside)
