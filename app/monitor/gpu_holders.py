"""Find the processes that use a GPU.

NVML opens the devices as CUDA does, so everything that only reads a GPU's state, such as gonogo or
`nvidia-smi`, has them open. But only a program that computes has a device mapped into its memory (measured
with driver 580 on an H200). gonogo's own processes and the probes that they start do not count in any case.
"""

import contextlib
import itertools
from pathlib import Path
from typing import Final

import psutil

NVIDIA_DEVICE = "/dev/nvidia"
_OWN_MODULES: Final = ("app.cli", "app.session.", "app.tui.")
_SHIM_MODULE: Final = "app.session.attempt.shim"
_COMMAND: Final = "gonogo"


def find_gpu_holders(device: str = NVIDIA_DEVICE) -> list[int]:
    """Return the PIDs of the processes that use a GPU, as far as this user may inspect them.

    Args:
        device: prefix of the device names; a number follows it.
    """
    holders = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            with contextlib.suppress(OSError):
                has_opened = any(_is_gpu(_read_link(handle), device) for handle in (process / "fd").iterdir())
                if has_opened and _has_mapped(process, device) and not is_own_process(int(process.name)):
                    holders.append(int(process.name))
    return sorted(holders)


def is_own_process(pid: int) -> bool:
    """Return whether a process belongs to gonogo itself: not to a phase, which descends from a shim."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for relative in (process, *process.parents()):
            module = _find_own_module(relative.cmdline())
            if module == _SHIM_MODULE:
                return relative.pid == pid
            if module:
                return True
    return False


def _find_own_module(command: list[str]) -> str:
    """Return the module of gonogo that a command line runs, or ""."""
    for flag, module in itertools.pairwise(command):
        if flag == "-m" and module.startswith(_OWN_MODULES):
            return module
    is_script = any(Path(word).name == _COMMAND for word in command[:2])
    return _OWN_MODULES[0] if is_script else ""


def _has_mapped(process: Path, device: str) -> bool:
    with (process / "maps").open(errors="replace") as lines:
        for line in lines:
            path = line.rstrip("\n").partition("/")[2]
            if path and (_is_gpu(f"/{path}", device) or f"/{path}" == f"{device}-uvm"):
                return True
    return False


def _is_gpu(path: str, device: str) -> bool:
    return path.startswith(device) and path.removeprefix(device).isdecimal()


def _read_link(handle: Path) -> str:
    try:
        return str(handle.readlink())
    except OSError:  # The process closed it after the folder was listed.
        return ""
