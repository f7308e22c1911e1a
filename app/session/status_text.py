"""A session as plain lines, for `gonogo status`, logs and terminals without the screen."""

import json
import shlex
import time

from app.monitor.sanitize import clean_line
from app.plan.values import ConditionResult
from app.session.snapshot import OVER, DecisionKind, GateView, PhaseView, SessionSnapshot
from app.units import (
    format_age,
    format_duration,
    format_duration_range,
    format_hours,
    format_number,
    format_usd,
    format_usd_range,
    format_usd_short,
    format_value,
)

_MARKS = {True: "pass", False: "FAIL", None: "?"}
_MOST_METRICS = 40
_MOST_LIVE_VALUES = 4
_GATE_CAUSES = {
    "plan": "as planned",
    "hold": "held by the operator",
    "budget": "before it starts",
    "nan": "a value was not finite",
    "warning": "it may have failed",
    "unknown": "a condition cannot be evaluated",
}


def format_session(session: SessionSnapshot) -> list[str]:
    """Return the complete session: its phases, money, open gate and notices."""
    width = max(len(phase.title) for phase in session.phases)
    lines = [format_title(session), ""]
    lines += [_format_phase(phase, width) for phase in session.phases]
    lines += ["", format_money(session), *format_pod_stop(session)]
    current = session.current
    if current is not None and current.state in ("running", "stopping"):
        lines.append(format_progress(current, session.now))
    lines += [f"note: {clean_line(notice)}" for notice in session.notices]
    if session.gate is not None:
        lines += ["", *format_gate(session, session.gate)]
    return lines


def format_title(session: SessionSnapshot) -> str:
    """Return the session's name, profile, id and state."""
    profile = f", profile {session.profile}" if session.profile else ""
    return f"{clean_line(session.name)}{profile}, session {session.id}: {session.state}"


def _format_phase(phase: PhaseView, width: int) -> str:
    state = phase.state.replace("_", " ")
    elapsed = format_duration(phase.elapsed) if phase.attempts else "-"
    result = ": ".join(text for text in (phase.verdict, clean_line(phase.headline)) if text)
    line = (
        f"  {state:9} {clean_line(phase.title):{width}}  est {format_hours(phase.estimate_hours):>7}  "
        f"took {elapsed:>6}  {format_usd(phase.cost_usd)}  {result}"
    )
    changed = [
        f"    changed at a gate: {clean_line(name)} {json.dumps(old)} -> {json.dumps(new)}"
        for name, (old, new) in phase.changed.items()
    ]
    return "\n".join([line.rstrip(), *map(clean_line, changed)])


def format_money(session: SessionSnapshot) -> str:
    """Return the ledger in one line."""
    money = session.money
    spent = f"spent {format_usd(money.spent_usd)}"
    if session.stalled:
        spent += f", forecast from {format_usd(money.forecast_usd.low)}"
    elif session.state not in OVER:
        spent += f", forecast {format_usd_range(money.forecast_usd)}"
    provider = ""
    if money.provider_usd is not None and money.provider_at is not None:
        age, ours = format_age(session.now - money.provider_at), format_usd(money.provider_ours_usd or 0.0)
        provider = f"; the provider billed {format_usd(money.provider_usd)} {age} (ours: {ours})"
    return (
        f"{spent} of {format_usd_short(money.budget_usd)}; "
        f"idle {format_duration(money.idle_seconds)} {format_usd(money.idle_usd)}{provider}"
    )


def format_pod_stop(session: SessionSnapshot) -> list[str]:
    """Return a line that says when the pod will be stopped and how to prevent it, if that is possible."""
    if session.stops_at is None or session.state not in ("gate", *OVER):
        return []
    at = time.strftime("%H:%M", time.localtime(session.stops_at))
    if session.gate is None:
        return [f"the pod will be stopped at {at} unless you run `gonogo keep --session {session.id}`"]
    remaining = format_duration(session.stops_at - session.now)
    return [f"the pod will be stopped at {at}, in {remaining}, unless the gate is decided"]


