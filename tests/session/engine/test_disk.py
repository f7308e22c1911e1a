import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.session.client import SessionClient
from app.session.engine.disk import DiskWatch, Reserve
from app.session.folder import Settings
from app.session.journal import journal

Phase = Callable[..., dict[str, Any]]
MB = 1_000_000
WAIT = "while [ ! -e go ]; do sleep 0.02; done"


def test_an_attempt_stops_if_another_checkpoint_would_not_fit() -> None:
    watch = DiskWatch(reserve=10 * MB)
    assert watch.check(1000 * MB, 0, None) is None
    assert watch.check(700 * MB, 10, None) is None  # A checkpoint of 300 MB.
    assert watch.check(700 * MB, 500, None) is None
    finding = watch.check(400 * MB, 510, None)
    assert finding is not None
    assert finding.should_stop
    assert "400 MB are free and a checkpoint takes 300 MB" in finding.text


def test_the_space_a_phase_will_need_is_forecast() -> None:
    watch = DiskWatch(reserve=0)
    watch.check(1000 * MB, 0, 0.0)
    assert watch.check(900 * MB, 100, 0.2) is None  # It needs 400 MB more.
    finding = watch.check(850 * MB, 200, 0.1)
    assert finding is not None
    assert "it needs 1.4 GB more and 850 MB are free" in finding.text
    assert not finding.should_stop


def test_slow_growth_is_not_taken_for_a_checkpoint() -> None:
    watch = DiskWatch(reserve=MB)
    for second in range(0, 4000, 10):
        assert watch.check(1000 * MB - second * 1000, second, None) is None


def test_the_reserve_occupies_space_until_it_is_released(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", 1 << 20)
    reserve.allocate(free=2 << 20)
    assert not reserve.path.exists()  # Not if space is short already.
    reserve.allocate(free=10 << 20)
    assert reserve.path.stat().st_blocks * 512 >= 1 << 20
    reserve.release()
    assert not reserve.path.exists()


@pytest.fixture
def small_disk(toy: Any) -> Iterator[Path]:
    toy.artifacts.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(toy.artifacts)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    yield toy.artifacts
    toy.kill_everything()
    subprocess.run(["umount", "-l", str(toy.artifacts)], check=True)


def test_a_full_disk_stops_the_phase_without_loss(toy: Any, sh: Phase, small_disk: Path) -> None:
    fill = "trap 'exit 0' TERM; [ -e go ] || cat /dev/zero > artifacts/zeros; " + WAIT
    settings = Settings(poll=0.02, tick=0.1, grace=0.5, guard=0.1, reserve=512 << 10)
    client = toy.start(sh(fill), settings=settings)
    session = toy.gate()
    assert session.gate.because == "stopped"
    assert "the disk is nearly full" in session.gate.advice[0]
    assert os.statvfs(small_disk).f_bavail * 4096 < 512 << 10
    toy.kill_conductor()
    toy.rejoin()
    session = toy.gate()
    assert journal.read_journal(toy.folder / "journal.jsonl").damage == ""
    (small_disk / "zeros").unlink()
    (toy.root / "go").touch()
    client.decide("p1", 1, "retry")
    session = toy.over()
    assert session.state == "finished"
    assert [a.reason for a in session.find_phase("p1").attempts] == ["stopped", "exited"]


def fill(toy: Any) -> None:
    for _ in range(20):  # Until the released reserve is used up too.
        command = ["sh", "-c", "cat /dev/zero >> artifacts/zeros; true"]
        subprocess.run(command, cwd=toy.root, stderr=subprocess.DEVNULL, check=True)


def test_a_conductor_takes_over_a_finished_phase_on_a_full_disk(
    toy: Any, sh: Phase, small_disk: Path
) -> None:
    settings = Settings(poll=0.02, tick=0.1, grace=0.5, guard=0.0, reserve=64 << 10)
    toy.start(sh(WAIT + "; exit 3"), settings=settings)
    toy.until(lambda s: (toy.locate_attempt("p1") / "pid.json").exists())
    toy.kill_conductor()
    fill(toy)
    (toy.root / "go").touch()
    toy.rejoin()
    assert toy.gate().find_phase("p1").attempts[0].exit_code == 3
    assert not (toy.folder / "reserve").exists()


def test_a_disk_that_is_full_at_the_start_delays_the_phase(toy: Any, sh: Phase, small_disk: Path) -> None:
    settings = Settings(poll=0.02, tick=0.1, grace=0.5, guard=0.0, reserve=64 << 10)
    client = toy.start(sh("true", gate={"ask": "always"}), sh("echo ran"), settings=settings)
    toy.gate()
    fill(toy)
    client.decide("p1", 1, "go")  # The journal has reserved blocks.
    toy.until(lambda s: any("p2: the disk is nearly full" in n for n in s.notices))
    (small_disk / "zeros").unlink()
    assert toy.over().state == "finished"
    assert (toy.locate_attempt("p2") / "output.log").read_text() == "ran\n"
    assert SessionClient(toy.folder).read_snapshot().state == "finished"
