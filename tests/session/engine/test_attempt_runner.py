import os
from pathlib import Path

from app.session.engine.attempt_runner import find_recent_holders


def test_a_process_that_held_the_gpu_before_the_attempt_is_not_left_over_from_it(tmp_path: Path) -> None:
    (tmp_path / "nvidia0").touch()
    with (tmp_path / "nvidia0").open():
        assert find_recent_holders(1e6, str(tmp_path / "nvidia")) == [os.getpid()]
        assert find_recent_holders(0.0, str(tmp_path / "nvidia")) == []
