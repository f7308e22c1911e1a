"""The shim: a tiny process around each attempt, which survives everyone else and records the exit.

`python -m app.session.attempt.shim SPEC` runs in a session of its own. It holds the attempt's lock while it
lives and claims the attempt for ever, so that no attempt runs twice. Started again for an attempt whose
shim died, it finds the lock free and the claim taken: it then watches over what is left of the attempt and
records an unknown exit. So whoever finds an attempt without exit and without a shim just starts another
shim.

Its environment is the phase's, and is stored nowhere. Only the standard library: it starts in 20 ms.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import sys
import time
from typing import Any

from app.session.attempt import process

BUSY = 75
_SET_CHILD_SUBREAPER = 36
_WATCHED = (signal.SIGCHLD, signal.SIGTERM)
_DEFAULTED = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
_EXIT_BYTES = 4096
_LOOKS = 2  # a process that is just being replaced by another program shows no environment


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _write_whole(path: str, value: object) -> None:
    temporary = f"{path}.new"  # only who holds the attempt's lock writes
    with open(temporary, "w", opener=_private) as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(temporary, path)  # noqa: PTH104
    _sync_folder(path)


def _sync_folder(path: str) -> None:
    folder = os.open(os.path.dirname(path), os.O_RDONLY)  # noqa: PTH120
    os.fsync(folder)
    os.close(folder)


class Shim:
    """One attempt's shim: `run` starts the phase, or adopts what a dead shim left, and waits for its end."""

    def __init__(self, spec_path: str) -> None:
        self.folder = os.path.dirname(os.path.abspath(spec_path))  # noqa: PTH100, PTH120
        with open(spec_path, "rb") as file:  # noqa: PTH123
            self.spec: dict[str, Any] = json.load(file)
        self.boot_id = process.read_boot_id()
        self.child: int | None = None
        self.status: int | None = None
        self.reason = ""
        self.lock = os.open(self._path("lock"), os.O_RDWR | os.O_CREAT, 0o600)

    def _path(self, name: str) -> str:
        return f"{self.folder}/{name}"

    def run(self) -> int:
        """Return 0 when the exit is recorded, 75 when another shim has the attempt."""
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return BUSY
        if os.path.exists(self._path("exit.json")):  # noqa: PTH110
            return 0
        # Orphans of the phase become children of the shim, whatever they do to their environment.
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        me = process.identify(os.getpid())
        assert me is not None
        _write_whole(self._path("shim.json"), me._asdict())
        self._reserve_exit()
        log = os.open(self._path("output.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        claim, claimed_here = self._claim()
        if claimed_here:
            self._start(log)
            self._wait_for_child()
        else:
            self._adopt()
        survivors = self._end_rest()
        self._record_exit(claim, survivors)
        return 0

    def _reserve_exit(self) -> None:
        # The blocks of the exit record are taken now, so that a full disk cannot lose it.
        with open(self._path("exit.json.new"), "wb", opener=_private) as file:
            file.write(b" " * _EXIT_BYTES)
            file.flush()
            os.fsync(file.fileno())

    def _claim(self) -> tuple[dict[str, Any], bool]:
        claim = {"wall": time.time(), "mono": process.seconds_since_boot(), "boot_id": self.boot_id}
        try:
            handle = os.open(self._path("claim.json"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            try:
                with open(self._path("claim.json"), "rb") as file:  # noqa: PTH123
                    return json.load(file), False
            except ValueError:  # its shim died while it wrote
                return claim, False
        with contextlib.suppress(OSError):  # on a full disk the claim stands, and its time is not known later
            os.write(handle, json.dumps(claim).encode())
            os.fsync(handle)
            _sync_folder(self._path("claim.json"))
        os.close(handle)
        return claim, True

    def _start(self, log: int) -> None:
        nothing = os.open(os.devnull, os.O_RDONLY)
        argv = self.spec["argv"]
        try:
            os.chdir(self.spec["cwd"])
            self.child = os.posix_spawnp(
                argv[0],
                argv,
                os.environ,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, nothing, 0),
                    *((os.POSIX_SPAWN_DUP2, log, n) for n in (1, 2)),
                ],
                setpgroup=0,
                setsigmask=(),
                setsigdef=_DEFAULTED,
            )
        except OSError as error:
            self.reason = f"not started: {error}"
            with contextlib.suppress(OSError):
                os.write(log, f"gonogo: {self.reason}\n".encode())
            return
        finally:
            os.close(log)
            os.close(nothing)
        identity = process.identify(self.child)
        # A convenience for readers: the phase runs on where it cannot be written.
        with contextlib.suppress(OSError):
            if identity is not None:
                _write_whole(self._path("pid.json"), {**identity._asdict(), "cookie": self.spec["cookie"]})

    def _belonging(self) -> dict[int, process.ProcessStat]:
        self._reap()
        return process.find_attempt_processes(self.spec["cookie"], shim=os.getpid())

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.child:
                self.status = status

    def _asked_to_end(self, wait: float | None) -> bool:
        """Wait for a signal; say whether the attempt is to be ended, and note why."""
        deadline = self._seconds_to_deadline()
        if deadline is not None:
            wait = max(0.0, deadline if wait is None else min(wait, deadline))
        got = signal.sigwaitinfo(_WATCHED) if wait is None else signal.sigtimedwait(_WATCHED, wait)
        if got is not None and got.si_signo == signal.SIGTERM:
            self.reason = "stopped"
        elif deadline is not None and deadline <= 0:
            self.reason = "deadline"
        return bool(self.reason)

    def _seconds_to_deadline(self) -> float | None:
        deadline = self.spec.get("deadline")
        if deadline is None or deadline["boot_id"] != self.boot_id:
            return None
        return float(deadline["mono"] - process.seconds_since_boot())

    def _wait_for_child(self) -> None:
        while self.child is not None and self.status is None and not self._asked_to_end(None):
            self._reap()

    def _adopt(self) -> None:
        looks = _LOOKS
        while looks and not self._asked_to_end(0.1):
            looks = _LOOKS if self._belonging() else looks - 1
        self.reason = self.reason or "unknown"

    def _end_rest(self) -> list[int]:
        asked = self.reason in ("stopped", "deadline")
        grace = self.spec["grace"] if asked else min(self.spec["grace"], 5.0)
        left = process.terminate_all(self._belonging, grace, time.sleep)
        self._reap()
        return left

    def _record_exit(self, claim: dict[str, Any], survivors: list[int]) -> None:
        code = None if self.status is None else os.waitstatus_to_exitcode(self.status)
        same_boot = claim["boot_id"] == self.boot_id
        wall = time.time()
        record = {
            "code": code if code is None or code >= 0 else None,
            "signal": -code if code is not None and code < 0 else None,
            "reason": self.reason or "exited",
            "started": claim["wall"],
            "ended": wall,
            "seconds": process.seconds_since_boot() - claim["mono"]
            if same_boot
            else max(0.0, wall - claim["wall"]),
            "survivors": survivors,
        }
        new = self._path("exit.json.new")
        handle = os.open(new, os.O_WRONLY)
        os.write(handle, json.dumps(record).encode().ljust(_EXIT_BYTES - 1) + b"\n")
        os.fsync(handle)
        os.close(handle)
        os.rename(new, self._path("exit.json"))  # noqa: PTH104
        _sync_folder(new)


def main() -> int:
    """Run the shim of the attempt that the first argument specifies."""
    if os.getsid(0) != os.getpid():
        os.setsid()  # what shares the shim's session is ended with it
    signal.pthread_sigmask(signal.SIG_BLOCK, (*_WATCHED, signal.SIGINT, signal.SIGHUP))
    return Shim(sys.argv[1]).run()


if __name__ == "__main__":
    raise SystemExit(main())
