"""The plan of a session with the changes that decisions at its gates made to later phases."""

from app.plan.schema import Plan
from app.plan.work import scale_estimate
from app.session.journal.state import State


def revise_plan(plan: Plan, state: State) -> Plan:
    """Return the plan with the changed parameters, and with estimates scaled by the changed work.

    Phases that were left out stay in the plan: the session's state says that they do not run.
    """
    changes = {record.id: record.changes for record in state.phases if record.changes}
    if not changes:
        return plan
    changed = tuple(
        phase.model_copy(update={"params": {**phase.params, **changes[phase.id]}})
        if phase.id in changes
        else phase
        for phase in plan.phases
    )
    revised = plan.model_copy(update={"phases": changed})
    scaled = tuple(scale_estimate(plan, revised, phase).phase for phase in revised.phases)
    return revised.model_copy(update={"phases": scaled})
