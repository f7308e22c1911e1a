"""Files that disappear, or cannot be read or written, while a phase runs."""

import errno
import json
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
from phases.contract import files
from tests.session.conftest import wait_for
from tests.session.engine.programs import WAIT, count_runs

Phase = Callable[..., dict[str, Any]]


def delete_at_once(folder: Path) -> None:
    """Deletes a folder, so that no other process sees it half deleted."""
    shutil.rmtree(folder.rename(folder.parent.parent / "deleted"))


def test_a_phase_whose_lock_and_claim_are_deleted_runs_once(toy: Any, sh: Phase) -> None:
    toy.start(sh(f"echo x >> {toy.root}/runs; {WAIT}"))
    wait_for((toy.locate_attempt("p1") / "pid.json").exists)
    toy.kill_conductor()  # It knows its shim without the lock.
    for name in ("lock", "claim.json"):
        (toy.locate_attempt("p1") / name).unlink()
    toy.rejoin()
    toy.until(lambda s: any("was deleted while it runs" in n for n in s.notices))
    (toy.root / "go").touch()
    assert toy.over().find_phase("p1").attempts[0].exit_code == 0
    assert (toy.root / "runs").read_text() == "x\n"


@pytest.mark.parametrize("has_conductor", [True, False])
def test_a_phase_whose_folder_is_deleted_ends_at_a_gate_and_does_not_run_again(
    toy: Any, sh: Phase, has_conductor: bool
) -> None:
    toy.start(sh(f"echo x >> {toy.root}/runs; {WAIT}"))
    wait_for((toy.locate_attempt("p1") / "pid.json").exists)
    if not has_conductor:
        toy.kill_conductor()
    delete_at_once(toy.locate_attempt("p1"))
    if not has_conductor:
        toy.rejoin()
    session = toy.until(lambda s: any("was deleted while it runs" in n for n in s.notices))
    assert session.find_phase("p1").state == "running"
    (toy.root / "go").touch()
    session = toy.gate()
    assert "its folder was deleted" in session.find_phase("p1").attempts[0].reason
    assert (toy.root / "runs").read_text() == "x\n"


def test_a_journal_that_is_deleted_while_a_phase_runs_is_written_again(toy: Any, sh: Phase) -> None:
    toy.start(sh(f"echo ran; {WAIT}"))
    toy.until(lambda s: count_runs(toy))
    journal = toy.folder / "journal.jsonl"
    lines = journal.read_bytes()
    journal.unlink()
    wait_for(journal.exists)
    assert journal.read_bytes().startswith(lines)
    toy.kill_everything()
    toy.rejoin()
    assert toy.gate().find_phase("p1").attempts[0].reason == "unknown"
    assert count_runs(toy) == 1


def test_a_phase_that_deletes_its_own_folder_runs_once(toy: Any, sh: Phase) -> None:
    toy.start(sh(f"echo x >> {toy.root}/runs; rm -rf $(dirname $GONOGO_RESULT)"))
    assert toy.gate().gate.because == "failed"
    assert (toy.root / "runs").read_text() == "x\n"


def test_a_phase_whose_folder_was_deleted_can_be_stopped(toy: Any, sh: Phase) -> None:
    toy.start(sh(f"touch {toy.root}/started; {WAIT}"))
    wait_for((toy.locate_attempt("p1") / "pid.json").exists)
    delete_at_once(toy.locate_attempt("p1"))
    toy.until(lambda s: any("was deleted" in n for n in s.notices))
    toy.client.stop_phase()
    assert toy.gate().find_phase("p1").state == "gate"


@pytest.mark.parametrize(
    "put",
    ["mkdir -p {}/full", "mkfifo {}", "ln -s /dev/zero {}", "ln -s {0} {0}", "echo '{{}}' > {}", "> {}"],
)
@pytest.mark.parametrize("has_conductor", [True, False])
def test_what_is_not_the_exit_of_a_running_phase_neither_ends_it_nor_loses_its_exit(
    toy: Any, sh: Phase, put: str, has_conductor: bool
) -> None:
    toy.start(sh(f"echo ran; {WAIT}"))
    toy.until(lambda s: count_runs(toy))
    if not has_conductor:
        toy.kill_conductor()
    subprocess.run(put.format(toy.locate_attempt("p1") / "exit.json"), shell=True, check=True)
    if not has_conductor:
        toy.rejoin()
    session = toy.until(lambda s: any("It counts as running" in notice for notice in s.notices))
    assert session.find_phase("p1").state == "running"
    (toy.root / "go").touch()
    assert toy.over().find_phase("p1").attempts[0].exit_code == 0
    assert count_runs(toy) == 1


