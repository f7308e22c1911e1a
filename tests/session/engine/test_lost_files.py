"""Files that disappear, or cannot be read or written, while a phase runs."""

import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.plan.schema import Plan
from app.session.attempt import exit_record, process
from app.session.clock import SystemClock
from app.session.engine.attempt_runner import AttemptRunner
from app.session.folder import SessionFolder
from app.session.journal import events
from app.session.journal.state import AttemptRecord, PhaseRecord
from tests.session.conftest import wait_for
from tests.session.engine.programs import WAIT, count_runs

Phase = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("has_conductor", [True, False])
def test_a_phase_whose_folder_is_deleted_ends_at_a_gate_and_does_not_run_again(
    toy: Any, sh: Phase, has_conductor: bool
) -> None:
    toy.start(sh(f"echo x >> {toy.root}/runs; {WAIT}"))
    wait_for((toy.locate_attempt("p1") / "pid.json").exists)
    if not has_conductor:
        toy.kill_conductor()
    shutil.rmtree(toy.locate_attempt("p1"), ignore_errors=True)
    if not has_conductor:
        toy.rejoin()
    session = toy.until(lambda s: any("was deleted while it runs" in n for n in s.notices))
    assert session.find_phase("p1").state == "running"
    (toy.root / "go").touch()
    session = toy.gate()
    assert "its folder was deleted" in session.find_phase("p1").attempts[0].reason
    assert (toy.root / "runs").read_text() == "x\n"


def test_a_phase_that_deletes_its_own_folder_runs_once(toy: Any, sh: Phase) -> None:
    toy.start(sh(f"echo x >> {toy.root}/runs; rm -rf $(dirname $GONOGO_RESULT)"))
    assert toy.gate().gate.because == "failed"
    assert (toy.root / "runs").read_text() == "x\n"


def test_a_phase_whose_folder_was_deleted_can_be_stopped(toy: Any, sh: Phase) -> None:
    toy.start(sh(f"touch {toy.root}/started; {WAIT}"))
    wait_for((toy.locate_attempt("p1") / "pid.json").exists)
    shutil.rmtree(toy.locate_attempt("p1"), ignore_errors=True)
    toy.until(lambda s: any("was deleted" in n for n in s.notices))
    toy.client.stop_phase()
    assert toy.gate().find_phase("p1").state == "gate"


def test_an_exit_that_cannot_be_written_opens_a_gate(toy: Any, sh: Phase) -> None:
    toy.start(sh(f"echo ran; mkdir -p $(dirname $GONOGO_RESULT)/exit.json/full; {WAIT}"))
    toy.until(lambda s: count_runs(toy))
    (toy.root / "go").touch()
    assert toy.gate().find_phase("p1").attempts[0].reason == "unknown"
    assert count_runs(toy) == 1


def test_a_reserved_exit_record_that_is_lost_does_not_lose_the_exit(toy: Any, sh: Phase) -> None:
    name = "$(dirname $GONOGO_RESULT)/exit.json.new"
    toy.start(sh(f"echo ran; rm -f {name}; mkdir {name}"))
    toy.over()
    assert toy.client.read_snapshot().find_phase("p1").attempts[0].exit_code == 0


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.EIO, errno.EACCES, errno.ESTALE])
def test_an_exit_that_cannot_be_read_does_not_mean_that_the_phase_has_ended(
    toy: Any, sh: Phase, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    plan: Plan = toy.plan(sh("true"))
    clock = FakeClock()
    runner = AttemptRunner(
        plan, SessionFolder(toy.root), clock, environment={}, grace=1.0, mask=lambda data: data
    )
    started = events.AttemptStarted(phase="p1", attempt=1, parameters={}, cookie=f"c-{os.getpid()}")
    phase = PhaseRecord("p1", "running", (AttemptRecord(1, 0.0, 0.0, started),))

    def fail(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(exit_record, "read_exit", fail)
    assert [type(event) for event in runner.tend(phase, None)] == [events.NoticePosted]
    clock.now += 3600
    later = [type(event) for event in runner.tend(phase, None)]
    # A lasting error opens a gate once no process of the attempt is left; a lack of descriptors never does.
    has_ended = number not in (errno.EMFILE, errno.ENFILE)
    assert later == [events.NoticePosted, *([events.AttemptEnded] if has_ended else [])]


def test_an_attempt_without_a_folder_ends_although_the_record_of_its_shim_was_never_read(
    toy: Any, sh: Phase
) -> None:
    folder = SessionFolder(toy.root / "gone")
    runner = AttemptRunner(
        toy.plan(sh("true")), folder, FakeClock(), environment={}, grace=1.0, mask=lambda data: data
    )
    started = events.AttemptStarted(phase="p1", attempt=1, parameters={}, cookie=f"lost-{os.getpid()}")
    environment = os.environ | {process.COOKIE: started.cookie}
    with subprocess.Popen(["sleep", "600"], env=environment, start_new_session=True) as program:
        runner.stop_without_folder(PhaseRecord("p1", "running", (AttemptRecord(1, 0.0, 0.0, started),)))
        assert program.wait(60) == -signal.SIGTERM


class FakeClock(SystemClock):
    now = 1000.0

    def mono(self) -> float:
        return self.now


def test_the_exit_of_another_attempt_does_not_count(toy: Any, sh: Phase) -> None:
    toy.start(sh(f"echo ran; {WAIT}"))
    toy.until(lambda s: count_runs(toy))
    path = toy.locate_attempt("p1") / "exit.json"
    record = {"code": 0, "signal": None, "reason": "exited", "started": 0, "ended": 1, "seconds": 1}
    path.write_text(str({**record, "cookie": "another"}).replace("'", '"').replace("None", "null"))
    assert toy.gate().find_phase("p1").attempts[0].reason == "unknown"


def test_a_missing_folder_of_attempts_is_no_error(tmp_path: Path) -> None:
    assert exit_record.read_exit(tmp_path / "missing", "c") is None
