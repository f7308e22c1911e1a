import time
from typing import Any

import pytest
from msgspec.structs import replace

from app.plan.values import Range
from app.session.snapshot import PhaseView
from tests.tui import fake
from widgets import styles
from widgets.frame import Frame
from widgets.phase_table import (
    PhaseTable,
    describe_remaining,
    describe_result,
    find_next_gate,
    render_next_gate_rows,
    render_notice_rows,
    render_phase_rows,
)


def running(elapsed: float, remaining: Range) -> PhaseView:
    current = fake.running().snapshot.current
    assert current is not None
    return replace(current, elapsed=elapsed, remaining=remaining, estimate_hours=Range(0.5, 1.0))


@pytest.mark.parametrize(
    ("elapsed", "remaining", "said"),
    [
        (1800.0, Range(0.0, 0.0), "finishing"),  # its work is done, and it was quick
        (3601.0, Range(0.0, 0.0), "overdue"),
        (3601.0, Range(0.0, 60.0), "0s-1m00s"),
    ],
)
def test_the_remaining_time_is_described(elapsed: float, remaining: Range, said: str) -> None:
    assert describe_remaining(running(elapsed, remaining)) == said


def shown(frame: Frame) -> str:
    return "\n".join(row.plain for row in render_next_gate_rows(frame, 44))


def test_the_next_gate_is_after_the_phases_up_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    frame = (
        fake.running()
    )  # at 11:42:10: SFT training for 63 to 72 minutes more, then 15 to 30 of its evaluation
    assert shown(frame) == "\nnext gate 13:00-13:24  SFT evaluation"


@pytest.mark.parametrize(
    ("width", "rows"),
    [
        (44, ["! SFT training", "  stalled  left ? unknown"]),
        (90, ["! SFT training", "  loss 0.812"]),
    ],
)
def test_a_stalled_phase_has_no_remaining_time(width: int, rows: list[str]) -> None:
    table = render_phase_rows(fake.stalled(), width, 21)
    at = next(i for i, row in enumerate(table) if "SFT training" in row.plain)
    assert [row.plain[: len(said)] for row, said in zip(table[at : at + 2], rows, strict=True)] == rows
    said = [row for row in table if "? unknown" in row.plain]
    assert len(said) == 1
    unknown = said[0].plain.index("? unknown")
    assert any(span.start <= unknown < span.end and span.style == styles.WARN for span in said[0].spans)


def test_the_gate_after_a_stalled_phase_has_no_time() -> None:
    assert shown(fake.stalled()) == "\nnext gate ? unknown  SFT evaluation"


def test_a_hold_is_the_next_gate() -> None:
    found = find_next_gate(fake.running(hold=True))
    assert found is not None
    assert found[0].id == "sft_training"


@pytest.mark.parametrize("frame", [fake.gate_passes(), fake.finished()], ids=["at a gate", "over"])
def test_no_gate_is_announced_where_none_comes(frame: Frame) -> None:
    assert find_next_gate(frame) is None


def test_a_plan_without_gates_announces_none() -> None:
    frame = fake.running()
    phases = tuple(replace(phase, gate="never") for phase in frame.snapshot.phases)
    assert find_next_gate(Frame(replace(frame.snapshot, phases=phases), frame.now)) is None


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        ({"exit_code": 1, "reason": "exited"}, "exit code 1"),
        ({"signal": 9, "reason": "exited"}, "killed by signal 9"),
        ({"reason": "lost"}, "lost"),
        ({"signal": 15, "reason": "stopped"}, "stopped"),
        ({"signal": 9, "reason": "stalled"}, "stopped because it stalled"),
        ({"exit_code": 143, "reason": "deadline"}, "stopped at its deadline"),
        ({"exit_code": 0, "reason": "exited"}, ""),
    ],
)
def test_how_a_phase_failed(ended: dict[str, Any], said: str) -> None:
    phase = fake.gate_fails().snapshot.find_phase("sft_training")
    attempt = replace(phase.attempts[0], **{"exit_code": None, "signal": None, **ended})
    assert describe_result(replace(phase, state="failed", attempts=(attempt,))) == said


def test_the_title_counts_what_is_done_and_names_the_rest() -> None:
    snapshot = fake.with_phase(fake.finished().snapshot, "comparison", state="left_out")
    snapshot = fake.with_phase(snapshot, "dpo_training", state="failed")
    title = PhaseTable().make_title(Frame(snapshot, snapshot.now, None))
    assert "".join(text for text, _ in title) == "PHASES 7 of 9 done, 1 failed, 1 left out"


@pytest.mark.parametrize("room", [1, 2, 3])
def test_a_notice_that_is_cut_ends_with_an_ellipsis(room: int) -> None:
    text = "the conductor was gone and has been started again, and everything else is as it was"
    frame = fake.running(notices=(text,), machine=None)
    rows = [row.plain.rstrip() for row in render_notice_rows(frame, 30, room)]
    assert len(rows) == room
    assert rows[0].startswith("! the conductor was gone")
    assert rows[-1].endswith("…") == (room < 3)


def test_without_room_there_is_no_notice() -> None:
    assert render_notice_rows(fake.over_budget(), 30, 0) == []
