"""The schedule of a training's steps."""

from hypothesis import given
from hypothesis import strategies as st

from phases.training.arguments import schedule_evaluations


@given(st.integers(1, 500), st.integers(1, 20))
def test_held_out_rows_are_measured_at_both_ends(steps: int, evaluations: int) -> None:
    due = schedule_evaluations(steps, evaluations)
    assert {0, steps} <= due
    assert len(due) <= evaluations + 1
    assert max(due) == steps
