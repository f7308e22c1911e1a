"""The dialog that sends a decision: its consequence, its reason, and the changes of a retry."""

from collections.abc import Collection, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Key
from textual.widgets import Label

from app.session.requests import Decide, get_current_user
from app.session.snapshot import DecisionKind, GateView
from app.tui.keys import make_bindings
from app.tui.screens.dialogs import TextBlock
from app.tui.screens.later_phases import LaterChanges, style_effect
from app.tui.screens.screen import Dialog
from app.units import format_hours, format_usd_range
from widgets import styles
from widgets.frame import Frame
from widgets.gate_cost import find_next_phase
from widgets.gate_verdict import render_verdict_rows
from widgets.key_bar import KeyBar, KeyHint
from widgets.later_phases import list_later_phases
from widgets.parameters import ParameterTable, format_parameter, parse_parameter
from widgets.rows import Part
from widgets.text import replace_controls
from widgets.text_field import TextField

BOX_WIDTH = 72
MIN_TABLE_ROWS = 12
ROWS_OF_THE_REST = 12
"""Rows besides the parameters: the frame, the consequence, the fields, a message and the keys."""
MAX_REASON = 500
MAX_LATER_LINES = 8


def describe_consequence(
    frame: Frame, gate: GateView, kind: DecisionKind, left_out: Collection[str] = ()
) -> str:
    """Return what a decision does and costs if later phases are left out."""
    phase, next_phase = frame.snapshot.find_phase(gate.phase), find_next_phase(frame, gate)
    if next_phase is not None and next_phase.id in left_out:
        later = list_later_phases(frame.snapshot, gate)
        next_phase = next((each for each in later if each.id not in left_out), None)
    cost = f"about {format_hours(phase.estimate_hours)}, {format_usd_range(phase.estimate_usd)}"
    if next_phase is None:
        then = f"The session ends: {'no phase is left' if left_out else 'this was its last phase'}."
    else:
        next_cost = f"{format_hours(next_phase.estimate_hours)}, {format_usd_range(next_phase.estimate_usd)}"
        then = f"{next_phase.title} starts: {next_cost}."
    match kind:
        case "go":
            return then
        case "retry":
            changes = ", with the changes below" if gate.parameters else ""
            return f"{phase.title} runs again as attempt {gate.attempt + 1}{changes}: {cost}."
        case "batch":
            return f"{phase.title} runs for another batch, which adds to its output: {cost}."
        case "skip":
            return f"The result of {phase.title}, which has just run, is not used. {then}"
        case "stop":
            return "The session ends here. Everything written so far is kept."


class EditableParameters(ParameterTable):
    """The parameters with the keys that change them."""

    BINDINGS: ClassVar[list[Binding]] = make_bindings("parameters")  # type: ignore[assignment]