def test_a_phase_whose_exit_cannot_be_read_can_be_stopped(toy: Any, sh: Phase) -> None:
    toy.start(sh(f"echo ran; mkdir $(dirname $GONOGO_RESULT)/exit.json; {WAIT}"))
    toy.until(lambda s: any("It counts as running" in notice for notice in s.notices))
    toy.client.stop_phase()
    assert toy.gate().find_phase("p1").attempts[0].reason == "stopped"


@pytest.mark.parametrize("parent", [False, True])
def test_a_file_in_place_of_the_folder_of_a_running_attempt_counts_as_a_deleted_folder(
    toy: Any, sh: Phase, parent: bool
) -> None:
    toy.start(sh(f"echo x >> {toy.root}/runs; {WAIT}"))
    wait_for((toy.locate_attempt("p1") / "pid.json").exists)
    folder = toy.locate_attempt("p1").parent if parent else toy.locate_attempt("p1")
    folder.rename(toy.root / "elsewhere")
    folder.write_text("")
    toy.until(lambda s: any("was deleted while it runs" in notice for notice in s.notices))
    (toy.root / "go").touch()
    assert "its folder was deleted" in toy.gate().find_phase("p1").attempts[0].reason
    assert (toy.root / "runs").read_text() == "x\n"


@pytest.mark.parametrize("put", ["echo > {}", "mkfifo {}", "mkdir -p {}/spec.json", "ln -s /dev/null {}"])
def test_an_attempt_starts_whatever_lies_in_place_of_its_folder(toy: Any, sh: Phase, put: str) -> None:
    toy.start(sh("echo ran; exit 1"))
    toy.gate()
    subprocess.run(put.format(toy.locate_attempt("p1", 2)), shell=True, check=True)
    toy.client.decide("p1", 1, "retry")
    toy.until(lambda s: s.gate and s.gate.attempt == 2)
    assert count_runs(toy, attempt=2) == 1


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("chattr"), reason="only root can use chattr")
def test_an_immutable_folder_of_an_attempt_does_not_keep_the_phase_running(toy: Any, sh: Phase) -> None:
    toy.start(sh(f"echo ran; {WAIT}"))
    toy.until(lambda s: count_runs(toy))
    change = ["chattr", "-R", "+i", str(toy.locate_attempt("p1"))]
    if subprocess.run(change, capture_output=True, check=False).returncode:
        pytest.skip("this file system has no immutable files")
    try:
        (toy.root / "go").touch()
        assert "could not be recorded" in toy.gate().find_phase("p1").attempts[0].reason
        assert count_runs(toy) == 1
    finally:
        subprocess.run(["chattr", "-R", "-i", *change[3:]], capture_output=True, check=False)


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
    with subprocess.Popen(["sleep", "60"], env=environment, start_new_session=True) as program:
        # For a moment the kernel shows a program that it has just started without its environment.
        wait_for(lambda: process.find_attempt_processes(started.cookie))
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
    record = {"code": 7, "signal": None, "reason": "exited", "started": 0, "ended": 1, "seconds": 1}
    # At once, as the shim writes it: half a record would be set aside as invalid.
    files.write_atomically(path, json.dumps({**record, "cookie": "another"}).encode())
    toy.until(lambda s: any("the exit of another attempt" in notice for notice in s.notices))
    (toy.root / "go").touch()
    assert toy.over().find_phase("p1").attempts[0].exit_code == 0


def test_a_missing_folder_of_attempts_is_no_error(tmp_path: Path) -> None:
    assert exit_record.read_exit(tmp_path / "missing", "c") is None
