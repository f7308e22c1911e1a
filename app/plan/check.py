"""`gonogo check`: what a plan says and is thought to cost, or everything that is wrong with it."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from app.memory.forecast import Forecast, forecast_memory
from app.memory.formulas import GIB
from app.memory.needs import GpuBudget, parse_gpu_budget
from app.memory.shape import local_config
from app.monitor.gpu import GpuReader
from app.monitor.sanitize import clean_line
from app.plan import estimates
from app.plan.read import PlanErrors, load_plan
from app.plan.schema import Plan
from app.plan.values import Range
from app.session import calibration
from app.session.calibration import Measured

_HERE = "measured here"


def check(plan_path: Path, profile: str | None = None, as_json: bool = False, gpu: str | None = None) -> int:
    """Print the plan's phases, estimates, memory and totals and return 0, or print its errors and return 2.

    Beside the plan's guess stands what was measured on this machine, where sessions before tell it.

    Args:
        plan_path: the plan.
        profile: its profile to lay over it.
        as_json: print JSON.
        gpu: what it would run on, such as `80GB` or `2x80GB`; without it, as the plan's pod.gpu says.
    """
    try:
        plan = load_plan(plan_path, profile)
    except PlanErrors as errors:
        print(errors, file=sys.stderr)  # noqa: T201
        return 2
    gpus = parse_gpu_budget(gpu or plan.pod.gpu)
    if gpu and gpus is None:
        print(f"--gpu {gpu}: expected its memory, such as 80GB, or 2x80GB for two", file=sys.stderr)  # noqa: T201
        return 2
    machine = calibration.kind_of_machine(GpuReader().read_names())
    measured = calibration.calibrate(plan, machine)
    says = summary(plan, measured, gpus)
    text = msgspec.json.format(msgspec.json.encode(says)).decode() if as_json else table(plan, measured, gpus)
    print(text)  # noqa: T201
    return 0


def summary(
    plan: Plan, measured: Mapping[str, Measured] = {}, gpus: GpuBudget | None = None
) -> dict[str, Any]:
    """Return the plan's phases, estimates, memory and totals as plain data, and what was measured of them."""
    forecasts = forecast_memory(plan, gpus, local_config(plan.folder)) if gpus else {}
    hours = [estimates.hours(phase) for phase in plan.phases]
    usd = [estimates.usd(plan, phase) for phase in plan.phases]
    return {
        "session": plan.session.name,
        "profile": plan.profile,
        "budget_usd": plan.session.budget_usd,
        "usd_per_hour": plan.pod.usd_per_hour,
        "gpus": {"count": gpus.count, "gib": gpus.memory / GIB} if gpus else None,
        "phases": [
            {
                "id": phase.id,
                "title": phase.title,
                "estimate": {"hours": _pair(h), "usd": _pair(u)},
                "critical": phase.critical,
                "gate": phase.gate.ask,
                **({"measured": _measured(measured[phase.id])} if phase.id in measured else {}),
                "memory": _memory(forecasts.get(phase.id)),
            }
            for phase, h, u in zip(plan.phases, hours, usd, strict=True)
        ],
        "total": {"hours": _pair(estimates.total(hours)), "usd": _pair(estimates.total(usd))},
    }


