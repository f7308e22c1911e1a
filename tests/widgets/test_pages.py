"""The pages of text about a session."""

from msgspec.structs import replace

from tests.tui import fake
from widgets.pages import render_outcome_rows


def test_the_result_has_state_time_cost_and_whole_names() -> None:
    frame = fake.finished()
    base = fake.with_phase(frame.snapshot, "sft_training", title="Training that needs far too much")
    left_out = replace(base.find_phase("comparison"), state="left_out", attempts=(), headline="")
    base = replace(base, phases=(*base.phases[:-1], left_out))
    for width in (78, 198):
        rows = [row.plain.rstrip() for row in render_outcome_rows(replace(frame, snapshot=base), width)]
        text = "\n".join(rows)
        assert ("Training that needs far too much" in text) is (width > 100)
        assert any(row.startswith("✓ done ") and "10,480 pairs" in row and "$2.35" in row for row in rows)
        assert any(row.split() == ["-", "left", "out", "Comparison"] for row in rows), text


def test_a_long_result_is_wrapped() -> None:
    frame = fake.finished()
    headline = "follows 79.0%, after examples 81.7%, stops 8.3%"
    base = fake.with_phase(frame.snapshot, "baseline_evaluation", headline=headline)
    rows = [row.plain for row in render_outcome_rows(replace(frame, snapshot=base), 60)]
    assert headline in " ".join(" ".join(rows).split())


def test_a_long_comparison_comes_after_the_phases() -> None:
    rows = [row.plain for row in render_outcome_rows(fake.finished(), 78)]
    [phase] = [number for number, row in enumerate(rows) if "margin 2.14" in row]
    [comparison] = [number for number, row in enumerate(rows) if "base to SFT" in row]
    assert phase < comparison
