"""The start of the next attempt: its parameters, its deadline, and whether the budget covers it."""

import secrets

from app.plan.schema import Plan
from app.session.gate.decide import compute_next_parameters
from app.session.journal.events import AttemptStarted, OverBudget
from app.session.journal.state import PhaseRecord, State, diff_parameters
from app.session.money import deadlines, ledger
from app.session.revised_plan import revise_plan


def plan_attempt(
    plan: Plan, state: State, phase: PhaseRecord, elapsed: float, now: float
) -> AttemptStarted | OverBudget:
    """Return the start of a waiting phase's next attempt, or a gate if the budget does not cover it.

    Args:
        plan: the plan that the session was started with.
        state: the session.
        phase: the phase.
        elapsed: billed seconds of the session.
        now: the time by the monotonic clock.
    """
    plan = revise_plan(plan, state)
    number = len(phase.attempts) + 1
    needs_usd = deadlines.find_unaffordable_usd(plan, phase, elapsed)
    if needs_usd is not None:
        remaining_usd = ledger.compute_remaining_usd(plan, elapsed)
        return OverBudget(phase=phase.id, attempt=number, left_usd=remaining_usd, needs_usd=needs_usd)
    seconds = deadlines.limit_attempt_seconds(plan, phase, elapsed)
    parameters, batch = compute_next_parameters(plan.find_phase(phase.id), phase)
    return AttemptStarted(
        phase=phase.id,
        attempt=number,
        parameters=parameters,
        cookie=secrets.token_hex(16),
        deadline=None if seconds is None else now + seconds,
        batch=batch,
        changed=diff_parameters(phase.last.spec.parameters, parameters) if phase.last else {},
    )
