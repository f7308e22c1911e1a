"""The ledger: what the session has cost, what it will, and when it will be over.

Cost counts every second since the pod's start, or the session's where that is not known: phases, gates,
pauses, and times without a conductor.
"""

import math

from app.plan import estimates
from app.plan.schema import Phase, Plan
from app.session.journal.state import PAST, PhaseRecord, State
from app.session.snapshot import Money, ProgressView, Range

_HOUR = 3600.0
_SLOW = 1.5
_SLOW_AT_LEAST = 600.0
_SLOW_SEEN = 60.0
_SLOW_SEEN_SHARE = 0.1
_PACE_NEEDS = 0.02
_PACE_MARGIN = 0.1
_LONGEST_PACE = 1e9


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
    paces = _paces(progress) if progress else []
    if not paces:
        return Range(max(0.0, low - running), max(0.0, high - running))
    return Range(min(paces) * (1 - _PACE_MARGIN), max(paces) * (1 + _PACE_MARGIN))


def _paces(progress: ProgressView) -> list[float]:
    """Return the seconds left by the pace since the first unit and by that of late, where they make sense."""
    done, total = progress.done, progress.total
    if not total or done <= 0 or done < _PACE_NEEDS * total:
        return []
    if done >= total:
        return [0.0]
    paces = [(total - done) / rate for rate in (progress.average, progress.rate) if rate]
    return [pace for pace in paces if pace < _LONGEST_PACE]


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
        provider_usd=state.provider.usd if state.provider else None,
        provider_ours_usd=state.provider.ours_usd if state.provider else None,
        provider_at=state.provider_at if state.provider else None,
    )


def left_usd(plan: Plan, elapsed: float) -> float:
    """Return what is left of the budget; negative when it is overspent."""
    return plan.session.budget_usd - elapsed / _HOUR * plan.pod.usd_per_hour


def seconds_to_landing(plan: Plan, elapsed: float) -> float | None:
    """Return how long the money lasts, less what landing takes; None where nothing is paid."""
    rate = plan.pod.usd_per_hour
    return left_usd(plan, elapsed) / rate * _HOUR - plan.unattended.landing if rate else None


def attempt_seconds(plan: Plan, record: PhaseRecord, elapsed: float) -> float | None:
    """Return how long a phase's next attempt may run; None for as long as it likes.

    Where the operator has overridden the budget, that is at least what the phase is thought to take.
    """
    seconds = seconds_to_landing(plan, elapsed)
    if seconds is None:
        return None
    if record.budget_overridden:
        return max(seconds, estimates.usd(plan, plan.phase(record.id)).high / plan.pod.usd_per_hour * _HOUR)
    return seconds


def over_budget(plan: Plan, record: PhaseRecord, elapsed: float) -> float | None:
    """Return the least that a phase needs if that is more than what is left, and None if it can be paid."""
    needs = estimates.usd(plan, plan.phase(record.id)).low
    landing = plan.unattended.landing / _HOUR * plan.pod.usd_per_hour
    short = needs + landing > left_usd(plan, elapsed) and plan.pod.usd_per_hour > 0
    return needs + landing if short and not record.budget_overridden else None


def warnings(plan: Plan, elapsed: float) -> dict[str, str]:
    """Return what there is to say of the budget, by a key for each share of it."""
    spent, budget = elapsed / _HOUR * plan.pod.usd_per_hour, plan.session.budget_usd
    return {
        f"budget {share}": f"{share:.0%} of the budget is spent: ${spent:.2f} of ${budget:.2f}"
        for share in plan.unattended.warn_at
        if budget and spent >= share * budget
    }


def slow_key(cookie: str) -> str:
    """Return the key of the notice that an attempt is slow."""
    return f"slow {cookie}"


def is_slow(phase: Phase, seconds: float) -> bool:
    """Say whether so many seconds are far more than was planned: half as much again, and ten minutes."""
    planned = phase.estimate.hours[1] * _HOUR
    return planned > 0 and seconds > max(_SLOW * planned, planned + _SLOW_AT_LEAST)


def slow(
    plan: Plan, state: State, elapsed: float, left: Range | None, progress: ProgressView | None
) -> dict[str, str]:
    """Return what there is to say, by its key, of a running attempt that takes far longer than planned.

    The pace says so only once it was seen for a minute and a tenth of what was planned: many a start is slow.

    Args:
        plan: the plan.
        state: the session.
        elapsed: its billed seconds.
        left: what the running attempt still takes, in seconds.
        progress: what it last reported.
    """
    record = state.current
    if record is None or record.last is None or record.standing != "running" or left is None:
        return {}
    phase, running = plan.phase(record.id), elapsed - record.last.began
    takes = Range((running + left.low) / _HOUR, (running + left.high) / _HOUR)
    planned = phase.estimate.hours[1]
    seen = progress.at - progress.since if progress is not None and progress.since is not None else 0.0
    tells = seen >= max(_SLOW_SEEN, _SLOW_SEEN_SHARE * planned * _HOUR)
    if not is_slow(phase, running + left.low if tells else running):
        return {}
    steps = [", ".join(f"{k} = {v}" for k, v in step.items()) for step in phase.remedies.get("slow", ())]
    stop = f"; the plan's remedies, after it was stopped: {'; '.join(steps)}" if steps else ""
    said = f"it takes {takes.low:.3g}-{takes.high:.3g} h at its pace; planned were up to {planned:.3g} h"
    return {slow_key(record.last.spec.cookie): f"{phase.title} is slow: {said}{stop}"}


def stop_due(plan: Plan, state: State, elapsed: float, now: float) -> tuple[float, str] | None:
    """Return when, by the monotonic clock, the pod is to be stopped if nothing changes, and why.

    A gate that nobody answers, and a session that is over, wait as long as the plan says, or until the money
    less the landing is spent, but until the second reminder at least; and so long for a person who came back
    to a session that had died. After its deadline a running attempt has the landing's time, and so have those
    who see to what comes between two phases.
    """
    phase = state.current
    if not plan.pod.stop_command or state.pod_kept:
        return None
    if state.ended is not None:
        # A machine that was started since was started by somebody.
        here = state.machine == state.time.machine
        return _patience(plan, state, state.time.mono, elapsed, now, "the session is over") if here else None
    if phase is not None and phase.standing == "gate":
        nobody = f"nobody has decided the gate of {phase.id}"
        return _patience(plan, state, phase.gate_mono, elapsed, now, nobody)
    deadline = phase.last.spec.deadline if phase is not None and phase.last else None
    if phase is not None and phase.standing in ("running", "stopping") and deadline is not None:
        return deadline + plan.unattended.landing, "the budget is spent"
    # Between two phases: a moment, unless there is no conductor any more to start the next.
    seconds = seconds_to_landing(plan, elapsed)
    return None if seconds is None else (now + max(seconds, plan.unattended.landing), "the budget is spent")


def _patience(  # noqa: PLR0917 - what it depends on
    plan: Plan, state: State, since: float, elapsed: float, now: float, why: str
) -> tuple[float, str]:
    """Return when somebody has been waited for since then, and why that is the end."""
    due = since + plan.unattended.stop_after
    seconds = seconds_to_landing(plan, elapsed)
    if seconds is not None and now + seconds < due:
        due, why = max(now + seconds, since + plan.notify.every), "the budget is spent"
    return max(due, (state.came_back or -math.inf) + plan.notify.every), why
