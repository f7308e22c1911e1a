"""Check the parameters that a decision changes against those that the phase declares."""

import math
from collections.abc import Mapping

from pydantic import ValidationError

from app.plan.profiles import PLACEHOLDER, PLACEHOLDERS
from app.plan.schema import Phase
from app.plan.validate import find_parameter_errors
from app.session.journal.events import Parameter
from app.session.requests import Refused
from phases.contract.parameters import wrap_single_values
from phases.contract.phase_spec import load_spec


def check_changes(
    phase: Phase, parameters: Mapping[str, Parameter], changes: Mapping[str, Parameter]
) -> dict[str, Parameter]:
    """Return changed parameters as the phase reads them: `5e3` is 5000 if it takes a whole number.

    Args:
        phase: the phase.
        parameters: those that the changes are made to.
        changes: the new values by name.

    Raises:
        Refused: the phase does not have a parameter, or does not accept its value.
    """
    if not changes:
        return {}
    if "batch" in changes:
        raise Refused("batch cannot be set: the decision batch counts it")
    for name, value in changes.items():
        items = value if isinstance(value, list) else [value]
        texts = [item for item in items if isinstance(item, str)]
        if any("\0" in text for text in texts):
            raise Refused(f"{phase.id}.{name}: expected a text without null characters")
        for word in {word for text in texts for word in PLACEHOLDER.findall(text)} & set(PLACEHOLDERS):
            raise Refused(f"{phase.id}.{name}: expected the value itself in place of {{{word}}}")
        if any(isinstance(item, float) and not math.isfinite(item) for item in items):
            raise Refused(f"{phase.id}.{name}: expected a finite number (given: {value})")
    values = dict(changes)
    if phase.run is not None:
        values = _read_values(phase, phase.run, parameters, changes)
    revised = phase.model_copy(update={"params": {**parameters, **values}})
    for name, expected in find_parameter_errors(revised):
        if name.partition("[")[0] in changes:
            raise Refused(f"{phase.id}.{name}: {expected}")
    return values


def _read_values(
    phase: Phase, run: str, parameters: Mapping[str, Parameter], changes: Mapping[str, Parameter]
) -> dict[str, Parameter]:
    model = load_spec(run).parameters
    unknown = sorted(changes.keys() - model.model_fields.keys())
    if unknown:
        expected = ", ".join(name for name in model.model_fields if name != "batch")
        raise Refused(f"{phase.id} has no parameter {unknown[0]}; expected one of: {expected}")
    try:
        validated = model.model_validate(wrap_single_values(model, {**parameters, **changes}))
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        name = problem["loc"][0] if problem["loc"] else ", ".join(changes)
        raise Refused(f"{phase.id}.{name}: {problem['msg']} (given: {problem['input']!r})") from None
    read = validated.model_dump(mode="json", include=set(changes))
    # A single value of a parameter that takes several stays as it was given.
    return {
        name: value if isinstance(read[name], list) or isinstance(value, list) else read[name]
        for name, value in changes.items()
    }


def describe_type(value: Parameter) -> str:
    """Return what kind of value a parameter of another program has."""
    match value:
        case bool():
            return "true or false"
        case int():
            return "a whole number"
        case float():
            return "a number"
        case list():
            return "a list"
        case _:
            return "a text"


def check_command_values(phase: Phase, changes: Mapping[str, Parameter]) -> None:
    """Check that another program keeps its parameters: those that the plan names, with values of their kind.

    Any other would be a new flag, and the operator has approved the command without it.

    Raises:
        Refused: the plan does not name a parameter, or its value is of another kind.
    """
    known = dict(phase.params)
    for steps in phase.remedies.values():
        for step in steps:
            known = {**step, **known}
    for name, value in changes.items():
        if name not in known:
            expected = ", ".join(known) or "none"
            raise Refused(f"{phase.id} has no parameter {name}; expected one of: {expected}")
        expected = describe_type(known[name])
        is_number = expected == "a number" and isinstance(value, int) and not isinstance(value, bool)
        if describe_type(value) != expected and not is_number:
            raise Refused(f"{phase.id}.{name}: expected {expected} (given: {value!r})")
