"""The evidence next to the metrics of a gate."""

import pytest
from msgspec.structs import replace

from app.plan.causes import CAUSES
from app.plan.values import ConditionResult, Verdict
from app.session.snapshot import GateView
from phases.contract.protocol import Notice
from tests.tui import fake
from widgets.frame import LogLines
from widgets.gate import MIN_LOG_ROWS, find_offered_remedies, render_evidence_rows
from widgets.gate_cost import render_cost_row
from widgets.gate_metrics import render_metric_rows
from widgets.gate_verdict import (
    list_criterion_values,
    render_criterion_rows,
    render_heading_rows,
    render_verdict_row,
    render_verdict_rows,
)


def test_only_phases_that_measured_the_same_are_compared() -> None:
    gate = replace(
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
    gate = replace(fake.GATE_PASS, metrics={"final_train_loss": None}, earlier={})
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


@pytest.mark.parametrize("size", [(78, 10), (79, 36)])
def test_notices_come_before_the_metrics(size: tuple[int, int]) -> None:
    frame = fake.gate_passes()
    gate = frame.snapshot.gate
    assert gate is not None
    metrics = {f"metric_{i}": float(i) for i in range(40)}
    gate = replace(gate, metrics=metrics, earlier={})
    output = fake.attempt_output(
        gate.phase, notices=(Notice(fake.START, "the judge is not used", "warning"),)
    )
    rows = [row.plain.strip() for row in render_evidence_rows(replace(frame, output=output), gate, *size)]
    assert rows.index("the judge is not used") < next(i for i, row in enumerate(rows) if "METRICS" in row)
    assert sum(row.startswith("metric ") for row in rows) == 40


def test_the_next_phase_is_shown_with_its_cost() -> None:
    frame = fake.gate_passes()
    assert frame.snapshot.gate is not None
    base = fake.with_phase(frame.snapshot, "preference_pairs", title="Preference pairs of a title " * 4)
    said = render_cost_row(replace(frame, snapshot=base), frame.snapshot.gate, 78).plain
    assert said.endswith("… 1-2h $2.00-3.50")


def test_the_heading_has_the_attempt_only_where_it_is_not_cut() -> None:
    frame = fake.gate_passes()
    assert frame.snapshot.gate is not None
    wide, narrow = (render_heading_rows(frame, frame.snapshot.gate, width)[0].plain for width in (78, 58))
    assert "SFT evaluation  attempt 1 " in wide
    assert narrow.split() == ["GATE", "after", "SFT", "evaluation", "waiting", "4m10s", "idle", "$0.12"]


def test_values_of_an_earlier_phase_are_named_by_its_title() -> None:
    criterion = ConditionResult(
        "further", "rate > sft_evaluation.rate", True, {"rate": 0.9, "sft_evaluation.rate": 0.6}
    )
    assert list_criterion_values(fake.gate_passes(), criterion) == "rate 90.0 %  SFT evaluation: rate 60.0 %"


def test_a_metric_that_was_not_reported_is_not_shown_as_nan() -> None:
    gate = replace(fake.GATE_PASS, metrics={"loss": None}, earlier={})
    frame = fake.gate_passes()
    frame = replace(frame, snapshot=replace(frame.snapshot, gate=gate))
    names = ("score", "loss", "base.score")
    criterion = ConditionResult("c", "score > loss + base.score", None, dict.fromkeys(names))
    assert list_criterion_values(frame, criterion) == "score none  loss NaN  base: score none"


def test_a_long_name_of_a_criterion_is_not_cut() -> None:
    name = "the format rate is low as it should be for a model that was never tuned"
    found = render_criterion_rows(
        fake.gate_fails(), ConditionResult(name, "format_rate < 0.5", True, {"format_rate": 0.09}), 30, 60
    )
    assert [row.plain for row in found] == [
        "✓ pass  the format rate is low as it should be for a   9.0 %",
        "        model that was never tuned",
        "        format_rate < 0.5",
    ]


def render_small(gate: GateView) -> list[str]:
    """Return the evidence in view at 80x24."""
    frame = replace(fake.out_of_memory(), output=fake.attempt_output(gate.phase))
    return [row.plain.rstrip() for row in render_evidence_rows(frame, gate, 78, 10)][:9]


def test_remedies_are_in_view_before_a_long_explanation() -> None:
    gate = replace(
        fake.GATE_FAIL, because="failed", cause="oom", advice=("It ended with exit code 1.", "word " * 100)
    )
    remedies = {"oom": ({"batch_size": 4}, {"batch_size": 2})}
    gate = replace(gate, criteria=(), remedies=remedies)
    rows = render_small(gate)
    assert rows[1].endswith("the phase failed: the GPU ran out of memory")
    assert rows[2] == "REMEDIES  press its number to retry with it"
    assert [row[:12] for row in rows[3:5]] == ["1 batch_size", "2 batch_size"]


@pytest.mark.parametrize(("verdict", "count"), [("investigate", 1), ("go", 0)])
def test_remedies_of_other_causes_are_shown_where_their_keys_work(verdict: Verdict, count: int) -> None:
    remedies = {"oom": ({"batch_size": 4},)}
    gate = replace(fake.GATE_FAIL, cause="nan", verdict=verdict, remedies=remedies)
    assert len(find_offered_remedies(gate)) == count
    assert ("REMEDIES  for other causes" in render_small(gate)) is bool(count)


def test_a_verdict_is_explained_by_the_diagnosed_cause() -> None:
    gate = replace(fake.GATE_PASS, because="nan", cause="nan", verdict="investigate")
    assert "  a loss or gradient was not finite" in render_verdict_row(gate, 100).plain
    assert render_verdict_row(fake.GATE_PASS, 100).plain.rstrip().endswith("criteria pass")
    accepted = replace(fake.GATE_PASS, cause="no_gain")
    text = "the plan accepts that there is no clear gain over the base model"
    assert render_verdict_row(accepted, 120).plain.rstrip().endswith(text)


def test_a_go_without_criteria_says_what_it_rests_on_and_shows_the_end_of_the_log() -> None:
    frame = fake.gate_passes()
    gate = replace(fake.GATE_PASS, criteria=(), advice=(), metrics={})
    lines = tuple(f"part {i} of 60" for i in range(1, 61))
    output = fake.attempt_output(gate.phase, log=LogLines(0, lines))
    rows = [row.plain.rstrip() for row in render_evidence_rows(replace(frame, output=output), gate, 78, 20)]
    assert "took 19m, planned 15-30m" in render_heading_rows(frame, gate, 118)[0].plain
    longer = fake.with_phase(frame.snapshot, gate.phase, elapsed=9 * fake.HOUR)  # with earlier attempts
    assert "took 19m," in render_heading_rows(replace(frame, snapshot=longer), gate, 118)[0].plain
    assert rows[1] == "verdict ✓ GO  it ended without an error; the plan has no criteria for it"
    assert rows[2] == "END OF THE LOG"
    assert (rows[-1], len(rows)) == ("part 60 of 60", 20)
    silent = replace(frame, output=fake.attempt_output(gate.phase))
    assert not any("LOG" in row.plain for row in render_evidence_rows(silent, gate, 78, 20))


@pytest.mark.parametrize("width", [58, 60, 78, 100])
def test_short_names_leave_the_heading_of_the_metrics_whole(width: int) -> None:
    frame = fake.gate_passes()
    base = fake.with_phase(frame.snapshot, "baseline_evaluation", title="Training that needs too much")
    gate = replace(
        fake.GATE_PASS,
        metrics={"loss": 0.5, "score": 0.7},
        earlier={"baseline_evaluation": {"loss": 0.9, "score": 0.7}},
    )
    rows = [row.plain for row in render_metric_rows(replace(frame, snapshot=base), gate, width)]
    assert "…" not in "".join(rows)
    assert {len(row) for row in rows} == {width}


@pytest.mark.parametrize("width", [58, 78])
def test_a_rate_of_100_percent_and_its_interval_are_not_cut(width: int) -> None:
    rate = {"stopping_rate": 1.0, "stopping_rate_low": 0.987, "stopping_rate_high": 1.0}
    gate = replace(fake.GATE_PASS, metrics={**rate, "prompts": 300}, earlier={"baseline_evaluation": rate})
    rows = [row.plain for row in render_metric_rows(fake.gate_passes(), gate, width)]
    assert any(row.count("100 % [99, 100]") == 2 for row in rows), rows


def test_an_explanation_that_does_not_fit_next_to_the_verdict_is_below_it() -> None:
    gate = replace(fake.GATE_FAIL, cause="loss")
    assert len(render_verdict_rows(gate, 100)) == 1
    rows = [row.plain.strip() for row in render_verdict_rows(gate, 58)]
    assert rows == ["verdict ! INVESTIGATE  1 of 3 criteria pass", CAUSES["loss"].meaning]
