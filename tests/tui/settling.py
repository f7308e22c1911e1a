"""Waiting for a screen in tests, however busy the machine is."""

from typing import Any

from textual.command import CommandList
from textual.pilot import Pilot


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until the screen on top is mounted."""
    await pilot.pause()
    while not pilot.app.screen.is_mounted:
        await pilot.pause()


async def wait_for_commands(pilot: Pilot[Any], count: int | None = None) -> None:
    """Wait until the palette, which searches after a delay, highlights one of the commands that it found."""
    commands = pilot.app.screen.query_one(CommandList)
    while commands.highlighted is None or count not in (None, commands.option_count):
        await pilot.pause(0.01)
