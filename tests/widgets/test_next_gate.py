"""The criteria of the next gates with their values so far."""

from msgspec.structs import replace

from app.plan.values import ConditionResult
from app.session.snapshot import UpcomingGate
from tests.tui import fake
from widgets.next_gate import NextGatePanel, render_upcoming_rows


def test_known_values_are_shown_and_unknown_ones_are_open() -> None:
    frame = fake.running()
    rows = [" ".join(row.plain.split()) for row in NextGatePanel().draw(frame, 100, 9)]
    assert rows == [
        "SFT training asks unless the verdict is go",
        "✓ loss decreases final train loss 0.8035 first train loss 2.31 met",
        "SFT evaluation always asks",
        "? success rate above 60 % open",
        "? better than the baseline Baseline evaluation: success rate 16.6 % open",
    ]
    assert "".join(text for text, _ in NextGatePanel().make_title(frame)).startswith("NEXT GATE 13:00-13:24")


def test_values_that_do_not_fit_are_below_their_criterion_if_there_is_room() -> None:
    frame = fake.running()
    rows = [" ".join(row.plain.split()) for row in NextGatePanel().draw(frame, 60, 9)]
    assert rows[1:3] == [
        "✓ loss decreases met",
        "final train loss 0.8035 first train loss 2.31",
    ]
    assert len(rows) == 7
    low = [row.plain for row in NextGatePanel().draw(frame, 60, 5)]
    assert len(low) == 5
    assert "…" in low[1]


def test_a_name_takes_the_room_that_unknown_values_leave() -> None:
    name = "follows as in verification, within thirty points"
    criterion = ConditionResult(name, "abs(a - b.a) < 0.3", None, {"a": None, "verification.a": None})
    gate = UpcomingGate(phase="sft_evaluation", is_certain=True, criteria=(criterion,))
    [_, row] = render_upcoming_rows(fake.running(), gate, 72)
    assert row.plain.split("  ")[0] == f"? {name}"


def test_nothing_is_ahead_at_the_end() -> None:
    assert [row.plain for row in NextGatePanel().draw(fake.finished(), 70, 9)] == ["no gate is ahead"]


def test_a_stalled_phase_leaves_the_time_open() -> None:
    frame = fake.running()
    stalled = fake.with_phase(frame.snapshot, "sft_training", stalled=True)
    title = NextGatePanel().make_title(replace(frame, snapshot=stalled))
    assert "time unknown" in "".join(text for text, _ in title)


def test_a_gate_without_criteria_says_so() -> None:
    frame = fake.running()
    bare = tuple(replace(gate, criteria=()) for gate in frame.snapshot.upcoming)
    rows = NextGatePanel().draw(replace(frame, snapshot=replace(frame.snapshot, upcoming=bare)), 70, 9)
    assert sum("no criteria in the plan" in row.plain for row in rows) == 2
