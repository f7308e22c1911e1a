"""Describe what a session does after the operator leaves or stops it."""

import time

from app.session.snapshot import OVER, SessionSnapshot
from app.units import format_usd
from widgets.text import replace_controls


def describe_stop(snapshot: SessionSnapshot) -> str:
    """Return what stopping the session ends; empty if the session is over."""
    phase = snapshot.current
    if snapshot.state in OVER:
        return ""
    if phase is None:
        return "No phase is running; no further phase will start."
    title = replace_controls(phase.title)
    if snapshot.gate is not None:
        return f"No phase is running; the gate after {title} closes without a decision."
    return f"{title} gets time to save its progress, then ends."


def describe_leaving(snapshot: SessionSnapshot | None, *, read_only: bool) -> list[str]:
    """Return what leaving the screen does and, unless it is read-only, what stopping the session does."""
    if snapshot is not None and snapshot.state in OVER:
        return [f"The session is over. To see it again, run gonogo attach --session {snapshot.id}."]
    lines = ["Detach closes this screen; the session keeps running. gonogo attach opens it again."]
    if snapshot is not None and not read_only:
        lines.append(f"Stop ends the session for good. {describe_stop(snapshot)}")
    return lines


def describe_session(snapshot: SessionSnapshot | None) -> str:
    """Return the session's state, its money, and the commands to continue with."""
    if snapshot is None:
        return "gonogo: could not reach the session."
    phase, money = snapshot.current, snapshot.money
    spent = f"{format_usd(money.spent_usd)} of {format_usd(money.budget_usd)} spent"
    title = replace_controls(phase.title) if phase else ""
    match snapshot.state:
        case "finished":
            state = f"is finished, {spent}. Artifacts: {snapshot.artifacts}"
        case "stopped":
            state = f"was stopped, {spent}. Artifacts: {snapshot.artifacts}"
        case "gate":
            rate = format_usd(money.usd_per_hour)
            state = f"waits for a decision after {title}, {spent}. Waiting costs {rate} an hour."
        case _:
            state = f"keeps running: {title or 'between phases'}, {spent}."
    lines = [f"gonogo: {replace_controls(snapshot.name)} {state}"]
    if snapshot.state not in OVER:
        lines.append("Come back with: gonogo attach")
    elif snapshot.stops_at is not None:
        at = time.strftime("%H:%M", time.localtime(snapshot.stops_at))
        lines.append(f"The pod keeps running and is stopped at {at}. To prevent that, run gonogo keep.")
    return "\n".join(lines)
