import os
from pathlib import Path

import pytest

from app.session.heartbeat import HangWatch, Heartbeat, read_heartbeat, write_heartbeat


def test_a_heartbeat_is_read_as_it_was_written(tmp_path: Path) -> None:
    beat = Heartbeat(1.5, 2.5, "boot", "pod", 3.5)
    assert write_heartbeat(tmp_path / "beat", beat)
    assert read_heartbeat(tmp_path / "beat") == beat


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'{"wall": 1}', b"[" * 500])
def test_a_damaged_heartbeat_is_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "beat").write_bytes(data)
    assert read_heartbeat(tmp_path / "beat") is None


def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "beat")
    assert read_heartbeat(tmp_path / "beat") is None
    assert not write_heartbeat(tmp_path / "beat", Heartbeat(1.0, 1.0, "b"))


def test_a_process_hangs_if_its_heartbeat_does_not_change_while_the_watch_itself_runs(tmp_path: Path) -> None:
    path, now = tmp_path / "beat", [100.0]
    watch = HangWatch(path, 10.0, lambda: now[0])

    def look(seconds: float) -> bool:
        now[0] += seconds
        return watch.is_hanging("process")

    write_heartbeat(path, Heartbeat(1.0, 1.0, "b"))
    assert not look(1)
    assert not any(look(1) for _ in range(10))
    assert look(1)
    os.utime(path, ns=(1, 1))
    assert not look(1)
    assert not look(3600)  # The machine was suspended, and the watch with it.
    assert not watch.is_hanging("another process")
    path.unlink()
    assert not look(1)
    assert [look(1) for _ in range(11)][-1]  # A heartbeat that is missing does not change either.
