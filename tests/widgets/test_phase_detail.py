"""The selected phase in a few rows."""

import pytest
from msgspec.structs import replace

from app.monitor.pace import ProgressView
from tests.tui import fake
from widgets.frame import Frame
from widgets.phase_detail import render_detail_rows


def test_without_a_conductor_progress_is_unknown() -> None:
    frame = fake.starting()
    assert "no progress yet" in render_detail_rows(frame, 34)[1].plain
    assert "progress unknown" in render_detail_rows(replace(frame, disconnected="no conductor"), 40)[1].plain


def test_a_log_with_metrics_but_no_steps_is_not_without_progress() -> None:
    frame = fake.running()
    frame = replace(frame, snapshot=fake.with_phase(frame.snapshot, "sft_training", progress=None))
    assert render_detail_rows(frame, 34)[1].plain.rstrip().endswith("ago, steps unknown")
    frame = replace(frame, output=fake.attempt_output("sft_training"))
    assert render_detail_rows(frame, 34)[1].plain.rstrip().endswith("ago, no progress yet")


@pytest.mark.parametrize(
    ("done", "total", "unit", "rate"),
    [
        (37_600_000, 100_000_000, "bytes", 9_179_492.0),
        (1e300, 1e301, "examples", 2e9),
        (184, 2500, "steps", 3),
    ],
)
def test_large_counts_keep_their_unit(done: float, total: float, unit: str, rate: float) -> None:
    frame = fake.running()
    progress = ProgressView(done=done, total=total, unit=unit, at=frame.now, rate=rate)
    rows = render_detail_rows(
        Frame(fake.with_phase(frame.snapshot, "sft_training", progress=progress), frame.now), 34
    )
    assert rows[1].plain.endswith(f" {unit}")
    assert rows[1].plain.count("░") > 3
    assert rows[2].plain.endswith(f" {unit}/s")


def test_a_phase_that_stalls_has_no_pace() -> None:
    frame = fake.stalled()
    progress = ProgressView(done=9, total=100, unit="steps", at=frame.now - 15, rate=3.32)
    rows = render_detail_rows(
        Frame(fake.with_phase(frame.snapshot, "sft_training", progress=progress), frame.now), 34
    )
    assert rows[2].plain == "STALLED  last progress 15 s ago"


def test_a_long_result_continues_on_the_second_row() -> None:
    headline = "follows 82.0% of 300 prompts, stops 100.0%"
    frame = fake.finished()
    snapshot = fake.with_phase(frame.snapshot, "comparison", headline=headline)
    rows = [row.plain.strip() for row in render_detail_rows(replace(frame, snapshot=snapshot), 33)[1:]]
    assert " ".join(rows) == f"✓ done  {headline}"
