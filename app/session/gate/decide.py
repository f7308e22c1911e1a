"""Check the operator's decision at an open gate, and derive the phase's next attempt from it."""

from app.plan.schema import Phase, Plan
from app.session.gate import later_phases
from app.session.gate.parameter_changes import check_changes
from app.session.journal.events import AttemptAssessed, GateDecided, Parameter
from app.session.journal.state import PhaseRecord, State
from app.session.requests import Decide, Refused
from app.session.snapshot import DecisionKind

_LONGEST_REASON = 2_000


def find_gate_assessment(record: PhaseRecord) -> AttemptAssessed:
    """Return the assessment that opened the gate: of the last attempt, or of the budget."""
    if record.over_budget is not None:
        money = record.over_budget
        advice = (
            f"The phase needs ${money.needs_usd:.2f} or more; ${money.left_usd:.2f} of the budget is left."
        )
        return AttemptAssessed(
            phase=record.id, attempt=record.attempt_number, verdict="stop", gate="budget", advice=[advice]
        )
    assert record.last is not None
    assert record.last.assessment is not None
    return record.last.assessment


def list_allowed_decisions(phase: Phase, assessment: AttemptAssessed) -> tuple[DecisionKind, ...]:
    """Return the decisions that a gate accepts."""
    if assessment.gate == "budget":
        return ("go", "skip", "stop")
    if phase.batch and assessment.gate not in ("failed", "stopped"):
        return ("go", "retry", "batch", "skip", "stop")
    return ("go", "retry", "skip", "stop")


def needs_reason(phase: Phase, assessment: AttemptAssessed, kind: DecisionKind) -> bool:
    """Return whether a decision overrides the verdict or skips a critical phase."""
    return (kind == "go" and assessment.verdict != "go") or (kind == "skip" and phase.critical)


def decide(plan: Plan, state: State, request: Decide) -> GateDecided:
    """Return the event that records a decision.

    Raises:
        Refused: the gate is not open, it was decided already, or it does not accept this decision.
    """
    record = _find_open_gate(state, request)
    phase = plan.find_phase(request.phase)
    assessment = find_gate_assessment(record)
    allowed = list_allowed_decisions(phase, assessment)
    if request.kind not in allowed:
        raise Refused(f"this gate does not accept {request.kind}; expected one of: {', '.join(allowed)}")
    overrides = needs_reason(phase, assessment, request.kind)
    reason = request.reason.strip()[:_LONGEST_REASON]
    if request.changes and request.kind not in ("retry", "batch"):
        raise Refused(f"{request.kind} cannot change parameters of {request.phase}; use retry or batch")
    changes = request.changes
    if record.last is not None:
        changes = check_changes(phase, record.last.spec.parameters, request.changes)
    plan_changes = later_phases.check_plan_changes(plan, state, request)
    if overrides and not reason:
        cause = f"the verdict is {assessment.verdict}" if request.kind == "go" else "the phase is critical"
        raise Refused(f"{request.kind} needs a reason: {cause}")
    consequences = later_phases.find_consequences(plan, state, plan_changes, request.left_out)
    if consequences and not reason:
        raise Refused(f"{request.kind} needs a reason: {'; '.join(consequences)}")
    return GateDecided(
        phase=request.phase,
        attempt=request.attempt,
        kind=request.kind,
        by=request.by,
        verdict=assessment.verdict,
        reason=reason,
        overrides=overrides,
        changes=changes,
        plan_changes=plan_changes or None,
        left_out=list(request.left_out) or None,
    )


def _find_open_gate(state: State, request: Decide) -> PhaseRecord:
    current = state.current
    if (
        current is not None
        and current.status == "gate"
        and (current.id, current.attempt_number) == (request.phase, request.attempt)
        and state.ended is None
    ):
        return current
    for decision in state.decisions:
        if (decision.phase, decision.attempt) == (request.phase, request.attempt):
            raise Refused(f"{decision.by} has already decided this gate: {decision.kind}")
    if current is not None and current.status == "gate":
        raise Refused(f"the open gate is after {current.id}, attempt {current.attempt_number}")
    raise Refused("no gate is open")


def compute_next_parameters(phase: Phase, record: PhaseRecord) -> tuple[dict[str, Parameter], int]:
    """Return the parameters and the batch number of a phase's next attempt."""
    if record.last is None:
        return dict(phase.params), 1
    last = record.last.spec
    decision = record.retry_decision
    batch = last.batch + 1 if decision is not None and decision.kind == "batch" else last.batch
    parameters = {**last.parameters, **(decision.changes if decision else {})}
    return {**parameters, "batch": batch} if batch > 1 else parameters, batch
