"""The guard: a small process that stops the pod when money or time runs out, even if no conductor is left.

`python -m app.session.pod.guard FOLDER` reads its orders from `guard.json`, which the conductor writes: when
to stop the pod, and how. The guard restarts a conductor that died, as the conductor restarts the guard. When
the stop is due, the guard ends the running attempt so that it can save, bundles the session, and tries each
stop command until one is confirmed. It reports to `guard.jsonl`, and the conductor shows the reports. It
never decides a gate.
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
from app.session.pod.commands import expand_command

ORDERS_FILE = "guard.json"
REPORTS_FILE = "guard.jsonl"
PROCESS_FILE = "guard_process.json"
_COMMAND_SECONDS = 120.0
_SAVE_SECONDS = 300.0
_RETRY_STOP_SECONDS = 600.0
_MAX_RETRY_SECONDS = 60.0
_MISSES_BEFORE_RESTART = 2
_MAX_RESTART_DOUBLINGS = 5
_TRIES_REPORTED_EACH = 3
_TRIES_PER_LATER_REPORT = 60


class Guard:
    """The guard of one session; tests replace `pause` and `now`."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        pause: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = process.seconds_since_boot,
    ) -> None:
        self.folder = folder
        self._environment = dict(environment)
        self._pause = pause
        self._now = now
        self._misses = 0
        self._restarts = 0

    def run(self) -> None:
        """Watch the session until the orders say to stand down or its folder is removed."""
        orders: dict[str, Any] = {}
        while self.folder.exists():
            orders = self._read_orders() or orders
            if orders.get("stand_down"):
                return
            self._restart_dead_conductor(orders)
            if self._is_due(orders):
                self.stop_pod(orders)
            self._pause(float(orders.get("tick", 1.0)))

    def _read_orders(self) -> dict[str, Any]:
        try:
            orders = json.loads((self.folder / ORDERS_FILE).read_bytes())
        except (OSError, ValueError):
            return {}
        return orders if isinstance(orders, dict) else {}

    def _is_due(self, orders: Mapping[str, Any]) -> bool:
        due = orders.get("due")
        return due is not None and orders.get("boot_id") == process.read_boot_id() and self._now() >= due

    def _restart_dead_conductor(self, orders: Mapping[str, Any]) -> None:
        if process.is_recorded_alive(self.folder / "conductor.json"):
            self._misses = self._restarts = 0
            return
        self._misses += 1
        # Wait twice as long after each restart that did not help.
        doublings = min(self._restarts, _MAX_RESTART_DOUBLINGS)
        if orders.get("conductor") and self._misses >= _MISSES_BEFORE_RESTART * 2**doublings:
            self._misses, self._restarts = 0, self._restarts + 1
            self._run(orders["conductor"], log=self.folder / "conductor.log")
            self.report("the conductor was gone and has been started again")

    def stop_pod(self, orders: Mapping[str, Any]) -> None:
        """End the attempt, bundle the session, and try the stop commands in turn until one is confirmed."""
        self.report(f"stopping the pod: {orders['why']}")
        self._end_attempt(orders.get("attempt"))
        if orders.get("bundle"):
            code = self._run(orders["bundle"], timeout=float(orders.get("bundle_takes", _COMMAND_SECONDS)))
            self.report("the session is bundled" if code == 0 else "the session could not be bundled")
        wait, tries = 1.0, 1
        while True:
            if not self._is_due(self._read_orders()):  # The operator has returned.
                self.report("the stop of the pod was cancelled")
                return
            should_report = tries <= _TRIES_REPORTED_EACH or tries % _TRIES_PER_LATER_REPORT == 0
            if self._try_stop_commands(orders, report_failures=should_report):
                break
            if should_report:
                self.report(f"the pod could not be stopped; trying again in {wait:.0f} s (try {tries})")
            tries += 1
            self._pause(wait)
            wait = min(2 * wait, _MAX_RETRY_SECONDS)
        # Stopping the pod ends this process. If it is still running later, the pod was not stopped.
        deadline = self._now() + _RETRY_STOP_SECONDS
        while self._now() < deadline and self._is_due(self._read_orders()):
            self._pause(min(float(orders.get("tick", 1.0)), 1.0))

    def _try_stop_commands(self, orders: Mapping[str, Any], report_failures: bool) -> bool:
        for command in orders["commands"]:
            is_stopped = self._run(command) == 0
            if is_stopped and orders.get("confirm"):
                is_stopped = self._run(orders["confirm"]) == 0
            if is_stopped:
                self.report(f"{command[0]}: the pod is stopped")
                return True
            if report_failures:
                self.report(f"{command[0]}: failed")
        return False

    def _end_attempt(self, folder: str | None) -> None:
        if folder is None:
            return
        shim = process.read_identity(Path(folder) / "shim.json")
        deadline = self._now() + _SAVE_SECONDS
        while shim is not None and process.is_alive(shim) and self._now() < deadline:
            process.signal_identity(shim, signal.SIGTERM)
            self._pause(0.2)

    def _run(
        self, command: list[str], log: Path | None = None, timeout: float = _COMMAND_SECONDS
    ) -> int | None:
        """Run a command and return its exit code, or None if it did not start or took too long."""
        with open(log or os.devnull, "ab") as output:  # noqa: PTH123 - either a path or a name
            try:
                return subprocess.run(
                    expand_command(command, self._environment),
                    env=self._environment,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    timeout=timeout,
                    check=False,
                ).returncode
            except (OSError, subprocess.TimeoutExpired):
                return None

    def report(self, text: str) -> None:
        """Append a report for the conductor to show."""
        line = json.dumps({"time": time.time(), "text": text}) + "\n"
        with contextlib.suppress(OSError):
            handle = os.open(self.folder / REPORTS_FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(handle, line.encode())
            os.close(handle)


def main(folder: Path) -> int:
    """Guard a session, unless it already has a guard."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    lock = os.open(folder / "guard.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0
    temporary = folder / f".{PROCESS_FILE}"
    temporary.write_text(json.dumps(process.identify_self()._asdict()))
    temporary.chmod(0o600)
    temporary.replace(folder / PROCESS_FILE)
    Guard(folder, os.environ).run()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
