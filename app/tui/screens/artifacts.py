"""The files that phases wrote, and the first rows of the selected one."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content

from app.tui.keys import make_bindings
from app.tui.screens.screen import CockpitScreen
from app.tui.screens.text import TextScreen
from widgets import styles
from widgets.artifacts import ArtifactList
from widgets.frame import Frame
from widgets.header import ElapsedTime, HeaderRows
from widgets.rows import row
from widgets.text import wrap

NUMBER_WIDTH = 5


class ArtifactsScreen(CockpitScreen):
    """A list of files by phase."""

    BINDINGS: ClassVar[list[Binding]] = make_bindings("artifacts")  # type: ignore[assignment]
    table = "artifacts"

    def compose(self) -> ComposeResult:
        """Lay out the list."""
        yield HeaderRows()
        yield ElapsedTime()
        yield ArtifactList()
        yield self.make_key_bar()

    @property
    def artifact_list(self) -> ArtifactList:
        """The list."""
        return self.query_one(ArtifactList)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer actions on files only if there are files."""
        if action in ("peek", "copy", "write", "choose"):
            return self.frame is not None and bool(self.frame.artifacts)
        return True

    def action_choose(self, steps: int) -> None:
        """Select another file."""
        self.artifact_list.select(steps)

    def action_peek(self) -> None:
        """Show the first rows of the selected file, or the names in a folder."""
        if self.artifact_list.selected is not None:
            self.cockpit.peek(self.artifact_list.selected.path)

    def action_copy(self) -> None:
        """Copy the path of the selected file."""
        if self.artifact_list.selected is not None:
            self.cockpit.copy(self.artifact_list.selected.path, "path")

    def action_write(self) -> None:
        """Write the list to a file with tab-separated path, bytes, rows and hash."""
        lines = ["path\tbytes\trows\tsha256"]
        for file in self.artifact_list.files:
            rows = "" if file.rows is None else file.rows
            lines.append(f"{file.path}\t{file.bytes}\t{rows}\t{file.sha256}")
        self.cockpit.write("artifacts.tsv", "\n".join(lines) + "\n")


class PeekScreen(TextScreen):
    """The first rows of a file."""

    export_name = "rows"

    def __init__(self, path: str, lines: Sequence[str]) -> None:
        super().__init__()
        self._path, self._lines = path, lines

    def render_text(self, frame: Frame | None, width: int) -> Sequence[Content]:
        """Return the rows with their numbers, wrapped."""
        rows = [row(width, (self._path, f"{styles.STRONG} {styles.INFO}"))]
        for number, line in enumerate(self._lines, 1):
            for i, part in enumerate(wrap(line, width - NUMBER_WIDTH)):
                label = f"{number:>3}  " if i == 0 else " " * NUMBER_WIDTH
                rows.append(row(width, (label, styles.QUIET), (part, "")))
        return rows
