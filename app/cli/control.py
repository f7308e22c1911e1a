"""The commands that act on a session: `decide`, `retry`, `stop`, `hold` and `keep`."""

import argparse
import json
from pathlib import Path
from typing import Any

from app.errors import UserError
from app.session.client import SessionClient
from app.session.registry import find_session
from app.session.requests import Decide, Hold, KeepPod, StopPhase, StopSession, get_current_user
from app.session.start import ensure_conductor


def decide(options: argparse.Namespace) -> int:
    """Decide the open gate."""
    client = _connect(options)
    gate = client.snapshot().gate
    if gate is None:
        raise UserError("no gate is open; show the session with `gonogo status`")
    client.send(
        Decide(
            phase=gate.phase,
            attempt=gate.attempt,
            kind=options.kind,
            by=get_current_user(),
            reason=options.reason,
            changes=dict(parse_change(text, gate.phase) for text in options.changes),
        )
    )
    print(f"{gate.phase}: {options.kind}")
    return 0


def parse_change(text: str, phase: str) -> tuple[str, Any]:
    """Return the name and value in `PHASE.PARAMETER=VALUE`; a value that is not JSON is a string.

    Raises:
        UserError: the text has another form, or names another phase.
    """
    name, equals, value = text.partition("=")
    named_phase, dot, parameter = name.partition(".")
    if not (equals and dot and parameter):
        raise UserError(f"--set {text}: expected PHASE.PARAMETER=VALUE, such as {phase}.batch_size=2")
    if named_phase != phase:
        raise UserError(f"--set {text}: expected a parameter of {phase}, whose gate is open")
    try:
        return parameter, json.loads(value)
    except ValueError:
        return parameter, value


def stop(options: argparse.Namespace) -> int:
    """Stop the running phase, and end the session unless `--phase` is given."""
    client = _connect(options)
    if options.phase:
        client.send(StopPhase(by=get_current_user()))
        print("stopping the phase; its gate will open")
    else:
        client.send(StopSession(by=get_current_user()))
        print("stopping the session")
    return 0


def hold(options: argparse.Namespace) -> int:
    """Open a gate after the current phase, or cancel that."""
    _connect(options).send(Hold(on=not options.off, by=get_current_user()))
    print("hold cancelled" if options.off else "a gate will open after the current phase")
    return 0


def keep(options: argparse.Namespace) -> int:
    """Keep the pod running after the session has ended."""
    client = _connect(options)
    if not client.has_conductor():
        raise UserError(f"session {client.folder.path.name}: the pod is not going to be stopped")
    client.send(KeepPod(by=get_current_user()))
    print("the pod keeps running and billing")
    return 0


def _connect(options: argparse.Namespace) -> SessionClient:
    folder = find_session(Path(), options.session)
    ensure_conductor(folder)
    return SessionClient(folder)
