"""The phases that have not started, with their parameters, for changes at a gate."""

from collections.abc import Sequence
from typing import NamedTuple

from textual.content import Content
from textual.geometry import Size
from textual.message import Message

from app.session.snapshot import GateView, PhaseView, SessionSnapshot
from app.units import format_hours, format_usd_range
from widgets import styles
from widgets.parameters import Parameter, render_parameter_row
from widgets.rows import RowWidget, row
from widgets.text import fit

TITLE_WIDTH = 22


def list_later_phases(snapshot: SessionSnapshot, gate: GateView) -> tuple[PhaseView, ...]:
    """Return the phases whose parameters a `go` can change, with the phase that a gate is before."""
    return tuple(
        phase
        for phase in snapshot.phases
        if not phase.attempts
        and (phase.state == "waiting" or (gate.because == "budget" and phase.id == gate.phase))
    )


class _Line(NamedTuple):
    """A row of the list: a phase, or one of its parameters."""

    phase: PhaseView
    name: str = ""


class LaterPhasesTable(RowWidget, can_focus=True):
    """A list of phases of which one is open and shows its parameters, and a cursor.

    Attributes:
        phases: in their order.
        changes: the changed parameters by phase.
        left_out: the phases that will not run.
        open_phase: the id of the phase that shows its parameters.
        cursor: index of the selected row.
    """

    class EditRequested(Message):
        """The operator wants to edit a parameter."""

        def __init__(self, phase: str, name: str, value: Parameter) -> None:
            super().__init__()
            self.phase, self.name, self.value = phase, name, value

    class ChangesUpdated(Message):
        """A change was made or undone."""

    def __init__(
        self,
        phases: Sequence[PhaseView],
        changes: dict[str, dict[str, Parameter]],
        left_out: Sequence[str],
        fixed: str,
    ) -> None:
        """Make the list; the phase `fixed` cannot be left out."""
        super().__init__()
        self.phases = phases
        self.changes = {phase: dict(values) for phase, values in changes.items()}
        self.left_out = set(left_out)
        self.fixed = fixed
        self.open_phase = ""
        self.cursor = 0

    def list_lines(self) -> list[_Line]:
        """Return the rows: the phases, and the parameters of the open one."""
        lines: list[_Line] = []
        for phase in self.phases:
            lines.append(_Line(phase))
            if phase.id == self.open_phase:
                lines += [_Line(phase, name) for name in phase.parameters]
        return lines

    @property
    def selected(self) -> _Line:
        """The row at the cursor."""
        return self.list_lines()[self.cursor]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the number of rows."""
        return len(self.list_lines())

    def change(self, phase_id: str, name: str, value: Parameter) -> None:
        """Set a parameter; setting the previous value undoes a change. The phase will run."""
        phase = next(phase for phase in self.phases if phase.id == phase_id)
        values = self.changes.setdefault(phase_id, {})
        values[name] = value
        if value == phase.parameters.get(name):
            del values[name]
        if not values:
            del self.changes[phase_id]
        self.left_out.discard(phase_id)
        self._update()

    def _update(self) -> None:
        self.refresh_rows()
        self.post_message(self.ChangesUpdated())

    def action_choose(self, steps: int) -> None:
        """Move the cursor."""
        self.cursor = min(max(0, self.cursor + steps), len(self.list_lines()) - 1)
        self.refresh_rows()

    def action_edit(self) -> None:
        """Open or close a phase, or ask for a new value of a parameter."""
        phase, name = self.selected
        if name:
            value = self.changes.get(phase.id, {}).get(name, phase.parameters[name])
            self.post_message(self.EditRequested(phase.id, name, value))
            return
        self.open_phase = "" if phase.id == self.open_phase else phase.id
        self.cursor = self.list_lines().index(_Line(phase))
        self.refresh(layout=True)
        self.refresh_rows()

    def action_leave_out(self) -> None:
        """Leave the selected phase out, which drops its changes, or let it run again."""
        phase = self.selected.phase
        if phase.id == self.fixed:
            return
        if phase.id in self.left_out:
            self.left_out.remove(phase.id)
        else:
            self.left_out.add(phase.id)
            self.changes.pop(phase.id, None)
        self._update()

    def action_undo(self) -> None:
        """Undo the change of the selected parameter, or all changes of the selected phase."""
        phase, name = self.selected
        if name:
            self.change(phase.id, name, phase.parameters[name])
            return
        self.changes.pop(phase.id, None)
        self.left_out.discard(phase.id)
        self._update()

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show or hide the cursor."""
        super().watch_has_focus(has_focus)
        self.refresh_rows()

    def render_rows(self, width: int, height: int) -> Sequence[Content]:
        """Return the rows around the cursor."""
        lines = self.list_lines()
        top = min(max(0, self.cursor - height + 1), max(0, len(lines) - height))
        return [self._render_line(top + i, line, width) for i, line in enumerate(lines[top : top + height])]

    def _render_line(self, index: int, line: _Line, width: int) -> Content:
        phase, name = line
        is_selected = self.has_focus and index == self.cursor
        changes = self.changes.get(phase.id, {})
        if name:
            return render_parameter_row(
                width, name, phase.parameters, changes, is_selected=is_selected, indent="    "
            )
        is_out = phase.id in self.left_out
        estimate = f"{format_hours(phase.estimate_hours):>7} {format_usd_range(phase.estimate_usd):>11}"
        note = f"{len(changes)} changed" if changes else ""
        title_style = styles.QUIET if is_out else ""
        if is_out:
            note = "left out"
        if is_selected:
            title_style = styles.STRONG
        return row(
            width,
            ("▸ " if is_selected else "  ", styles.INFO),
            (fit(phase.title, TITLE_WIDTH), title_style),
            (f" {phase.id}", styles.QUIET),
            right=[(f"{note}  ", styles.WARN), (estimate, styles.QUIET)],
        )
