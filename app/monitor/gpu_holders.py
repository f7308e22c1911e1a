"""Find the processes that have a GPU device open."""

import contextlib
from pathlib import Path

NVIDIA_DEVICE = "/dev/nvidia"


def find_gpu_holders(device: str = NVIDIA_DEVICE) -> list[int]:
    """Return the PIDs of the processes that have a GPU open, as far as this user may inspect them.

    Args:
        device: prefix of the device names; a number follows it.
    """
    holders = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                if any(_is_gpu(handle, device) for handle in (process / "fd").iterdir()):
                    holders.append(int(process.name))
    return sorted(holders)


def _is_gpu(handle: Path, device: str) -> bool:
    try:
        target = str(handle.readlink())
    except OSError:  # The process closed it after the folder was listed.
        return False
    return target.startswith(device) and target.removeprefix(device).isdigit()
