from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.session.attempt.liveness import Liveness

Phase = Callable[..., dict[str, Any]]


def test_silence_before_the_conductor_started_is_not_observed_silence(tmp_path: Path) -> None:
    class Clock:
        now = 1000.0

        def wall(self) -> float:
            return self.now + 1e10  # Set ahead after the phase wrote.

        def mono(self) -> float:
            return self.now

    (tmp_path / "progress.jsonl").touch()
    clock = Clock()
    liveness = Liveness(tmp_path, clock)
    clock.now += 5
    liveness.poll()
    assert liveness.silence > 1e6
    assert liveness.observed_silence == 5


def test_a_suspended_machine_does_not_stop_its_own_phase_as_stalled(tmp_path: Path) -> None:
    class Clock:
        now = 1000.0

        def wall(self) -> float:
            return self.now

        def mono(self) -> float:
            return self.now

    (tmp_path / "progress.jsonl").touch()
    clock = Clock()
    liveness = Liveness(tmp_path, clock)
    for _ in range(10):
        clock.now += 1
        liveness.poll()
    clock.now += 3600  # Suspended, and the phase with it.
    liveness.poll()
    assert 10 <= liveness.observed_silence <= 15
    assert liveness.silence < 20


def test_a_heartbeat_in_the_log_does_not_hide_a_stall(tmp_path: Path) -> None:
    class Clock:
        now = 1000.0

        def wall(self) -> float:
            return self.now

        def mono(self) -> float:
            return self.now

    clock, log = Clock(), tmp_path / "output.log"
    liveness = Liveness(tmp_path, clock)
    log.write_text("step 1\n")
    liveness.poll()
    for beat in range(10):
        clock.now += 1
        with log.open("a") as file:
            file.write(f"12:{beat:02}:00 still waiting ({beat} min)\n")
        liveness.poll()
    assert liveness.observed_silence == 9  # Only the first heartbeat was new.
    with log.open("a") as file:
        file.write("step 2\n")
    liveness.poll()
    assert liveness.observed_silence == 0
