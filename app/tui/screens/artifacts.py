"""What the phases wrote: every file with size and rows, and the first rows of the one that is chosen."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content

from app.tui.keys import bindings
from app.tui.screens.screen import CockpitScreen
from app.tui.screens.text import TextScreen
from widgets import styles
from widgets.artifacts import ArtifactList
from widgets.frame import Frame
from widgets.header import ElapsedTime, HeaderRows
from widgets.rows import row
from widgets.text import wrap


class ArtifactsScreen(CockpitScreen):
    """A list of files, by phase."""

    CSS_PATH = "artifacts.tcss"
    BINDINGS: ClassVar[list[Binding]] = bindings("artifacts")  # type: ignore[assignment]
    table = "artifacts"

    def compose(self) -> ComposeResult:
        """Lay out the list."""
        yield HeaderRows()
        yield ElapsedTime()
        yield ArtifactList()
        yield self.key_bar()

    @property
    def list(self) -> ArtifactList:
        """The list."""
        return self.query_one(ArtifactList)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what there is a file for."""
        if action in ("peek", "copy", "write", "choose"):
            return self.frame is not None and bool(self.frame.artifacts)
        return True

    def action_choose(self, steps: int) -> None:
        """Choose another file."""
        self.list.choose(steps)

    def action_peek(self) -> None:
        """Show the first rows of the chosen file."""
        if self.list.chosen is not None:
            self.cockpit.peek(self.list.chosen.path)

    def action_copy(self) -> None:
        """Copy the path of the chosen file."""
        if self.list.chosen is not None:
            self.cockpit.copy(self.list.chosen.path, "path")

    def action_write(self) -> None:
        """Write the list to a file: path, bytes, rows and hash, between tabs."""
        lines = [
            f"{each.path}\t{each.bytes}\t{'' if each.rows is None else each.rows}\t{each.sha256}"
            for delivery in (self.frame.artifacts if self.frame else ())
            for each in delivery.artifacts
        ]
        self.cockpit.write("artifacts.tsv", "\n".join(["path\tbytes\trows\tsha256", *lines]) + "\n")


class PeekScreen(TextScreen):
    """The first rows of a file, as they are."""

    def __init__(self, path: str, lines: Sequence[str]) -> None:
        super().__init__()
        self._path, self._lines = path, lines
        self.name_of_text = "rows"

    def text(self, frame: Frame | None, width: int) -> Sequence[Content]:
        """Return the rows, each with its number, wrapped."""
        rows = [row(width, (self._path, f"{styles.STRONG} {styles.INFO}"))]
        for number, line in enumerate(self._lines, 1):
            for i, part in enumerate(wrap(line, width - 5)):
                rows.append(row(width, (f"{number:>3}  " if i == 0 else " " * 5, styles.QUIET), (part, "")))
        return rows
