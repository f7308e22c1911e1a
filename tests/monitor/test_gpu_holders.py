import os
from pathlib import Path

from app.monitor.gpu_holders import find_gpu_holders


def test_a_process_that_has_a_gpu_open_is_found(tmp_path: Path) -> None:
    device = tmp_path / "nvidia"
    (tmp_path / "nvidia0").touch()
    (tmp_path / "nvidiactl").touch()
    with (tmp_path / "nvidiactl").open():
        assert find_gpu_holders(str(device)) == []
    with (tmp_path / "nvidia0").open():
        assert find_gpu_holders(str(device)) == [os.getpid()]
    assert find_gpu_holders(str(device)) == []