class DecideScreen(Dialog[None]):
    """Sends a decision with `y`, which types a letter while a text is being written. Enter sends nothing."""

    BINDINGS: ClassVar[list[Binding]] = make_bindings("decide")  # type: ignore[assignment]
    table = "decide"

    def __init__(self, frame: Frame, gate: GateView, kind: DecisionKind, remedy: int = 0) -> None:
        """Prepare a decision; `remedy` is the number of the remedy to apply at once, 0 for none."""
        super().__init__()
        self.first_frame = frame
        self.gate = gate
        self.kind = kind
        self.remedy = remedy
        self.has_parameters = kind in ("retry", "batch") and bool(gate.parameters)
        self.needs_reason = kind in gate.needs_reason
        self.edited_name = ""
        self.later = LaterChanges()

    @property
    def phase_title(self) -> str:
        """The title of the gate's phase."""
        return self.first_frame.snapshot.find_phase(self.gate.phase).title

    def compose(self) -> ComposeResult:
        """Lay out the box."""
        with Vertical(id="box") as box:
            box.border_title = Content(  # type: ignore[assignment]
                f"{self.kind.upper()} after {replace_controls(self.phase_title)}"
            )
            yield TextBlock(
                self._list_consequences(), render_verdict_rows(self.gate, BOX_WIDTH), id="consequence"
            )
            if self.has_parameters:
                yield EditableParameters(self.gate.parameters, self.gate.remedies)
                with Horizontal(classes="field", id="value-field"):
                    yield Label("", id="value-name", markup=False)
                    yield TextField(id="value")
            yield TextBlock([], id="later")
            with Horizontal(classes="field"):
                yield Label("reason", markup=False)
                placeholder = "required" if self.needs_reason else "optional"
                yield TextField(id="reason", max_length=MAX_REASON, placeholder=placeholder)
            yield Label("", classes="message", markup=False)
            yield KeyBar(self.list_key_hints)

    def _list_consequences(self) -> list[Part]:
        """Return what the decision does, and why it needs a reason if it does."""
        left_out = self.later.left_out
        consequence = describe_consequence(self.first_frame, self.gate, self.kind, left_out)
        lines: list[Part] = [(consequence, styles.STRONG)]
        if self.needs_reason:
            lines.append((self._explain_reason(), styles.WARN))
        return lines

    def _list_effect(self) -> list[Part]:
        """Return the first lines of the effect of changes to later phases, and how to see the others."""
        lines = self.later.lines
        if len(lines) <= MAX_LATER_LINES:
            return style_effect(lines)
        first = lines[: MAX_LATER_LINES - 1]
        commands = self.cockpit.list_commands("decide")
        key = next(command.key for command in commands if command.action == "later")
        return [*style_effect(first), (f"{len(lines) - len(first)} more lines: press {key}", styles.QUIET)]

    def _explain_reason(self) -> str:
        if self.later.consequences and self.kind not in self.gate.needs_reason:
            return "Leaving out a phase that others need: a reason is required."
        if self.kind == "go":
            return "This overrides the verdict: a reason is required."
        return "This skips a critical phase: a reason is required."

    def on_mount(self) -> None:
        """Focus what the operator has to fill in; nothing if there is nothing to fill in."""
        if self.has_parameters:
            self.query_one("#value-field").display = False
            table = self.query_one(ParameterTable)
            table.apply_remedy(self.remedy)
            table.focus()
        elif self.needs_reason:
            self.query_one("#reason").focus()

    def on_resize(self) -> None:
        """Give the parameters the rows that the rest leaves."""
        for table in self.query(ParameterTable):
            room = max(MIN_TABLE_ROWS, self.size.height - ROWS_OF_THE_REST)
            table.styles.height = min(room, table.content_rows)

    def list_key_hints(self) -> Sequence[KeyHint]:
        """Return the keys that work where the focus is."""
        if isinstance(self.focused, TextField):
            return [KeyHint("Enter", "done writing", highlighted=True), KeyHint("Esc", "leave the field")]
        hints = [
            KeyHint(command.key, command.footer, command.action == "send")
            for command in self.cockpit.list_commands("decide")
            if command.footer and self.check_action(command.action, command.arguments)
        ]
        if self.has_parameters:
            hints += [
                KeyHint(command.key, command.footer)
                for command in self.cockpit.list_commands("parameters")
                if command.footer
            ]
            if self.gate.remedies:
                hints.append(KeyHint("1-9", "remedy"))
        return hints

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to change later phases with a go, if there are any."""
        if action == "later":
            return self.kind == "go" and bool(list_later_phases(self.first_frame.snapshot, self.gate))
        return super().check_action(action, parameters)

    def on_descendant_focus(self) -> None:
        """Show the keys of the new focus."""
        self.call_after_refresh(self._refresh_keys)

    def on_descendant_blur(self) -> None:
        """Show the keys of the new focus."""
        self.call_after_refresh(self._refresh_keys)

    def _refresh_keys(self) -> None:
        self.query_one(KeyBar).refresh_rows()

    def _show_error(self, text: str) -> None:
        self.query_one(".message", Label).update(Content(replace_controls(text)))

    def _leave_field(self) -> None:
        self._show_error("")
        if self.has_parameters:
            self.query_one("#value-field").display = False
            self.query_one(ParameterTable).focus()
        else:
            self.set_focus(None)

    def show(self, frame: Frame) -> None:
        """Close if someone else has decided the gate."""
        gate = frame.snapshot.gate
        if gate is None or gate.opened != self.gate.opened:
            self.cockpit.show_message("Someone else decided the gate first; nothing was sent.")
            self.dismiss(None)

    def on_key(self, event: Key) -> None:
        """Apply the remedy of a digit."""
        if self.has_parameters and event.character and event.character.isdecimal():
            self.query_one(ParameterTable).apply_remedy(int(event.character))
            event.stop()

    def on_parameter_table_edit_requested(self, message: ParameterTable.EditRequested) -> None:
        """Open the field for the parameter's value."""
        self.edited_name = message.name
        value = self.query_one("#value", TextField)
        self.query_one("#value-name", Label).update(Content(replace_controls(message.name)))
        value.value = replace_controls(format_parameter(message.value))
        self.query_one("#value-field").display = True
        value.focus()

    def on_input_submitted(self, message: TextField.Submitted) -> None:
        """Accept the text of a field; a value of the wrong type stays in it."""
        message.stop()
        if message.input.id == "value":
            table = self.query_one(ParameterTable)
            previous = table.parameters.get(self.edited_name)
            try:
                table.change(self.edited_name, parse_parameter(message.value, previous))
            except ValueError as error:
                self._show_error(f"{self.edited_name}: {error}")
                return
        self._leave_field()

    def action_later(self) -> None:
        """Change or leave out later phases."""

        def accept(changes: LaterChanges | None) -> None:
            self.later = changes or LaterChanges()
            self.needs_reason = self.kind in self.gate.needs_reason or bool(self.later.consequences)
            contents = {"consequence": self._list_consequences(), "later": self._list_effect()}
            for block_id, lines in contents.items():
                block = self.query_one(f"#{block_id}", TextBlock)
                block.lines = lines
                block.refresh(layout=True)
                block.refresh_rows()
            self.query_one("#reason", TextField).placeholder = "required" if self.needs_reason else "optional"

        screen = self.cockpit.make_screen("later_phases", self.first_frame, self.gate, self.later)
        self.app.push_screen(screen, accept)

    def action_reason(self) -> None:
        """Write the reason."""
        self.set_focus(self.query_one("#reason"))

    def action_back(self) -> None:
        """Leave the field in focus, or else close without a decision."""
        if isinstance(self.focused, TextField):
            self._leave_field()
        else:
            self.dismiss(None)

    def action_send(self) -> None:
        """Send the decision, unless a required reason is missing."""
        reason = self.query_one("#reason", TextField).value.strip()
        if self.needs_reason and not reason:
            self._show_error(self._explain_reason())
            self.action_reason()
            return
        request = Decide(
            phase=self.gate.phase,
            attempt=self.gate.attempt,
            kind=self.kind,
            by=get_current_user(),
            reason=reason,
            changes=dict(self.query_one(ParameterTable).changes) if self.has_parameters else {},
            plan_changes=dict(self.later.parameters),
            left_out=self.later.left_out,
        )
        self.cockpit.send(request, f"{self.kind} after {self.phase_title}")
        self.dismiss(None)
