"""The dialog that changes the phases after a gate: parameters, phases to leave out, and the effect."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

import msgspec
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Label

from app.session.requests import Decide, Refused, get_current_user
from app.session.snapshot import GateView
from app.tui.keys import make_bindings
from app.tui.screens.dialogs import TextBlock
from app.tui.screens.screen import Dialog
from widgets import styles
from widgets.frame import Frame
from widgets.key_bar import KeyBar, KeyHint
from widgets.later_phases import LaterPhasesTable, list_later_phases
from widgets.parameters import Parameter, format_parameter, parse_parameter
from widgets.rows import Part
from widgets.text import replace_controls
from widgets.text_field import TextField

ROWS_OF_THE_REST = 15
"""Rows of the dialog besides the list: its frame, the effect, the field, a message and the keys."""
ROWS_AROUND = 8
WARNING = "warning: "
ARROW = "→"


class LaterChanges(NamedTuple):
    """Changes to later phases, their effect in lines, and the consequences that require a reason."""

    parameters: Mapping[str, dict[str, Parameter]] = {}
    left_out: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    consequences: tuple[str, ...] = ()


def sort_effect(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the lines of an effect in the order of their importance: warnings, forecast, changes."""
    warnings = [line for line in lines if line.startswith(WARNING)]
    return (*warnings, *(line for line in reversed(lines) if line not in warnings))


def style_effect(lines: Sequence[str]) -> list[Part]:
    """Return the lines of an effect; warnings stand out."""
    return [(line, styles.WARN if line.startswith(WARNING) else "") for line in lines]


class EditableLaterPhases(LaterPhasesTable):
    """The list with the keys that change it."""

    BINDINGS: ClassVar[list[Binding]] = make_bindings("later")  # type: ignore[assignment]


