"""GPUs and host, full screen: processes, memory over time, and the peak of each phase."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding

from app.tui.keys import make_bindings
from app.tui.screens.screen import CockpitScreen
from widgets.header import ElapsedTime, HeaderRows
from widgets.machine_panel import MemoryPanel


class MachineScreen(CockpitScreen):
    """GPUs and host."""

    BINDINGS: ClassVar[list[Binding]] = make_bindings("machine")  # type: ignore[assignment]
    table = "machine"

    def compose(self) -> ComposeResult:
        """Lay out the panel."""
        yield HeaderRows()
        yield ElapsedTime()
        yield MemoryPanel()
        yield self.make_key_bar()

    def _format_screen(self) -> str:
        panel = self.query_one(MemoryPanel)
        return "\n".join(row.plain.rstrip() for row in panel.render_rows(*panel.size)) + "\n"

    def action_copy(self) -> None:
        """Copy the screen."""
        self.cockpit.copy(self._format_screen(), "screen")

    def action_write(self) -> None:
        """Write the screen to a file."""
        self.cockpit.write("machine.txt", self._format_screen())
