"""The gate: what was found, what the rules say, what it costs either way, then the keys."""

from typing import ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container

from app.session.requests import Decide, current_user
from app.session.snapshot import DecisionKind, GateView
from app.tui.keys import bindings
from app.tui.screens.chart import ChartKeys
from app.tui.screens.decide import DecideScreen, Decision
from widgets.detail import Figure
from widgets.frame import Frame
from widgets.gate import GateCost, GateEvidence
from widgets.header import ElapsedTime, HeaderRows
from widgets.parameters import number_remedies
from widgets.samples import SamplePager


class GateScreen(ChartKeys):
    """Shows the open gate. No key decides anything alone: each opens the decision for a last look."""

    CSS_PATH = "gate.tcss"
    BINDINGS: ClassVar[list[Binding]] = bindings("gate")  # type: ignore[assignment]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (130, "-wide")]  # noqa: RUF012
    table = "gate"

    gate: GateView | None = None
    wants_curves = False

    def compose(self) -> ComposeResult:
        """Lay out evidence, samples and cost."""
        yield HeaderRows()
        yield ElapsedTime()
        with Container(id="evidence"):
            yield GateEvidence()
            yield SamplePager()
            yield Figure()
        yield GateCost()
        yield self.key_bar()

    def on_mount(self) -> None:
        """Look at the phase that the gate is after, whatever was looked at before."""
        self.cockpit.look_at(None)

    def show(self, frame: Frame) -> None:
        """Draw the gate; leave when it has been decided, here or by somebody else."""
        gate = frame.snapshot.gate
        if gate is None or (self.gate is not None and gate.opened != self.gate.opened):
            if self.app.screen is self:  # or else when the dialog above is closed
                self.dismiss()
            return
        self.gate = gate
        super().show(frame)
        output = frame.output
        samples = output.samples if output and output.phase == gate.phase else ()
        has_curves = bool(output and output.phase == gate.phase and output.series)
        curves = has_curves and (self.wants_curves or not samples)
        pager, figure = self.query_one(SamplePager), self.query_one(Figure)
        pager.display, figure.display = bool(samples) and not curves, curves
        self.set_class(not samples and not curves, "-evidence-only")
        pager.give(samples)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only the decisions that the gate allows."""
        if action == "decide":
            return parameters[0] in self._options()
        if action == "remedy":
            gate = self.frame.snapshot.gate if self.frame else None
            number = int(str(parameters[0]))
            offered = gate is not None and gate.cause and len(number_remedies(gate.remedies)) >= number
            return bool(offered) and "retry" in self._options()
        output = self.frame.output if self.frame else None
        if action in ("turn", "samples"):
            return output is not None and bool(output.samples)
        if action == "curves":
            return output is not None and bool(output.samples) and bool(output.series)
        if action == "artifacts":
            return self.frame is not None and bool(self.frame.artifacts)
        return super().check_action(action, parameters)

    def _options(self) -> tuple[DecisionKind, ...]:
        gate = self.frame.snapshot.gate if self.frame else None
        return gate.options if gate else ()

    def loud(self, action: str) -> bool:
        """The keys that decide stand out."""
        return action.startswith("decide")

    def action_decide(self, kind: str) -> None:
        """Open the decision for reason, parameters and a last look."""
        self._open(cast("DecisionKind", kind))

    def action_remedy(self, number: int) -> None:
        """Open the retry with the changes of a remedy made."""
        self._open("retry", number)

    def _open(self, kind: DecisionKind, remedy: int = 0) -> None:
        frame = self.frame
        if frame is None or frame.snapshot.gate is None:
            return
        gate = frame.snapshot.gate

        def answered(decision: Decision | None) -> None:
            if decision is not None:
                self.cockpit.act(
                    f"{decision.kind} after {frame.snapshot.phase(gate.phase).title}",
                    lambda session: session.send(
                        Decide(
                            phase=gate.phase,
                            attempt=gate.attempt,
                            kind=decision.kind,
                            by=current_user(),
                            reason=decision.reason,
                            changes=decision.changes,
                        )
                    ),
                )

        self.app.push_screen(DecideScreen(frame, gate, kind, remedy), answered)

    def action_turn(self, pages: int) -> None:
        """Show another sample."""
        self.query_one(SamplePager).turn(pages)

    def action_samples(self) -> None:
        """Open the samples, at the one that is shown."""
        from app.tui.screens.samples import SamplesScreen

        self.app.push_screen(SamplesScreen(self.query_one(SamplePager).at))

    def action_curves(self) -> None:
        """Show the chart instead of the samples, or the samples again."""
        self.wants_curves = not self.wants_curves
        if self.frame is not None:
            self.show(self.frame)

    def action_scroll_rows(self, count: int) -> None:
        """Scroll the evidence."""
        self.query_one(GateEvidence).scroll_rows(count)

    def action_page(self, pages: int) -> None:
        """Scroll the evidence by a page."""
        self.query_one(GateEvidence).scroll_pages(pages)
