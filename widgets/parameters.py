"""The parameters of a retry: what they were, what they shall be, and the plan's remedies."""

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.message import Message

from phases.contract.protocol import Value
from widgets import styles
from widgets.rows import Part, RowWidget, row
from widgets.text import fit, replace_controls, tail

Parameter = Value | list[Value]
NAME = 24
LEAST_PARAMETERS = 2
"""So many are shown before there is room for remedies."""


def format_parameter(value: Parameter) -> str:
    """Return a value as it is typed."""
    if isinstance(value, list):
        return ", ".join(format_parameter(item) for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def parse_parameter(text: str, before: Parameter) -> Parameter:
    """Return a typed text as a value of the kind that the parameter has.

    Raises:
        ValueError: it is not of that kind; the message says what was expected.
    """
    text = text.strip()
    if isinstance(before, bool):
        if text.lower() in ("true", "yes", "false", "no"):
            return text.lower() in ("true", "yes")
        raise ValueError("expected true or false")
    if isinstance(before, int):
        try:
            return int(text)
        except ValueError:
            raise ValueError("expected a whole number") from None
    if isinstance(before, float):
        try:
            return float(text)
        except ValueError:
            raise ValueError("expected a number") from None
    if isinstance(before, list):
        kind = before[0] if before else ""
        items = [parse_parameter(item, kind) for item in text.split(",") if item.strip()]
        return [item for item in items if not isinstance(item, list)]
    if before is None:
        for number in (int, float):
            try:
                return number(text)
            except ValueError:
                continue
    if not text:
        raise ValueError("expected a text")
    return text


def number_remedies(
    remedies: Mapping[str, Sequence[Mapping[str, Value]]],
) -> list[tuple[str, dict[str, Value]]]:
    """Return all remedies with their causes, in the order in which they are counted from 1."""
    return [(cause, dict(change)) for cause, changes in remedies.items() for change in changes]


class ParameterTable(RowWidget, can_focus=True):
    """The parameters with their changes; a cursor says which one is meant.

    `names` are the parameters, then those that only a remedy names: they had their defaults. `remedy` is the
    number of the remedy that is chosen, 0 for none; `remedied` are the parameters that it changes, less those
    that were changed by hand since.
    """

    class Edit(Message):
        """A parameter is to be changed."""

        def __init__(self, name: str, value: Parameter) -> None:
            super().__init__()
            self.name, self.value = name, value

    class Changed(Message):
        """A change was made or taken back."""

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        remedies: Mapping[str, Sequence[Mapping[str, Value]]],
    ) -> None:
        super().__init__()
        self.parameters = parameters
        self.remedies = number_remedies(remedies)
        named = [name for _, change in self.remedies for name in change]
        self.names = list(dict.fromkeys([*parameters, *named]))
        self.changes: dict[str, Parameter] = {}
        self.remedy = 0
        self.remedied: set[str] = set()
        self.cursor = 0

    @property
    def wanted_height(self) -> int:
        """The rows that show everything."""
        return 1 + len(self.names) + len(self.remedies)

    @property
    def name_at_cursor(self) -> str:
        """The parameter that is meant."""
        return self.names[self.cursor]

    def change(self, name: str, value: Parameter) -> None:
        """Give a parameter a value by hand; the value that it had is no change."""
        self.remedied.discard(name)
        if value == self.parameters.get(name):
            self.changes.pop(name, None)
        else:
            self.changes[name] = value
        self.action_choose(0)
        self.post_message(self.Changed())

    def apply_remedy(self, number: int) -> None:
        """Make the changes of a remedy, counted from 1, in place of those of the one chosen before.

        What was changed by hand stays, unless the remedy changes the same parameter.
        """
        if not 1 <= number <= len(self.remedies):
            return
        for name in tuple(self.remedied):
            self.change(name, self.parameters.get(name))
        _, wanted = self.remedies[number - 1]
        for name, value in wanted.items():
            self.change(name, value)
        self.remedy, self.remedied = number, wanted.keys() & self.changes.keys()
        self.cursor = next((i for i, name in enumerate(self.names) if name in wanted), self.cursor)
        self.refresh_rows()

    def action_choose(self, steps: int) -> None:
        """Move the cursor."""
        self.cursor = min(max(0, self.cursor + steps), max(0, len(self.names) - 1))
        self.refresh_rows()

    def action_edit(self) -> None:
        """Ask for the parameter to be changed."""
        if self.names:
            name = self.name_at_cursor
            self.post_message(self.Edit(name, self.changes.get(name, self.parameters.get(name))))

    def action_undo(self) -> None:
        """Take the change of the parameter back."""
        self.change(self.name_at_cursor, self.parameters.get(self.name_at_cursor))

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show or hide the cursor."""
        super().watch_has_focus(has_focus)
        self.refresh_rows()

    def _parameter_row(self, at: int, name: str, width: int) -> Content:
        there = self.has_focus and at == self.cursor
        pointer = "▸" if there else " "
        before = format_parameter(self.parameters[name]) if name in self.parameters else "default"
        parts: list[Part] = [
            (f"{pointer} ", styles.INFO),
            (fit(name, NAME), styles.STRONG if there else ""),
            (" ", ""),
        ]
        if name in self.changes:
            arrow = " → "
            by = f"  remedy {self.remedy}" if name in self.remedied else ""
            room = width - 2 - NAME - 1 - len(arrow) - len(by)
            old, new = replace_controls(before), replace_controls(format_parameter(self.changes[name]))
            old = tail(old, max(room // 2, room - cell_len(new)))
            new = tail(new, room - cell_len(old))
            parts += [
                (old, styles.QUIET),
                (arrow, ""),
                (new, f"{styles.STRONG} {styles.WARN}"),
                (by, styles.INFO),
            ]
        else:
            parts.append((before, ""))
        return row(width, *parts)

    def rows(self, width: int, height: int) -> Sequence[Content]:
        """Return heading, the parameters around the cursor, and the remedies."""
        heading = row(
            width,
            ("PARAMETERS", styles.HEADING),
            right=[(f"{len(self.changes)} changed", styles.QUIET)],
        )
        remedies = [
            row(
                width,
                (f"{number} ", f"{styles.STRONG} {styles.INFO}"),
                (f"{cause}: " + ", ".join(f"{n} = {format_parameter(v)}" for n, v in change.items()), ""),
            )
            for number, (cause, change) in enumerate(self.remedies, 1)
        ]
        remedies = remedies[: max(0, height - 1 - min(LEAST_PARAMETERS, len(self.names)))]
        room = max(1, height - 1 - len(remedies))
        top = min(max(0, self.cursor - room + 1), max(0, len(self.names) - room))
        names = self.names[top : top + room]
        return [heading, *(self._parameter_row(top + i, n, width) for i, n in enumerate(names)), *remedies]
