"""The files that phases wrote, as a list to select from, with the hash of the selected one."""

from collections.abc import Sequence
from pathlib import PurePath

from textual.content import Content

from app.units import format_size
from phases.contract.protocol import Artifact
from widgets import styles
from widgets.frame import Frame
from widgets.header import format_time
from widgets.rows import FrameWidget, row
from widgets.text import replace_controls, tail

SIZES_WIDTH = 26
"""Columns at the right edge for rows and size."""


def shorten_path(path: str, frame: Frame) -> str:
    """Return a path relative to the session's artifacts folder if it is inside."""
    absolute = PurePath(frame.snapshot.plan_folder, path)
    folder = PurePath(frame.snapshot.artifacts)
    return str(absolute.relative_to(folder)) if absolute.is_relative_to(folder) else path


def render_file_row(artifact: Artifact, path: str, width: int, *, selected: bool) -> Content:
    """Return a file's path, and its rows and size at the right edge."""
    count = f"{artifact.rows:,} rows" if artifact.rows is not None else ""
    sizes = f"{count:>15}{format_size(artifact.bytes):>10}"
    mark = "▸" if selected else " "
    style = f"{styles.STRONG} {styles.INFO}" if selected else ""
    return row(
        width,
        (f"{mark} ", styles.INFO),
        (tail(replace_controls(path), width - 2 - SIZES_WIDTH), style),
        right=[(sizes, styles.QUIET)],
    )


class ArtifactList(FrameWidget):
    """All files of all attempts, in the order in which they were written; one is selected."""

    index = 0

    @property
    def files(self) -> Sequence[Artifact]:
        """All files."""
        attempts = self.frame.artifacts if self.frame else ()
        return [artifact for attempt in attempts for artifact in attempt.artifacts]

    @property
    def selected(self) -> Artifact | None:
        """The selected file."""
        files = self.files
        return files[min(self.index, len(files) - 1)] if files else None

    def select(self, steps: int) -> None:
        """Move the selection."""
        self.index = min(max(0, self.index + steps), max(0, len(self.files) - 1))
        self.refresh_rows()

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the rows around the selected file, and below them its details."""
        selected = self.selected
        if selected is None:
            return [row(width, ("ARTIFACTS", styles.HEADING), ("  none yet", styles.QUIET))]
        titles = {phase.id: phase.title for phase in frame.snapshot.phases}
        rows: list[Content] = []
        selected_row = 0
        for attempt in frame.artifacts:
            title = titles.get(attempt.phase, attempt.phase)
            number = f"  attempt {attempt.attempt}" if attempt.attempt > 1 else ""
            rows.append(row(width, (title, styles.STRONG), (number, styles.QUIET)))
            for artifact in attempt.artifacts:
                is_selected = artifact is selected
                if is_selected:
                    selected_row = len(rows)
                path = shorten_path(artifact.path, frame)
                rows.append(render_file_row(artifact, path, width, selected=is_selected))
        files = self.files
        heading = row(
            width,
            ("ARTIFACTS", styles.HEADING),
            (f"  {min(self.index, len(files) - 1) + 1} of {len(files)}", styles.INFO),
            (f"  in {frame.snapshot.artifacts}", styles.QUIET),
            right=[(format_size(sum(file.bytes for file in files)), styles.QUIET)],
        )
        details = [
            row(width, ("written ", styles.QUIET), (format_time(selected.time, frame.now), "")),
            row(width, ("sha256  ", styles.QUIET), (selected.sha256, "")),
        ]
        room = max(1, height - 1 - len(details))
        top = min(max(0, selected_row - room // 2), max(0, len(rows) - room))
        window = rows[top : top + room]
        return [heading, *window, *[Content()] * (room - len(window)), *details]
