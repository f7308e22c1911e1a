from pathlib import Path

import pytest

from app.monitor.log_news import LogNews
from tests.monitor.tails import append


@pytest.mark.parametrize(
    ("first", "second", "is_new"),
    [
        (b"waiting\n", b"waiting\n", False),
        (b"12:00:01 worker alive\n", b"12:00:02 worker alive\n", False),
        (b"2025-11-30T12:00:01Z idle 10 s\n", b"2025-11-30T12:00:11Z idle 20 s\n", False),
        (b"heartbeat 1\n", b"heartbeat 2\nheartbeat 3\n", False),
        (b"\rwaiting 1s\r", b"waiting 2s\r", False),
        (b"a\nb\n", b"a\nb\n", False),
        (b"step 1\n", b"step 2\n", True),
        (b"heartbeat 1\n", b"heartbeat 2\nstep 1\n", True),
        (b" 1/9 [00:01<00:08]\r", b" 2/9 [00:02<00:07]\r", True),
        (b".", b".", True),
        (b"x\n", b"", False),
    ],
)
def test_only_new_lines_are_news(tmp_path: Path, first: bytes, second: bytes, is_new: bool) -> None:
    path = tmp_path / "log"
    news = LogNews(path)
    assert not news.poll()
    append(path, first)
    assert news.poll()
    append(path, second)
    assert news.poll() is is_new
    assert not news.poll()
