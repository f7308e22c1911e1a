"""The start of the screens: the first paint waits for as little as possible; the end leaves no thread."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from textual.css.stylesheet import Stylesheet

from app.tui.app import CockpitApp
from app.tui.screens.artifacts import ArtifactsScreen
from tests.tui import fake
from tests.tui.settling import settle
from widgets.frame import Frame

ROOT = Path(__file__).parents[2]
SLOW_MODULES = "regex", "pydantic", "app.monitor.log_metrics", "app.plan.schema", "app.session.masking"


class PaintWatch(CockpitApp):
    """An app that notes its first paint of a frame."""

    painted = False

    def _display(self, screen: Any, renderable: Any) -> None:
        super()._display(screen, renderable)
        self.painted |= self.frame is not None


class PaintFeed:
    """A feed that notes whether the first frame was painted when it was asked for the next."""

    app: PaintWatch
    was_painted = False

    def __init__(self) -> None:
        self.continued = Event()

    def make_frames(self, stopping: Event) -> Iterator[Frame]:
        yield fake.running()
        self.continued.set()
        self.was_painted = self.app.painted
        yield fake.running()


class Driver:
    """A driver whose input threads end with an event."""

    def __init__(self) -> None:
        self.exit_event = Event()


def test_the_first_screen_imports_nothing_that_is_slow() -> None:
    code = (
        "import sys, app.cli.attach, app.tui.run; "
        f"sys.exit(', '.join(sorted({set(SLOW_MODULES)} & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


async def test_files_are_read_after_the_first_paint() -> None:
    feed: Any = PaintFeed()
    app = feed.app = PaintWatch(fake.FakeSession(fake.running().snapshot), feed)
    async with app.run_test() as pilot:
        await pilot.app.workers.wait_for_complete()
    assert feed.was_painted


async def test_a_screen_that_never_paints_ends_its_reader() -> None:
    class Unpainted(CockpitApp):
        def _display(self, screen: Any, renderable: Any) -> None:
            pass

    feed: Any = PaintFeed()
    feed.app = PaintWatch(fake.FakeSession(fake.running().snapshot))
    async with Unpainted(fake.FakeSession(fake.running().snapshot), feed).run_test():
        assert not feed.continued.is_set()
    assert feed.continued.wait(60)


def test_every_input_thread_ends_with_the_screen() -> None:
    app, driver = CockpitApp(fake.FakeSession(fake.running().snapshot)), Driver()
    app._driver = driver  # type: ignore[assignment]
    app.on_unmount()
    assert driver.exit_event.is_set()


async def test_opening_a_screen_parses_no_style_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = fake.gate_passes()
    app = CockpitApp(fake.FakeSession(frame.snapshot), None, frame)
    async with app.run_test() as pilot:
        await settle(pilot)
        parsed: list[Stylesheet] = []
        monkeypatch.setattr(Stylesheet, "reparse", parsed.append)
        for key in ("g", "escape", "c", "escape", "l", "escape", "a"):
            await pilot.press(key)
            await settle(pilot)
        assert isinstance(app.screen, ArtifactsScreen)
        assert parsed == []
