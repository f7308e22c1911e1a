"""The money spent at an open gate, and the cost of the next phase."""

from collections.abc import Sequence

from textual.content import Content

from app.session.snapshot import GateView, PhaseView
from app.units import format_hours, format_usd, format_usd_range
from widgets import styles
from widgets.frame import Frame
from widgets.panel import Panel, name_panel
from widgets.rows import Part, row
from widgets.text import replace_controls, truncate


def find_next_phase(frame: Frame, gate: GateView) -> PhaseView | None:
    """Return the phase that starts after `go`; None at the end of the plan."""
    return frame.snapshot.find_phase(gate.next_phase) if gate.next_phase else None


def render_cost_row(frame: Frame, gate: GateView, width: int) -> Content:
    """Return the money spent and the cost of the next phase."""
    money, next_phase = frame.snapshot.money, find_next_phase(frame, gate)
    spent: list[Part] = [("spent ", styles.QUIET), (format_usd(money.spent_usd), styles.STRONG)]
    if next_phase is None:
        return row(width, *spent, ("   next: the session ends", styles.QUIET))
    label: Part = ("   next: ", styles.QUIET)
    estimate = f"{format_hours(next_phase.estimate_hours)} {format_usd_range(next_phase.estimate_usd)}"
    cost: list[Part] = [(f" {estimate}", "")]
    if money.spent_usd + next_phase.estimate_usd.low > money.budget_usd:
        cost.append(("  exceeds the budget", styles.ALARM))
    room = width - sum(len(text) for text, _ in (*spent, label, *cost))
    title = truncate(replace_controls(next_phase.title), room)
    then = _describe_phase_after(frame, next_phase)
    room -= len(title) + sum(len(text) for text, _ in then)
    return row(width, *spent, label, (title, styles.STRONG), *cost, *(then if room >= 0 else ()))


def _describe_phase_after(frame: Frame, next_phase: PhaseView) -> list[Part]:
    """Return the phase after the next one and its cost; empty if there is none."""
    phases = frame.snapshot.phases
    later = [phase for phase in phases[phases.index(next_phase) + 1 :] if phase.state == "waiting"]
    if not later:
        return []
    estimate = f"{format_hours(later[0].estimate_hours)} {format_usd_range(later[0].estimate_usd)}"
    return [("   then: ", styles.QUIET), (f"{replace_controls(later[0].title)} {estimate}", "")]


class GateCost(Panel):
    """The money spent and the cost of the next phase."""

    DEFAULT_CSS = "GateCost { height: 1; }"

    def make_title(self, frame: Frame) -> Sequence[Part]:
        """Return the name of the panel."""
        return name_panel("NEXT")

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the row."""
        gate = frame.snapshot.gate
        return [render_cost_row(frame, gate, width)] if gate else []
