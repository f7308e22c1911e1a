"""The shim: a tiny process around each attempt that outlives all others and records the exit.

`python -m app.session.attempt.shim SPEC` runs in its own session. It holds the attempt's lock while it lives,
and claims the attempt permanently, so that no attempt runs twice. If it is started again for an attempt whose
shim died, it finds the lock free and the claim taken. It then waits for the remaining processes of the
attempt and records an unknown exit. To recover an attempt that has neither an exit nor a shim, start another
shim.

The shim's environment is that of the phase, and it is not stored. The shim imports only the standard library,
so it starts in 20 ms.
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import signal
import stat
import sys
import time
from typing import Any

from app.own_folder import strip_own_folder
from app.session.attempt import process

BUSY = 75
_PR_SET_CHILD_SUBREAPER = 36
_AWAITED_SIGNALS = (signal.SIGCHLD, signal.SIGTERM)
_RESET_SIGNALS = (
    signal.SIGPIPE,
    signal.SIGXFSZ,
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
)
# A script that ends its own helper sends another signal, such as TERM.
_CRASH_SIGNALS = (
    signal.SIGKILL,
    signal.SIGSEGV,
    signal.SIGABRT,
    signal.SIGBUS,
    signal.SIGILL,
    signal.SIGFPE,
)
_EXIT_BYTES = 4096
_MOST_EXIT_BYTES = 64 << 10
_NOT_FILES = (errno.ENXIO, errno.ELOOP, errno.ENODEV, errno.EAGAIN)  # A socket, a link to itself, a pipe.
_WRITTEN_FILES = ("exit.json.new", "shim.json.new", "shim.json", "pid.json.new", "pid.json", "output.log")
_LONGEST_WAIT_SECONDS = 86400.0
CANNOT_RECORD = 73
_MAX_GRACE_AFTER_EXIT = 5.0
_ADOPTION_POLL_SECONDS = 0.1
_LOOKS_AT_PROCESSES_LEFT = 10
_PAUSE_BETWEEN_LOOKS = 0.05
_MAX_NAMES = 8  # The record must fit into its reserved bytes.
# A process that is being replaced by another program has no environment for a moment, so look twice.
_EMPTY_LOOKS_BEFORE_END = 2


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # Opening a pipe would wait for its other end.


def _move_away_unless_file(path: str) -> None:
    """Move a pipe, link, device or folder away, which would block this process or refuse what it writes."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(os.lstat(path).st_mode):
            os.rename(path, f"{path}.moved-away-{time.time_ns()}")


def _write_json(path: str, value: object) -> None:
    temporary = f"{path}.new"  # The attempt's lock makes this process the only writer.
    with open(temporary, "w", opener=_open_private) as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(temporary, path)
    _sync_folder_of(path)


def _sync_folder_of(path: str) -> None:
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


