"""The summary of a valid plan that `gonogo check` shows: estimates, measured hours, memory and budget."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.memory.forecast import Forecast, forecast_memory
from app.memory.formulas import GIB
from app.memory.needs import GpuBudget
from app.memory.shape import make_config_reader
from app.monitor.sanitize import clean_line
from app.plan.estimates import MeasuredHours, estimate_hours, estimate_usd, sum_ranges
from app.plan.schema import Phase, Plan
from app.plan.values import Range
from app.units import format_hours, format_usd, format_usd_range

_MEASURED_COLUMN = 2


@dataclass(frozen=True)
class PlanSummary:
    """The facts about a plan that are known before it runs.

    Attributes:
        plan: the plan.
        gpus: the GPUs that memory is forecast for; None if the plan does not name their memory.
        forecasts: by phase id, of the phases that load a model.
        measured: by phase id, of the phases that earlier sessions measured on such a machine.
    """

    plan: Plan
    gpus: GpuBudget | None = None
    forecasts: Mapping[str, Forecast] = field(default_factory=dict)
    measured: Mapping[str, MeasuredHours] = field(default_factory=dict)

    @property
    def total_hours(self) -> Range:
        """The estimated hours of all phases."""
        return sum_ranges(estimate_hours(phase) for phase in self.plan.phases)

    @property
    def total_usd(self) -> Range:
        """The estimated dollars of all phases."""
        return sum_ranges(estimate_usd(self.plan, phase) for phase in self.plan.phases)


def summarize_plan(
    plan: Plan, gpus: GpuBudget | None = None, measured: Mapping[str, MeasuredHours] | None = None
) -> PlanSummary:
    """Return the summary of a plan, with memory forecast for `gpus`."""
    forecasts = forecast_memory(plan, gpus, make_config_reader(plan.folder)) if gpus else {}
    return PlanSummary(plan, gpus, forecasts, measured or {})


def to_json(summary: PlanSummary) -> dict[str, Any]:
    """Return a summary as plain data."""
    plan, gpus = summary.plan, summary.gpus
    return {
        "session": plan.session.name,
        "profile": plan.profile,
        "budget_usd": plan.session.budget_usd,
        "usd_per_hour": plan.pod.usd_per_hour,
        "gpus": {"count": gpus.count, "gib": gpus.memory / GIB} if gpus else None,
        "phases": [_phase_to_json(summary, phase) for phase in plan.phases],
        "total": {"hours": _to_pair(summary.total_hours), "usd": _to_pair(summary.total_usd)},
    }


def _phase_to_json(summary: PlanSummary, phase: Phase) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": phase.id,
        "title": phase.title,
        "estimate": {
            "hours": _to_pair(estimate_hours(phase)),
            "usd": _to_pair(estimate_usd(summary.plan, phase)),
        },
        "critical": phase.critical,
        "gate": phase.gate.ask,
    }
    if measured := summary.measured.get(phase.id):
        data["measured"] = {
            "hours": _to_pair(measured.hours),
            "session": measured.session,
            "differs": list(measured.differs),
        }
    data["memory"] = _forecast_to_json(summary.forecasts.get(phase.id))
    return data


def _forecast_to_json(forecast: Forecast | None) -> dict[str, Any] | None:
    if forecast is None:
        return None
    if forecast.need is None:
        return {"unknown": forecast.unknown}
    data: dict[str, Any] = {
        "gib": round(forecast.need.total / GIB, 1),
        "fits": forecast.fits,
        "parts": {name: round(size / GIB, 2) for name, size in forecast.need.parts.items()},
        "advice": forecast.advice,
    }
    if setting := forecast.need.setting:
        data["micro_batch_tokens"] = setting.tokens
        data["recomputed_layers"] = setting.recomputed_layers
    return data


def render_summary(summary: PlanSummary) -> str:
    """Return a summary as a table with notes."""
    plan = summary.plan
    name = plan.session.name + (f", profile {plan.profile}" if plan.profile else "")
    rate = format_usd(plan.pod.usd_per_hour)
    table = _render_table(summary)
    lines = [
        f"{name}: {plan.session.model} on {plan.pod.gpu} at {rate}/h",
        "",
        *table[:-1],
        "-" * max(map(len, table)),
        table[-1],
        "",
        *_describe_memory(summary),
        _describe_budget(summary),
        *_describe_measured_hours(summary),
    ]
    return "\n".join(clean_line(line) for line in lines)


def _render_table(summary: PlanSummary) -> list[str]:
    rows: list[tuple[str, ...]] = [("phase", "time", "measured here", "cost", "memory", "critical", "gate")]
    rows += [_format_table_row(summary, phase) for phase in summary.plan.phases]
    measured = summary.measured.values()
    is_complete = len(measured) == len(summary.plan.phases)
    rows.append(
        (
            "total",
            format_hours(summary.total_hours),
            format_hours(sum_ranges(each.hours for each in measured)) if is_complete else "",
            format_usd_range(summary.total_usd),
            "",
            "",
            "",
        )
    )
    columns = [column for column in range(len(rows[0])) if measured or column != _MEASURED_COLUMN]
    widths = {column: max(len(row[column]) for row in rows) for column in columns}
    return ["  ".join(row[column].ljust(widths[column]) for column in columns).rstrip() for row in rows]


def _format_table_row(summary: PlanSummary, phase: Phase) -> tuple[str, ...]:
    measured = summary.measured.get(phase.id)
    return (
        clean_line(phase.title),
        format_hours(estimate_hours(phase)),
        format_hours(measured.hours) if measured else "",
        format_usd_range(estimate_usd(summary.plan, phase)),
        _format_memory(summary.forecasts.get(phase.id)),
        "yes" if phase.critical else "no",
        phase.gate.ask.replace("_", " "),
    )


def _format_memory(forecast: Forecast | None) -> str:
    if forecast is None:
        return "-"
    if forecast.need is None:
        return "unknown"
    return f"{forecast.need.total / GIB:.0f} GiB" + ("" if forecast.fits else " !")


def _describe_memory(summary: PlanSummary) -> Iterator[str]:
    """Yield what is unknown and why, and what does not fit and what to change."""
    if summary.gpus is None:
        return
    for reason in dict.fromkeys(forecast.unknown for forecast in summary.forecasts.values()):
        if reason:
            yield f"memory unknown: {reason}"
    for phase in summary.plan.phases:
        forecast = summary.forecasts.get(phase.id)
        if forecast and forecast.need and not forecast.fits:
            gib = forecast.need.total / GIB
            yield f"{phase.title}: {gib:.0f} GiB does not fit; {forecast.advice}"
    is_known = any(forecast.need for forecast in summary.forecasts.values())
    if is_known and all(forecast.fits for forecast in summary.forecasts.values()):
        each = "each of " if summary.gpus.count > 1 else ""
        yield f"memory: every phase fits {each}{summary.gpus.count} x {summary.gpus.memory / GIB:.0f} GB"


def _describe_budget(summary: PlanSummary) -> str:
    budget, usd = summary.plan.session.budget_usd, summary.total_usd
    if usd.high <= budget:
        outcome = "is within the budget"
    elif usd.low <= budget:
        outcome = "may exceed it"
    else:
        outcome = "exceeds it"
    return f"budget {format_usd(budget)}: the estimate {outcome}"


def _describe_measured_hours(summary: PlanSummary) -> Iterator[str]:
    """Yield the sessions that the measured hours come from, and what they do not cover."""
    plan, measured = summary.plan, summary.measured
    for session in dict.fromkeys(each.session for each in measured.values()):
        yield f"measured here: in session {session}, scaled to this plan's work"
    missing = [phase.title for phase in plan.phases if phase.id not in measured]
    if measured and missing:
        yield f"  not measured here with {plan.session.model}: {', '.join(missing)}"
    for phase in plan.phases:
        if phase.id in measured and measured[phase.id].differs:
            yield f"  {phase.title}: measured with other values of {', '.join(measured[phase.id].differs)}"


def _to_pair(bounds: Range) -> list[float]:
    return [round(bounds.low, 4), round(bounds.high, 4)]
