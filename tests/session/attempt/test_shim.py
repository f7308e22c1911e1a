import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.session.attempt import exit_record, process, shim_control
from app.session.attempt.shim import BUSY, CANNOT_RECORD, Shim

PATIENCE = 20.0


class Attempt:
    """An attempt's folder and the shims that a test starts for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cookie = f"cookie-{os.getpid()}-{time.monotonic_ns()}"
        self.shims: list[subprocess.Popen[bytes]] = []

    def spec(self, *argv: str, grace: float = 0.5, deadline: float | None = None, cwd: str = "/") -> None:
        due = (
            {"boot_id": process.read_boot_id(), "mono": process.read_seconds_since_boot() + deadline}
            if deadline
            else None
        )
        spec = {"argv": argv, "cwd": cwd, "cookie": self.cookie, "grace": grace, "deadline": due}
        (self.folder / "spec.json").write_text(json.dumps(spec))

    def start(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, process.COOKIE: self.cookie}
        shim = shim_control.start_shim(self.folder / "spec.json", environment)
        self.shims.append(shim)
        return shim

    def run(self, *argv: str, **spec: Any) -> exit_record.ExitRecord:
        self.spec(*argv, **spec)
        assert self.start().wait(PATIENCE) == 0
        return self.exit()

    def exit(self) -> exit_record.ExitRecord:
        record = exit_record.read_exit(self.folder, self.cookie)
        assert record is not None
        return record

    @property
    def log(self) -> str:
        return (self.folder / "output.log").read_text()

    def living(self) -> dict[int, process.ProcessStat]:
        return process.find_attempt_processes(self.cookie)

    def wait_for_log(self, text: str) -> None:
        ends = time.monotonic() + PATIENCE
        while text not in (self.log if (self.folder / "output.log").exists() else ""):
            assert time.monotonic() < ends
            time.sleep(0.01)


@pytest.fixture
def attempt(tmp_path: Path) -> Iterator[Attempt]:
    attempt = Attempt(tmp_path)
    yield attempt
    for shim in attempt.shims:
        shim.kill()
        shim.wait()
    process.terminate_all(attempt.living, 0, time.sleep)


def test_exit_code_output_and_identity_are_recorded(attempt: Attempt) -> None:
    # A phase that ends at once has no pid.json.
    pid_file = attempt.folder / "pid.json"
    record = attempt.run(
        "sh", "-c", f"while [ ! -e {pid_file} ]; do sleep 0.01; done; echo out; echo err >&2; exit 7"
    )
    assert (record.code, record.signal, record.reason) == (7, None, "exited")
    assert attempt.log == "out\nerr\n"
    assert (attempt.folder / "output.log").stat().st_mode & 0o777 == 0o600
    identity = json.loads((attempt.folder / "pid.json").read_text())
    assert identity["boot_id"] == process.read_boot_id()
    assert identity["cookie"] == attempt.cookie
    assert 0 < record.seconds < PATIENCE


def test_a_signal_that_killed_the_phase_is_recorded(attempt: Attempt) -> None:
    record = attempt.run("sh", "-c", "kill -SEGV $$")
    assert (record.code, record.signal, record.reason) == (None, signal.SIGSEGV, "exited")


def test_a_missing_program_is_recorded(attempt: Attempt) -> None:
    record = attempt.run("no-such-program-at-all")
    assert record.code is None
    assert record.reason.startswith("not started: ")
    assert "no-such-program-at-all" in record.reason or "No such file" in record.reason


def test_a_missing_working_folder_is_recorded(attempt: Attempt) -> None:
    assert "not started" in attempt.run("true", cwd="/no/such/folder").reason


def test_the_phase_has_default_signals_and_no_terminal(attempt: Attempt) -> None:
    program = (
        "import signal, sys; print(signal.pthread_sigmask(signal.SIG_BLOCK, []), sys.stdin.read(), "
        "signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)"
    )
    attempt.run(sys.executable, "-c", program)
    assert attempt.log.split() == ["set()", "True"]


def test_an_attempt_runs_once_even_if_several_shims_start(attempt: Attempt) -> None:
    attempt.spec("sh", "-c", "echo ran; sleep 0.3")
    shims = [attempt.start() for _ in range(6)]
    codes = [shim.wait(PATIENCE) for shim in shims]
    assert codes.count(0) >= 1
    assert set(codes) <= {0, BUSY}
    assert attempt.start().wait(PATIENCE) == 0
    assert attempt.log == "ran\n"


def test_a_stop_lets_the_phase_save(attempt: Attempt) -> None:
    attempt.spec(
        "sh", "-c", "trap 'echo saved; exit 3' TERM; echo up; while :; do sleep 0.05; done", grace=5.0
    )
    shim = attempt.start()
    attempt.wait_for_log("up")
    shim_control.stop_shim(attempt.folder)
    assert shim.wait(PATIENCE) == 0
    assert (attempt.exit().code, attempt.exit().reason) == (3, "stopped")
    assert "saved" in attempt.log


HIDING = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        # A daemon that ignores TERM, in its own session and with an empty environment.
        os.execve(sys.executable, [sys.executable, "-c",
            "import signal, time; signal.signal(15, 1); print('hidden', flush=True); time.sleep(60)"], {})
    os._exit(0)
print("up", flush=True)
"""


