"""Makes the pictures in README and docs: `python -m tests.tui.pictures` writes docs/images."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

from app.tui.app import CockpitApp
from tests.tui import fake
from widgets.frame import Frame

IMAGES = Path(__file__).parent.parent.parent / "docs" / "images"


async def picture(name: str, frame: Frame, size: tuple[int, int], theme: str = "gonogo-dark") -> None:
    app = CockpitApp(fake.FakeSession(frame.snapshot), None, frame, theme=theme)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        (IMAGES / f"{name}.svg").write_text(app.export_screenshot(title="gonogo"))


async def main() -> None:
    os.environ["TZ"] = "UTC"
    time.tzset()
    IMAGES.mkdir(parents=True, exist_ok=True)
    frames: dict[str, Callable[[], Frame]] = {
        "session": fake.running,
        "gate": fake.gate_passes,
        "remedies": fake.gate_fails,
    }
    for name, frame in frames.items():
        await picture(name, frame(), (80, 24))
    await picture("session-wide", fake.running(), (120, 40))
    await picture("session-light", fake.running(), (80, 24), "gonogo-light")


if __name__ == "__main__":
    asyncio.run(main())
