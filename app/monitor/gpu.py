"""What the machine does at one moment: GPUs by NVML, the host by psutil."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

import psutil
import pynvml

from app.monitor.gpu_holders import find_gpu_holders
from app.session.snapshot import GpuHolder, GpuSample, MachineSample

T = TypeVar("T")


class Host(NamedTuple):
    """The host at one moment: `cpu` is the share of all cores in use, 0 to 100; memory and disk in bytes."""

    cpu: float
    cores: int
    memory_used: int
    memory_total: int
    disk_free: int
    phase_memory: int | None


class Gpus:
    """Reads all GPUs; without NVML there are none. A value that NVML does not give is None."""

    def __init__(self) -> None:
        self._present = False
        with suppress(pynvml.NVMLError):
            pynvml.nvmlInit()
            self._present = True

    def __call__(self) -> tuple[GpuSample, ...]:
        """Return a sample of each GPU; one whose memory cannot be read is left out."""
        count = _given(pynvml.nvmlDeviceGetCount) if self._present else None
        samples = (self._sample(index) for index in range(count or 0))
        return tuple(sample for sample in samples if sample is not None)

    def _sample(self, index: int) -> GpuSample | None:
        handle = _given(lambda: pynvml.nvmlDeviceGetHandleByIndex(index))
        if handle is None:
            return None
        # The second version tells what the driver reserves apart from what programs use; old drivers lack it.
        memory = _given(lambda: pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2))
        reserved = memory.reserved if memory is not None else None
        memory = memory if memory is not None else _given(lambda: pynvml.nvmlDeviceGetMemoryInfo(handle))
        if memory is None:
            return None
        name = _given(lambda: pynvml.nvmlDeviceGetName(handle)) or "GPU"
        rates = _given(lambda: pynvml.nvmlDeviceGetUtilizationRates(handle))
        milliwatts = _given(lambda: pynvml.nvmlDeviceGetPowerUsage(handle))
        celsius = _given(lambda: pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU))
        return GpuSample(
            index=index,
            name=name.decode(errors="replace") if isinstance(name, bytes) else name,
            memory_used=memory.used,
            memory_total=memory.total,
            memory_reserved=reserved,
            utilisation=None if rates is None else float(rates.gpu),
            power_watts=None if milliwatts is None else milliwatts / 1000,
            temperature=None if celsius is None else float(celsius),
        )


def _given(read: Callable[[], T]) -> T | None:
    """Return what NVML reads, or None where this driver or GPU does not give it."""
    try:
        return read()
    except (pynvml.NVMLError, OSError, UnicodeDecodeError):
        return None


def read_host(folder: Path, pid: int | None) -> Host:
    """Read the host: the disk is the one that a folder is (or will be) on, the phase the tree of a process.

    The share of the cores is that since the last call; the first call returns 0.
    """
    memory = psutil.virtual_memory()
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return Host(
        cpu=psutil.cpu_percent(),
        cores=psutil.cpu_count() or 1,
        memory_used=memory.total - memory.available,
        memory_total=memory.total,
        disk_free=psutil.disk_usage(str(existing)).free,
        phase_memory=None if pid is None else tree_memory(pid),
    )


def tree_memory(pid: int) -> int | None:
    """Return the resident memory of a process and all below it, None where it has gone."""
    total = None
    with suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with suppress(psutil.Error):
                total = (total or 0) + process.memory_info().rss
    return total


def read_holders(pid: int | None) -> tuple[GpuHolder, ...]:
    """Return who has a GPU open, as far as may be seen; the tree of the process `pid` is the phase's."""
    tree: set[int] = set()
    with suppress(psutil.Error):
        if pid is not None:
            tree = {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    found = []
    for holder in find_gpu_holders():
        with suppress(psutil.Error):
            found.append(GpuHolder(pid=holder, name=psutil.Process(holder).name(), ours=holder in tree))
    return tuple(found)


def sample(
    folder: Path,
    pid: int | None = None,
    *,
    gpus: Callable[[], tuple[GpuSample, ...]],
    host: Callable[[Path, int | None], Host] = read_host,
    holders: Callable[[int | None], tuple[GpuHolder, ...]] = read_holders,
    clock: Callable[[], float] = time.time,
) -> MachineSample:
    """Return the machine at this moment; `folder` names the disk and `pid` the process tree of the phase."""
    devices = gpus()
    held = holders(pid) if devices else ()
    return MachineSample(time=clock(), gpus=devices, holders=held, **host(folder, pid)._asdict())
