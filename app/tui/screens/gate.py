"""The open gate: evidence, samples, cost, and the keys that decide."""

from typing import ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container

from app.session.snapshot import DecisionKind, GateView
from app.tui.keys import make_bindings
from app.tui.screens.chart import ScreenWithChart
from app.tui.screens.decide import DecideScreen
from widgets.figure import Figure
from widgets.frame import Frame
from widgets.gate import GateCost, GateEvidence
from widgets.header import ElapsedTime, HeaderRows
from widgets.parameters import number_remedies
from widgets.samples import SamplePager


class GateScreen(ScreenWithChart):
    """The open gate. No key decides at once: each opens a dialog that sends the decision."""

    CSS_PATH = "gate.tcss"
    BINDINGS: ClassVar[list[Binding]] = make_bindings("gate")  # type: ignore[assignment]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (130, "-wide")]  # noqa: RUF012
    table = "gate"

    gate: GateView | None = None
    prefers_curves = False

    def compose(self) -> ComposeResult:
        """Lay out evidence, samples and cost."""
        yield HeaderRows()
        yield ElapsedTime()
        with Container(id="evidence"):
            yield GateEvidence()
            yield SamplePager()
            yield Figure()
        yield GateCost()
        yield self.make_key_bar()

    def on_mount(self) -> None:
        """Select the gate's phase, which is the current one."""
        self.cockpit.look_at(None)

    def show(self, frame: Frame) -> None:
        """Draw the gate; close when it has been decided, here or by someone else."""
        gate = frame.snapshot.gate
        if gate is None or (self.gate is not None and gate.opened != self.gate.opened):
            if self.app.screen is self:  # Below a dialog, this runs again when the dialog closes.
                self.dismiss()
            return
        self.gate = gate
        super().show(frame)
        output = frame.output if frame.output and frame.output.phase == gate.phase else None
        samples = output.samples if output else ()
        shows_curves = bool(output and output.series) and (self.prefers_curves or not samples)
        pager, figure = self.query_one(SamplePager), self.query_one(Figure)
        pager.display, figure.display = bool(samples) and not shows_curves, shows_curves
        self.set_class(not samples and not shows_curves, "-evidence-only")
        pager.set_samples(samples)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only the decisions that the gate accepts, and views that have content."""
        frame = self.frame
        gate = frame.snapshot.gate if frame else None
        output = frame.output if frame else None
        match action:
            case "decide":
                return gate is not None and parameters[0] in gate.options
            case "remedy":
                number = cast("int", parameters[0])
                return (
                    gate is not None
                    and bool(gate.cause)
                    and "retry" in gate.options
                    and number <= len(number_remedies(gate.remedies))
                )
            case "turn" | "samples":
                return output is not None and bool(output.samples)
            case "curves":
                return output is not None and bool(output.samples) and bool(output.series)
            case "artifacts":
                return frame is not None and bool(frame.artifacts)
        return super().check_action(action, parameters)

    def should_highlight(self, action: str) -> bool:
        """Highlight the keys that decide."""
        return action == "decide"

    def action_decide(self, kind: DecisionKind) -> None:
        """Open the dialog for a decision: its reason, parameters and consequence."""
        self._open_decision(kind)

    def action_remedy(self, number: int) -> None:
        """Open the retry dialog with a remedy applied."""
        self._open_decision("retry", number)

    def _open_decision(self, kind: DecisionKind, remedy: int = 0) -> None:
        if self.frame is not None and self.frame.snapshot.gate is not None:
            self.app.push_screen(DecideScreen(self.frame, self.frame.snapshot.gate, kind, remedy))

    def action_turn(self, pages: int) -> None:
        """Show another sample."""
        self.query_one(SamplePager).turn(pages)

    def action_samples(self) -> None:
        """Open the samples full screen, at the same sample."""
        self.cockpit.open_screen("samples", self.query_one(SamplePager).index)

    def action_curves(self) -> None:
        """Switch between samples and chart."""
        self.prefers_curves = not self.prefers_curves
        if self.frame is not None:
            self.show(self.frame)

    def action_scroll_rows(self, count: int) -> None:
        """Scroll the evidence."""
        self.query_one(GateEvidence).scroll_rows(count)

    def action_page(self, pages: int) -> None:
        """Scroll the evidence by a page."""
        self.query_one(GateEvidence).scroll_pages(pages)
