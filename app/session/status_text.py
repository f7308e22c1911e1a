"""A session in plain lines: for a terminal without the cockpit, for logs and for `gonogo status`."""

import json
import shlex
import time

from app.monitor.sanitize import clean_line as clean
from app.plan.values import ConditionResult, Range
from app.session.snapshot import OVER, GateView, PhaseView, SessionSnapshot
from phases.contract.protocol import Value

_MARKS = {True: "pass", False: "FAIL", None: "?"}
_MINUTE, _HOUR = 60, 3600
_MOST_METRICS = 40


def duration(seconds: float) -> str:
    """Return a duration such as `1:05:09`, or `45 s`."""
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    return f"{whole // _HOUR}:{whole % _HOUR // _MINUTE:02}:{whole % _MINUTE:02}"


def value(item: Value | list[Value]) -> str:
    """Return a metric or parameter as text."""
    if isinstance(item, float):
        return f"{item:.4g}"
    return clean(str(item))


def span(given: Range, form: str) -> str:
    """Return a range with each end in that format."""
    low, high = format(given.low, form), format(given.high, form)
    return low if low == high else f"{low}-{high}"


def title(session: SessionSnapshot) -> str:
    """Return what session this is, in one line."""
    profile = f", profile {session.profile}" if session.profile else ""
    return f"{clean(session.name)}{profile}, session {session.id}: {session.state}"


def money(session: SessionSnapshot) -> str:
    """Return the ledger in one line."""
    ledger = session.money
    amount = f"${span(ledger.forecast_usd, '.2f')}"
    if session.stalled:
        amount = f"from ${ledger.forecast_usd.low:.2f}"
    forecast = "" if session.state in OVER else f", forecast {amount}"
    provider = ""
    if ledger.provider_usd is not None and ledger.provider_at is not None:
        ago = duration(max(0.0, session.now - ledger.provider_at))
        provider = (
            f"; the provider {ago} ago: ${ledger.provider_usd:.2f}, ours ${ledger.provider_ours_usd:.2f}"
        )
    return (
        f"spent ${ledger.spent_usd:.2f}{forecast} of ${ledger.budget_usd:.2f}; "
        f"idle {duration(ledger.idle_seconds)} ${ledger.idle_usd:.2f}{provider}"
    )


def pod(session: SessionSnapshot) -> list[str]:
    """Return when the pod is stopped if nobody does anything, in a line, where that can be prevented."""
    if session.stops_at is None or session.state not in ("gate", *OVER):
        return []
    at = time.strftime("%H:%M", time.localtime(session.stops_at))
    unless = "the gate is decided" if session.gate else f"`gonogo keep --session {session.id}`"
    left = duration(max(0.0, session.stops_at - session.now)) if session.gate else ""
    return [f"the pod is stopped at {at}{f', in {left},' if left else ''} unless {unless}"]


def progress(phase: PhaseView, now: float) -> str:
    """Return how far a phase is and how long ago it said so."""
    parts = [f"{clean(phase.title)}: {duration(phase.elapsed)}"]
    report = phase.progress
    if report is not None:
        of = f" of {report.total:g}" if report.total else ""
        parts.append(f"{report.done:g}{of} {clean(report.unit)}".strip())
        parts.append(f"said {duration(max(0.0, now - report.at))} ago")
    if phase.remaining is not None and not phase.stalled:
        left = phase.remaining
        parts.append(f"left {duration(left.low)} to {duration(left.high)}")
    if phase.stalled:
        parts.append("STALLED: no progress for longer than the plan allows; `gonogo stop --phase` ends it")
    return ", ".join(parts)


def status(session: SessionSnapshot) -> list[str]:
    """Return the whole session: a line a phase, the money, the open gate, the notices."""
    width = max(len(p.title) for p in session.phases)
    lines = [title(session), ""]
    for phase in session.phases:
        took = duration(phase.elapsed) if phase.attempts else "-"
        verdict = f"{phase.verdict}: " if phase.verdict and phase.headline else phase.verdict or ""
        line = (
            f"  {phase.state:9} {clean(phase.title):{width}}  est {span(phase.estimate_hours, '.3g')} h  "
            f"took {took:>8}  ${phase.cost_usd:.2f}  {verdict}{clean(phase.headline)}"
        )
        lines.append(line.rstrip())
    lines += ["", money(session), *pod(session)]
    current = session.current
    if current is not None and current.state in ("running", "stopping"):
        lines.append(progress(current, session.now))
    lines += [f"note: {clean(notice)}" for notice in session.notices]
    if session.gate is not None:
        lines += ["", *gate(session, session.gate)]
    return lines


def gate(session: SessionSnapshot, opened: GateView) -> list[str]:
    """Return the evidence at a gate and the commands that decide it."""
    phase = session.phase(opened.phase)
    why = {"plan": "as planned", "hold": "held by the operator", "budget": "before it starts"}.get(
        opened.because, opened.because
    )
    lines = [
        f"GATE after {clean(phase.title)} (attempt {opened.attempt}, {why})",
        f"  verdict {opened.verdict.upper()}  {clean(phase.headline)}".rstrip(),
        *(f"  {clean(advice)}" for advice in opened.advice),
        *(f"  {criterion(c)}" for c in opened.criteria),
    ]
    shown = list(opened.metrics.items())[:_MOST_METRICS]
    lines += [f"    {clean(name)} = {value(measured)}" for name, measured in shown]
    if opened.next_phase is not None:
        following = session.phase(opened.next_phase)
        lines.append(
            f"  next: {clean(following.title)}, {span(following.estimate_hours, '.3g')} h, "
            f"${span(following.estimate_usd, '.2f')}"
        )
    lines.append(f"  {money(session)}")
    for remedy in opened.remedies.get(opened.cause, ()) if "retry" in opened.options else ():
        sets = " ".join(
            f"--set {shlex.quote(f'{opened.phase}.{name}={json.dumps(value)}')}"
            for name, value in remedy.items()
        )
        lines.append(f"  remedy: gonogo retry {sets} --session {session.id}")
    for kind in opened.options:
        reason = ' --reason "..."' if kind in opened.needs_reason else ""
        change = f" [--set {opened.phase}.PARAMETER=VALUE]" if kind == "retry" else ""
        lines.append(f"  gonogo decide {kind}{reason}{change} --session {session.id}")
    return lines


def criterion(found: ConditionResult) -> str:
    """Return a criterion with what was measured."""
    values = ", ".join(f"{clean(name)} {value(measured)}" for name, measured in found.values.items())
    note = f" ({clean(found.note)})" if found.note else ""
    return f"{_MARKS[found.passed]:4}  {clean(found.name)}: {clean(found.expression)}  [{values}]{note}"


def stamped(line: str, wall: float) -> str:
    """Return a line with the time of day before it."""
    return f"{time.strftime('%H:%M:%S', time.localtime(wall))}  {line}"
