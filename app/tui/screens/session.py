"""The main screen: phases, the selected phase with its chart, the machine and the log."""

from math import ceil
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, Horizontal, Vertical

from app.session.requests import Hold, StopPhase, get_current_user
from app.session.snapshot import OVER
from app.tui.keys import make_bindings
from app.tui.screens.chart import ScreenWithChart
from app.tui.screens.screen import is_pod_waiting
from widgets.figure import Figure, has_figure
from widgets.frame import Frame
from widgets.header import ElapsedTime, HeaderRows
from widgets.log_pane import LogPane
from widgets.machine_charts import MAX_NAMED_GPUS, MemoryChart, PowerChart, UtilizationChart
from widgets.machine_panel import MachinePanel
from widgets.money_panel import MoneyPanel
from widgets.next_gate import NextGatePanel
from widgets.phase_detail import PhaseDetail, PhasePanel
from widgets.phase_table import PhaseTable
from widgets.throughput import ThroughputPanel

MIN_MACHINE_ROWS: Final = 3
MAX_MACHINE_ROWS: Final = 9
BORDER_ROWS: Final = 2
MIN_LOG_ROWS: Final = 8
ROWS_WITH_THE_PHASES: Final = 9
"""Border, heading, details of two phases, and the next gate and a notice in two rows each."""
GPUS_PER_ROW: Final = 4
"""Next to the charts, where the panel of the machine only lists many GPUs."""
LOG_ONLY: Final = "-log-only"


