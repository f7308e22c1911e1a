"""A process releases the screens that were closed, and what they drew."""

import gc
import weakref

import pytest

from app.tui.app import CockpitApp
from tests.tui import fake
from tests.tui.settling import settle


@pytest.mark.parametrize(("key", "back"), [("l", "q"), ("q", "escape")], ids=["screen", "dialog"])
async def test_a_closed_screen_leaves_no_rendered_lines(key: str, back: str) -> None:
    frame = fake.running()
    app = CockpitApp(fake.FakeSession(frame.snapshot), None, frame)
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press(key)
        await settle(pilot)
        lines = [weakref.ref(widget._styles_cache) for widget in app.screen.walk_children()]
        assert any(reference()._cache for reference in lines)
        await pilot.press(back)
        await settle(pilot)
        gc.collect()
        assert [reference() for reference in lines if reference()] == []
