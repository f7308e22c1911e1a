"""The drill: what happens when nobody answers, run in full against a plan, with a stop that stops nothing.

A session of one empty phase opens its gate; nobody decides. The operator's own channels are told, the guard
waits out a short patience and runs a harmless stop command. What is seen is what would happen.
"""

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from app.plan.schema import Phase, Plan
from app.session import start
from app.session.client import Refused, SessionClient
from app.session.folder import Settings
from app.session.requests import KeepPod, StopSession, current_user

PATIENCE = 3.0
_WITHIN = 60.0


def drill(plan: Plan, say: Callable[[str], None]) -> bool:
    """Run the drill and say what happens; return whether the pod would have been stopped."""
    if not plan.pod.stop_command:
        say("The plan has no pod.stop_command: nothing would stop the pod when nobody answers.")
        return False
    with tempfile.TemporaryDirectory(prefix="gonogo-drill-", ignore_cleanup_errors=True) as place:
        stopped = Path(place) / "stopped"
        settings = Settings(poll=0.1, tick=0.2, grace=1.0, guard=0.5)
        drilled = _harmless(plan, Path(place), stopped)
        folder = start.open_session(drilled, approved="drill", settings=settings, register=False)
        start.ensure_conductor(folder)
        client = SessionClient(folder)
        try:
            say(f"A gate is open and nobody answers; the pod is to be stopped after {PATIENCE:.0f} s.")
            return _watch(client, stopped, say)
        finally:
            client.send(StopSession(by=current_user()))
            while client.has_conductor():
                with contextlib.suppress(Refused):  # until it is over
                    client.send(KeepPod(by=current_user()))
                time.sleep(0.1)


def _watch(client: SessionClient, stopped: Path, say: Callable[[str], None]) -> bool:
    said: set[str] = set()
    ends = time.monotonic() + _WITHIN
    for session in client.watch(threading.Event()):
        for notice in session.notices:
            if notice not in said:
                said.add(notice)
                say(f"  {notice}")
        if stopped.exists() and any("the pod is stopped" in notice for notice in said):
            say("The stop command was run and confirmed, and the gate was not approved.")
            return not session.decisions
        if time.monotonic() > ends:
            say(f"The stop command was not run within {_WITHIN:.0f} s.")
            return False
    return False


def _harmless(plan: Plan, place: Path, stopped: Path) -> Plan:
    """Return the plan with one empty phase, its own folder, and a stop command that leaves a file."""
    gate = {"id": "drill", "title": "Drill", "command": ["true"], "gate": {"ask": "always"}}
    phase = Phase.model_validate({**gate, "estimate": {"hours": (0.0, 0.0)}})
    pod = plan.pod.model_copy(
        update={
            "stop_command": ("touch", str(stopped)),
            "stop_fallbacks": (),
            "spent_command": (),
            "stopped_command": ("test", "-e", str(stopped)),
        }
    )
    unattended = plan.unattended.model_copy(update={"stop_after": PATIENCE})
    session = plan.session.model_copy(update={"artifacts": "artifacts", "budget_usd": 1e6})
    changed = {"phases": (phase,), "folder": place, "pod": pod, "unattended": unattended, "session": session}
    return plan.model_copy(update=changed)
