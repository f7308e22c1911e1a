"""Numbers that a plan's patterns find in a log."""

from pathlib import Path

import pytest

from app.monitor.log_metrics import LogMetrics
from tests.monitor.tails import append, points, read_all


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def test_numbers_are_found_in_a_log(path: Path) -> None:
    numbers = LogMetrics(path, {"loss": r"'loss': ([^,}]+)", "lr": r"lr=(\S+)"})
    append(
        path,
        b"start\n 10%|#\r 20%|##\r{'loss': 2.5, 'x': 1}\n{'loss': nan}\r\x1b[1m{'los\x1b[0ms': 1.5}\nlr=x\n",
    )
    read_all(numbers)
    assert points(numbers.series["loss"]) == [(0, 2.5), (1, None), (2, 1.5)]
    assert numbers.results() == {"loss": 1.5, "first_loss": 2.5}
    append(path, b"{'loss': inf}\n")
    read_all(numbers)
    assert numbers.results() == {"loss": None, "first_loss": 2.5}
