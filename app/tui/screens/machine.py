"""GPUs and host on a screen of their own: who holds them, memory over time, the peak of each phase."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding

from app.tui.keys import bindings
from app.tui.screens.screen import CockpitScreen
from widgets.header import ElapsedTime, HeaderRows
from widgets.machine_panel import MemoryPanel


class MachineScreen(CockpitScreen):
    """What the session does to the machine."""

    CSS_PATH = "machine.tcss"
    BINDINGS: ClassVar[list[Binding]] = bindings("machine")  # type: ignore[assignment]
    table = "machine"

    def compose(self) -> ComposeResult:
        """Lay out the panel."""
        yield HeaderRows()
        yield ElapsedTime()
        yield MemoryPanel()
        yield self.key_bar()

    def _plain(self) -> str:
        panel = self.query_one(MemoryPanel)
        return "\n".join(r.plain.rstrip() for r in panel.rows(*panel.size)) + "\n"

    def action_copy(self) -> None:
        """Copy the screen."""
        self.cockpit.copy(self._plain(), "screen")

    def action_write(self) -> None:
        """Write the screen to a file."""
        self.cockpit.write("machine.txt", self._plain())
