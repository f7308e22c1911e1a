"""The evidence next to the metrics of a gate."""

from dataclasses import replace

import msgspec
import pytest

from app.plan.values import ConditionResult
from tests.tui import fake
from widgets.frame import LogLines
from widgets.gate import MIN_LOG_ROWS, render_evidence_rows
from widgets.gate_cost import render_cost_row
from widgets.gate_metrics import render_metric_rows
from widgets.gate_verdict import render_criterion_rows


def test_only_phases_that_measured_the_same_are_compared() -> None:
    gate = msgspec.structs.replace(
        fake.GATE_PASS,
        metrics={**fake.GATE_PASS.metrics, "tokens_per_second": 168.0},
        earlier={
            **fake.GATE_PASS.earlier,
            "sft_training": {"tokens_per_second": 547.0, "final_train_loss": 0.2, "steps": 72},
        },
    )
    rows = [row.plain for row in render_metric_rows(fake.gate_passes(), gate, 78)]
    assert "Baseline" in rows[0]
    assert "SFT training" not in rows[0]
    assert rows[1].split() == ["success", "rate", "74.2", "%", "[70,", "78]", "16.6", "%", "[14,", "20]"]


@pytest.mark.parametrize("width", [66, 76, 78])
def test_titles_of_compared_phases_are_complete(width: int) -> None:
    frame = fake.gate_compared()
    assert frame.snapshot.gate is not None
    rows = [row.plain for row in render_metric_rows(frame, frame.snapshot.gate, width)]
    words = " ".join(rows)
    assert "…" not in words
    for word in ("Baseline", "SFT", "evaluation"):
        assert word in words
    ends = {len(row) for row in rows}
    assert ends == {width}, rows


def test_a_metric_that_was_not_finite_is_nan_and_no_setting() -> None:
    gate = msgspec.structs.replace(fake.GATE_PASS, metrics={"final_train_loss": None}, earlier={})
    rows = [row.plain for row in render_metric_rows(fake.gate_passes(), gate, 78)]
    assert rows[1].split() == ["final", "train", "loss", "NaN"]


def test_the_end_of_a_failed_phases_log_is_shown_completely() -> None:
    frame = fake.out_of_memory()
    gate = frame.snapshot.gate
    assert gate is not None
    said = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB of 79.25 GiB."
    output = fake.attempt_output("sft_training", log=LogLines(0, (said,)))
    rows = [row.plain.strip() for row in render_evidence_rows(replace(frame, output=output), gate, 40, 24)]
    assert " ".join(rows).endswith(said)


@pytest.mark.parametrize("height", [9, 14, 30])
def test_of_a_failed_phases_log_the_newest_lines_are_in_view(height: int) -> None:
    frame = fake.out_of_memory()
    gate = frame.snapshot.gate
    assert gate is not None
    lines = tuple(f"line {n}" for n in range(100))
    output = fake.attempt_output("sft_training", log=LogLines(0, lines))
    rows = [row.plain for row in render_evidence_rows(replace(frame, output=output), gate, 76, height)]
    end = rows[rows.index("END OF THE LOG") + 1 :]
    assert end == list(lines[-len(end) :])
    assert len(end) == min(MIN_LOG_ROWS, height - 2) or len(rows) == height


def test_the_next_phase_is_shown_with_its_cost() -> None:
    frame = fake.gate_passes()
    assert frame.snapshot.gate is not None
    base = fake.with_phase(frame.snapshot, "preference_pairs", title="Preference pairs of a title " * 4)
    said = render_cost_row(replace(frame, snapshot=base), frame.snapshot.gate, 78).plain
    assert said.endswith("… 1-2h $2.00-3.50")


def test_a_long_name_of_a_criterion_is_not_cut() -> None:
    name = "the format rate is low as it should be for a model that was never tuned"
    found = render_criterion_rows(
        ConditionResult(name, "format_rate < 0.5", True, {"format_rate": 0.09}), 30, 60
    )
    assert [row.plain for row in found] == [
        "✓ pass  the format rate is low as it should be for a   9.0 %",
        "        model that was never tuned",
        "        format_rate < 0.5",
    ]
