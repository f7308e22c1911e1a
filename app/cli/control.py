"""The commands that act on a session: `decide`, `retry`, `stop`, `hold` and `keep`."""

import argparse
import json
from pathlib import Path

from app.errors import UserError
from app.session.client import SessionClient
from app.session.journal.events import Parameter
from app.session.preview_text import format_preview
from app.session.registry import find_session
from app.session.requests import Decide, Hold, KeepPod, StopPhase, StopSession, get_current_user
from app.session.snapshot import GateView
from app.session.start import ensure_conductor


def decide(options: argparse.Namespace) -> int:
    """Decide the open gate, or show what the decision would change."""
    client = _connect(options)
    gate = client.read_snapshot().gate
    if gate is None:
        raise UserError("no gate is open; show the session with `gonogo status`")
    request = _build_request(options, gate)
    if options.preview or request.plan_changes or request.left_out:
        print("\n".join(format_preview(client.preview(request))))
    if options.preview:
        print("nothing was decided; decide without --preview")
        return 0
    client.send(request)
    print(f"{gate.phase}: {options.kind}")
    return 0


def _build_request(options: argparse.Namespace, gate: GateView) -> Decide:
    """Return the decision: `go` changes later phases, `retry` and `batch` the phase at the gate."""
    changes: dict[str, dict[str, Parameter]] = {}
    for text in options.changes:
        phase, parameter, value = parse_change(text, gate.phase)
        if options.kind != "go" and phase != gate.phase:
            raise UserError(f"--set {text}: expected a parameter of {gate.phase}, whose gate is open")
        if parameter in changes.setdefault(phase, {}):
            raise UserError(f"--set {text}: expected one value of {phase}.{parameter}, found two")
        changes[phase][parameter] = value
    attempt_changes = changes.pop(gate.phase, {}) if options.kind != "go" else {}
    return Decide(
        phase=gate.phase,
        attempt=gate.attempt,
        kind=options.kind,
        by=get_current_user(),
        reason=options.reason,
        changes=attempt_changes,
        plan_changes=changes,
        left_out=tuple(dict.fromkeys(options.left_out)),
    )


def parse_change(text: str, phase: str) -> tuple[str, str, Parameter]:
    """Return phase, name and value of `PHASE.PARAMETER=VALUE`; a value that is not JSON is a string.

    Args:
        text: the change.
        phase: a phase for the example in the message.

    Raises:
        UserError: the text has another form.
    """
    name, equals, value = text.partition("=")
    named_phase, dot, parameter = name.partition(".")
    if not (equals and dot and parameter and named_phase):
        raise UserError(f"--set {text}: expected PHASE.PARAMETER=VALUE, such as {phase}.batch_size=2")
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return named_phase, parameter, value
    items = parsed if isinstance(parsed, list) else [parsed]
    if not all(item is None or isinstance(item, int | float | str) for item in items):
        raise UserError(f"--set {text}: expected a number, a text, true, false, or a list of these")
    return named_phase, parameter, parsed


def stop(options: argparse.Namespace) -> int:
    """Stop the running phase, and end the session unless `--phase` is given."""
    client = _connect(options)
    if options.phase:
        client.send(StopPhase(by=get_current_user()))
        print(f"session {client.folder.path.name}: stopping the phase; its gate will open")
    else:
        client.send(StopSession(by=get_current_user()))
        print(f"session {client.folder.path.name}: stopping")
    return 0


def hold(options: argparse.Namespace) -> int:
    """Open a gate after the current phase, or cancel that."""
    client = _connect(options)
    client.send(Hold(on=not options.off, by=get_current_user()))
    outcome = "hold cancelled" if options.off else "a gate will open after the current phase"
    print(f"session {client.folder.path.name}: {outcome}")
    return 0


def keep(options: argparse.Namespace) -> int:
    """Keep the pod running after the session has ended."""
    client = _connect(options)
    if not client.has_conductor():
        raise UserError(f"session {client.folder.path.name}: the pod is not going to be stopped")
    client.send(KeepPod(by=get_current_user()))
    print(f"session {client.folder.path.name}: the pod keeps running and billing")
    return 0


def _connect(options: argparse.Namespace) -> SessionClient:
    folder = find_session(Path(), options.session)
    ensure_conductor(folder)
    return SessionClient(folder)
