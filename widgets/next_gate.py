"""The criteria of the next gates, with the values that are known before they open."""

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Size

from app.plan.values import ConditionResult
from app.session.snapshot import UpcomingGate
from widgets import styles
from widgets.frame import Frame
from widgets.gate_verdict import list_criterion_values
from widgets.header import format_time_range
from widgets.panel import Panel, name_panel
from widgets.phase_table import find_next_gate
from widgets.rows import Part, row
from widgets.text import fit, wrap

MAX_NAME_SHARE = 0.5
STANDING = {True: ("met", styles.GOOD), False: ("not met", styles.WARN), None: ("open", styles.QUIET)}
"""The outcome of a criterion with the values so far. It is not a verdict: the phase has not ended."""


def render_upcoming_rows(
    frame: Frame, gate: UpcomingGate, width: int, *, is_compact: bool = False
) -> list[Content]:
    """Return the gate's phase and its criteria, each with its values so far.

    Values that do not fit next to the criterion are below it; if `is_compact`, they are cut instead.
    """
    phase = frame.snapshot.find_phase(gate.phase)
    asks = "always asks" if gate.is_certain else "asks unless the verdict is go"
    rows = [row(width, (phase.title, styles.STRONG), (f"  {asks}", styles.QUIET))]
    if not gate.criteria:
        rows.append(row(width, ("  no criteria in the plan", styles.QUIET)))
    for criterion in gate.criteria:
        rows += _render_criterion(frame, criterion, width, is_compact=is_compact)
    return rows


def _render_criterion(
    frame: Frame, criterion: ConditionResult, width: int, *, is_compact: bool
) -> list[Content]:
    word, style = STANDING[criterion.passed]
    values = list_criterion_values(frame, criterion, only_known=True)
    badge = styles.CHECK_BADGES[criterion.passed]
    room = width - len(badge.symbol) - len(word) - 2
    if not is_compact and cell_len(criterion.name) + len(values) + 2 > room:
        first = row(width, (f"{badge.symbol} {fit(criterion.name, room)}", ""), right=[(word, style)])
        below = [row(width, ("  ", ""), (line, styles.QUIET)) for line in wrap(values, width - 2)]
        return [first, *(below if values else ())]
    name_width = min(room, max(room - len(values) - 2, int(width * MAX_NAME_SHARE)), cell_len(criterion.name))
    name: Part = (f"{badge.symbol} {fit(criterion.name, name_width)}  ", "")
    return [row(width, name, (values, styles.QUIET), right=[(word, style)])]


class NextGatePanel(Panel):
    """The gates that may open next, and when."""

    def make_title(self, frame: Frame) -> Sequence[Part]:
        """Return when the next certain gate opens."""
        gate = find_next_gate(frame)
        if gate is None:
            return name_panel("NEXT GATE")
        _, time = gate
        when = "time unknown" if time is None else format_time_range(time, frame.now)
        return name_panel("NEXT GATE", (f" {when}", styles.STRONG), (" · values so far", ""))

    def show(self, frame: Frame) -> None:
        """Draw a new frame; the panel is as high as its rows."""
        height = self._count_rows(self.size.width)
        super().show(frame)
        if self._count_rows(self.size.width) != height:
            self.refresh(layout=True)

    def _count_rows(self, width: int) -> int:
        return len(self._list_rows(self.frame, width)) if self.frame else 1

    @staticmethod
    def _list_rows(frame: Frame, width: int, *, is_compact: bool = False) -> list[Content]:
        gates = frame.snapshot.upcoming
        rows = [r for gate in gates for r in render_upcoming_rows(frame, gate, width, is_compact=is_compact)]
        return rows or [row(width, ("no gate is ahead", styles.QUIET))]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the number of rows."""
        return self._count_rows(width)

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the criteria, with a row each if there is no room for more."""
        rows = self._list_rows(frame, width)
        return rows if len(rows) <= height else self._list_rows(frame, width, is_compact=True)
