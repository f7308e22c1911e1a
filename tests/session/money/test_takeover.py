import os
from pathlib import Path

from app.session.heartbeat import Heartbeat
from app.session.journal.state import BilledTime
from app.session.money.takeover import Moment, find_last_write, observe_past

BEFORE = BilledTime("first", wall=1000.0, mono=10.0, elapsed=2.0)


def now(
    wall: float = 1100.0, mono: float = 110.0, boot: str = "b", pod: str = "p", age: float | None = 5.0
) -> Moment:
    return Moment(wall, mono, boot, "second", pod, age)


def test_time_after_the_last_line_of_the_journal_is_billed_up_to_the_last_heartbeat() -> None:
    last = Heartbeat(wall=1042.0, mono=52.0, boot_id="b", pod_id="p", up=44.0)
    # 44 s until the heartbeat; then 58 s passed, of which the new container has lived for 5.
    assert observe_past(BEFORE, last, 0.0, now()) == (49.0, 58.0)


def test_a_phase_that_ran_without_a_conductor_is_billed_by_its_files() -> None:
    last = Heartbeat(1042.0, 52.0, "b", "p", 44.0)
    assert observe_past(BEFORE, last, 1082.0, now()) == (44.0 + 40.0 + 5.0, 18.0)


def test_within_one_machine_all_time_is_billed() -> None:
    same = now()._replace(machine="first")
    assert observe_past(BEFORE, None, 0.0, same) == (102.0, 100.0)
    assert observe_past(BEFORE, None, 1090.0, same).away == 10.0
    back = same._replace(wall=-1e9)  # The wall clock does not matter.
    assert observe_past(BEFORE, None, 0.0, back).up == 102.0


def test_a_wall_clock_that_was_set_back_bills_the_age_of_the_pod_or_of_the_boot() -> None:
    last = Heartbeat(1042.0, 52.0, "earlier boot", "p", 44.0)
    assert observe_past(BEFORE, last, 0.0, now(wall=500.0, age=300.0)).up == 344.0
    assert observe_past(BEFORE, last, 0.0, now(wall=500.0, mono=70.0, age=None)).up == 114.0
    same_boot = last._replace(boot_id="b")  # Its monotonic clock counts.
    assert observe_past(BEFORE, same_boot, 0.0, now(wall=500.0, age=None)).up == 44.0 + 58.0


def test_the_time_in_which_the_pod_was_off_is_not_billed() -> None:
    last = Heartbeat(1042.0, 52.0, "earlier boot", "p", 44.0)
    past = observe_past(BEFORE, last, 0.0, now(wall=90000.0, mono=30.0, age=20.0))
    assert past.up == 64.0
    assert past.away > 80000


def test_a_heartbeat_that_is_older_than_the_journal_or_damaged_does_not_count() -> None:
    for up in (1.0, float("nan"), float("inf")):
        past = observe_past(BEFORE, Heartbeat(900.0, 1.0, "b", "p", up), 0.0, now())
        assert past.up == 2.0 + 5.0


def test_a_session_that_comes_from_another_pod_was_away() -> None:
    last = Heartbeat(1042.0, 52.0, "b", "another pod", 44.0)
    assert observe_past(BEFORE, last, 0.0, now()).away > 1e6


def test_the_newest_file_counts(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    os.utime(tmp_path / "a", (5.0, 5.0))
    assert find_last_write([tmp_path / "a", tmp_path / "missing"]) == 5.0
    assert find_last_write([]) == 0.0
