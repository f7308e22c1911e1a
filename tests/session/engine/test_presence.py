from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from app.session import heartbeat
from app.session.clock import Clock
from app.session.engine.presence import Presence
from app.session.folder import SessionFolder
from app.session.journal.state import State


def test_the_heartbeat_ends_while_the_loop_makes_no_step(tmp_path: Path) -> None:
    now = [100.0]
    clock = cast(Clock, SimpleNamespace(mono=lambda: now[0], wall=lambda: 0.0))
    presence = Presence(SessionFolder(tmp_path), clock, "pod", longest_step=10.0)

    def beat_at(time: float) -> Any:
        now[0] = time
        presence.beat(State())
        beat = heartbeat.read_heartbeat(tmp_path / heartbeat.CONDUCTOR_HEARTBEAT)
        assert beat is not None
        return beat.mono

    assert beat_at(110.0) == 110.0
    assert beat_at(111.0) == 110.0  # The loop is stuck.
    presence.note_step()
    assert beat_at(112.0) == 112.0
