"""The rate of an attempt, reported or from its progress."""

from msgspec.structs import replace

from app.monitor.pace import ProgressView
from tests.tui import fake
from widgets.throughput import ThroughputPanel, describe_throughput, find_reported_rate


def test_tokens_per_second_come_first() -> None:
    frame = fake.running()
    rates = fake.series({"rows_per_second": [(1, 2.0)], "tokens_per_second": [(1, 1690.0)]})
    frame = replace(frame, output=fake.attempt_output("sft_training", series=rates))
    rate = find_reported_rate(frame)
    assert rate is not None
    assert rate.name == "tokens_per_second"
    assert describe_throughput(frame) == "1,690 tok/s"


def test_without_a_reported_rate_progress_is_the_rate() -> None:
    frame = replace(fake.running(), output=fake.attempt_output("sft_training"))
    assert describe_throughput(frame) == "0.34 steps/s"
    pace = fake.series({"pace": [(frame.now - 600 + i, 0.3) for i in range(600)]})["pace"]
    frame = replace(frame, output=fake.attempt_output("sft_training", pace=pace))
    rows = [row.plain for row in ThroughputPanel().draw(frame, 40, 8)]
    assert any(0x2800 < ord(char) < 0x2900 for row in rows for char in row)


def test_a_program_that_reports_nothing_has_no_rate() -> None:
    frame = replace(fake.running(), output=fake.attempt_output("sft_training"))
    silent = fake.with_phase(frame.snapshot, "sft_training", progress=None)
    assert describe_throughput(replace(frame, snapshot=silent)) == ""
    unknown = ProgressView(done=1, total=None, unit="", at=frame.now, rate=2.0)
    counted = fake.with_phase(frame.snapshot, "sft_training", progress=unknown)
    assert describe_throughput(replace(frame, snapshot=counted)) == "2 units/s"
    silent_frame = replace(frame, snapshot=silent)
    assert any("no progress yet" in row.plain for row in ThroughputPanel().draw(silent_frame, 40, 8))
    assert any("the log has no times" in row.plain for row in ThroughputPanel().draw(frame, 40, 8))


def test_a_rate_that_is_not_finite_does_not_hide_the_panel() -> None:
    frame = fake.running()
    rates = fake.series({"tokens_per_second": [(1, float("nan"))]})
    frame = replace(frame, output=fake.attempt_output("sft_training", series=rates))
    assert describe_throughput(frame) == "0.34 steps/s"
    assert replace(frame.snapshot) == frame.snapshot
    assert len(ThroughputPanel().draw(frame, 40, 8)) == 8


def test_an_attempt_that_has_ended_without_progress_waits_for_none() -> None:
    frame = replace(fake.running(), output=fake.attempt_output("sft_training"))
    ended = replace(frame.snapshot.find_phase("sft_training").attempts[-1], ended=frame.now)
    over = fake.with_phase(frame.snapshot, "sft_training", attempts=(ended,), progress=None)
    panel, frame = ThroughputPanel(), replace(frame, snapshot=over)
    text = "\n".join(row.plain for row in panel.draw(frame, 40, 8))
    assert "no progress" in text
    assert "yet" not in text
    assert "step" not in text
    assert "".join(part for part, _ in panel.make_title(frame)) == "THROUGHPUT"


def test_the_first_values_of_a_rate_are_drawn_at_once() -> None:
    panel, frame = ThroughputPanel(), replace(fake.running(), output=fake.attempt_output("sft_training"))
    assert any("the log has no times" in row.plain for row in panel.draw(frame, 40, 8))
    for count in (2, 3):
        rates = fake.series({"tokens_per_second": [(step, 100.0 * step) for step in range(count)]})
        frame = replace(frame, output=fake.attempt_output("sft_training", series=rates))
        text = "\n".join(row.plain for row in panel.draw(frame, 40, 8))
        assert "no times" not in text
        assert any(0x2800 < ord(char) < 0x2900 for char in text)
    pace = fake.series({"pace": [(frame.now - 60 + i, 0.3) for i in range(30)]})["pace"]
    other = replace(frame, output=fake.attempt_output("sft_training", pace=pace))
    assert panel.find_subject(other) != panel.find_subject(frame)
