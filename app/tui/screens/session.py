"""The session: does it need me, how is the running phase doing, what will it cost, what came before."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, Vertical

from app.session.requests import Hold, StopPhase, current_user
from app.session.snapshot import OVER
from app.tui.keys import bindings
from app.tui.screens.chart import ChartKeys
from widgets.detail import Figure, PhaseDetail, has_figure
from widgets.frame import Frame
from widgets.header import ElapsedTime, HeaderRows
from widgets.log_pane import LogPane
from widgets.machine_panel import MachinePanel
from widgets.phase_table import PhaseTable

MOST_MACHINE_ROWS = 9


class SessionScreen(ChartKeys):
    """Phases on the left; the phase that is looked at, the machine and the log on the right."""

    CSS_PATH = "session.tcss"
    BINDINGS: ClassVar[list[Binding]] = bindings("session")  # type: ignore[assignment]
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (72, "-narrow"), (116, "-wide"), (170, "-very-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (36, "-tall")]  # noqa: RUF012
    table = "session"

    def compose(self) -> ComposeResult:
        """Lay out the panels."""
        yield HeaderRows()
        yield ElapsedTime()
        with Container(id="body"):
            yield PhaseTable()
            with Vertical(id="current"):
                yield PhaseDetail()
                yield Figure()
                yield MachinePanel()
            yield LogPane(id="log")
        yield self.key_bar()

    def show(self, frame: Frame) -> None:
        """Draw a new view; the machine gets the rows that its GPUs need."""
        machine = frame.snapshot.machine
        gpus = len(machine.gpus) if machine else 0
        rows = 2 * gpus + 1 if gpus <= 1 or self.has_class("-tall") else gpus // 2 + 1 if gpus > 2 else 3  # noqa: PLR2004
        panel = self.query_one(MachinePanel)
        wanted = min(MOST_MACHINE_ROWS, max(3, rows))
        if panel.styles.height is None or panel.styles.height.value != wanted:
            panel.styles.height = wanted
        # Where there is nothing to draw, the log has the room.
        self.set_class(not has_figure(frame.output), "-log-only")
        super().show(frame)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what means something now."""
        frame = self.frame
        if frame is None:
            return action in ("quit", "detach", "help")
        snapshot, output = frame.snapshot, frame.output
        means_something = {
            "gate": snapshot.gate is not None,
            "stop_phase": any(p.state == "running" for p in snapshot.phases),
            "hold": snapshot.state not in OVER,
            "outcome": snapshot.state in OVER,
            "keep": self.may_keep(),
            "decisions": bool(snapshot.decisions),
            "samples": output is not None and bool(output.samples),
            "artifacts": bool(frame.artifacts),
        }
        return means_something.get(action, super().check_action(action, parameters))

    def loud(self, action: str) -> bool:
        """The gate's key stands out while a gate is open."""
        return action in ("gate", "outcome", "keep")

    def action_plan(self) -> None:
        """Open plan and parameters."""
        from app.tui.screens.text import PlanScreen

        self.app.push_screen(PlanScreen())

    def action_decisions(self) -> None:
        """Open the decisions."""
        from app.tui.screens.text import DecisionsScreen

        self.app.push_screen(DecisionsScreen())

    def action_outcome(self) -> None:
        """Open what the session found."""
        from app.tui.screens.text import OutcomeScreen

        self.app.push_screen(OutcomeScreen())

    def action_preflight(self) -> None:
        """Look for what would fail later."""
        self.cockpit.preflight()

    def action_choose(self, steps: int) -> None:
        """Look at another phase."""
        frame = self.frame
        if frame is None or not frame.snapshot.phases:
            return
        phases = frame.snapshot.phases
        at = phases.index(frame.phase) if frame.phase else 0
        self.cockpit.look_at(phases[min(max(0, at + steps), len(phases) - 1)].id)

    def action_follow(self) -> None:
        """Look at the phase that runs."""
        self.cockpit.look_at(None)

    def action_hold(self) -> None:
        """Hold before the next phase, or go on."""
        on = not (self.frame is not None and self.frame.snapshot.hold)
        what = "holding before the next phase" if on else "no longer holding"
        self.cockpit.act(what, lambda session: session.send(Hold(on=on, by=current_user())))

    def action_stop_phase(self) -> None:
        """Ask, then stop the running phase."""
        from app.tui.screens.dialogs import Confirm

        phase = self.frame.snapshot.current if self.frame else None
        if phase is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                request = StopPhase(by=current_user())
                self.cockpit.act(f"stopping {phase.title}", lambda session: session.send(request))

        runs = (phase.id, phase.state, len(phase.attempts))
        text = "It saves what it can and ends; its gate then opens. A retry goes on from the last checkpoint."

        def still_runs(frame: Frame) -> bool:
            now = frame.snapshot.current
            return now is not None and (now.id, now.state, len(now.attempts)) == runs

        self.app.push_screen(Confirm(f"Stop the phase {phase.title}?", text, still_runs), answered)

    def action_detach(self) -> None:
        """Leave; the session goes on."""
        self.cockpit.detach()

    async def action_quit(self) -> None:
        """Ask whether to detach or to stop."""
        await self.run_action("app.quit_dialog")
