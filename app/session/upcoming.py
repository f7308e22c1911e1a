"""The criteria of the next gates, evaluated with what is known before they open."""

from app.plan.gate_rules import evaluate_condition
from app.plan.schema import Phase, Plan
from app.session.gate.later_phases import find_lost_conditions
from app.session.journal.state import PhaseRecord, State
from app.session.snapshot import UpcomingGate
from phases.contract.protocol import Value


def find_upcoming_gates(
    plan: Plan, state: State, values: dict[str, float | None]
) -> tuple[UpcomingGate, ...]:
    """Return the gates that may open next, with the criteria that decide: at most one that is certain.

    Args:
        plan: the plan.
        state: the session.
        values: the last values of the running attempt's metrics.
    """
    if state.ended is not None or (state.current is not None and state.current.status == "gate"):
        return ()
    gates: list[UpcomingGate] = []
    for record in state.phases:
        if record.status not in ("waiting", "running", "stopping", "ended"):
            continue
        phase = plan.find_phase(record.id)
        is_certain = (
            phase.gate.ask == "always" or state.hold or bool(find_lost_conditions(phase, state.phases))
        )
        if is_certain or (record.is_running and phase.criteria):
            gates.append(_evaluate(phase, record, state, values, is_certain=is_certain))
        if is_certain:
            break
    return tuple(gates)


def _evaluate(
    phase: Phase, record: PhaseRecord, state: State, values: dict[str, float | None], *, is_certain: bool
) -> UpcomingGate:
    earlier = {each.id: each.metrics for each in state.phases if each.id != phase.id and each.metrics}
    metrics: dict[str, Value] = dict(values) if record.is_running else {}
    criteria = (
        evaluate_condition(criterion.name, criterion.expr, metrics, earlier) for criterion in phase.criteria
    )
    return UpcomingGate(phase=phase.id, is_certain=is_certain, criteria=tuple(criteria))
