"""The drill: rehearse the automatic stop of the pod with a stop command that stops nothing.

A session with one empty phase opens its gate, and the gate stays unanswered. The operator is notified through
the plan's channels, the guard waits a few seconds and runs a harmless stop command. This shows what the real
plan does.
"""

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from app.plan.schema import Phase, Plan
from app.session import approval, start
from app.session.client import SessionClient
from app.session.folder import Settings
from app.session.requests import KeepPod, Refused, StopSession, get_current_user

PATIENCE = 3.0
_TIMEOUT = 60.0
_DRILL_BUDGET_USD = 1e6


def run_drill(plan: Plan, report: Callable[[str], None]) -> bool:
    """Run the drill and report each step; return whether the pod would have been stopped."""
    if not plan.pod.stop_command:
        report("The plan has no pod.stop_command, so an unanswered gate would not stop the pod.")
        return False
    with tempfile.TemporaryDirectory(prefix="gonogo-drill-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        marker = folder / "stopped"
        settings = Settings(poll=0.1, tick=0.2, grace=1.0, guard=0.5)
        drill_plan = _build_drill_plan(plan, folder, marker)
        session = start.open_session(drill_plan, approved="drill", settings=settings, register=False)
        start.ensure_conductor(session)
        client = SessionClient(session)
        try:
            report(f"A gate is open and unanswered; the pod is stopped after {PATIENCE:.0f} s.")
            return _watch_stop(client, marker, report)
        finally:
            approval.revoke_session(session)
            client.send(StopSession(by=get_current_user()))
            while client.has_conductor():
                with contextlib.suppress(Refused):  # The session may not be over yet.
                    client.send(KeepPod(by=get_current_user()))
                time.sleep(0.1)


def _watch_stop(client: SessionClient, marker: Path, report: Callable[[str], None]) -> bool:
    notices: set[str] = set()
    deadline = time.monotonic() + _TIMEOUT
    for session in client.watch(threading.Event()):
        for notice in session.notices:
            if notice not in notices:
                notices.add(notice)
                report(f"  {notice}")
        if marker.exists() and any("the pod is stopped" in notice for notice in notices):
            report("The stop command was run and confirmed, and the gate was not approved.")
            return not session.decisions
        if time.monotonic() > deadline:
            report(f"The stop command was not run within {_TIMEOUT:.0f} s.")
            return False
    return False


def _build_drill_plan(plan: Plan, folder: Path, marker: Path) -> Plan:
    """Return the plan with one empty phase, another folder, and a stop command that creates a file."""
    phase = Phase.model_validate(
        {
            "id": "drill",
            "title": "Drill",
            "command": ["true"],
            "gate": {"ask": "always"},
            "estimate": {"hours": (0.0, 0.0)},
        }
    )
    pod = plan.pod.model_copy(
        update={
            "stop_command": ("touch", str(marker)),
            "stop_fallbacks": (),
            "spent_command": (),
            "stopped_command": ("test", "-e", str(marker)),
        }
    )
    unattended = plan.unattended.model_copy(update={"stop_after": PATIENCE})
    session = plan.session.model_copy(update={"artifacts": "artifacts", "budget_usd": _DRILL_BUDGET_USD})
    changes = {"phases": (phase,), "folder": folder, "pod": pod, "unattended": unattended, "session": session}
    return plan.model_copy(update=changes)