def format_progress(phase: PhaseView, now: float) -> str:
    """Return how far a running phase is, how old that report is, and the last values of its metrics."""
    parts = [f"{clean_line(phase.title)}: {format_duration(phase.elapsed)}"]
    progress = phase.progress
    if progress is not None:
        total = f" of {progress.total:g}" if progress.total else ""
        parts.append(f"{progress.done:g}{total} {clean_line(progress.unit)}".strip())
        if progress.rate:
            parts.append(f"{format_number(progress.rate, 3)} {clean_line(progress.unit) or 'units'}/s")
        parts.append(f"reported {format_age(now - progress.at)}")
    parts += [
        f"{clean_line(name)} {format_value(value) if value is not None else 'NaN'}"
        for name, value in list(phase.values.items())[:_MOST_LIVE_VALUES]
    ]
    if phase.stalled:
        parts.append("STALLED: no progress within the plan's stall_after; end it with `gonogo stop --phase`")
    elif phase.remaining is not None:
        parts.append(f"{format_duration_range(phase.remaining)} left")
    return ", ".join(parts)


def format_gate(session: SessionSnapshot, gate: GateView) -> list[str]:
    """Return the evidence at a gate and the commands that decide it."""
    phase = session.find_phase(gate.phase)
    cause = _GATE_CAUSES.get(gate.because, gate.because)
    lines = [
        f"GATE after {clean_line(phase.title)} (attempt {gate.attempt}, {cause})",
        f"  verdict {gate.verdict.upper()}  {clean_line(phase.headline)}".rstrip(),
        *(f"  {clean_line(advice)}" for advice in gate.advice),
        *(f"  {_format_criterion(criterion)}" for criterion in gate.criteria),
    ]
    metrics = list(gate.metrics.items())[:_MOST_METRICS]
    lines += [f"    {clean_line(name)} = {clean_line(format_value(value))}" for name, value in metrics]
    if gate.next_phase is not None:
        following = session.find_phase(gate.next_phase)
        hours, usd = format_hours(following.estimate_hours), format_usd_range(following.estimate_usd)
        lines.append(f"  next: {clean_line(following.title)}, {hours}, {usd}")
    lines.append(f"  {format_money(session)}")
    if "retry" in gate.options:
        lines += [f"  remedy: {command}" for command in _format_remedies(session, gate)]
    lines += [f"  {_format_decide_command(session, gate, kind)}" for kind in gate.options]
    return lines


def _format_criterion(criterion: ConditionResult) -> str:
    values = ", ".join(
        f"{clean_line(name)} {clean_line(format_value(value))}" for name, value in criterion.values.items()
    )
    note = f" ({clean_line(criterion.note)})" if criterion.note else ""
    mark = _MARKS[criterion.passed]
    return f"{mark:4}  {clean_line(criterion.name)}: {clean_line(criterion.expression)}  [{values}]{note}"


def _format_remedies(session: SessionSnapshot, gate: GateView) -> list[str]:
    commands = []
    for remedy in gate.remedies.get(gate.cause, ()):
        changes = " ".join(
            f"--set {shlex.quote(f'{gate.phase}.{name}={json.dumps(value)}')}"
            for name, value in remedy.items()
        )
        commands.append(f"gonogo retry {changes} --session {session.id}")
    return commands


def _format_decide_command(session: SessionSnapshot, gate: GateView, kind: DecisionKind) -> str:
    reason = ' --reason "..."' if kind in gate.needs_reason else ""
    changes = f" [--set {gate.phase}.PARAMETER=VALUE]" if kind == "retry" else ""
    if kind == "go" and gate.next_phase is not None:
        changes = f" [--set {gate.next_phase}.PARAMETER=VALUE] [--leave-out PHASE]"
    return f"gonogo decide {kind}{reason}{changes} --session {session.id}"


def add_time(line: str, wall: float) -> str:
    """Return a line with the time of day in front of it."""
    return f"{time.strftime('%H:%M:%S', time.localtime(wall))}  {line}"
