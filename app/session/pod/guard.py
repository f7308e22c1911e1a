"""The guard: a small process that stops the pod when money or time runs out, even if no conductor is left.

`python -m app.session.pod.guard FOLDER` reads its orders from `guard.json`, which the conductor writes: when
to stop the pod, and how. The guard replaces a conductor that died or hangs, as the conductor replaces the
guard. When the stop is due, the guard ends the running attempt so that it can save, bundles the session, and
tries each stop command until one is confirmed. It reports to `guard.jsonl`, and the conductor shows the
reports. It never decides a gate.
"""

import contextlib
import errno
import fcntl
import json
import math
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from app.session import registry
from app.session.attempt import process
from app.session.folder import BY_GUARD, build_launch_command, write_record
from app.session.folder_watch import FolderWatch
from app.session.heartbeat import (
    CONDUCTOR_HEARTBEAT,
    GUARD_HEARTBEAT,
    HangWatch,
    Heartbeat,
    write_heartbeat,
)
from app.session.pod.commands import run_command
from phases.contract.files import open_for_appending

ORDERS_FILE = "guard.json"
SPARE_ORDERS_FILE = "guard_spare.json"  # The conductor writes it if it cannot write the other.
REPORTS_FILE = "guard.jsonl"
PROCESS_FILE = "guard_process.json"
LOCK_FILE = "guard.lock"
BUNDLE_FILE = "guard.bundle"
HANG_SECONDS = 20.0
_INTERVAL_SECONDS = 1.0
_COMMAND_SECONDS = 120.0
_SAVE_SECONDS = 120.0
_SAVE_MARGIN_SECONDS = 15.0
_KILL_SECONDS = 5.0
_RETRY_STOP_SECONDS = 600.0
_MAX_RETRY_SECONDS = 60.0
_START_SECONDS = 2.0
_MAX_RESTART_DOUBLINGS = 6
_TRIES_REPORTED_EACH = 3
_TRIES_PER_LATER_REPORT = 60
_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)