class SessionScreen(ScreenWithChart):
    """Phases on the left; the selected phase, the machine and the log on the right."""

    BINDINGS: ClassVar[list[Binding]] = make_bindings("session")  # type: ignore[assignment]
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (72, "-narrow"), (116, "-wide"), (156, "-very-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (36, "-tall"), (42, "-very-tall")]  # noqa: RUF012
    table = "session"
    _has_charts = False

    def __init__(self) -> None:
        super().__init__(classes=LOG_ONLY)  # Each change of a class computes the styles of all widgets again.

    def compose(self) -> ComposeResult:
        """Lay out the panels."""
        yield HeaderRows()
        yield ElapsedTime()
        with Container(id="body"):
            with Vertical(id="left"):
                yield PhaseTable()
                yield MoneyPanel()
            with Vertical(id="right"):
                with PhasePanel():
                    yield PhaseDetail()
                    yield Figure()
                yield MachinePanel()
            yield LogPane(id="log")
        yield self.make_key_bar()

    def show(self, frame: Frame) -> None:
        """Draw a new frame; the machine panel gets the rows that its GPUs need."""
        self._mount_charts(frame)
        self.query_one(PhaseTable).shows_next_gate = not self._has_room_for_charts()
        panel = self.query_one(MachinePanel)
        height = self._compute_machine_rows(frame)
        height += BORDER_ROWS if panel.has_border else 0
        if panel.styles.height is None or panel.styles.height.value != height:
            panel.styles.height = height
        self.query_one(PhasePanel).show(frame)
        self.update_classes(self._choose_classes(frame))
        self._fit_log(frame)
        super().show(frame)

    def _choose_classes(self, frame: Frame) -> dict[str, bool]:
        # Without a chart, the log gets its room. On a small screen it says more than the pace of the progress
        # does, and on a large one another chart has that.
        with_pace = self.query_one(PhaseTable).has_border and not self._has_room_for_charts()
        classes = {LOG_ONLY: not has_figure(frame.output, with_pace=with_pace)}
        if self._has_charts:
            gpus = frame.snapshot.machine.gpus if frame.snapshot.machine else ()
            classes["-many-gpus"] = len(gpus) > MAX_NAMED_GPUS
            classes["-over"] = frame.snapshot.state in OVER
            # A session that is over has no sample of the machine, but what its attempts used.
            classes["-no-gpu"] = not gpus and not any(use.gpus for use in frame.machine_use)
        return classes

    def _fit_log(self, frame: Frame) -> None:
        """Give the log below the panels the rows that the phases leave, if there is no chart."""
        body = self.query_one("#body")
        has_panels = self.query_one(PhaseTable).has_border
        if not has_panels or self._has_room_for_charts() or not self.has_class(LOG_ONLY):
            body.styles.clear_rule("grid_rows")
            return
        phases = (
            len(frame.snapshot.phases) + ROWS_WITH_THE_PHASES + self.query_one(MoneyPanel).outer_size.height
        )
        rows = max(MIN_LOG_ROWS, body.size.height - phases)
        body.styles.grid_rows = f"1fr {rows}"

    def on_resize(self) -> None:
        """Mount the charts if the terminal has become large."""
        if not self._has_charts and self.frame is not None:
            self.call_after_refresh(self._mount_charts, self.frame)

    def _has_room_for_charts(self) -> bool:
        return self.has_class("-very-wide") and self.has_class("-very-tall")

    def _mount_charts(self, frame: Frame) -> None:
        """Mount the panels that only a large screen shows, after its first paint, which they would delay."""
        if self._has_charts or not self._has_room_for_charts():
            return
        self._has_charts = True
        gate, memory = NextGatePanel(), MemoryChart()
        loads = UtilizationChart(), PowerChart(), ThroughputPanel()
        for panel in (gate, memory, *loads):
            panel.frame = frame
        self.query_one("#left").mount(gate, after=0)
        self.query_one("#right").mount(memory, Horizontal(*loads, id="loads"), after=0)
        self.update_classes(self._choose_classes(frame))

    def _compute_machine_rows(self, frame: Frame) -> int:
        machine = frame.snapshot.machine
        gpus = len(machine.gpus) if machine else 0
        rows = 2 * gpus + 1
        if self._has_room_for_charts():
            rows = ceil(gpus / GPUS_PER_ROW) + 1
        elif gpus > 1 and self.has_class("-short"):
            rows = gpus // 2 + 1
        return min(MAX_MACHINE_ROWS, max(MIN_MACHINE_ROWS, rows))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only actions that do something now."""
        frame = self.frame
        if frame is None:
            return action in ("quit", "detach", "help")
        snapshot, output = frame.snapshot, frame.output
        offered = {
            "gate": snapshot.gate is not None,
            "stop_phase": any(phase.state == "running" for phase in snapshot.phases),
            "hold": snapshot.state not in OVER,
            "outcome": snapshot.state in OVER,
            "keep": is_pod_waiting(frame),
            "decisions": bool(snapshot.decisions),
            "samples": output is not None and bool(output.samples),
            "artifacts": bool(frame.artifacts),
        }
        return offered.get(action, super().check_action(action, parameters))

    def should_highlight(self, action: str) -> bool:
        """Highlight the keys that are offered only when the session waits for the operator."""
        return action in ("gate", "outcome", "keep")

    def action_plan(self) -> None:
        """Open plan and parameters."""
        self.cockpit.open_screen("plan")

    def action_decisions(self) -> None:
        """Open the past decisions."""
        self.cockpit.open_screen("decisions")

    def action_outcome(self) -> None:
        """Open the session's result."""
        self.cockpit.open_screen("outcome")

    def action_preflight(self) -> None:
        """Run the preflight checks again."""
        self.cockpit.open_screen("preflight")

    def action_choose(self, steps: int) -> None:
        """Select another phase."""
        frame = self.frame
        if frame is None or not frame.snapshot.phases:
            return
        phases = frame.snapshot.phases
        index = phases.index(frame.phase) if frame.phase else 0
        self.cockpit.look_at(phases[min(max(0, index + steps), len(phases) - 1)].id)

    def action_follow(self) -> None:
        """Select the running phase."""
        self.cockpit.look_at(None)

    def action_hold(self) -> None:
        """Hold before the next phase, or cancel that."""
        on = not (self.frame is not None and self.frame.snapshot.hold)
        description = "holding before the next phase" if on else "no longer holding"
        self.cockpit.send(Hold(on=on, by=get_current_user()), description)

    def action_stop_phase(self) -> None:
        """Stop the running phase, after a confirmation."""
        phase = self.frame.snapshot.current if self.frame else None
        if phase is None:
            return
        running = (phase.id, phase.state, len(phase.attempts))

        def is_still_running(frame: Frame) -> bool:
            current = frame.snapshot.current
            return current is not None and (current.id, current.state, len(current.attempts)) == running

        self.cockpit.confirm(
            f"Stop the phase {phase.title}?",
            "It gets time to save its progress, then ends, and its gate opens. "
            "A retry resumes from its last checkpoint, if it has one.",
            StopPhase(by=get_current_user()),
            f"stopping {phase.title}",
            is_current=is_still_running,
        )

    def action_detach(self) -> None:
        """Close the cockpit; the session keeps running."""
        self.cockpit.detach()

    async def action_quit(self) -> None:
        """Ask whether to detach, to stop the session, or to stay."""
        await self.run_action("app.quit_dialog")
