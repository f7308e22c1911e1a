"""Deadlines: when the pod is stopped, how long an attempt may run, and whether a phase can be paid."""

import math
from typing import NamedTuple

from app.plan import estimates
from app.plan.schema import Plan
from app.session.journal.state import PhaseRecord, State
from app.session.money.ledger import compute_remaining_usd

_HOUR = 3600.0
_BUDGET_SPENT = "the budget is spent"


class PodStop(NamedTuple):
    """When the guard stops the pod, by the monotonic clock, and why."""

    due: float
    reason: str


def compute_seconds_to_landing(plan: Plan, elapsed: float) -> float | None:
    """Return how long the budget lasts minus the landing time, or None if the pod costs nothing."""
    rate = plan.pod.usd_per_hour
    return compute_remaining_usd(plan, elapsed) / rate * _HOUR - plan.unattended.landing if rate else None


def limit_attempt_seconds(plan: Plan, record: PhaseRecord, elapsed: float) -> float | None:
    """Return how long the next attempt of a phase may run, or None if there is no limit.

    After the operator has overridden the budget, the limit is at least the phase's estimate.
    """
    seconds = compute_seconds_to_landing(plan, elapsed)
    if seconds is None:
        return None
    if record.budget_overridden:
        return max(
            seconds, estimates.estimate_usd(plan, plan.phase(record.id)).high / plan.pod.usd_per_hour * _HOUR
        )
    return seconds


def find_unaffordable_usd(plan: Plan, record: PhaseRecord, elapsed: float) -> float | None:
    """Return the least that a phase and the landing cost if the budget does not cover it, otherwise None."""
    if plan.pod.usd_per_hour <= 0 or record.budget_overridden:
        return None
    landing = plan.unattended.landing / _HOUR * plan.pod.usd_per_hour
    needed = estimates.estimate_usd(plan, plan.phase(record.id)).low + landing
    return needed if needed > compute_remaining_usd(plan, elapsed) else None


def find_pod_stop(plan: Plan, state: State, elapsed: float, now: float) -> PodStop | None:
    """Return when and why the pod is stopped if nothing changes, or None if it is not stopped.

    An unanswered gate and a finished session wait for the plan's `stop_after`, or until the budget minus the
    landing is spent, but at least until the second reminder. A person who returns to a dead session gets the
    same reminder interval. A running attempt has the landing time after its deadline. The time between two
    phases has it too.

    Args:
        plan: the plan.
        state: the session.
        elapsed: its billed seconds.
        now: the time by the monotonic clock.
    """
    if not plan.pod.stop_command or state.pod_kept:
        return None
    if state.ended is not None:
        if state.machine != state.time.machine:
            return None  # The machine was restarted after the end, so a person is using it.
        return _wait_for_operator(
            plan, state, since=state.time.mono, elapsed=elapsed, now=now, reason="the session is over"
        )
    phase = state.current
    if phase is not None and phase.status == "gate":
        reason = f"the gate of {phase.id} was not decided"
        return _wait_for_operator(plan, state, since=phase.gate_mono, elapsed=elapsed, now=now, reason=reason)
    deadline = phase.last.spec.deadline if phase is not None and phase.last else None
    if phase is not None and phase.is_running and deadline is not None:
        return PodStop(deadline + plan.unattended.landing, _BUDGET_SPENT)
    # Between two phases this takes a moment, unless no conductor is left to start the next one.
    seconds = compute_seconds_to_landing(plan, elapsed)
    return None if seconds is None else PodStop(now + max(seconds, plan.unattended.landing), _BUDGET_SPENT)


def _wait_for_operator(
    plan: Plan, state: State, *, since: float, elapsed: float, now: float, reason: str
) -> PodStop:
    due = since + plan.unattended.stop_after
    seconds = compute_seconds_to_landing(plan, elapsed)
    if seconds is not None and now + seconds < due:
        due, reason = max(now + seconds, since + plan.notify.every), _BUDGET_SPENT
    returned_at = -math.inf if state.returned_at is None else state.returned_at
    return PodStop(max(due, returned_at + plan.notify.every), reason)
