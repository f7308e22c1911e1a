"""Waiting for a screen in tests, however busy the machine is."""

from typing import Any

from textual.pilot import Pilot


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until the screen on top is mounted."""
    await pilot.pause()
    while not pilot.app.screen.is_mounted:
        await pilot.pause()