def table(plan: Plan, measured: Mapping[str, Measured] = {}, gpus: GpuBudget | None = None) -> str:
    """Return the same for people to read."""
    says = summary(plan, measured, gpus)
    rows = [("phase", "time", _HERE, "cost", "memory", "critical", "gate")]
    rows += [
        (
            clean_line(phase["title"]),
            _time(*phase["estimate"]["hours"]),
            _time(*phase["measured"]["hours"]) if "measured" in phase else "",
            _money(*phase["estimate"]["usd"]),
            _gib(phase["memory"]),
            "yes" if phase["critical"] else "no",
            phase["gate"].replace("_", " "),
        )
        for phase in says["phases"]
    ]
    low, high = says["total"]["usd"]
    here = estimates.total([found.hours for found in measured.values()])
    whole = _time(here.low, here.high) if len(measured) == len(plan.phases) else ""
    rows.append(("total", _time(*says["total"]["hours"]), whole, _money(low, high), "", "", ""))
    shown = [column for column in range(len(rows[0])) if measured or rows[0][column] != _HERE]
    widths = {column: max(len(row[column]) for row in rows) for column in shown}
    lines = ["  ".join(row[c].ljust(widths[c]) for c in shown).rstrip() for row in rows]
    name = says["session"] + (f", profile {plan.profile}" if plan.profile else "")
    budget = says["budget_usd"]
    fits = "within the budget" if high <= budget else "may exceed it" if low <= budget else "exceeds it"
    return "\n".join(
        clean_line(line)
        for line in [
            f"{name}: {plan.session.model} on {plan.pod.gpu} at ${says['usd_per_hour']:.2f}/h",
            "",
            *lines[:-1],
            "-" * max(map(len, lines)),
            lines[-1],
            "",
            *_memory_lines(says),
            f"budget ${budget:.2f}: the estimate {fits}",
            *_notes(plan, measured),
        ]
    )


def _measured(found: Measured) -> dict[str, Any]:
    return {"hours": _pair(found.hours), "session": found.session, "differs": list(found.differs)}


def _notes(plan: Plan, measured: Mapping[str, Measured]) -> Iterator[str]:
    """Yield where the measured hours are from, and what they leave open."""
    for session in dict.fromkeys(found.session for found in measured.values()):
        yield f"measured here: in session {session}, scaled to this plan's work"
    if measured and (missing := [phase.title for phase in plan.phases if phase.id not in measured]):
        yield f"  not measured here with {plan.session.model}: {', '.join(missing)}"
    for phase in plan.phases:
        if phase.id in measured and (differs := measured[phase.id].differs):
            yield f"  {phase.title}: with other values there for {', '.join(differs)}"


def _memory(found: Forecast | None) -> dict[str, Any] | None:
    """Return what a phase needs of a GPU; None where it needs none, or no GPU is planned with."""
    if found is None:
        return None
    if found.need is None:
        return {"unknown": found.unknown}
    parts = {name: round(size / GIB, 2) for name, size in found.need.parts.items()}
    total = round(found.need.total / GIB, 1)
    says = {"gib": total, "fits": found.fits, "parts": parts, "advice": found.advice}
    return says | ({"gradient_checkpointing": found.need.checkpointing} if found.need.checkpointing else {})


def _gib(says: dict[str, Any] | None) -> str:
    if says is None:
        return "-"
    return "unknown" if "unknown" in says else f"{says['gib']:.0f} GiB" + ("" if says["fits"] else " !")


def _memory_lines(says: dict[str, Any]) -> list[str]:
    """Return what is to be said of memory: on what, what does not fit, what is unknown and why."""
    if says["gpus"] is None:
        return []
    phases = [phase for phase in says["phases"] if phase["memory"]]
    unknown = dict.fromkeys(p["memory"]["unknown"] for p in phases if "unknown" in p["memory"])
    large = [phase for phase in phases if not phase["memory"].get("fits", True)]
    lines = [f"memory unknown: {why}" for why in unknown]
    lines += [
        f"{p['title']}: {p['memory']['gib']:.0f} GiB do not fit; {p['memory']['advice']}" for p in large
    ]
    known = any("gib" in phase["memory"] for phase in phases)
    if known and not large:
        count, size = says["gpus"]["count"], says["gpus"]["gib"]
        lines.append(f"memory: every phase fits into {'each of ' * (count > 1)}{count} x {size:.0f} GB")
    return lines


def _pair(bounds: Range) -> list[float]:
    return [round(bounds.low, 4), round(bounds.high, 4)]


def _time(low: float, high: float) -> str:
    """Return a range of hours, in minutes where it is short."""
    scale, unit = (1, "h") if high >= 1 else (60, "min")
    return _range(f"{low * scale:.3g}", f"{high * scale:.3g}", f" {unit}")


def _money(low: float, high: float) -> str:
    return "$" + _range(f"{low:.2f}", f"{high:.2f}", "")


def _range(low: str, high: str, unit: str) -> str:
    return f"{low}{unit}" if low == high else f"{low}-{high}{unit}"