def test_a_hidden_daemon_that_ignores_term_is_killed_after_the_grace(attempt: Attempt) -> None:
    attempt.spec(sys.executable, "-c", HIDING + "time.sleep(60)", grace=0.5)
    shim = attempt.start()
    attempt.wait_for_log("hidden")
    before = process.find_attempt_processes(attempt.cookie, shim=shim.pid)
    assert len(before) == 2
    stopped_at = time.monotonic()
    shim_control.stop_shim(attempt.folder)
    assert shim.wait(PATIENCE) == 0
    assert time.monotonic() - stopped_at < 0.5 + 5
    assert attempt.exit().survivors == []
    assert all(process.find_process(pid) is None for pid in before)


def test_processes_left_by_a_finished_phase_are_ended(attempt: Attempt) -> None:
    attempt.spec("sh", "-c", f"{sys.executable} -c '{HIDING}'; sleep 60 & echo done; exit 0", grace=0.3)
    assert attempt.start().wait(PATIENCE) == 0
    assert attempt.exit().code == 0
    assert attempt.living() == {}
    assert attempt.exit().survivors == []


def test_the_deadline_ends_the_phase(attempt: Attempt) -> None:
    record = attempt.run("sleep", "60", deadline=0.2)
    assert (record.reason, record.signal) == ("deadline", signal.SIGTERM)


def test_a_deadline_of_another_boot_is_ignored(attempt: Attempt) -> None:
    attempt.spec("true")
    spec = json.loads((attempt.folder / "spec.json").read_text())
    spec["deadline"] = {"boot_id": "another", "mono": 0.0}
    (attempt.folder / "spec.json").write_text(json.dumps(spec))
    assert attempt.start().wait(PATIENCE) == 0
    assert attempt.exit().reason == "exited"


def test_the_attempt_of_a_killed_shim_is_adopted_with_an_unknown_exit(attempt: Attempt) -> None:
    attempt.spec("sh", "-c", "echo up; sleep 0.8; echo end")
    first = attempt.start()
    attempt.wait_for_log("up")
    first.kill()
    first.wait()
    assert attempt.living()
    assert not shim_control.has_shim(attempt.folder)
    assert attempt.start().wait(PATIENCE) == 0
    assert attempt.log == "up\nend\n"  # It ran once, to its end.
    record = attempt.exit()
    assert (record.code, record.reason) == (None, "unknown")
    assert record.seconds >= 0.8


