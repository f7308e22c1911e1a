"""The ledger: what the session has cost, what it will, and when it will be over.

Cost counts every second since the pod's start, or the session's where that is not known: phases, gates,
pauses, and times without a conductor.
"""

from app.plan import estimates
from app.plan.schema import Plan
from app.session.snapshot import Money, ProgressView, Range
from app.session.state import PAST, PhaseRecord, State

_HOUR = 3600.0
_PACE_NEEDS = 0.02
_PACE_MARGIN = 0.1


def phase_seconds(record: PhaseRecord, elapsed: float) -> float:
    """Return the seconds that the attempts of a phase have run, at `elapsed` seconds of the session."""
    return sum(
        attempt.end.seconds if attempt.end else max(0.0, elapsed - attempt.began)
        for attempt in record.attempts
    )


def remaining(plan: Plan, record: PhaseRecord, running: float, progress: ProgressView | None) -> Range | None:
    """Return the seconds that a phase still takes: by its measured pace once there is one, else as estimated.

    Args:
        plan: the plan.
        record: the phase.
        running: for how many seconds its current attempt has run.
        progress: what that attempt last reported.
    """
    if record.standing in PAST or record.standing in ("gate", "ended"):
        return None
    estimate = estimates.hours(plan.phase(record.id))
    low, high = estimate.low * _HOUR, estimate.high * _HOUR
    if record.standing == "waiting":
        return Range(low, high)
    if progress is None or not progress.total or progress.done < _PACE_NEEDS * progress.total:
        return Range(max(0.0, low - running), max(0.0, high - running))
    left = max(0.0, progress.total - progress.done)
    paces = [left * running / progress.done]
    if progress.rate:
        paces.append(left / progress.rate)
    return Range(min(paces) * (1 - _PACE_MARGIN), max(paces) * (1 + _PACE_MARGIN))


def money(plan: Plan, state: State, elapsed: float, now: float, current: Range | None) -> Money:
    """Return the ledger at `elapsed` seconds of the session, when the current phase still takes `current`."""
    rate = plan.pod.usd_per_hour
    idle = max(0.0, elapsed - sum(phase_seconds(p, elapsed) for p in state.phases))
    spent = elapsed / _HOUR * rate
    usd, seconds = Range(spent, spent), Range(0.0, 0.0)
    if state.ended is None:
        waiting = [plan.phase(p.id) for p in state.phases if p.standing == "waiting"]
        running = state.current is not None and state.current.standing in ("running", "stopping")
        if running and current is not None:
            seconds = current
            usd = Range(spent + current.low / _HOUR * rate, spent + current.high / _HOUR * rate)
        usd = estimates.total([usd, *(estimates.usd(plan, phase) for phase in waiting)])
        hours = estimates.total([estimates.hours(phase) for phase in waiting])
        seconds = Range(seconds.low + hours.low * _HOUR, seconds.high + hours.high * _HOUR)
    return Money(
        usd_per_hour=rate,
        budget_usd=plan.session.budget_usd,
        spent_usd=spent,
        idle_usd=idle / _HOUR * rate,
        idle_seconds=idle,
        forecast_usd=usd,
        ends_at=Range(now + seconds.low, now + seconds.high),
    )
