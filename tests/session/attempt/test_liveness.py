from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.session.attempt.liveness import Liveness

Phase = Callable[..., dict[str, Any]]


def test_a_conductor_that_comes_late_stops_nothing_for_a_silence_that_it_did_not_hear(tmp_path: Path) -> None:
    class Clock:
        now = 1000.0

        def wall(self) -> float:
            return self.now + 1e10  # set ahead since the phase wrote

        def mono(self) -> float:
            return self.now

    (tmp_path / "progress.jsonl").touch()
    clock = Clock()
    liveness = Liveness(tmp_path, clock)
    clock.now += 5
    liveness.poll()
    assert liveness.silence > 1e6
    assert liveness.observed_silence == 5
