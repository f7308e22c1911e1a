"""The guard: a small process that ends what costs money when nobody else does.

`python -m app.session.pod.guard FOLDER` reads its orders from `guard.json`, which the conductor writes:
when the pod is to be stopped, and how. It starts the conductor again if that died, as the conductor starts
the guard. When the time comes it has the running attempt saved and ended, bundles the session, and tries
each way to stop the pod until one is confirmed. What it does it tells in `guard.jsonl`, which the conductor
passes on. It never decides a gate.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from app.session.attempt import process

ORDERS = "guard.json"
TOLD = "guard.jsonl"
ITSELF = "guard_process.json"
_COMMAND_TAKES = 120.0
_SAVING_TAKES = 300.0
_AGAIN_AFTER = 600.0
_LONGEST_WAIT = 60.0
_MISSES_BEFORE_START = 2
_TOLD_EACH = 3
_TOLD_EVERY = 60


def read_json(path: Path) -> dict[str, Any]:
    """Return a record, or an empty one if it cannot be read."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def identity(record: Mapping[str, Any]) -> process.Identity | None:
    """Return the process that a record names, if it names one."""
    try:
        return process.Identity(*(record[field] for field in process.Identity._fields))
    except KeyError:
        return None


def is_running(path: Path) -> bool:
    """Say whether the process that a record names still runs."""
    found = identity(read_json(path))
    return found is not None and process.is_alive(found)


class Guard:
    """One session's guard. `pause` and `now` are given, so that tests need not wait."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        pause: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = process.boottime,
    ) -> None:
        self.folder = folder
        self._environment = dict(environment)
        self._pause = pause
        self._now = now
        self._misses = 0
        self._starts = 0

    def run(self) -> None:
        """Watch until the orders say that there is nothing more to guard, or the session's folder is gone."""
        orders: dict[str, Any] = {}
        while self.folder.exists():
            orders = read_json(self.folder / ORDERS) or orders
            if orders.get("stand_down"):
                return
            self._see_to_conductor(orders)
            if self._is_due(orders):
                self.stop_pod(orders)
            self._pause(float(orders.get("tick", 1.0)))

    def _is_due(self, orders: Mapping[str, Any]) -> bool:
        due = orders.get("due")
        return due is not None and orders.get("boot_id") == process.boot_id() and self._now() >= due

    def _see_to_conductor(self, orders: Mapping[str, Any]) -> None:
        if is_running(self.folder / "conductor.json"):
            self._misses = self._starts = 0
            return
        self._misses += 1
        # Each start that does not help is followed by twice the wait.
        if orders.get("conductor") and self._misses >= _MISSES_BEFORE_START * 2 ** min(self._starts, 5):
            self._misses, self._starts = 0, self._starts + 1
            self._run(orders["conductor"], log=self.folder / "conductor.log")
            self.tell("the conductor was gone and has been started again")

    def stop_pod(self, orders: Mapping[str, Any]) -> None:
        """Have the attempt saved and ended, bundle, then stop the pod, each way in turn, until confirmed."""
        self.tell(f"stopping the pod: {orders['why']}")
        self._end_attempt(orders.get("attempt"))
        if orders.get("bundle"):
            done = self._run(orders["bundle"], takes=float(orders.get("bundle_takes", _COMMAND_TAKES)))
            self.tell("the session is bundled" if done == 0 else "the session could not be bundled")
        wait, tries = 1.0, 1
        while True:
            if not self._is_due(read_json(self.folder / ORDERS)):  # the operator came back
                self.tell("the pod is no longer to be stopped")
                return
            if self._stopped(orders, quiet=tries > _TOLD_EACH and tries % _TOLD_EVERY != 0):
                break
            if tries <= _TOLD_EACH or tries % _TOLD_EVERY == 0:
                self.tell(f"the pod could not be stopped; trying again in {wait:.0f} s (try {tries})")
            tries += 1
            self._pause(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
        # A pod that was stopped takes this process with it. One that goes on was not.
        ends = self._now() + _AGAIN_AFTER
        while self._now() < ends and self._is_due(read_json(self.folder / ORDERS)):
            self._pause(min(float(orders.get("tick", 1.0)), 1.0))

    def _stopped(self, orders: Mapping[str, Any], quiet: bool) -> bool:
        for command in orders["commands"]:
            done = self._run(command) == 0
            if done and orders.get("confirm"):
                done = self._run(orders["confirm"]) == 0
            if done or not quiet:
                self.tell(f"{command[0]}: {'the pod is stopped' if done else 'failed'}")
            if done:
                return True
        return False

    def _end_attempt(self, attempt: str | None) -> None:
        if attempt is None:
            return
        shim = identity(read_json(Path(attempt) / "shim.json"))
        ends = self._now() + _SAVING_TAKES
        while shim is not None and process.is_alive(shim) and self._now() < ends:
            process.send_to(shim, signal.SIGTERM)
            self._pause(0.2)

    def _run(self, command: list[str], log: Path | None = None, takes: float = _COMMAND_TAKES) -> int | None:
        """Run a command and return its exit code, None if it could not run or took too long."""
        argv = [expanded(word, self._environment) for word in command]
        with open(log or os.devnull, "ab") as output:  # noqa: PTH123
            try:
                return subprocess.run(
                    argv,
                    env=self._environment,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    timeout=takes,
                    check=False,
                ).returncode
            except (OSError, subprocess.TimeoutExpired):
                return None

    def tell(self, text: str) -> None:
        """Say what was done, for the conductor to record."""
        line = json.dumps({"time": time.time(), "text": text}) + "\n"
        with contextlib.suppress(OSError):
            handle = os.open(self.folder / TOLD, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(handle, line.encode())
            os.close(handle)


def expanded(word: str, environment: Mapping[str, str]) -> str:
    """Return a word of a command with `$NAME` and `${NAME}` replaced; unknown names stay."""
    for name, value in environment.items():
        word = value if word in (f"${name}", f"${{{name}}}") else word
    return word


def main(folder: Path) -> int:
    """Guard a session, if nobody does."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    lock = os.open(folder / "guard.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0
    me = process.identify(os.getpid())
    assert me is not None
    new = folder / f".{ITSELF}"
    new.write_text(json.dumps(me._asdict()))
    new.chmod(0o600)
    new.replace(folder / ITSELF)
    Guard(folder, os.environ).run()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
