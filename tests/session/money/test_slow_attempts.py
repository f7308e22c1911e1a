from collections import deque
from collections.abc import Iterator

import msgspec
import pytest

from app.monitor.pace import ProgressView
from app.monitor.progress import ProgressTail
from app.plan.values import Range
from app.session.journal.events import AttemptStarted, NoticePosted
from app.session.journal.state import AttemptRecord, PhaseRecord, State
from app.session.money import ledger
from phases.contract.protocol import Progress
from tests.session.conftest import Toy

SPEC = AttemptStarted(phase="p1", attempt=1, parameters={}, cookie="c")


def test_a_slow_attempt_is_reported_once_its_pace_is_known(toy: Toy) -> None:
    plan = toy.plan({"command": ["x"], "estimate": {"hours": [2, 4]}, "remedies": {"slow": [{"count": 5}]}})
    record = PhaseRecord("p1", "running", attempts=(AttemptRecord(1, 0.0, 0.0, SPEC),))
    state = State(phases=(record,))

    def warn(done: float, seen: float = 3600.0) -> list[NoticePosted]:
        progress = ProgressView(done, 100.0, "rows", 3600.0, average=done / seen, since=3600.0 - seen)
        remaining = ledger.estimate_remaining(plan, record, 3600.0, progress)
        return ledger.find_slow_warnings(plan, state, 3600.0, remaining, progress)

    assert warn(25) == [], "four hours are as planned"
    assert warn(2, 1200.0) == [], "less than a tenth was observed"
    assert warn(2, 1500.0)
    ((text, key),) = [(notice.text, notice.key) for notice in warn(10)]
    assert key == "slow c"
    assert text.startswith("Phase 1 is slow: at its pace it takes 9.1-10.9 h; the plan expects at most 4 h")
    assert text.endswith("count = 5")
    assert ledger.find_slow_warnings(plan, state, 3600.0, Range(0.0, 0.0), None) == []
    assert ledger.find_slow_warnings(plan, state, 7 * 3600.0, Range(0.0, 0.0), None), (
        "its duration alone is enough"
    )


# Seconds and steps of an SFT training on a GPU: it loads the model, compiles for new shapes, then runs.
LOADING = [(0.4, 0), (44.9, 0)]
STEPS = [
    (46.5, 1), (49.6, 2), (53.0, 3), (55.7, 4), (56.0, 5), (56.4, 6), (56.7, 7), (57.2, 8), (57.5, 9),
    (57.8, 10), (58.0, 11), (58.4, 12), (61.6, 13), (61.8, 14), (62.1, 15), (67.7, 30), (73.0, 45),
    (77.0, 60), (81.1, 75), (84.4, 90), (87.8, 105), (90.7, 120), (93.2, 135), (96.5, 149),
]  # fmt: skip


def every_second(
    toy: Toy, points: list[tuple[float, int]]
) -> Iterator[tuple[int, Range, list[NoticePosted]]]:
    """Yield each second of an attempt, the estimate of what remains, and the warnings."""
    plan = toy.plan({"command": ["x"], "estimate": {"hours": [0.012, 0.05]}})
    record = PhaseRecord("p1", "running", attempts=(AttemptRecord(1, 0.0, 0.0, SPEC),))
    path = toy.root / "progress.jsonl"
    tail = ProgressTail(path)
    waiting = deque(points)
    for second in range(int(points[-1][0]) + 1):
        with path.open("ab") as file:
            while waiting and waiting[0][0] <= second:
                file.write(msgspec.json.encode(Progress(*waiting.popleft(), 149, "steps")) + b"\n")
        tail.poll()
        remaining = ledger.estimate_remaining(plan, record, second, tail.progress)
        assert remaining is not None
        yield (
            second,
            remaining,
            ledger.find_slow_warnings(plan, State(phases=(record,)), second, remaining, tail.progress),
        )


@pytest.mark.parametrize("longer", [0.0, 6.5])
def test_a_slow_start_is_not_reported(toy: Toy, longer: float) -> None:
    """Measured steps, and the same with `longer` more seconds to compile each of the first shapes."""
    steps = [(time + longer * min(step - 1, 3), step) for time, step in STEPS]
    for second, remaining, warnings in every_second(toy, LOADING + steps):
        assert not warnings
        if second >= 60 + 3 * longer:  # the first shapes are compiled
            assert second + remaining.low < 180


def test_a_slow_attempt_is_reported_before_the_planned_time_has_passed(toy: Toy) -> None:
    steps = [(46.5 + 10 * n, 1 + n) for n in range(149)]
    warned_at = next(second for second, _, warnings in every_second(toy, LOADING + steps) if warnings)
    assert warned_at < 0.7 * 180