def test_one_empty_look_does_not_end_an_adoption(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt.spec("true")
    shim = Shim(str(attempt.folder / "spec.json"))
    looks = iter([{}, {1: "just replaced by another program"}, {}, {}])
    monkeypatch.setattr(shim, "_find_processes", lambda: next(looks))
    monkeypatch.setattr(shim, "_wait_for_stop", lambda wait: False)
    shim._adopt()
    assert list(looks) == []
    assert shim.reason == "unknown"


def test_a_lock_that_cannot_be_opened_leaves_the_attempt_to_the_next_shim(attempt: Attempt) -> None:
    attempt.spec("echo", "ran")
    (attempt.folder / "lock").mkdir()
    assert attempt.start().wait(PATIENCE) == CANNOT_RECORD
    assert not shim_control.is_claimed(attempt.folder)
    (attempt.folder / "lock").rmdir()
    assert attempt.start().wait(PATIENCE) == 0
    assert attempt.exit().reason == "exited"
    assert attempt.log == "ran\n"


@pytest.mark.parametrize("name", ["output.log", "exit.json", "exit.json.new", "shim.json", "pid.json.new"])
@pytest.mark.parametrize("put", [os.mkfifo, os.mkdir, lambda path: path.symlink_to(path)])
def test_what_lies_in_place_of_a_file_of_the_attempt_is_moved_away(
    attempt: Attempt, name: str, put: Callable[[Path], None]
) -> None:
    attempt.spec("echo", "ran")
    put(attempt.folder / name)
    assert attempt.start().wait(PATIENCE) == 0
    assert attempt.exit().code == 0
    assert attempt.log == "ran\n"


@pytest.mark.parametrize("put", [os.mkfifo, os.mkdir])
def test_anything_in_place_of_the_claim_counts_as_one(attempt: Attempt, put: Callable[[Path], None]) -> None:
    attempt.spec("echo", "ran")
    put(attempt.folder / "claim.json")
    assert attempt.start().wait(PATIENCE) == 0
    assert attempt.exit().reason == "unknown"
    assert attempt.log == ""


def test_an_adopted_attempt_can_be_stopped(attempt: Attempt) -> None:
    attempt.spec("sh", "-c", "trap '' TERM; echo up; sleep 60")
    first = attempt.start()
    attempt.wait_for_log("up")
    first.kill()
    first.wait()
    second = attempt.start()
    ends = time.monotonic() + PATIENCE
    while second.poll() is None and time.monotonic() < ends:
        shim_control.stop_shim(attempt.folder)
        time.sleep(0.05)
    assert attempt.exit().reason == "stopped"
    assert attempt.living() == {}


def test_a_claimed_attempt_without_a_process_is_unknown_and_does_not_run_again(attempt: Attempt) -> None:
    attempt.spec("sh", "-c", "echo ran")
    (attempt.folder / "claim.json").write_text("{")  # Its shim died while writing.
    assert attempt.start().wait(PATIENCE) == 0
    assert attempt.exit().reason == "unknown"
    assert attempt.log == ""


def test_no_other_process_is_signalled_for_a_reused_pid(attempt: Attempt) -> None:
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        identity = process.identify(bystander.pid)
        assert identity is not None
        for stale in (
            identity._replace(start_time=identity.start_time - 1),
            identity._replace(boot_id="another boot"),
            identity._replace(pid_namespace="pid:[1]"),
        ):
            (attempt.folder / "shim.json").write_text(json.dumps(stale._asdict()))
            shim_control.stop_shim(attempt.folder)
            assert not process.signal_identity(stale, signal.SIGKILL)
        assert bystander.poll() is None
        assert process.signal_identity(identity, signal.SIGKILL)
        assert bystander.wait(PATIENCE) == -signal.SIGKILL
    finally:
        bystander.kill()
        bystander.wait()


def test_a_shell_that_started_an_attempt_process_does_not_belong_to_it(attempt: Attempt) -> None:
    leader = subprocess.Popen(
        ["sh", "-c", f"{process.COOKIE}={attempt.cookie} sleep 60 & echo $!; sleep 60"],
        start_new_session=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert leader.stdout is not None
        child = int(leader.stdout.readline())
        ends = time.monotonic() + PATIENCE
        while child not in attempt.living() and time.monotonic() < ends:
            time.sleep(0.01)
        assert set(attempt.living()) == {child}
    finally:
        os.killpg(leader.pid, signal.SIGKILL)
        leader.wait()


def test_the_shim_uses_little_memory(attempt: Attempt) -> None:
    attempt.spec("sleep", "60")
    shim = attempt.start()
    ends = time.monotonic() + PATIENCE
    while not (attempt.folder / "pid.json").exists() and time.monotonic() < ends:
        time.sleep(0.005)
    status = Path(f"/proc/{shim.pid}/status").read_text()
    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    assert resident < 24 * 1024


def test_a_deadline_beyond_the_kernels_timers_is_waited_for(attempt: Attempt) -> None:
    assert attempt.run("true", deadline=1e11).code == 0


def test_a_background_process_that_was_killed_is_recorded(attempt: Attempt) -> None:
    program = (
        "import os, signal, subprocess, time; child = subprocess.Popen(['sleep', '60']); "
        "os.kill(child.pid, signal.SIGKILL); time.sleep(0.1); os._exit(0)"
    )
    record = attempt.run(sys.executable, "-c", program)
    assert record.code == 0
    assert [text.split()[0] for text in record.killed] == ["sleep"]
    assert record.killed[0].endswith("by signal 9")
    assert record.ended_after == []


def test_a_process_that_outlives_the_program_is_recorded_unless_it_ends_at_once(
    attempt: Attempt,
) -> None:
    record = attempt.run("sh", "-c", "sleep 60 & sleep 0.1 & exit 0")
    assert [text.split()[0] for text in record.ended_after] == ["sleep"]
    assert record.killed == []


def test_a_helper_that_a_script_ends_itself_is_no_sign(attempt: Attempt) -> None:
    record = attempt.run("sh", "-c", "sleep 60 & kill $!; exit 0")
    assert (record.killed, record.ended_after) == ([], [])


def test_a_stopped_attempt_records_no_signs(attempt: Attempt) -> None:
    record = attempt.run("sh", "-c", "sleep 60 & sleep 60", deadline=0.3)
    assert (record.reason, record.killed, record.ended_after) == ("deadline", [], [])


@pytest.mark.parametrize("text", ["low 0\noom 3\noom_kill 2\n", "oom_kill_disable 0\noom_kill 2\n"])
def test_kills_for_lack_of_memory_are_counted(tmp_path: Path, text: str) -> None:
    path = tmp_path / "memory.events"
    path.write_text(text)
    assert process.count_oom_kills((str(tmp_path / "none"), str(path))) == 2
    assert process.count_oom_kills((str(tmp_path / "none"),)) == 0


def test_kills_for_lack_of_memory_are_counted_for_the_whole_host(attempt: Attempt, tmp_path: Path) -> None:
    path = tmp_path / "vmstat"
    path.write_text("pgfault 9\noom_kill 3\n")
    assert process.count_host_oom_kills(str(path)) == 3
    path.write_text("pgfault 9\n")
    assert (
        process.count_host_oom_kills(str(path)) is process.count_host_oom_kills(str(tmp_path / "no")) is None
    )
    is_known = process.count_host_oom_kills() is not None
    assert attempt.run("true").host_oom_kills == (0 if is_known else None)


def test_a_shim_that_was_stopped_is_continued_and_records_the_exit(attempt: Attempt) -> None:
    attempt.spec("sh", "-c", "echo begun; sleep 0.3")
    shim = attempt.start()
    attempt.wait_for_log("begun")
    shim_control.wake_shim(attempt.folder)  # One that runs is left alone.
    os.kill(shim.pid, signal.SIGSTOP)
    time.sleep(0.6)
    assert shim.poll() is None
    shim_control.wake_shim(attempt.folder)
    assert shim.wait(PATIENCE) == 0
    assert attempt.exit().code == 0


def test_a_shim_that_was_stopped_still_ends_its_attempt(attempt: Attempt) -> None:
    attempt.spec("sh", "-c", "echo begun; sleep 60")
    shim = attempt.start()
    attempt.wait_for_log("begun")
    os.kill(shim.pid, signal.SIGSTOP)
    shim_control.stop_shim(attempt.folder)
    assert shim.wait(PATIENCE) == 0
    assert attempt.exit().reason == "stopped"
