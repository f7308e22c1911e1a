"""Changes that a `go` makes to the phases that have not started: other parameters, or leaving a phase out."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from app.plan.expressions import ExpressionError, parse_condition
from app.plan.schema import Phase, Plan
from app.session.gate.parameter_changes import check_changes, check_command_values
from app.session.journal.events import Parameter
from app.session.journal.state import PhaseRecord, State
from app.session.requests import Decide, Refused
from app.session.revised_plan import revise_plan
from phases.contract.phase_spec import load_spec

_WITHOUT_RESULT = {"left_out": "was left out", "skipped": "was skipped"}
PlanChanges = dict[str, dict[str, tuple[Parameter, Parameter]]]
"""The old and new values of changed parameters, by phase."""


def find_changeable(state: State) -> list[str]:
    """Return the phases whose parameters the open gate can change: those that have not started."""
    current = state.current
    waiting = [record.id for record in state.phases if record.status == "waiting" and not record.attempts]
    is_before = current is not None and current.over_budget is not None and not current.attempts
    return [current.id, *waiting] if current is not None and is_before else waiting


def check_plan_changes(plan: Plan, state: State, request: Decide) -> PlanChanges:
    """Return the changes that a decision makes to later phases, with the old values.

    Args:
        plan: the plan that the session was started with.
        state: the session, at its gate.
        request: the decision.

    Raises:
        Refused: a phase is not a later one, or does not accept its change.
    """
    named_phases = [*request.plan_changes, *request.left_out]
    if named_phases and request.kind != "go":
        raise Refused(f"{request.kind} cannot change or leave out later phases; use go")
    changeable = find_changeable(state)
    expected = ", ".join(changeable) or "none, because no phase is left to run"
    for phase_id in named_phases:
        if phase_id not in changeable:
            raise Refused(f"{_explain(state, phase_id)}; expected one of the later phases: {expected}")
    if len(set(named_phases)) < len(named_phases):
        twice = next(name for name in named_phases if named_phases.count(name) > 1)
        raise Refused(f"{twice} is named twice: change its parameters or leave it out, and only once")
    if request.phase in request.left_out:
        raise Refused(f"{request.phase} is the phase at the gate; use skip to leave it out")
    return _check_parameters(revise_plan(plan, state), request)


def _explain(state: State, phase_id: str) -> str:
    record = next((record for record in state.phases if record.id == phase_id), None)
    if record is None:
        return f"the plan has no phase {phase_id}"
    if record.status == "left_out":
        return f"{phase_id} was left out"
    is_gate = state.current is not None and record.id == state.current.id
    hint = "; use retry to run it again with other parameters" if is_gate else ""
    return f"{phase_id} has already run{hint}"


def _check_parameters(plan: Plan, request: Decide) -> PlanChanges:
    changes: PlanChanges = {}
    for phase_id, values in request.plan_changes.items():
        phase = plan.find_phase(phase_id)
        new = check_changes(phase, phase.params, values)
        if phase.run is None:
            check_command_values(phase, new)
        old = {name: _find_value(phase, name) for name in new}
        if changed := {name: (old[name], value) for name, value in new.items() if value != old[name]}:
            changes[phase_id] = changed
    return changes


def _find_value(phase: Phase, name: str) -> Parameter:
    """Return the value of a parameter: the plan's, or else the phase's default."""
    if name in phase.params or phase.run is None:
        value: Parameter = phase.params.get(name)
        return value
    default = load_spec(phase.run).parameters.model_fields[name].get_default(call_default_factory=True)
    return default if isinstance(default, int | float | str | bool) else None


# Consequences of leaving out a phase


def find_consequences(plan: Plan, state: State, changes: PlanChanges, left_out: Collection[str]) -> list[str]:
    """Return the consequences of leaving phases out; each requires a reason.

    Args:
        plan: the plan that the session was started with.
        state: the session, at its gate.
        changes: the changed parameters of later phases.
        left_out: the phases to leave out.
    """
    if not left_out:
        return []
    revised = revise_plan(plan, state)
    remaining = [revised.find_phase(name) for name in find_changeable(state) if name not in left_out]
    phases_left_out = [revised.find_phase(name) for name in left_out]
    texts = [f"{phase.title} is a critical phase" for phase in phases_left_out if phase.critical]
    for phase in remaining:
        texts += _find_unknown_conditions(phase, phases_left_out)
        new = {name: value for name, (_, value) in changes.get(phase.id, {}).items()}
        texts += _find_missing_inputs(phase, {**phase.params, **new}, phases_left_out)
    return texts


def _find_unknown_conditions(phase: Phase, left_out: Sequence[Phase]) -> Iterator[str]:
    """Yield a text for each phase that is left out and that conditions of a phase's gate refer to."""
    for source in left_out:
        names = [name for name, referred in find_references(phase) if referred == source.id]
        if not names:
            continue
        subject = f"{names[0]} of {phase.title} refers"
        if len(names) > 1:
            subject = f"{len(names)} criteria and rules of {phase.title} refer"
        yield f"{subject} to {source.title}, so its gate will open"


def find_references(phase: Phase) -> Iterator[tuple[str, str]]:
    """Yield each condition of a phase's gate with each other phase whose metrics it uses."""
    conditions = [(f'criterion "{each.name}"', each.expr) for each in phase.criteria]
    conditions += [(f"rule `{rule.when}`", rule.when) for rule in phase.gate.rules]
    for name, expression in conditions:
        try:
            used = parse_condition(expression).names
        except ExpressionError:
            continue
        for source in dict.fromkeys(each.rpartition(".")[0] for each in used):
            if source and source != phase.id:
                yield name, source


def find_lost_conditions(phase: Phase, records: Sequence[PhaseRecord]) -> list[str]:
    """Return the conditions of a phase's gate that refer to a phase without a result, and say so."""
    missing_reasons = {
        record.id: "" if record.metrics else _WITHOUT_RESULT.get(record.status, "") for record in records
    }
    return [
        f"{name[0].upper()}{name[1:]} cannot be evaluated: {source} {reason}."
        for name, source in find_references(phase)
        if (reason := missing_reasons.get(source, "is not part of this session"))
    ]


def _find_missing_inputs(
    phase: Phase, parameters: Mapping[str, Parameter], left_out: Sequence[Phase]
) -> Iterator[str]:
    """Yield a text for each parameter of a phase that names what a phase that is left out would write."""
    for name, value in parameters.items():
        for source in left_out:
            if not name.startswith("output") and any(
                text == output or text.startswith(f"{output.rstrip('/')}/")
                for text in _list_texts(value)
                for key, value in source.params.items()
                if key.startswith("output")
                for output in _list_texts(value)
            ):
                yield f"{phase.title} reads what {source.title} writes ({name})"


def _list_texts(value: Parameter) -> list[str]:
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)]
