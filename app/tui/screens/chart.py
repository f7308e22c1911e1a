"""The chart on a screen of its own, and what the keys of every screen with a chart do to it."""

from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding

from app.tui.keys import bindings
from app.tui.screens.screen import CockpitScreen
from widgets.detail import MOST_ZOOM, SMOOTHING, Chart, Figure, PhaseDetail
from widgets.header import ElapsedTime, HeaderRows


class ChartKeys(CockpitScreen):
    """A screen with a chart."""

    @property
    def figure(self) -> Figure:
        """The chart."""
        return self.query_one(Figure)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer a chart where there are metrics."""
        if action in ("chart", "metric"):
            output = self.frame.output if self.frame else None
            return output is not None and bool(output.series)
        return True

    def action_chart(self) -> None:
        """Open the chart on a screen of its own."""
        self.app.push_screen(ChartScreen(self.figure.chart))

    def action_metric(self, steps: int) -> None:
        """Show another metric."""
        self.figure.set(replace(self.figure.chart, choice=self.figure.chart.choice + steps))

    def action_log_scale(self) -> None:
        """Change the chart's value axis."""
        self.figure.set(replace(self.figure.chart, log=not self.figure.chart.log))

    def action_smooth(self) -> None:
        """Smooth the curves more, or not at all after the most."""
        self.figure.set(
            replace(self.figure.chart, smoothing=(self.figure.chart.smoothing + 1) % len(SMOOTHING))
        )

    def action_cursor(self, columns: int) -> None:
        """Move the cursor."""
        self.figure.move_cursor(columns)

    def action_zoom(self, steps: int) -> None:
        """Show fewer or more steps."""
        zoom = min(max(0, self.figure.chart.zoom + steps), MOST_ZOOM)
        self.figure.set(replace(self.figure.chart, zoom=zoom))

    def action_whole(self) -> None:
        """Show all steps and no cursor."""
        self.figure.set(replace(self.figure.chart, zoom=0, cursor=None))


class ChartScreen(ChartKeys):
    """The chart, as wide as the terminal."""

    CSS_PATH = "chart.tcss"
    BINDINGS: ClassVar[list[Binding]] = bindings("chart")  # type: ignore[assignment]
    table = "chart"

    def __init__(self, chart: Chart) -> None:
        super().__init__()
        self._chart = chart

    def compose(self) -> ComposeResult:
        """Lay out the chart under what the phase is doing."""
        figure = Figure()
        figure.chart = self._chart
        yield HeaderRows()
        yield ElapsedTime()
        yield PhaseDetail()
        yield figure
        yield self.key_bar()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the gate while one is open."""
        if action == "gate":
            return self.frame is not None and self.frame.snapshot.gate is not None
        return super().check_action(action, parameters)

    def loud(self, action: str) -> bool:
        """The gate's key stands out."""
        return action == "gate"

    def action_gate(self) -> None:
        """Go to the gate, which may be what the chart was opened from."""
        from app.tui.screens.gate import GateScreen  # which is a screen with a chart itself

        if any(isinstance(screen, GateScreen) for screen in self.app.screen_stack):
            self.dismiss()
        else:
            self.app.switch_screen(GateScreen())
