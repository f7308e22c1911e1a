"""The hours and dollars that a plan estimates, per phase and in total, and the hours measured by sessions."""

from collections.abc import Iterable

import msgspec

from app.plan.schema import Phase, Plan
from app.plan.values import Range


class MeasuredHours(msgspec.Struct, frozen=True):
    """The hours of a phase as measured in a session and scaled to a plan's work.

    Attributes:
        hours: the scaled range.
        session: the session that measured them.
        differs: parameters with other values in that session, whose effect on the time is unknown.
    """

    hours: Range
    session: str
    differs: tuple[str, ...] = ()


def estimate_hours(phase: Phase) -> Range:
    """Return the estimated hours of a phase."""
    return Range(*phase.estimate.hours)


def estimate_usd(plan: Plan, phase: Phase) -> Range:
    """Return the estimated dollars of a phase: the plan's, or else its hours at the pod's rate."""
    if phase.estimate.usd is not None:
        return Range(*phase.estimate.usd)
    low, high = phase.estimate.hours
    return Range(low * plan.pod.usd_per_hour, high * plan.pod.usd_per_hour)


def sum_ranges(ranges: Iterable[Range]) -> Range:
    """Return the sum of ranges, low with low and high with high."""
    ranges = list(ranges)
    return Range(sum(r.low for r in ranges), sum(r.high for r in ranges))
