"""The decision at a gate: its reason, the changes of a retry, and a last look before it is sent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Key as KeyPress
from textual.widgets import Input, Label

from app.session.snapshot import DecisionKind, GateView
from app.tui.keys import bindings
from app.tui.screens.dialogs import TextBlock
from app.tui.screens.screen import Dialog
from app.units import format_hours, format_usd_range
from widgets import styles
from widgets.frame import Frame
from widgets.gate import next_phase, overrides, render_verdict_row
from widgets.key_bar import Key, KeyBar
from widgets.parameters import Parameter, ParameterTable, format_parameter, parse_parameter
from widgets.rows import Part
from widgets.text import replace_controls


@dataclass(frozen=True)
class Decision:
    """What the operator decided."""

    kind: DecisionKind
    reason: str = ""
    changes: dict[str, Parameter] = field(default_factory=dict)


def consequence(frame: Frame, gate: GateView, kind: DecisionKind) -> str:
    """Return what the decision will do, and what it will cost."""
    phase, following = frame.snapshot.phase(gate.phase), next_phase(frame, gate)
    again = f"about {format_hours(phase.estimate_hours)}, {format_usd_range(phase.estimate_usd)}"
    if following is None:
        then = "The session ends: this was its last phase."
    else:
        hours, cost = format_hours(following.estimate_hours), format_usd_range(following.estimate_usd)
        then = f"{following.title} starts: {hours}, {cost}."
    match kind:
        case "go":
            return then
        case "retry":
            changes = ", with the changes below" if gate.parameters else ""
            return f"{phase.title} runs again as attempt {gate.attempt + 1}{changes}: {again}."
        case "batch":
            return f"{phase.title} runs for another batch, which adds to what there is: {again}."
        case "skip":
            return f"{phase.title} counts as skipped: its result is not used. {then}"
        case "stop":
            return "The session ends here. Everything that was written stays."


class EditableParameters(ParameterTable):
    """The parameters with the keys that change them."""

    BINDINGS: ClassVar[list[Binding]] = bindings("parameters")  # type: ignore[assignment]


class DecideScreen(Dialog[Decision]):
    """Nothing is decided by Enter: only `y` sends, and only while no text is being written."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[Binding]] = bindings("decide")  # type: ignore[assignment]

    def __init__(self, frame: Frame, gate: GateView, kind: DecisionKind, remedy: int = 0) -> None:
        """Ask for a decision; `remedy` is the number of that whose changes are made at once, 0 for none."""
        super().__init__()
        self.gate, self.kind, self.remedy = gate, kind, remedy
        self.edits = kind in ("retry", "batch") and bool(gate.parameters)
        self.needs_reason = overrides(frame, gate, kind)
        self.first_view = frame
        self.edited = ""

    def compose(self) -> ComposeResult:
        """Lay out the box."""
        phase = self.first_view.snapshot.phase(self.gate.phase)
        lines: list[list[Part]] = [
            [(consequence(self.first_view, self.gate, self.kind), styles.STRONG)],
        ]
        if self.needs_reason:
            lines.append([(self._why(), styles.WARN)])
        with Vertical(id="box") as box:
            box.border_title = Content(f"{self.kind.upper()} after {replace_controls(phase.title)}")  # type: ignore[assignment]
            yield TextBlock(lines, [render_verdict_row(self.gate, 72)])
            if self.edits:
                table = EditableParameters(self.gate.parameters, self.gate.remedies)
                table.styles.height = min(12, table.wanted_height)
                yield table
                with Horizontal(classes="field", id="value-field"):
                    yield Label("", id="value-name", markup=False)
                    yield Input(id="value", compact=True)
            with Horizontal(classes="field"):
                yield Label("reason", markup=False)
                yield Input(id="reason", compact=True, max_length=500, placeholder=self._hint())
            yield Label("", classes="message", markup=False)
            yield KeyBar(self.keys)

    def _why(self) -> str:
        against = "goes against the verdict" if self.kind == "go" else "skips a critical phase"
        return f"This {against}: a reason is required."

    def _hint(self) -> str:
        return "required" if self.needs_reason else "may stay empty"

    def on_mount(self) -> None:
        """Begin with what is to be filled in; where nothing is, with nothing in focus."""
        for field_input in self.query(Input):
            field_input.cursor_blink = False
        if self.edits:
            self.query_one("#value-field").display = False
            table = self.query_one(ParameterTable)
            table.apply_remedy(self.remedy)
            table.focus()
        elif self.needs_reason:
            self.query_one("#reason").focus()

    def keys(self) -> Sequence[Key]:
        """Return the keys that work where the focus is."""
        if isinstance(self.focused, Input):
            return [Key("Enter", "done writing", loud=True), Key("Esc", "leave the field")]
        found = [
            Key(c.key, c.footer, c.action == "send") for c in self.cockpit.commands("decide") if c.footer
        ]
        if self.edits:
            found += [Key(c.key, c.footer) for c in self.cockpit.commands("parameters") if c.footer]
            if self.gate.remedies:
                found.append(Key("1-9", "remedy"))
        return found

    def on_descendant_focus(self) -> None:
        """Show the keys of the new focus."""
        self.call_after_refresh(self._show_keys)

    def on_descendant_blur(self) -> None:
        """Show the keys of the new focus."""
        self.call_after_refresh(self._show_keys)

    def _show_keys(self) -> None:
        self.query_one(KeyBar).refresh_rows()

    def _say(self, text: str) -> None:
        self.query_one(".message", Label).update(Content(replace_controls(text)))

    def _leave_field(self) -> None:
        self._say("")
        if self.edits:
            self.query_one("#value-field").display = False
            self.query_one(ParameterTable).focus()
        else:
            self.set_focus(None)

    def show(self, frame: Frame) -> None:
        """Close where the gate was decided meanwhile."""
        gate = frame.snapshot.gate
        if gate is None or gate.opened != self.gate.opened:
            self.cockpit.say("The gate has been decided meanwhile: nothing was sent.")
            self.dismiss(None)

    def on_key(self, event: KeyPress) -> None:
        """A digit applies a remedy."""
        if self.edits and event.character and event.character.isdigit():
            self.query_one(ParameterTable).apply_remedy(int(event.character))
            event.stop()

    def on_parameter_table_edit(self, message: ParameterTable.Edit) -> None:
        """Open the field for the parameter's value."""
        self.edited = message.name
        value = self.query_one("#value", Input)
        self.query_one("#value-name", Label).update(Content(replace_controls(message.name)))
        value.value = replace_controls(format_parameter(message.value))
        self.query_one("#value-field").display = True
        value.focus()

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Take what was written; what is of the wrong kind stays in the field."""
        message.stop()
        if message.input.id == "value":
            table = self.query_one(ParameterTable)
            try:
                table.change(self.edited, parse_parameter(message.value, table.parameters.get(self.edited)))
            except ValueError as error:
                self._say(f"{self.edited}: {error}")
                return
        self._leave_field()

    def action_reason(self) -> None:
        """Write the reason."""
        self.set_focus(self.query_one("#reason"))

    def action_back(self) -> None:
        """Leave the field that is written in, or else decide nothing."""
        if isinstance(self.focused, Input):
            self._leave_field()
        else:
            self.dismiss(None)

    def action_send(self) -> None:
        """Send the decision, with its reason where one is required."""
        reason = self.query_one("#reason", Input).value.strip()
        if self.needs_reason and not reason:
            self._say(self._why())
            self.action_reason()
            return
        changes = dict(self.query_one(ParameterTable).changes) if self.edits else {}
        self.dismiss(Decision(self.kind, reason, changes))