class LaterPhasesScreen(Dialog[LaterChanges]):
    """Changes later phases for a `go`. It records nothing: the decision is sent from the dialog below."""

    BINDINGS: ClassVar[list[Binding]] = make_bindings("later_dialog")  # type: ignore[assignment]
    table = "later_dialog"

    def __init__(self, frame: Frame, gate: GateView, changes: LaterChanges) -> None:
        super().__init__()
        self.gate = gate
        self.phases = list_later_phases(frame.snapshot, gate)
        self.changes = changes
        self.error = ""
        self.is_pending = False
        self.edited = ("", "")

    def compose(self) -> ComposeResult:
        """Lay out the box."""
        with Vertical(id="box") as box:
            box.border_title = "CHANGE LATER PHASES"
            table = EditableLaterPhases(
                self.phases, dict(self.changes.parameters), self.changes.left_out, self.gate.phase
            )
            yield table
            with Horizontal(classes="field", id="value-field"):
                yield Label("", id="value-name", markup=False)
                yield TextField(id="value")
            yield TextBlock([])
            yield Label("", classes="message", markup=False)
            yield KeyBar(self.list_key_hints)

    def on_mount(self) -> None:
        """Focus the list, and show the effect of changes made before."""
        self.query_one("#value-field").display = False
        self._fit_table()
        self.query_one(LaterPhasesTable).focus()
        self._show_effect(self.changes.lines)

    def on_resize(self) -> None:
        """Give the list the rows that the rest leaves."""
        self._fit_table()

    def _fit_table(self) -> None:
        room = max(3, self.size.height - ROWS_OF_THE_REST)
        self.query_one(LaterPhasesTable).styles.max_height = room
        self.query_one(TextBlock).styles.max_height = max(3, self.size.height - room - ROWS_AROUND)

    def list_key_hints(self) -> Sequence[KeyHint]:
        """Return the keys that work where the focus is."""
        if isinstance(self.focused, TextField):
            return [KeyHint("Enter", "done writing", highlighted=True), KeyHint("Esc", "leave the field")]
        return [
            KeyHint(command.key, command.footer, command.action == "back")
            for table in ("later", "later_dialog")
            for command in self.cockpit.list_commands(table)
            if command.footer
        ]

    def show(self, frame: Frame) -> None:
        """Close if someone else has decided the gate."""
        gate = frame.snapshot.gate
        if gate is None or gate.opened != self.gate.opened:
            self.dismiss(LaterChanges())

    def on_descendant_focus(self) -> None:
        """Show the keys of the new focus."""
        self.call_after_refresh(self.query_one(KeyBar).refresh_rows)

    def on_later_phases_table_edit_requested(self, message: LaterPhasesTable.EditRequested) -> None:
        """Open the field for a parameter's value."""
        self.edited = (message.phase, message.name)
        field = self.query_one("#value", TextField)
        self.query_one("#value-name", Label).update(Content(replace_controls(message.name)))
        field.value = replace_controls(format_parameter(message.value))
        self.query_one("#value-field").display = True
        field.focus()

    def on_input_submitted(self, message: TextField.Submitted) -> None:
        """Accept a value; one of the wrong type stays in the field."""
        message.stop()
        table = self.query_one(LaterPhasesTable)
        phase_id, name = self.edited
        phase = next(phase for phase in self.phases if phase.id == phase_id)
        try:
            table.change(phase_id, name, parse_parameter(message.value, phase.parameters[name]))
        except ValueError as error:
            self._show_error(f"{phase_id}.{name}: {error}")
            return
        self._leave_field()

    def on_later_phases_table_changes_updated(self) -> None:
        """Compute the effect of the changes."""
        table = self.query_one(LaterPhasesTable)
        left_out = tuple(phase.id for phase in self.phases if phase.id in table.left_out)
        changes = {phase: dict(values) for phase, values in table.changes.items()}
        self.changes, self.is_pending = LaterChanges(changes, left_out), True
        self._preview(self.changes)

    @work(thread=True, group="preview", exclusive=True)
    def _preview(self, changes: LaterChanges) -> None:
        from app.session.preview_text import format_preview  # It imports the plan's schema.

        request = Decide(
            phase=self.gate.phase,
            attempt=self.gate.attempt,
            kind="go",
            by=get_current_user(),
            plan_changes=dict(changes.parameters),
            left_out=changes.left_out,
        )
        try:
            preview = self.cockpit.session.preview(request)
        except (Refused, OSError, msgspec.MsgspecError) as error:
            self.app.call_from_thread(self._finish_preview, changes, str(error))
            return
        has_changes = bool(changes.parameters or changes.left_out)
        lines = sort_effect(format_preview(preview, ARROW)) if has_changes else ()
        done = changes._replace(lines=lines, consequences=preview.consequences)
        self.app.call_from_thread(self._finish_preview, done, "")

    def _finish_preview(self, changes: LaterChanges, error: str) -> None:
        if not self.is_attached or changes[:2] != self.changes[:2]:
            return  # It was closed, or changed again.
        self.changes, self.is_pending = changes, False
        self._show_error(error)
        self._show_effect(changes.lines)

    def _show_effect(self, lines: Sequence[str]) -> None:
        block = self.query_one(TextBlock)
        block.lines = style_effect(lines)
        block.refresh(layout=True)
        block.refresh_rows()

    def _show_error(self, text: str) -> None:
        self.error = text
        self.query_one(".message", Label).update(Content(replace_controls(text)))

    def _leave_field(self) -> None:
        self.query_one("#value-field").display = False
        self.query_one(LaterPhasesTable).focus()

    def action_back(self) -> None:
        """Leave the field in focus, or else return to the decision with the changes."""
        if isinstance(self.focused, TextField):
            self._show_error("")
            self._leave_field()
        elif self.is_pending:
            self.query_one(".message", Label).update(Content("The effect is being computed; try again."))
        elif self.error:
            self.query_one(".message", Label).update(
                Content(replace_controls(f"{self.error}. Change it, or undo it with u"))
            )
        else:
            self.dismiss(self.changes)