class Shim:
    """The shim of one attempt: starts the program, or adopts what a dead shim left, and waits for its end."""

    def __init__(self, spec_path: str) -> None:
        self.folder = os.path.dirname(os.path.abspath(spec_path))
        with open(spec_path, "rb") as file:
            self.spec: dict[str, Any] = json.load(file)
        self.boot_id = process.read_boot_id()
        self.child: int | None = None
        self.status: int | None = None
        self.killed: list[str] = []
        self.ended_after: list[str] = []
        self.oom_kills = process.count_oom_kills()
        self.host_oom_kills = process.count_host_oom_kills()
        self.reason = ""
        self.is_ending = False
        self.lock = os.open(self._locate("lock"), os.O_RDWR | os.O_CREAT, 0o600)

    def _locate(self, name: str) -> str:
        return f"{self.folder}/{name}"

    def run(self) -> int:
        """Return 0 when the exit is recorded, or 75 if another shim has the attempt."""
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return BUSY
        if self._has_recorded_exit():
            return 0
        for name in _WRITTEN_FILES:
            _move_away_unless_file(self._locate(name))
        # Orphans of the phase become children of the shim, even if they clear their environment.
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        _write_json(self._locate("shim.json"), process.identify_self()._asdict())
        self._reserve_exit_record()
        log = os.open(self._locate("output.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        claim, is_new = self._claim()
        if is_new:
            self._start_program(log)
            self._wait_for_program()
        else:
            self._adopt()
        survivors = self._end_remaining_processes()
        self._record_exit(claim, survivors)
        return 0

    def _has_recorded_exit(self) -> bool:
        """Return whether `exit.json` is the exit of this attempt; it may be that of another, or no file."""
        try:
            with open(self._locate("exit.json"), "rb", opener=_open_without_waiting) as file:
                record = json.loads(file.read(_MOST_EXIT_BYTES))
        except (FileNotFoundError, IsADirectoryError, TypeError, ValueError, RecursionError):
            return False
        except OSError as error:
            if error.errno in _NOT_FILES:
                return False
            raise
        return isinstance(record, dict) and record.get("cookie") == self.spec["cookie"]

    def _reserve_exit_record(self) -> None:
        # Allocate the blocks of the exit record now, so that a full disk cannot lose it.
        try:
            with open(self._locate("exit.json.new"), "wb", opener=_open_private) as file:
                file.write(b" " * _EXIT_BYTES)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise

    def _claim(self) -> tuple[dict[str, Any], bool]:
        """Return the claim of the attempt, and whether this shim has made it."""
        claim = {"wall": time.time(), "mono": process.read_seconds_since_boot(), "boot_id": self.boot_id}
        try:
            handle = os.open(self._locate("claim.json"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            try:
                with open(self._locate("claim.json"), "rb", opener=_open_without_waiting) as file:
                    recorded = json.loads(file.read(_MOST_EXIT_BYTES))
                times = {key: float(recorded[key]) for key in ("wall", "mono")}
                return {**times, "boot_id": recorded["boot_id"]}, False
            except (IsADirectoryError, TypeError, KeyError, ValueError, RecursionError):
                return claim, False  # The previous shim died while it was writing the claim.
        with contextlib.suppress(OSError):  # On a full disk the claim is valid, but its time is lost.
            os.write(handle, json.dumps(claim).encode())
            os.fsync(handle)
            _sync_folder_of(self._locate("claim.json"))
        os.close(handle)
        return claim, True

    def _start_program(self, log: int) -> None:
        null = os.open(os.devnull, os.O_RDONLY)
        argv = self.spec["argv"]
        try:
            os.chdir(self.spec["cwd"])
            self.child = os.posix_spawnp(
                argv[0],
                argv,
                # Specs of earlier versions do not say whose program it is.
                os.environ if self.spec.get("is_own_program", True) else strip_own_folder(os.environ),
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, null, 0),
                    (os.POSIX_SPAWN_DUP2, log, 1),
                    (os.POSIX_SPAWN_DUP2, log, 2),
                ],
                setpgroup=0,
                setsigmask=(),
                setsigdef=_RESET_SIGNALS,
            )
        except OSError as error:
            self.reason = f"not started: {error}"
            with contextlib.suppress(OSError):
                os.write(log, f"gonogo: {self.reason}\n".encode())
            return
        finally:
            os.close(log)
            os.close(null)
        identity = process.identify(self.child)
        # Readers use this file for convenience only, so the phase continues if it cannot be written.
        with contextlib.suppress(OSError):
            if identity is not None:
                _write_json(self._locate("pid.json"), {**identity._asdict(), "cookie": self.spec["cookie"]})

    def _find_processes(self) -> dict[int, process.ProcessStat]:
        self._reap()
        return process.find_attempt_processes(self.spec["cookie"], shim=os.getpid())

    def _reap(self) -> None:
        while True:
            try:
                exited = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if exited is None:
                return
            name = process.describe_process(exited.si_pid)  # A process that was waited for has no name.
            pid, status = os.waitpid(exited.si_pid, 0)
            if pid == self.child:
                self.status = status
            elif os.WIFSIGNALED(status) and os.WTERMSIG(status) in _CRASH_SIGNALS and not self.is_ending:
                self.killed.append(f"{name} by signal {os.WTERMSIG(status)}")

    def _wait_for_stop(self, timeout: float | None) -> bool:
        """Wait for a signal or the deadline; return whether the attempt must end, and set the reason."""
        remaining = self._compute_seconds_left()
        if remaining is not None:
            timeout = max(0.0, remaining if timeout is None else min(timeout, remaining))
        received: signal.struct_siginfo | None
        if timeout is None:
            received = signal.sigwaitinfo(_AWAITED_SIGNALS)
        else:
            # The kernel's timers do not reach centuries; the callers wait again.
            received = signal.sigtimedwait(_AWAITED_SIGNALS, min(timeout, _LONGEST_WAIT_SECONDS))
        if received is not None and received.si_signo == signal.SIGTERM:
            self.reason = "stopped"
        elif remaining is not None and remaining <= 0:
            self.reason = "deadline"
        return bool(self.reason)

    def _compute_seconds_left(self) -> float | None:
        deadline = self.spec.get("deadline")
        if deadline is None or deadline["boot_id"] != self.boot_id:
            return None
        return float(deadline["mono"] - process.read_seconds_since_boot())

    def _wait_for_program(self) -> None:
        while self.child is not None and self.status is None and not self._wait_for_stop(None):
            self._reap()

    def _adopt(self) -> None:
        looks = _EMPTY_LOOKS_BEFORE_END
        while looks and not self._wait_for_stop(_ADOPTION_POLL_SECONDS):
            looks = _EMPTY_LOOKS_BEFORE_END if self._find_processes() else looks - 1
        self.reason = self.reason or "unknown"

    def _end_remaining_processes(self) -> list[int]:
        grace = self.spec["grace"]
        if self.status is not None and not self.reason:
            self._note_processes_left()
        self.is_ending = True
        if self.reason not in ("stopped", "deadline"):
            grace = min(grace, _MAX_GRACE_AFTER_EXIT)
        survivors = process.terminate_all(self._find_processes, grace, time.sleep)
        self._reap()
        return survivors

    def _note_processes_left(self) -> None:
        """Record which processes outlive the program; helpers of libraries end by themselves at once."""
        for _ in range(_LOOKS_AT_PROCESSES_LEFT):
            if not self._find_processes():
                return
            time.sleep(_PAUSE_BETWEEN_LOOKS)
        self.ended_after = [process.describe_process(pid) for pid in sorted(self._find_processes())]

    def _count_host_oom_kills(self) -> int | None:
        count = process.count_host_oom_kills()
        return None if count is None or self.host_oom_kills is None else max(0, count - self.host_oom_kills)

    def _record_exit(self, claim: dict[str, Any], survivors: list[int]) -> None:
        exit_code = None if self.status is None else os.waitstatus_to_exitcode(self.status)
        was_killed = exit_code is not None and exit_code < 0
        wall = time.time()
        if claim["boot_id"] == self.boot_id:
            seconds = process.read_seconds_since_boot() - claim["mono"]
        else:
            seconds = max(0.0, wall - claim["wall"])
        record = {
            "code": None if was_killed else exit_code,
            "signal": -exit_code if was_killed and exit_code is not None else None,
            "reason": self.reason or "exited",
            "started": claim["wall"],
            "ended": wall,
            "seconds": seconds,
            "survivors": survivors,
            "cookie": self.spec["cookie"],
            "killed": self.killed[:_MAX_NAMES],
            "ended_after": self.ended_after[:_MAX_NAMES],
            "oom_kills": max(0, process.count_oom_kills() - self.oom_kills),
            "host_oom_kills": self._count_host_oom_kills(),
        }
        line = json.dumps(record).encode().ljust(_EXIT_BYTES - 1) + b"\n"
        try:
            _move_away_unless_file(self._locate("exit.json.new"))
            self._write_exit("exit.json.new", os.O_WRONLY, line)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            # The reserved file cannot be used, so try without it.
            self._write_exit(f"exit.json.{os.getpid()}", os.O_WRONLY | os.O_CREAT, line)

    def _write_exit(self, name: str, flags: int, line: bytes) -> None:
        path = self._locate(name)
        handle = os.open(path, flags, 0o600)
        try:
            os.write(handle, line)
            os.fsync(handle)
        finally:
            os.close(handle)
        _move_away_unless_file(self._locate("exit.json"))
        os.rename(path, self._locate("exit.json"))
        _sync_folder_of(path)


def main() -> int:
    """Run the shim of the attempt whose `spec.json` the first argument names."""
    if os.getsid(0) != os.getpid():
        os.setsid()  # Processes in the shim's session are ended with the attempt.
    signal.pthread_sigmask(signal.SIG_BLOCK, (*_AWAITED_SIGNALS, signal.SIGINT, signal.SIGHUP))
    try:
        return Shim(sys.argv[1]).run()
    except OSError as error:
        sys.stderr.write(f"shim of {sys.argv[1]}: {error}\n")
        return 1 if error.errno in (errno.ENOSPC, errno.EDQUOT) else CANNOT_RECORD


if __name__ == "__main__":
    raise SystemExit(main())
