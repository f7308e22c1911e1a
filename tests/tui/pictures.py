"""Makes the pictures in README and docs: `python -m tests.tui.pictures` writes docs/images.

They show recorded real sessions of the embedded model (see `recording`).
"""

import asyncio
import os
import time
from pathlib import Path

from app.tui.app import CockpitApp
from tests.tui import fake
from tests.tui.recording import open_recording
from widgets.frame import Frame

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (160, 45)


async def picture(name: str, frame: Frame, size: tuple[int, int], theme: str = "gonogo-dark") -> None:
    app = CockpitApp(fake.FakeSession(frame.snapshot), None, frame, theme=theme)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        (IMAGES / f"{name}.svg").write_text(app.export_screenshot(title="gonogo"))


async def main() -> None:
    os.environ["TZ"] = "UTC"
    time.tzset()
    IMAGES.mkdir(parents=True, exist_ok=True)
    with open_recording("rehearsal") as recording:  # From its end to its start.
        await picture("finished", recording.show(recording.end), MIDDLE)
        gate = recording.show(recording.find("AttemptAssessed", "dpo_evaluation"))
        await picture("gate-wide", gate, LARGE)
        await picture("gate", recording.show(recording.find("AttemptAssessed", "sft_evaluation")), SMALL)
        training = recording.show(recording.find("AttemptEnded", "sft_training") - 8)
        await picture("session", training, SMALL)
        await picture("session-wide", training, MIDDLE)
        await picture("session-light", training, SMALL, "gonogo-light")
    with open_recording("trial") as recording:
        await picture("remedies", recording.show(recording.end + 60), SMALL)


if __name__ == "__main__":
    asyncio.run(main())
