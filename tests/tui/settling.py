"""Waiting for a screen in tests, however busy the machine is."""

import asyncio
import math
from typing import Any, Final

from textual.command import CommandList
from textual.pilot import Pilot

SOON: Final = 0.012
"""Seconds: Textual resizes its screens 8 ms after the terminal, and draws them 1 ms after a change."""
MOST_TIMERS: Final = 20
"""The timers to wait for: more than a change needs, but the timer of a closing screen may run on and on."""


async def wait_for_idle(min_sleep: float = 0, max_sleep: float = 0) -> None:
    """Wait until the event loop has nothing to do now or soon; for Textual's function of this name."""
    loop: Any = asyncio.get_running_loop()
    for _ in range(MOST_TIMERS):
        await asyncio.sleep(0)
        while loop._ready:
            await asyncio.sleep(0)
        due = min((timer.when() for timer in loop._scheduled if not timer.cancelled()), default=math.inf)
        if due - loop.time() > SOON:
            return
        await asyncio.sleep(max(0, due - loop.time()))


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
