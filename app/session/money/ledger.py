"""The ledger: the cost of the session so far, its forecast, and when it will be over.

Every second since the pod's start is billed: phases, gates, pauses and times without a conductor. If the
pod's age is not known, billing counts from the session's start.
"""

from app.monitor.pace import ProgressView
from app.plan import estimates
from app.plan.schema import Phase, Plan
from app.plan.values import Range
from app.session.journal.events import NoticePosted
from app.session.journal.notice_keys import format_slow_key
from app.session.journal.state import FINISHED_STATUSES, PhaseRecord, State
from app.session.revised_plan import revise_plan
from app.session.snapshot import Money, PhaseView
from app.units import format_usd

_HOUR = 3600.0
_SLOW_FACTOR = 1.5
_SLOW_MIN_SECONDS = 600.0
_PACE_MIN_SECONDS = 60.0
_PACE_MIN_SHARE_OF_PLAN = 0.1
_PACE_MIN_FRACTION = 0.02
_PACE_MARGIN = 0.1
_MAX_REMAINING_SECONDS = 1e9


def compute_spent_usd(plan: Plan, elapsed: float) -> float:
    """Return the cost of `elapsed` billed seconds."""
    return elapsed / _HOUR * plan.pod.usd_per_hour


def compute_remaining_usd(plan: Plan, elapsed: float) -> float:
    """Return the rest of the budget; it is negative if the session has overspent."""
    return plan.session.budget_usd - compute_spent_usd(plan, elapsed)


def sum_attempt_seconds(record: PhaseRecord, elapsed: float) -> float:
    """Return how long the attempts of a phase have run, at `elapsed` billed seconds of the session."""
    return sum(
        attempt.end.seconds if attempt.end else max(0.0, elapsed - attempt.elapsed_at_start)
        for attempt in record.attempts
    )


def estimate_remaining(
    plan: Plan, record: PhaseRecord, running: float, progress: ProgressView | None
) -> Range | None:
    """Return the seconds until a phase ends: by its measured pace once there is one, otherwise by the plan.

    Args:
        plan: the plan.
        record: the phase.
        running: seconds that its current attempt has run.
        progress: the last progress that the attempt reported.
    """
    if record.status in FINISHED_STATUSES or record.status in ("gate", "ended"):
        return None
    estimate = estimates.estimate_hours(plan.find_phase(record.id))
    low, high = estimate.low * _HOUR, estimate.high * _HOUR
    if record.status == "waiting":
        return Range(low, high)
    by_pace = _extrapolate(progress) if progress else []
    if not by_pace:
        return Range(max(0.0, low - running), max(0.0, high - running))
    return Range(min(by_pace) * (1 - _PACE_MARGIN), max(by_pace) * (1 + _PACE_MARGIN))


def _extrapolate(progress: ProgressView) -> list[float]:
    """Return the remaining seconds by the average and by the recent pace, as far as these are meaningful."""
    done, total = progress.done, progress.total
    if not total or done <= 0 or done < _PACE_MIN_FRACTION * total:
        return []
    if done >= total:
        return [0.0]
    remaining = [(total - done) / rate for rate in (progress.average, progress.rate) if rate]
    return [seconds for seconds in remaining if seconds < _MAX_REMAINING_SECONDS]


def compute_money(plan: Plan, state: State, elapsed: float, now: float, current: Range | None) -> Money:
    """Return the ledger at `elapsed` billed seconds.

    Args:
        plan: the plan.
        state: the session.
        elapsed: its billed seconds.
        now: the time by the wall clock, which `ends_at` is based on.
        current: remaining seconds of the running phase, or None if none is running.
    """
    rate = plan.pod.usd_per_hour
    idle = max(0.0, elapsed - sum(sum_attempt_seconds(phase, elapsed) for phase in state.phases))
    spent = compute_spent_usd(plan, elapsed)
    usd, seconds = Range(spent, spent), Range(0.0, 0.0)
    if state.ended is None:
        waiting = [plan.find_phase(phase.id) for phase in state.phases if phase.status == "waiting"]
        if state.current is not None and state.current.is_running and current is not None:
            seconds = current
            usd = Range(spent + current.low / _HOUR * rate, spent + current.high / _HOUR * rate)
        usd = estimates.sum_ranges([usd, *(estimates.estimate_usd(plan, phase) for phase in waiting)])
        hours = estimates.sum_ranges([estimates.estimate_hours(phase) for phase in waiting])
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


def find_warnings(plan: Plan, state: State, elapsed: float, current: PhaseView | None) -> list[NoticePosted]:
    """Return notices of the spent budget and of a slow attempt, while the session is not over.

    Args:
        plan: the plan.
        state: the session.
        elapsed: its billed seconds.
        current: the phase that is running, as the snapshot has it.
    """
    if state.ended is not None:
        return []
    remaining, progress = (current.remaining, current.progress) if current else (None, None)
    slow = find_slow_warnings(revise_plan(plan, state), state, elapsed, remaining, progress)
    return [*find_budget_warnings(plan, elapsed), *slow]


def find_budget_warnings(plan: Plan, elapsed: float) -> list[NoticePosted]:
    """Return a notice for each share of the budget in the plan's `warn_at` that is spent."""
    spent, budget = compute_spent_usd(plan, elapsed), plan.session.budget_usd
    return [
        NoticePosted(
            text=f"{share:.0%} of the budget is spent: {format_usd(spent)} of {format_usd(budget)}",
            key=f"budget {share}",
        )
        for share in plan.unattended.warn_at
        if budget and spent >= share * budget
    ]


def is_slow(phase: Phase, seconds: float) -> bool:
    """Return whether a duration exceeds the estimate by half, and by ten minutes."""
    planned = phase.estimate.hours[1] * _HOUR
    return planned > 0 and seconds > max(_SLOW_FACTOR * planned, planned + _SLOW_MIN_SECONDS)


def find_slow_warnings(
    plan: Plan, state: State, elapsed: float, remaining: Range | None, progress: ProgressView | None
) -> list[NoticePosted]:
    """Return a notice if the running attempt takes far longer than planned.

    The pace counts only after a minute and a tenth of the planned time, because starts are often slow.

    Args:
        plan: the plan.
        state: the session.
        elapsed: its billed seconds.
        remaining: estimated seconds until the running attempt ends.
        progress: the last progress that it reported.
    """
    record = state.current
    if record is None or record.last is None or record.status != "running" or remaining is None:
        return []
    phase, running = plan.find_phase(record.id), elapsed - record.last.elapsed_at_start
    planned = phase.estimate.hours[1]
    observed = progress.at - progress.since if progress is not None and progress.since is not None else 0.0
    has_pace = observed >= max(_PACE_MIN_SECONDS, _PACE_MIN_SHARE_OF_PLAN * planned * _HOUR)
    if not is_slow(phase, running + remaining.low if has_pace else running):
        return []
    low, high = (running + remaining.low) / _HOUR, (running + remaining.high) / _HOUR
    steps = [", ".join(f"{k} = {v}" for k, v in step.items()) for step in phase.remedies.get("slow", ())]
    remedies = f"; to speed it up, stop it and retry with: {'; '.join(steps)}" if steps else ""
    text = f"at its pace it takes {low:.3g}-{high:.3g} h; the plan expects at most {planned:.3g} h"
    key = format_slow_key(record.last.spec.cookie)
    return [NoticePosted(text=f"{phase.title} is slow: {text}{remedies}", key=key)]
