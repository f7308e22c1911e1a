"""The parameters of a retry with their changes, and the plan's remedies."""

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.message import Message

from phases.contract.protocol import Value
from widgets import styles
from widgets.rows import Part, RowWidget, row
from widgets.text import fit, replace_controls, tail

Parameter = Value | list[Value]
Remedies = Mapping[str, Sequence[Mapping[str, Value]]]
"""The parameter changes that the plan offers, by cause."""

NAME_WIDTH = 24
MIN_PARAMETER_ROWS = 2
"""Rows of parameters that are shown before remedies get room."""


def format_parameter(value: Parameter) -> str:
    """Return a value as the operator would type it."""
    if isinstance(value, list):
        return ", ".join(format_parameter(item) for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def parse_parameter(text: str, previous: Parameter) -> Parameter:
    """Return a typed text as a value of the same type as the previous one.

    Raises:
        ValueError: the text has another type; the message says what was expected.
    """
    text = text.strip()
    if isinstance(previous, bool):
        if text.lower() in ("true", "yes", "false", "no"):
            return text.lower() in ("true", "yes")
        raise ValueError("expected true or false")
    if isinstance(previous, int):
        try:
            return int(text)
        except ValueError:
            raise ValueError("expected a whole number") from None
    if isinstance(previous, float):
        try:
            return float(text)
        except ValueError:
            raise ValueError("expected a number") from None
    if isinstance(previous, list):
        example = previous[0] if previous else ""
        items = [parse_parameter(item, example) for item in text.split(",") if item.strip()]
        return [item for item in items if not isinstance(item, list)]
    if not text:
        raise ValueError("expected a text")
    return _parse_untyped(text) if previous is None else text


def _parse_untyped(text: str) -> Value:
    for number_type in (int, float):
        try:
            return number_type(text)
        except ValueError:
            continue
    return text


def number_remedies(remedies: Remedies) -> list[tuple[str, dict[str, Value]]]:
    """Return all remedies with their causes, in the order in which they are numbered from 1."""
    return [(cause, dict(change)) for cause, changes in remedies.items() for change in changes]


def render_parameter_row(
    width: int,
    name: str,
    parameters: Mapping[str, Parameter],
    changes: Mapping[str, Parameter],
    *,
    is_selected: bool,
    indent: str = "",
    source: str = "",
) -> Content:
    """Return a parameter with its value, or with both values if it is changed; `source` says by what."""
    before = format_parameter(parameters[name]) if name in parameters else "default"
    start: list[Part] = [
        (indent, ""),
        ("▸ " if is_selected else "  ", styles.INFO),
        (fit(name, NAME_WIDTH), styles.STRONG if is_selected else ""),
        (" ", ""),
    ]
    if name not in changes:
        return row(width, *start, (before, ""))
    arrow = " → "
    room = width - len(indent) - 2 - NAME_WIDTH - 1 - len(arrow) - len(source)
    old, new = replace_controls(before), replace_controls(format_parameter(changes[name]))
    old = tail(old, max(room // 2, room - cell_len(new)))
    new = tail(new, room - cell_len(old))
    new_style = f"{styles.STRONG} {styles.WARN}"
    return row(width, *start, (old, styles.QUIET), (arrow, ""), (new, new_style), (source, styles.INFO))


class ParameterTable(RowWidget, can_focus=True):
    """The parameters with their changes, and a cursor.

    Attributes:
        parameters: as the previous attempt had them.
        remedies: with their causes, numbered from 1.
        names: of the parameters, then of those that only a remedy names and that had their defaults.
        changes: of the operator and of the applied remedy.
        remedy: the number of the applied remedy, 0 for none.
        remedied: the parameters that the remedy has changed and the operator has not changed since.
        cursor: index of the selected name.
    """

    class EditRequested(Message):
        """The operator wants to edit a parameter."""

        def __init__(self, name: str, value: Parameter) -> None:
            super().__init__()
            self.name, self.value = name, value

    class ChangesUpdated(Message):
        """A change was made or undone."""

    def __init__(self, parameters: Mapping[str, Parameter], remedies: Remedies) -> None:
        super().__init__()
        self.parameters = parameters
        self.remedies = number_remedies(remedies)
        names = [name for _, change in self.remedies for name in change]
        self.names = list(dict.fromkeys([*parameters, *names]))
        self.changes: dict[str, Parameter] = {}
        self.remedy = 0
        self.remedied: set[str] = set()
        self.cursor = 0

    @property
    def content_rows(self) -> int:
        """The number of rows that show everything."""
        return 1 + len(self.names) + len(self.remedies)

    @property
    def selected_name(self) -> str:
        """The parameter at the cursor."""
        return self.names[self.cursor]

    def change(self, name: str, value: Parameter) -> None:
        """Set a parameter on the operator's behalf; setting the previous value undoes a change."""
        self.remedied.discard(name)
        if value == self.parameters.get(name):
            self.changes.pop(name, None)
        else:
            self.changes[name] = value
        self.refresh_rows()
        self.post_message(self.ChangesUpdated())

    def apply_remedy(self, number: int) -> None:
        """Make the changes of a remedy, counted from 1, in place of those of the previous remedy.

        The operator's own changes stay, unless the remedy changes the same parameter.
        """
        if not 1 <= number <= len(self.remedies):
            return
        for name in tuple(self.remedied):
            self.change(name, self.parameters.get(name))
        _, changes = self.remedies[number - 1]
        for name, value in changes.items():
            self.change(name, value)
        self.remedy, self.remedied = number, changes.keys() & self.changes.keys()
        self.cursor = next((i for i, name in enumerate(self.names) if name in changes), self.cursor)
        self.refresh_rows()

    def action_choose(self, steps: int) -> None:
        """Move the cursor."""
        self.cursor = min(max(0, self.cursor + steps), max(0, len(self.names) - 1))
        self.refresh_rows()

    def action_edit(self) -> None:
        """Ask for a new value of the selected parameter."""
        if self.names:
            name = self.selected_name
            self.post_message(self.EditRequested(name, self.changes.get(name, self.parameters.get(name))))

    def action_undo(self) -> None:
        """Undo the change of the selected parameter."""
        self.change(self.selected_name, self.parameters.get(self.selected_name))

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show or hide the cursor."""
        super().watch_has_focus(has_focus)
        self.refresh_rows()

    def render_rows(self, width: int, height: int) -> Sequence[Content]:
        """Return heading, the parameters around the cursor, and the remedies."""
        heading = row(
            width,
            ("PARAMETERS", styles.HEADING),
            right=[(f"{len(self.changes)} changed", styles.QUIET)],
        )
        remedies = []
        for number, (cause, change) in enumerate(self.remedies, 1):
            values = ", ".join(f"{name} = {format_parameter(value)}" for name, value in change.items())
            remedies.append(
                row(width, (f"{number} ", f"{styles.STRONG} {styles.INFO}"), (f"{cause}: {values}", ""))
            )
        remedies = remedies[: max(0, height - 1 - min(MIN_PARAMETER_ROWS, len(self.names)))]
        room = max(1, height - 1 - len(remedies))
        top = min(max(0, self.cursor - room + 1), max(0, len(self.names) - room))
        parameters = [
            render_parameter_row(
                width,
                name,
                self.parameters,
                self.changes,
                is_selected=self.has_focus and top + i == self.cursor,
                source=f"  remedy {self.remedy}" if name in self.remedied else "",
            )
            for i, name in enumerate(self.names[top : top + room])
        ]
        return [heading, *parameters, *remedies]