class Guard:
    """The guard of one session; tests replace `pause` and `now`."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        pause: Callable[[float], None] | None = None,
        now: Callable[[], float] = process.read_seconds_since_boot,
        *,
        orders: bytes = b"",
    ) -> None:
        """Guard the session of a folder; `orders` hold until the folder has others."""
        self.folder = folder
        self._environment = dict(environment)
        self._pause = pause or self._wait
        self._now = now
        self._boot_id = process.read_boot_id()
        self._orders: dict[str, Any] = {}
        self._accept_orders(orders)
        self._hang = HangWatch(folder / CONDUCTOR_HEARTBEAT, HANG_SECONDS, now)
        self._restarts = 0
        self._next_restart = -math.inf
        self._folder_watch = FolderWatch(folder, now)
        self._reported_session: Path | None = None
        self._can_start_programs = True
        self._idle_since: float | None = None
        self._idle_cookie = ""

    def run(self) -> None:
        """Watch the session until the orders say to stand down, or its folder is gone and no stop is due."""
        while True:
            self._beat()
            if self._is_folder_gone():
                if not self._orders.get("commands"):
                    self._end_attempt(self._orders)
                    return
            else:
                self._read_orders()
                if self._orders.get("stand_down"):
                    return
                self._replace_conductor()
            self._watch_attempt()
            if self._is_due(self._orders):
                self.stop_pod()
            self._pause(min(float(self._orders.get("tick", _INTERVAL_SECONDS)), _INTERVAL_SECONDS))

    def _wait(self, seconds: float) -> None:
        """Wait, but only until the conductor dies."""
        conductor = process.read_identity(self.folder / "conductor.json")
        if conductor is None or not process.is_alive(conductor):
            time.sleep(min(seconds, _INTERVAL_SECONDS))
            return
        try:
            handle = os.pidfd_open(conductor.pid)
        except OSError:
            return
        try:
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            poll.poll(seconds * 1000)
        finally:
            os.close(handle)

    def _beat(self) -> None:
        """Write the heartbeat; without it the conductor replaces a guard that cannot start programs."""
        if self._can_start_programs:
            write_heartbeat(
                self.folder / GUARD_HEARTBEAT,
                Heartbeat(time.time(), process.read_seconds_since_boot(), self._boot_id),
            )

    def _beat_while_running(self) -> None:
        self._can_start_programs = True
        self._beat()

    def _is_folder_gone(self) -> bool:
        """Return whether the session's folder is missing for longer than a file system takes to come back."""
        is_gone = self._folder_watch.is_gone()
        # Without orders there is nothing to wait for.
        return is_gone or (self._folder_watch.gone_since is not None and not self._orders)

    def _read_orders(self) -> None:
        """Read the orders; those that are lost, empty or cannot be read leave the previous ones in force."""
        for name in (SPARE_ORDERS_FILE, ORDERS_FILE):
            with contextlib.suppress(OSError, ValueError):
                self._accept_orders(process.read_record(self.folder / name))

    def _accept_orders(self, data: bytes) -> None:
        """Put orders into force, unless they are not orders, or were given before those in force."""
        try:
            orders = json.loads(data)
        except (ValueError, RecursionError):
            return
        is_order = isinstance(orders, dict) and ("due" in orders or orders.get("stand_down"))
        if is_order and not self._are_older(orders):
            self._orders = orders

    def _are_older(self, orders: Mapping[str, Any]) -> bool:
        """Return whether orders were given before those in force: a file that cannot be replaced has such."""
        given_at = self._orders.get("given")
        if given_at is None or self._orders.get("boot_id") != self._boot_id:
            return False
        given_now = orders.get("given")
        return not isinstance(given_now, int | float) or not given_at <= given_now <= self._now()

    def _is_due(self, orders: Mapping[str, Any]) -> bool:
        due = orders.get("due")
        limits = [due] if due is not None else []
        if orders.get("commands"):
            wait = float(orders.get("gone_wait", 0.0))
            if self._folder_watch.gone_since is not None:
                # A session whose folder is gone accepts no decision.
                limits.append(self._folder_watch.gone_since + wait)
            if self._idle_since is not None:
                limits.append(self._idle_since + wait + float(orders.get("hang", HANG_SECONDS)))
        return bool(limits) and orders.get("boot_id") == self._boot_id and self._now() >= min(limits)

    def _watch_attempt(self) -> None:
        """Note since when the attempt has no process left, although the orders say that it runs.

        It lasts if no conductor can record the end of the attempt, because the journal is damaged or cannot
        be written. The pod would be idle until the budget is spent.
        """
        folder, cookie = self._orders.get("attempt"), self._orders.get("cookie")
        if not folder or not cookie or self._has_processes(Path(folder), cookie):
            self._idle_since = None
        elif self._idle_since is None or cookie != self._idle_cookie:
            self._idle_since, self._idle_cookie = self._now(), cookie

    @staticmethod
    def _has_processes(folder: Path, cookie: str) -> bool:
        return process.is_recorded_alive(folder / "shim.json") or bool(process.find_attempt_processes(cookie))

    def _replace_conductor(self) -> None:
        """Start the conductor again if it died; kill it first if it hangs."""
        conductor = process.read_identity(self.folder / "conductor.json")
        if conductor is not None and process.is_alive(conductor):
            self._hang.limit = float(self._orders.get("hang", HANG_SECONDS))
            if not self._hang.is_hanging(conductor):
                self._restarts = 0
                return
            process.signal_identity(conductor, signal.SIGKILL)
            self.report("the conductor did not respond and was killed")
            return
        command = self._orders.get("conductor")
        if not command and conductor is not None:  # The orders are lost.
            command = [*build_launch_command(self.folder), BY_GUARD]
        if not command or self._now() < self._next_restart:
            return
        self._read_orders()  # A conductor that leaves orders the guard to stand down.
        if self._orders.get("stand_down"):
            return
        # Wait twice as long after each restart that did not help.
        doublings = min(self._restarts, _MAX_RESTART_DOUBLINGS)
        self._restarts += 1
        self._next_restart = self._now() + _START_SECONDS * 2**doublings
        self._run(command, log=self.folder / "conductor.log")
        self.report("the conductor was gone and has been started again")

    def stop_pod(self) -> None:
        """End the attempt, bundle the session, and try the stop commands in turn until one is confirmed."""
        orders = self._orders
        if self._is_used_by_another():
            return
        why = (
            orders["why"] if self._idle_since is None else "no phase is running, and no decision is possible"
        )
        self.report(f"stopping the pod: {why}")
        self._end_attempt(orders)
        self._bundle(orders)
        wait, tries = 1.0, 1
        while True:
            if self._is_cancelled(orders):
                self.report("the stop of the pod was cancelled")
                return
            if self._is_used_by_another():
                return
            should_report = tries <= _TRIES_REPORTED_EACH or tries % _TRIES_PER_LATER_REPORT == 0
            if self._try_stop_commands(orders, report_failures=should_report):
                break
            if should_report:
                self.report(f"the pod could not be stopped; trying again in {wait:.0f} s (try {tries})")
            tries += 1
            self._wait_and_watch(wait)
            wait = min(2 * wait, _MAX_RETRY_SECONDS)
        # Stopping the pod ends this process. If it is still running later, the pod was not stopped.
        deadline = self._now() + _RETRY_STOP_SECONDS
        while self._now() < deadline and self._is_due(self._orders) and not self._is_cancelled(orders):
            self._wait_and_watch(min(float(orders.get("tick", 1.0)), 1.0))

    def _is_cancelled(self, initial_orders: Mapping[str, Any]) -> bool:
        """Return whether the operator has acted since the stop began.

        The end of the attempt changes the orders as well, but it does not cancel the stop.
        """
        if self._folder_watch.gone_since is None:
            self._read_orders()
        if self._orders.get("stand_down") or self._orders.get("due") is None:
            return self._folder_watch.gone_since is None
        return bool(self._orders.get("answers") != initial_orders.get("answers"))

    def _is_used_by_another(self) -> bool:
        """Return whether another session runs a phase on this pod, and report it once."""
        try:
            other = registry.find_session_with_running_phase(self.folder)
        except Exception:  # Records that cannot be read must not keep the pod running.
            return False
        if other is not None and other != self._reported_session:
            self.report(f"the pod is not stopped while session {other.name} is running on it")
        self._reported_session = other
        return other is not None

    def _bundle(self, orders: Mapping[str, Any]) -> None:
        if not orders.get("bundle") or self._folder_watch.gone_since is not None:
            return
        takes = float(orders.get("bundle_takes", _COMMAND_SECONDS))
        marker = self.folder / BUNDLE_FILE
        with contextlib.suppress(OSError):
            # A container that restarts while it bundles must not begin again forever.
            if marker.exists() and 0 <= time.time() - marker.stat().st_mtime < takes:
                return
            marker.touch(mode=0o600)
        code = self._run(orders["bundle"], timeout=takes)
        with contextlib.suppress(OSError):
            marker.unlink()
        self.report("the session is bundled" if code == 0 else "the session could not be bundled")

    def _try_stop_commands(self, orders: Mapping[str, Any], report_failures: bool) -> bool:
        for command in orders["commands"]:
            is_stopped = self._run(command, reports=report_failures) == 0
            if is_stopped and orders.get("confirm"):
                is_stopped = self._run(orders["confirm"], reports=report_failures) == 0
            if is_stopped:
                self.report(f"{command[0]}: the pod is stopped")
                return True
            if report_failures:
                self.report(f"{command[0]}: failed")
        return False

    def _end_attempt(self, orders: Mapping[str, Any]) -> None:
        """End the running attempt: TERM, so that it can save, then KILL."""
        folder, cookie = orders.get("attempt"), orders.get("cookie")
        if folder is None:
            return
        shim = process.read_identity(Path(folder) / "shim.json")
        grace = float(orders.get("grace", _SAVE_SECONDS))
        if shim is not None:
            deadline = self._now() + grace + _SAVE_MARGIN_SECONDS
            while process.is_alive(shim) and self._now() < deadline:
                process.signal_identity(shim, signal.SIGTERM)
                process.signal_identity(shim, signal.SIGCONT)
                self._wait_and_watch(0.2)
        if cookie and (shim is None or process.is_alive(shim)):
            # The shim is gone, or does not end the attempt. A live shim can still record the exit.
            grace = grace if shim is None else 0.0
            process.terminate_all(lambda: _find_attempt_processes(cookie, shim), grace, self._wait_and_watch)
        deadline = self._now() + _KILL_SECONDS
        while shim is not None and process.is_alive(shim) and self._now() < deadline:
            self._wait_and_watch(0.2)
        if shim is not None:
            process.signal_identity(shim, signal.SIGKILL)

    def _wait_and_watch(self, seconds: float) -> None:
        """Wait, but keep writing the heartbeat and watching the conductor."""
        self._keep_watch()
        while seconds > _INTERVAL_SECONDS:
            self._pause(_INTERVAL_SECONDS)
            self._keep_watch()
            seconds -= _INTERVAL_SECONDS
        self._pause(seconds)

    def _keep_watch(self) -> None:
        self._beat()
        if self._folder_watch.gone_since is None:
            # The operator's decision, which cancels a stop of the pod, needs a conductor.
            self._replace_conductor()

    def _run(
        self,
        command: list[str],
        log: Path | None = None,
        timeout: float = _COMMAND_SECONDS,
        *,
        reports: bool = False,
    ) -> int | None:
        """Run a command and return its exit code, or None if it did not start or took too long."""
        try:
            return run_command(
                command, self._environment, timeout=timeout, log=log, beat=self._beat_while_running
            )
        except ValueError as error:
            if reports:
                self.report(f"{command[0]}: not run, because {error}")
        except OSError as error:
            self._can_start_programs = error.errno not in _SHORTAGES
        except subprocess.SubprocessError:
            pass
        return None

    def report(self, text: str) -> None:
        """Append a report for the conductor to show."""
        line = json.dumps({"time": time.time(), "text": text}) + "\n"
        with contextlib.suppress(OSError):
            handle = open_for_appending(self.folder / REPORTS_FILE)
            os.write(handle, line.encode())
            os.close(handle)


def _find_attempt_processes(
    cookie: str, shim: process.ProcessIdentity | None
) -> dict[int, process.ProcessStat]:
    processes = process.find_attempt_processes(cookie)
    if shim is not None:
        processes.pop(shim.pid, None)
    return processes


def main(folder: Path) -> int:
    """Guard a session, unless it already has a guard; standard input has the first orders."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    orders = sys.stdin.buffer.read()
    try:
        lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        write_record(folder / PROCESS_FILE, process.identify_self()._asdict())
    except BlockingIOError:
        return 0
    except OSError:
        pass  # The folder was deleted or moved, or cannot be written: the orders hold all the same.
    Guard(folder, os.environ, orders=orders).run()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
