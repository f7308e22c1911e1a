"""The work of a phase, as its parameters ask for it, compared between two sets of parameters."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from app.plan.schema import Phase, Plan
from app.plan.values import Range
from phases.contract.phase_spec import load_spec
from phases.contract.workload import Work

IRRELEVANT = ("seed", "batch")
"""Parameters that do not affect the time."""
SELECT_WORK = ("suite", "seeds")
"""Parameters that select what to work on: attempts with other values of them cannot be compared."""


class ScaledPhase(NamedTuple):
    """A phase with changed parameters and the estimate that follows.

    Attributes:
        phase: the phase.
        unscaled: changed parameters whose effect on the time is unknown.
    """

    phase: Phase
    unscaled: tuple[str, ...]


def find_work(phase: Phase) -> Work:
    """Return the work that a phase's running time grows with; for another program it is unknown."""
    return load_spec(phase.run).work if phase.run else Work()


def get_parameter_number(phase: Phase, parameters: Mapping[str, Any], name: str) -> float | None:
    """Return the number that a parameter has, or its default."""
    value = parameters.get(name)
    if value is None and phase.run:
        value = load_spec(phase.run).parameters.model_fields[name].default
    return float(value) if isinstance(value, int | float) else None


def compare_parameter(phase: Phase, old: Mapping[str, Any], name: str) -> float | None:
    """Return a phase's value of a parameter over the old one, or None if one of them is missing or 0."""
    before, now = get_parameter_number(phase, old, name), get_parameter_number(phase, phase.params, name)
    return now / before if before and now else None


def count_planned_rows(plan: Plan, run: str) -> float | None:
    """Return the number of rows that a plan requests from a built-in phase."""
    phase = next((phase for phase in plan.phases if phase.run == run), None)
    return get_parameter_number(phase, phase.params, load_spec(run).work.planned_rows) if phase else None


def scale_estimate(before: Plan, after: Plan, phase: Phase) -> ScaledPhase:
    """Return a phase of the plan `after` with its estimate scaled by its work, compared with `before`.

    The whole time is scaled, because a plan does not say which part of it is the same for any work.
    """
    old, work = before.find_phase(phase.id).params, find_work(phase)
    factors = {name: compare_parameter(phase, old, name) for name in work.proportional_to}
    if work.rows_of:
        rows_before, rows = count_planned_rows(before, work.rows_of), count_planned_rows(after, work.rows_of)
        factors[work.rows_of] = rows / rows_before if rows and rows_before else 1.0
    limit = compare_parameter(phase, old, work.unit_limit) if work.unit_limit else 1.0
    factor = 1.0
    for each in factors.values():
        factor *= each or 1.0
    estimate = phase.estimate
    low, high = factor * min(1.0, limit or 1.0), factor * max(1.0, limit or 1.0)
    if (low, high) != (1.0, 1.0):
        usd = estimate.usd and (estimate.usd[0] * low, estimate.usd[1] * high)
        hours = Range(estimate.hours[0] * low, estimate.hours[1] * high)
        scaled = estimate.model_copy(update={"hours": (hours.low, hours.high), "usd": usd})
        phase = phase.model_copy(update={"estimate": scaled})
    known = {name for name, each in {**factors, work.unit_limit: limit}.items() if each is not None}
    changed = [name for name in {**old, **phase.params} if old.get(name) != phase.params.get(name)]
    unscaled = [name for name in changed if name not in known and _may_take_time(phase, old, name)]
    return ScaledPhase(phase, tuple(unscaled))


def _may_take_time(phase: Phase, old: Mapping[str, Any], name: str) -> bool:
    """Return whether a changed parameter can affect the time; the texts of built-in phases name files."""
    if phase.run is None or name in SELECT_WORK:
        return True
    value = phase.params.get(name, old.get(name))
    return name not in IRRELEVANT and isinstance(value, int | float)
