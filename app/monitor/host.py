"""Samples of the host and of the processes on it, read through psutil."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from app.monitor.gpu_holders import find_gpu_holders
from app.monitor.machine_sample import GpuHolder, GpuSample, MachineSample


class Host(NamedTuple):
    """The host at one moment: `cpu` is the share of all cores in use, 0 to 100; memory and disk in bytes."""

    cpu: float
    cores: int
    memory_used: int
    memory_total: int
    disk_free: int
    phase_memory: int | None


def read_host(folder: Path, pid: int | None) -> Host:
    """Return the state of the host.

    `cpu` covers the time since the previous call; the first call returns 0.

    Args:
        folder: a folder on the disk to measure; it may not exist yet.
        pid: the root of the phase's process tree.
    """
    memory = psutil.virtual_memory()
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return Host(
        cpu=psutil.cpu_percent(),
        cores=psutil.cpu_count() or 1,
        memory_used=memory.total - memory.available,
        memory_total=memory.total,
        disk_free=psutil.disk_usage(str(existing)).free,
        phase_memory=None if pid is None else measure_tree_memory(pid),
    )


def measure_tree_memory(pid: int) -> int | None:
    """Return the resident memory of a process and its descendants, or None if it has ended."""
    total = None
    with suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with suppress(psutil.Error):
                total = (total or 0) + process.memory_info().rss
    return total


def read_gpu_holders(pid: int | None) -> tuple[GpuHolder, ...]:
    """Return the visible processes that have a GPU open; those in the tree of `pid` belong to the phase."""
    tree: set[int] = set()
    with suppress(psutil.Error):
        if pid is not None:
            tree = {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    holders = []
    for holder in find_gpu_holders():
        with suppress(psutil.Error):
            name = psutil.Process(holder).name()
            holders.append(GpuHolder(pid=holder, name=name, ours=holder in tree))
    return tuple(holders)


def sample_machine(
    folder: Path,
    pid: int | None = None,
    *,
    read_gpus: Callable[[], tuple[GpuSample, ...]],
    read_host: Callable[[Path, int | None], Host] = read_host,
    read_holders: Callable[[int | None], tuple[GpuHolder, ...]] = read_gpu_holders,
    clock: Callable[[], float] = time.time,
) -> MachineSample:
    """Return the state of GPUs and host; see `read_host` for `folder` and `pid`."""
    gpus = read_gpus()
    holders = read_holders(pid) if gpus else ()
    return MachineSample(time=clock(), gpus=gpus, holders=holders, **read_host(folder, pid)._asdict())
