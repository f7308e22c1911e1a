"""Orders for the guard: write `guard.json`, keep a guard running, and read what it reports."""

import contextlib
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from app.monitor.tails import CHUNK, FileTail
from app.plan.schema import Plan
from app.session.attempt import process
from app.session.clock import Clock
from app.session.folder import BY_GUARD, SessionFolder, Settings, build_launch_command, write_record
from app.session.heartbeat import GUARD_HEARTBEAT, HangWatch
from app.session.journal.events import NoticePosted
from app.session.journal.state import State
from app.session.money.deadlines import PodStop
from app.session.pod import guard
from phases.contract import files

_MAX_REPORTS = 20


def build_orders(
    plan: Plan,
    state: State,
    folder: SessionFolder,
    stop: PodStop | None,
    *,
    settings: Settings,
    stand_down: bool,
) -> dict[str, object]:
    """Return the content of `guard.json`.

    Args:
        plan: the plan, which has the commands that stop the pod.
        state: the session.
        folder: its folder.
        stop: when and why the pod is stopped, or None if it is not.
        settings: intervals and limits of the background processes.
        stand_down: whether the guard should exit.
    """
    phase = state.current
    attempt, cookie = None, ""
    if phase is not None and phase.is_running and phase.last is not None:
        attempt = str(folder.locate_attempt(phase.id, phase.attempt_number))
        cookie = phase.last.spec.cookie
    return {
        "stand_down": stand_down,
        "tick": settings.guard,
        "hang": settings.hang,
        "grace": settings.grace,
        "boot_id": process.read_boot_id(),
        # Whole seconds, so that rounding errors do not rewrite the file; never before the time.
        "due": math.ceil(stop.due) if stop else None,
        "why": stop.reason if stop else "",
        # The guard cancels a stop that has begun only if this record of the operator's actions changes.
        "answers": [
            len(state.decisions),
            state.stop_request is not None,
            state.pod_kept,
            state.returned_up,
        ],
        "attempt": attempt,
        "cookie": cookie,
        "gone_wait": plan.unattended.stop_after,
        "commands": [plan.pod.stop_command, *plan.pod.stop_fallbacks] if stop else [],
        "confirm": plan.pod.stopped_command,
        "bundle": [sys.executable, "-P", "-m", "app.cli", "bundle", "--session", str(folder.path)],
        "bundle_takes": plan.unattended.landing,
        "conductor": [*build_launch_command(folder.path), BY_GUARD],
    }


class GuardSupervisor:
    """Gives orders to the session's guard, and replaces a guard that died or hangs."""

    def __init__(
        self,
        plan: Plan,
        folder: SessionFolder,
        clock: Clock,
        *,
        environment: Mapping[str, str],
        settings: Settings,
        mask: Callable[[str], str],
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._environment = environment
        self._settings = settings
        self._mask = mask
        self._guard: subprocess.Popen[bytes] | None = None
        self._identity: process.ProcessIdentity | None = None
        self._hang = HangWatch(folder.path / GUARD_HEARTBEAT, settings.hang, clock.mono)
        self._reports = FileTail(folder.path / guard.REPORTS_FILE)
        self._clock = clock
        self._orders: dict[str, object] = {}
        self._given = 0.0
        self._handed = b""

    def give_orders(self, state: State, stop: PodStop | None, *, stand_down: bool) -> list[NoticePosted]:
        """Start a guard unless there is one or it should stand down; write the orders if the file lacks them.

        A new guard gets the orders directly as well: the folder may be deleted before it reads them, or may
        be read-only, in which case each change of the orders replaces the guard.

        Args:
            state: the session.
            stop: when and why the pod is stopped, or None if it is not.
            stand_down: whether the guard should exit.

        Returns:
            A notice if something was wrong with the guard.
        """
        orders = build_orders(
            self._plan, state, self._folder, stop, settings=self._settings, stand_down=stand_down
        )
        if orders != self._orders:
            self._orders, self._given = orders, self._clock.mono()
        orders = {**orders, "given": self._given}
        data = msgspec.json.format(msgspec.json.encode(orders), indent=2) + b"\n"
        problem = "" if stand_down else self._replace_guard(data)
        self._write_orders(orders, data)
        if stand_down:
            self._wake_guard()
        return [NoticePosted(text=problem)] if problem else []

    def _write_orders(self, orders: dict[str, object], data: bytes) -> None:
        path, spare = (self._folder.path / name for name in (guard.ORDERS_FILE, guard.SPARE_ORDERS_FILE))
        if data in (_read_bytes(spare), _read_bytes(path)):
            return
        try:
            write_record(path, orders)
        except OSError:
            self._write_spare_orders(spare, orders, data)
        else:
            with contextlib.suppress(OSError):  # The guard follows those that were given last.
                spare.unlink(missing_ok=True)

    def _write_spare_orders(self, spare: Path, orders: dict[str, object], data: bytes) -> None:
        try:
            write_record(spare, orders)
        except FileNotFoundError:
            raise
        except OSError:
            if self._handed != data:
                self._kill_guard()

    def _kill_guard(self) -> None:
        if self._identity is not None:
            process.signal_identity(self._identity, signal.SIGKILL)
        if self._guard is not None:  # Its record may be missing.
            self._guard.kill()

    def _wake_guard(self) -> None:
        """Continue a guard that was stopped, so that it reads that it should exit."""
        identity = process.read_identity(self._folder.path / guard.PROCESS_FILE)
        if identity is not None:
            process.signal_identity(identity, signal.SIGCONT)

    def _replace_guard(self, orders: bytes) -> str:
        problem = ""
        if self._guard is not None and self._guard.poll() is not None:
            self._guard = None
        # A guard whose record was deleted with the folder still works.
        self._identity = process.read_identity(self._folder.path / guard.PROCESS_FILE) or self._identity
        if self._identity is not None and process.is_alive(self._identity):
            if not self._hang.is_hanging(self._identity):
                return ""
            process.signal_identity(self._identity, signal.SIGKILL)
            problem = "The guard did not respond and was killed"
        if self._guard is not None and self._guard.poll() is None:
            return problem  # It is starting, or has just been killed.
        with os.fdopen(os.memfd_create("orders"), "w+b") as file:
            file.write(orders)
            file.seek(0)
            self._guard = subprocess.Popen(
                [sys.executable, "-P", "-m", "app.session.pod.guard", str(self._folder.path)],
                env=dict(self._environment),
                cwd="/",
                stdin=file,
                start_new_session=True,
            )
        self._handed = orders
        return problem

    def read_reports(self) -> list[NoticePosted]:
        """Return a notice for each new report; of many, only the last ones."""
        notices: list[NoticePosted] = []
        offset = self._reports.offset
        lines, _, _ = self._reports.read_lines(most_behind=CHUNK)
        for line in lines:
            with contextlib.suppress(ValueError, RecursionError, AttributeError):
                report = msgspec.json.decode(line)
                text = f"Guard: {self._mask(str(report.get('text', '')))}"
                notices.append(NoticePosted(text=text, key=f"guard {report.get('time')} {offset}"))
            offset += len(line) + 1
        return notices[-_MAX_REPORTS:]


def _read_bytes(path: Path) -> bytes:
    try:
        return files.read_regular_file(path, CHUNK)
    except (OSError, ValueError):
        return b""
