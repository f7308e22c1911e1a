"""What a plan is thought to take: hours and dollars, for each phase and in total."""

from app.plan.schema import Phase, Plan
from app.plan.values import Range


def hours(phase: Phase) -> Range:
    """Return the estimated hours of a phase."""
    return Range(*phase.estimate.hours)


def usd(plan: Plan, phase: Phase) -> Range:
    """Return the estimated dollars of a phase: as the plan says, or else its hours at the pod's rate."""
    if phase.estimate.usd is not None:
        return Range(*phase.estimate.usd)
    low, high = phase.estimate.hours
    return Range(low * plan.pod.usd_per_hour, high * plan.pod.usd_per_hour)


def total(ranges: list[Range]) -> Range:
    """Return the sum of ranges, low with low and high with high."""
    return Range(sum(r.low for r in ranges), sum(r.high for r in ranges))
