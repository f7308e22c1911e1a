"""The open gate: evidence, samples, cost, and the keys that decide."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, Vertical

from app.session.snapshot import DecisionKind, GateView
from app.tui.keys import make_bindings
from app.tui.screens.chart import ScreenWithChart
from app.tui.screens.decide import DecideScreen
from phases.contract.protocol import Sample
from widgets import styles
from widgets.answers import AnswerFilter, ComparedAnswer, compare_answers, count_changes, make_sample
from widgets.figure import Figure
from widgets.frame import AttemptOutput, Frame, ModelAnswers
from widgets.gate import GateEvidence, find_offered_remedies
from widgets.gate_cost import GateCost
from widgets.gate_rates import CategoriesPanel, RatesPanel, has_categories, has_rates
from widgets.header import ElapsedTime, HeaderRows
from widgets.samples import SamplePager


def needs_curves(gate: GateView, output: AttemptOutput | None) -> bool:
    """Return whether the curves say more than the samples: those of a training that should not continue."""
    return (
        gate.verdict != "go" and output is not None and any(name.endswith("loss") for name in output.series)
    )


class GateScreen(ScreenWithChart):
    """The open gate. No key decides at once: each opens a dialog that sends the decision."""

    BINDINGS: ClassVar[list[Binding]] = make_bindings("gate")  # type: ignore[assignment]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (116, "-middle"), (130, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (36, "-tall")]  # noqa: RUF012
    table = "gate"

    gate: GateView | None = None
    prefers_curves: bool | None = None
    _evaluations: tuple[ModelAnswers, ...] = ()
    _answers: tuple[ComparedAnswer, ...] = ()
    _filter = AnswerFilter()
    _samples: tuple[Sample, ...] = ()

    def compose(self) -> ComposeResult:
        """Lay out evidence, samples and cost."""
        yield HeaderRows()
        yield ElapsedTime()
        evidence = GateEvidence()
        evidence.border_title = "EVIDENCE"
        with Container(id="evidence"):
            yield evidence
            with Vertical(id="results"):
                yield RatesPanel()
                yield CategoriesPanel()
            yield SamplePager()
            figure = Figure()
            figure.set_border_title([("CURVES", styles.HEADING)])
            yield figure
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
        self.set_class(not has_rates(frame), "-no-rates")
        self.set_class(not has_categories(frame), "-no-categories")
        output = frame.output if frame.output and frame.output.phase == gate.phase else None
        self._compare(frame, gate)
        samples = self._list_samples(output)
        has_samples = bool(samples or self._answers)
        prefers_curves = needs_curves(gate, output) if self.prefers_curves is None else self.prefers_curves
        shows_curves = bool(output and output.series) and (prefers_curves or not has_samples)
        pager, figure = self.query_one(SamplePager), self.query_one(Figure)
        pager.display = bool(samples or self._answers) and not shows_curves
        figure.display = shows_curves
        self.set_class(not samples and not self._answers and not shows_curves, "-evidence-only")
        if self._answers:
            pager.set_samples(samples, "ANSWERS", self._describe_answers())
        else:
            pager.set_samples(samples)

    def _compare(self, frame: Frame, gate: GateView) -> None:
        """Compare the models' answers when more of them have been read."""
        if self._evaluations is not frame.evaluations:
            self._evaluations = frame.evaluations
            self._answers = compare_answers(frame.evaluations, gate.phase)
            self._samples = self._filter_answers()

    def _filter_answers(self) -> tuple[Sample, ...]:
        return tuple(make_sample(answer) for answer in self._answers if self._filter.matches(answer))

    def _list_samples(self, output: AttemptOutput | None) -> tuple[Sample, ...]:
        """Return the answers that the filter lets through, or the phase's samples if it has no answers."""
        if self._answers:
            return self._samples
        return output.samples if output else ()

    def _describe_answers(self) -> str:
        better, worse = count_changes(self._answers)
        changes = f"{better} got better, {worse} got worse" if better or worse else ""
        return self._filter.describe() or changes

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only the decisions that the gate accepts, and views that have content."""
        frame = self.frame
        gate = frame.snapshot.gate if frame else None
        output = frame.output if frame else None
        match action:
            case "decide":
                return gate is not None and parameters[0] in gate.options
            case "remedy":
                return gate is not None and parameters[0] in find_offered_remedies(gate)
            case "filter":
                return bool(self._answers)
            case "turn" | "samples" | "curves":
                has_samples = bool(self._answers or (output and output.samples))
                return has_samples and (action != "curves" or bool(output and output.series))
        if action == "artifacts":
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
        pager = self.query_one(SamplePager)
        self.cockpit.open_screen("samples", pager.index, self._samples if self._answers else None)

    def action_filter(self, name: str) -> None:
        """Show other answers: by change, verdict or category."""
        self._filter = self._filter.turn(name, self._answers)
        self._samples = self._filter_answers()
        pager = self.query_one(SamplePager)
        pager.turn(-pager.index)
        if self.frame is not None:
            self.show(self.frame)

    def action_curves(self) -> None:
        """Switch between samples and chart."""
        self.prefers_curves = not self.figure.display
        if self.frame is not None:
            self.show(self.frame)

    def action_scroll_rows(self, count: int) -> None:
        """Scroll the evidence."""
        self.query_one(GateEvidence).scroll_rows(count)

    def action_page(self, pages: int) -> None:
        """Scroll the evidence by a page."""
        self.query_one(GateEvidence).scroll_pages(pages)
