"""The chart full screen, and the chart actions of every screen that has one."""

from typing import ClassVar

from msgspec.structs import replace
from textual.app import ComposeResult
from textual.binding import Binding

from app.tui.keys import make_bindings
from app.tui.screens.screen import CockpitScreen
from widgets.figure import MAX_ZOOM, SMOOTHING_WEIGHTS, ChartSettings, Figure, group_metrics
from widgets.header import ElapsedTime, HeaderRows
from widgets.phase_detail import PhaseDetail


class ScreenWithChart(CockpitScreen):
    """A screen with a chart."""

    @property
    def figure(self) -> Figure:
        """The chart."""
        return self.query_one(Figure)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the chart if there are metrics, and another metric if there is one."""
        if action in ("chart", "metric"):
            output = self.frame.output if self.frame else None
            charts = len(group_metrics(list(output.series))) if output else 0
            return charts > (1 if action == "metric" else 0)
        return super().check_action(action, parameters)

    def action_chart(self) -> None:
        """Open the chart full screen."""
        self.cockpit.open_screen("chart", self.figure.settings)

    def action_metric(self, steps: int) -> None:
        """Show another metric."""
        settings = self.figure.settings
        self.figure.apply(replace(settings, metric=settings.metric + steps))

    def action_log_scale(self) -> None:
        """Switch to a logarithmic value axis and back."""
        settings = self.figure.settings
        self.figure.apply(replace(settings, log=not settings.log))

    def action_smooth(self) -> None:
        """Smooth the curves more; after the strongest smoothing, not at all."""
        settings = self.figure.settings
        self.figure.apply(replace(settings, smoothing=(settings.smoothing + 1) % len(SMOOTHING_WEIGHTS)))

    def action_cursor(self, columns: int) -> None:
        """Move the cursor."""
        self.figure.move_cursor(columns)

    def action_zoom(self, steps: int) -> None:
        """Show fewer or more steps."""
        settings = self.figure.settings
        self.figure.apply(replace(settings, zoom=min(max(0, settings.zoom + steps), MAX_ZOOM)))

    def action_whole(self) -> None:
        """Show all steps and no cursor."""
        self.figure.apply(replace(self.figure.settings, zoom=0, cursor=None))


class ChartScreen(ScreenWithChart):
    """The chart, as wide as the terminal."""

    BINDINGS: ClassVar[list[Binding]] = make_bindings("chart")  # type: ignore[assignment]
    table = "chart"

    def __init__(self, settings: ChartSettings) -> None:
        super().__init__()
        self._settings = settings

    def compose(self) -> ComposeResult:
        """Lay out the chart below the phase's progress."""
        figure = Figure()
        figure.settings = self._settings
        yield HeaderRows()
        yield ElapsedTime()
        yield PhaseDetail()
        yield figure
        yield self.make_key_bar()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the gate while one is open."""
        if action == "gate":
            return self.frame is not None and self.frame.snapshot.gate is not None
        return super().check_action(action, parameters)

    def should_highlight(self, action: str) -> bool:
        """Highlight the gate's key."""
        return action == "gate"

    def action_gate(self) -> None:
        """Go to the gate, which this screen may have been opened from."""
        if any(
            isinstance(screen, CockpitScreen) and screen.table == "gate" for screen in self.app.screen_stack
        ):
            self.dismiss()
        else:
            self.app.switch_screen(self.cockpit.make_screen("gate"))
