"""Deadlines: when the pod is stopped, how long an attempt may run, and whether a phase can be paid."""

from typing import NamedTuple

from app.plan import estimates
from app.plan.schema import Plan
from app.session.journal.state import PhaseRecord, State
from app.session.money.ledger import compute_remaining_usd

_HOUR = 3600.0
# Clocks, timers and dates cannot represent what a large budget at a low rate would allow.
_LONGEST_SECONDS = 1e9
_AWAY_SECONDS = 60.0
_BUDGET_SPENT = "the budget is spent"


class PodStop(NamedTuple):
    """When the guard stops the pod, by the monotonic clock, and why."""

    due: float
    reason: str


def compute_seconds_to_landing(plan: Plan, elapsed: float) -> float | None:
    """Return how long the budget lasts minus the landing time, or None if the pod costs nothing."""
    rate = plan.pod.usd_per_hour
    if not rate:
        return None
    seconds = compute_remaining_usd(plan, elapsed) / rate * _HOUR - plan.unattended.landing
    return max(-_LONGEST_SECONDS, min(seconds, _LONGEST_SECONDS))


def limit_attempt_seconds(plan: Plan, record: PhaseRecord, elapsed: float) -> float | None:
    """Return how long the next attempt of a phase may run, or None if there is no limit.

    After the operator has overridden the budget, the limit is at least the phase's estimate.
    """
    seconds = compute_seconds_to_landing(plan, elapsed)
    if seconds is None:
        return None
    if record.budget_overridden:
        estimate = (
            estimates.estimate_usd(plan, plan.find_phase(record.id)).high / plan.pod.usd_per_hour * _HOUR
        )
        return max(seconds, min(estimate, _LONGEST_SECONDS))
    return seconds


def find_unaffordable_usd(plan: Plan, record: PhaseRecord, elapsed: float) -> float | None:
    """Return the least that a phase and the landing cost if the budget does not cover it, otherwise None."""
    if plan.pod.usd_per_hour <= 0 or record.budget_overridden:
        return None
    landing = plan.unattended.landing / _HOUR * plan.pod.usd_per_hour
    needed = estimates.estimate_usd(plan, plan.find_phase(record.id)).low + landing
    return needed if needed > compute_remaining_usd(plan, elapsed) else None


def find_pod_stop(plan: Plan, state: State, elapsed: float, now: float) -> PodStop | None:
    """Return when and why the pod is stopped if nothing changes, or None if it is not stopped.

    An unanswered gate and a finished session wait for the plan's `stop_after`. If the budget minus the
    landing is spent earlier, they wait only until then, but until the second reminder if that is before
    `stop_after`. A person who returns to a stop that is due gets a reminder interval. A running attempt has
    the landing time after its deadline. The time between two phases has it too. Waits count the time that the
    pod has been up, so neither a restart of the container nor a jump of the wall clock restarts them.

    Args:
        plan: the plan.
        state: the session.
        elapsed: its billed seconds.
        now: the time by the monotonic clock.
    """
    if not plan.pod.stop_command or state.pod_kept:
        return None
    if state.ended is not None:
        if state.machine != state.ended_machine:
            return None  # The machine was started again after the end, so a person is using it.
        return _wait_for_operator(
            plan, state, since=state.ended_up, elapsed=elapsed, now=now, reason="the session is over"
        )
    phase = state.current
    if phase is not None and phase.status == "gate":
        reason = f"the gate of {phase.id} was not decided"
        return _wait_for_operator(plan, state, since=phase.gate_up, elapsed=elapsed, now=now, reason=reason)
    return _find_landing_stop(plan, state, phase, elapsed, now)


def _find_landing_stop(
    plan: Plan, state: State, phase: PhaseRecord | None, elapsed: float, now: float
) -> PodStop | None:
    """Return the stop of the pod of a session that does not wait: after the landing time."""
    attempt = phase.last if phase is not None and phase.is_running else None
    if attempt is not None and attempt.spec.deadline is not None and attempt.machine == state.machine:
        return PodStop(attempt.spec.deadline + plan.unattended.landing, _BUDGET_SPENT)
    # Between two phases this takes a moment, unless no conductor is left to start the next one.
    seconds = compute_seconds_to_landing(plan, elapsed)
    if seconds is None:
        return None
    landing = state.changed_up + plan.unattended.landing - state.pod_time.compute_elapsed(now)
    return PodStop(now + max(seconds, landing), _BUDGET_SPENT)


def _wait_for_operator(
    plan: Plan, state: State, *, since: float, elapsed: float, now: float, reason: str
) -> PodStop:
    waited = state.pod_time.compute_elapsed(now) - since
    wait = plan.unattended.stop_after - waited
    seconds = compute_seconds_to_landing(plan, elapsed)
    if seconds is not None and seconds < wait:
        wait, reason = min(wait, max(seconds, plan.notify.every - waited)), _BUDGET_SPENT
    if state.returned_up is not None:
        wait = max(wait, state.returned_up + _compute_grace(plan) - state.pod_time.compute_elapsed(now))
    return PodStop(now + wait, reason)


def needs_grace(plan: Plan, state: State, elapsed: float, now: float, away: float) -> bool:
    """Return whether a person who starts the conductor again needs time to look before the pod is stopped.

    A container that crashes repeatedly is not a person: it is away only briefly, and a grace period that has
    begun is not extended.

    Args:
        plan: the plan.
        state: the session before the conductor starts.
        elapsed: its billed seconds.
        now: the time by the monotonic clock.
        away: how long no process of the session was seen.
    """
    if away < _AWAY_SECONDS:
        return False
    up, grace = state.pod_time.compute_elapsed(now), _compute_grace(plan)
    if state.returned_up is not None and up < state.returned_up + grace:
        return False
    stop = find_pod_stop(plan, state, elapsed, now)
    return stop is not None and stop.due < now + grace


def _compute_grace(plan: Plan) -> float:
    return min(plan.notify.every, plan.unattended.stop_after)
