"""What the phases wrote, as a list to choose from: path, rows, size; of the chosen one also the hash."""

from collections.abc import Sequence
from pathlib import PurePath

from textual.content import Content

from app.units import format_size
from phases.contract.protocol import Artifact
from widgets import styles
from widgets.frame import Frame
from widgets.header import when
from widgets.rows import FrameWidget, row
from widgets.text import replace_controls, tail

SIZES = 26
"""Columns at the right edge that rows and size take."""


def short(path: str, frame: Frame) -> str:
    """Return a path without the artifact folder that almost all begin with."""
    whole, folder = PurePath(frame.snapshot.plan_folder, path), PurePath(frame.snapshot.artifacts)
    return str(whole.relative_to(folder)) if whole.is_relative_to(folder) else path


def render_artifact_row(artifact: Artifact, path: str, width: int, chosen: bool) -> Content:
    """Return a file's path as it is to be shown, and its rows and size at the right edge."""
    count = f"{artifact.rows:,} rows" if artifact.rows is not None else ""
    sizes = f"{count:>15}{format_size(artifact.bytes):>10}"
    mark = "▸" if chosen else " "
    style = f"{styles.STRONG} {styles.INFO}" if chosen else ""
    return row(
        width,
        (f"{mark} ", styles.INFO),
        (tail(replace_controls(path), width - 2 - SIZES), style),
        right=[(sizes, styles.QUIET)],
    )


class ArtifactList(FrameWidget):
    """All files of all attempts, in the order in which they were written; one is chosen."""

    at = 0

    @property
    def files(self) -> Sequence[Artifact]:
        """All files."""
        return [
            each for delivery in (self.frame.artifacts if self.frame else ()) for each in delivery.artifacts
        ]

    @property
    def chosen(self) -> Artifact | None:
        """The file that is chosen."""
        files = self.files
        return files[min(self.at, len(files) - 1)] if files else None

    def choose(self, steps: int) -> None:
        """Choose another file."""
        self.at = min(max(0, self.at + steps), max(0, len(self.files) - 1))
        self.refresh_rows()

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the rows around the chosen file, and below them what more is known of it."""
        chosen = self.chosen
        if chosen is None:
            return [row(width, ("ARTIFACTS", styles.HEADING), ("  none yet", styles.QUIET))]
        titles = {phase.id: phase.title for phase in frame.snapshot.phases}
        rows: list[Content] = []
        number = here = 0
        for delivery in frame.artifacts:
            attempt = f"  attempt {delivery.attempt}" if delivery.attempt > 1 else ""
            rows.append(
                row(
                    width,
                    (titles.get(delivery.phase, delivery.phase), styles.STRONG),
                    (attempt, styles.QUIET),
                )
            )
            for each in delivery.artifacts:
                if each is chosen:
                    here = len(rows)
                rows.append(render_artifact_row(each, short(each.path, frame), width, each is chosen))
                number += 1
        count = min(self.at, number - 1) + 1
        heading = row(
            width,
            ("ARTIFACTS", styles.HEADING),
            (f"  {count} of {number}", styles.INFO),
            (f"  in {frame.snapshot.artifacts}", styles.QUIET),
            right=[(format_size(sum(each.bytes for each in self.files)), styles.QUIET)],
        )
        detail = [
            row(width, ("written ", styles.QUIET), (when(chosen.time, frame.now), "")),
            row(width, ("sha256  ", styles.QUIET), (chosen.sha256, "")),
        ]
        room = max(1, height - 1 - len(detail))
        top = min(max(0, here - room // 2), max(0, len(rows) - room))
        window = rows[top : top + room]
        return [heading, *window, *[Content()] * (room - len(window)), *detail]
