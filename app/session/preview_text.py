"""The effect of a decision as plain lines."""

import json

from app.memory.formulas import GIB
from app.monitor.sanitize import clean_line
from app.session.gate.decision_preview import DecisionPreview, PhaseEffect
from app.units import format_hours, format_usd_range, format_usd_short


def format_preview(preview: DecisionPreview, arrow: str = "->") -> list[str]:
    """Return the changes of each phase, then the forecast, then the consequences as warnings."""
    lines = [line for effect in preview.effects for line in _format_effect(effect, arrow)]
    before, after = preview.forecast_usd
    budget = format_usd_short(preview.budget_usd)
    if after.high <= preview.budget_usd:
        outcome = "within the budget"
    elif after.low <= preview.budget_usd:
        outcome = "may exceed the budget"
    else:
        outcome = "exceeds the budget"
    was = "" if before == after else f"{format_usd_range(before)} {arrow} "
    lines.append(f"forecast {was}{format_usd_range(after)} of {budget}: {outcome}")
    lines += [f"warning: {clean_line(text)}" for text in preview.consequences]
    return lines


def _format_effect(effect: PhaseEffect, arrow: str) -> list[str]:
    title = clean_line(effect.title)
    hours, usd = format_hours(effect.hours[0]), format_usd_range(effect.usd[0])
    if effect.is_left_out:
        return [f"{title}: left out, saves {hours}, {usd}"]
    lines = [
        f"{title}: {clean_line(name)} {_format_value(old)} {arrow} {_format_value(new)}"
        for name, (old, new) in effect.changed.items()
    ]
    if effect.hours[0] != effect.hours[1] or effect.usd[0] != effect.usd[1]:
        new_hours, new_usd = format_hours(effect.hours[1]), format_usd_range(effect.usd[1])
        then = f"{new_hours}, {new_usd} (scaled by its work)"
        lines.append(f"{title}: estimate {hours}, {usd} {arrow} {then}")
    if effect.unscaled:
        names = clean_line(", ".join(effect.unscaled))
        lines.append(f"{title}: the effect of {names} on the time is not known and not in the estimate")
    before, after = effect.memory
    if after is not None and (before != after or not effect.fits):
        was = f"{before / GIB:.1f} {arrow} " if before is not None and before != after else ""
        fit = "" if effect.fits else f"; does not fit: {effect.advice}"
        lines.append(f"{title}: memory {was}{after / GIB:.1f} GiB on each GPU{fit}")
    return lines


def _format_value(value: object) -> str:
    return "default" if value is None else clean_line(json.dumps(value, ensure_ascii=False))
