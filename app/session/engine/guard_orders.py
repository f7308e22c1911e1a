"""Orders for the guard: write `guard.json`, keep a guard running, and read what it reports."""

import subprocess
import sys
from collections.abc import Mapping

from app.plan.schema import Plan
from app.session.attempt import process
from app.session.folder import BY_GUARD, SessionFolder, launch_command
from app.session.journal.state import State
from app.session.money.deadlines import PodStop
from app.session.pod import guard
from phases.contract import files


def build_orders(
    plan: Plan, state: State, folder: SessionFolder, stop: PodStop | None, *, tick: float, stand_down: bool
) -> dict[str, object]:
    """Return the content of `guard.json`.

    Args:
        plan: the plan, which has the commands that stop the pod.
        state: the session.
        folder: its folder.
        stop: when and why the pod is stopped, or None if it is not.
        tick: seconds between two checks of the guard.
        stand_down: whether the guard should exit.
    """
    phase = state.current
    attempt = None
    if phase is not None and phase.is_running:
        attempt = str(folder.attempt(phase.id, phase.attempt_number))
    return {
        "stand_down": stand_down,
        "tick": tick,
        "boot_id": process.read_boot_id(),
        "due": round(stop.due) if stop else None,
        "why": stop.reason if stop else "",
        "attempt": attempt,
        "commands": [plan.pod.stop_command, *plan.pod.stop_fallbacks] if stop else [],
        "confirm": plan.pod.stopped_command,
        "bundle": [sys.executable, "-P", "-m", "app.cli", "bundle", "--session", str(folder.path)],
        "bundle_takes": plan.unattended.landing,
        "conductor": [*launch_command(folder.path), BY_GUARD],
    }


class GuardSupervisor:
    """Gives orders to the session's guard and starts it if it is not running."""

    def __init__(self, folder: SessionFolder, environment: Mapping[str, str]) -> None:
        self._folder = folder.path
        self._environment = environment
        self._orders: dict[str, object] = {}
        self._guard: subprocess.Popen[bytes] | None = None

    def give_orders(self, orders: dict[str, object]) -> None:
        """Write the orders if they have changed; start a guard unless they say to stand down."""
        if orders != self._orders:
            files.write_json(self._folder / guard.ORDERS_FILE, orders)
            self._orders = orders
        if not orders["stand_down"]:
            self._start_if_gone()

    def _start_if_gone(self) -> None:
        if self._guard is not None and self._guard.poll() is None:
            return
        self._guard = None
        if process.is_recorded_alive(self._folder / guard.PROCESS_FILE):
            return
        self._guard = subprocess.Popen(
            [sys.executable, "-P", "-m", "app.session.pod.guard", str(self._folder)],
            env=dict(self._environment),
            cwd="/",
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def read_reports(self) -> list[str]:
        """Return the texts that the guard has reported so far."""
        try:
            return [str(row.get("text", "")) for row in files.read_rows(self._folder / guard.REPORTS_FILE)]
        except (OSError, ValueError):
            return []
