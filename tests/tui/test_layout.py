"""Which panels a screen shows at which size, with their borders and titles."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import pytest
from msgspec.structs import replace
from textual.geometry import Region
from textual.widget import Widget

from app.tui.app import CockpitApp
from tests.tui import fake
from tests.tui.settling import settle
from widgets.frame import Frame
from widgets.machine_charts import GPU_LINES
from widgets.panel import Panel
from widgets.rows import FrameWidget

SIZES = ((60, 18), (80, 24), (100, 30), (119, 36), (120, 35), (120, 40), (160, 45), (200, 50))


class ShownPanel(NamedTuple):
    """A panel on the screen."""

    name: str
    has_border: bool
    title: str | None
    region: Region


def list_panels(app: CockpitApp) -> list[ShownPanel]:
    """Return the visible panels of the top screen."""
    return [
        ShownPanel(type(panel).__name__, panel.has_border, panel.border_title, panel.region)
        for panel in app.screen.query(Panel)
        if all(node.display for node in panel.ancestors_with_self if isinstance(node, Widget))
    ]


def show(frame: Frame, *sizes: tuple[int, int]) -> list[list[ShownPanel]]:
    """Return the visible panels after each resize of the terminal."""

    async def run() -> list[list[ShownPanel]]:
        app = CockpitApp(fake.FakeSession(frame.snapshot), None, frame)
        shown = []
        async with app.run_test(size=sizes[0]) as pilot:
            for size in sizes:
                await pilot.resize_terminal(*size)
                await settle(pilot)
                await pilot.pause()  # Charts are mounted after a refresh and get titles after the next.
                shown.append(list_panels(app))
        return shown

    return asyncio.run(run())


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_borders_appear_with_room_for_them(size: tuple[int, int]) -> None:
    [panels] = show(fake.running(), size)
    has_room = size[0] >= 116 and size[1] >= 36
    assert {panel.has_border for panel in panels} == {has_room}
    assert any(panel.name == "MoneyPanel" for panel in panels) == has_room
    assert all(bool(panel.title) == has_room for panel in panels)


@pytest.mark.parametrize(
    "frame",
    [fake.running, fake.starting, fake.no_gpu, fake.eight_gpus, fake.stalled, fake.all_nan],
    ids=lambda f: f.__name__,
)
def test_no_panel_leaves_the_screen_or_covers_another(frame: Callable[[], Frame]) -> None:
    for size, panels in zip(SIZES, show(frame(), *SIZES), strict=True):
        body = Region(0, 2, size[0], size[1] - 3)  # without the header's two rows and the keys
        for i, panel in enumerate(panels):
            assert body.contains_region(panel.region), (size, panel)
            assert not any(panel.region.overlaps(other.region) for other in panels[:i]), (size, panel)


CHARTS = {"NextGatePanel", "MemoryChart", "UtilizationChart", "PowerChart", "ThroughputPanel"}


@pytest.mark.parametrize("size", [(120, 40), (155, 45), (160, 41), (160, 45), (200, 50)])
def test_a_large_screen_has_everything_that_the_decision_needs(size: tuple[int, int]) -> None:
    [panels] = show(fake.running(), size)
    is_large = size[0] >= 156 and size[1] >= 42
    assert CHARTS & {panel.name for panel in panels} == (CHARTS if is_large else set())


def test_the_charts_come_and_go_with_the_size() -> None:
    shown = show(fake.running(), (80, 24), (160, 45), (100, 30), (200, 50))
    assert [{panel.name for panel in panels} >= CHARTS for panels in shown] == [False, True, False, True]


@pytest.mark.parametrize("frame", [fake.running, fake.two_gpus, fake.four_gpus, fake.eight_gpus])
@pytest.mark.parametrize("size", [(160, 45), (200, 50)])
def test_utilization_power_and_throughput_are_shown_for_any_number_of_gpus(
    frame: Callable[[], Frame], size: tuple[int, int]
) -> None:
    [panels] = show(frame(), size)
    names = {panel.name for panel in panels}
    assert names >= CHARTS
    assert ("MachinePanel" in names) == (frame is fake.eight_gpus)
    figure = next(panel for panel in panels if panel.name == "MemoryChart")
    loads = [panel for panel in panels if panel.name in CHARTS - {"NextGatePanel", "MemoryChart"}]
    assert all(panel.region.y >= figure.region.bottom for panel in loads)


@pytest.mark.parametrize(("frame", "count"), [(fake.two_gpus, 2), (fake.four_gpus, 4)])
def test_titles_have_the_load_of_each_of_a_few_gpus(frame: Callable[[], Frame], count: int) -> None:
    [panels] = show(frame(), (200, 50))
    titles = {panel.name: panel.title or "" for panel in panels}
    symbols = "".join(line.symbol for line in GPU_LINES[:count])
    for name in ("UtilizationChart", "PowerChart"):
        assert "".join(c for c in titles[name] if c in symbols) == symbols, titles[name]


def test_each_of_eight_gpus_has_its_memory_and_its_load_next_to_the_charts() -> None:
    async def run() -> str:
        frame = fake.eight_gpus()
        app = CockpitApp(fake.FakeSession(frame.snapshot), None, frame)
        async with app.run_test(size=(160, 45)) as pilot:
            await settle(pilot)
            await pilot.pause()
            return "\n".join(strip.text for strip in app.screen._compositor.render_strips())

    text = asyncio.run(run())
    for index in range(8):
        assert f"{index} {44.1 + 3.7 * index:.1f}/80.0" in text


def test_a_host_without_a_gpu_has_no_power() -> None:
    [panels] = show(fake.no_gpu(), (160, 45))
    assert {panel.name for panel in panels} & CHARTS == CHARTS - {"PowerChart"}


def test_the_power_of_a_session_without_a_conductor_stays() -> None:
    frame = fake.running(machine=None)
    [panels] = show(frame, (160, 45))
    assert {panel.name for panel in panels} >= CHARTS


def test_titles_follow_the_size_of_the_terminal() -> None:
    small, large, small_again, middle = show(fake.running(), (80, 24), (160, 45), (80, 24), (120, 40))
    for panels in (small, small_again):
        assert not any(panel.has_border for panel in panels)
    for panels in (large, middle):
        assert all(panel.has_border and panel.title for panel in panels)


def test_a_panel_without_a_border_on_all_sides_has_no_title() -> None:
    large, small = show(fake.gate_passes(), (160, 45), (80, 24))
    assert "NEXT" in next(str(panel.title) for panel in large if panel.name == "GateCost")
    assert not any(panel.title for panel in small)


def test_a_session_that_is_over_has_no_panel_about_the_next_gate() -> None:
    for frame, is_shown in ((fake.running(), True), (fake.finished(), False)):
        [panels] = show(frame, (160, 45))
        assert any(panel.name == "NextGatePanel" for panel in panels) is is_shown


@pytest.mark.parametrize("size", SIZES)
def test_the_time_of_the_next_gate_is_on_the_screen_once(size: tuple[int, int]) -> None:
    async def run() -> str:
        frame = fake.running()
        app = CockpitApp(fake.FakeSession(frame.snapshot), None, frame)
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            return "\n".join(strip.text for strip in app.screen._compositor.render_strips())

    assert asyncio.run(run()).lower().count("next gate") <= 1


def show_without_metrics(
    size: tuple[int, int], phases: int = 9, pace: int = 0
) -> tuple[list[str], list[str]]:
    """Return the rows of a screen while a program without metrics runs, and the names of what is visible."""
    frame = fake.running()
    moments = range(pace)
    curve = fake.series({"pace": [(frame.now - 600 + i, 0.3) for i in moments]})["pace"] if pace else None
    output = fake.attempt_output("sft_training", log=fake.training_log(), pace=curve)
    first = next(i for i, phase in enumerate(frame.snapshot.phases) if phase.id == "sft_training")
    shown = frame.snapshot.phases[max(0, first + 1 - phases) :][:phases]
    frame = replace(frame, snapshot=replace(frame.snapshot, phases=shown), output=output)

    async def run() -> tuple[list[str], list[str]]:
        app = CockpitApp(fake.FakeSession(frame.snapshot), None, frame)
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            await pilot.pause()
            visible = [type(w).__name__ for w in app.screen.query(FrameWidget) if w.size.height]
            return [strip.text for strip in app.screen._compositor.render_strips()], visible

    return asyncio.run(run())


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (120, 40), (160, 45)])
def test_without_a_chart_all_phases_are_visible(size: tuple[int, int]) -> None:
    rows, _ = show_without_metrics(size)
    titles = [title for _, title, *_ in fake.PHASES]
    hidden = [title for title in titles if not any(title in row for row in rows)]
    assert hidden == (
        [] if size != (120, 36) else titles[-1:]
    )  # With a notice and the next gate, one is hidden.


def test_without_a_chart_the_log_gets_the_rows_that_the_phases_leave() -> None:
    few, many = (show_without_metrics((120, 40), phases)[0] for phases in (3, 9))
    counts = [sum("│ step " in row for row in rows) for rows in (few, many)]
    assert counts[1] == 4
    assert counts[0] >= 10


@pytest.mark.parametrize(
    ("size", "pace", "figure"),
    [((80, 24), 20, False), ((120, 40), 20, True), ((120, 40), 2, False), ((160, 45), 20, False)],
)
def test_a_program_without_metrics_has_a_chart_of_its_pace(
    size: tuple[int, int], pace: int, figure: bool
) -> None:
    rows, visible = show_without_metrics(size, pace=pace)
    assert ("Figure" in visible) == figure
    assert any("steps per second" in row for row in rows) == figure
    if size == (160, 45):
        assert "ThroughputPanel" in visible
