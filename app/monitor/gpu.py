"""Samples of the GPUs, read through NVML."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypeVar

import pynvml

from app.monitor.machine_sample import GpuSample
from app.timeouts import call_within
from phases.contract.visible_gpus import VisibleGpu, list_visible_gpus

T = TypeVar("T")
DRIVER_SECONDS = 5.0
"""A driver that takes longer to name its GPUs hangs; a healthy one that is not persistent takes 2 s."""


class GpuReader:
    """Reads the GPUs that this environment makes visible. Without NVML there are none.

    Values that NVML does not report are None, such as the memory of a GPU that shares the host's.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment
        self._has_nvml = False
        with suppress(pynvml.NVMLError):
            pynvml.nvmlInit()
            self._has_nvml = True

    def read(self) -> tuple[GpuSample, ...]:
        """Return a sample of each GPU."""
        gpus = _read_or_none(lambda: list_visible_gpus(self._environment)) if self._has_nvml else None
        return tuple(_sample(gpu) for gpu in gpus or ())

    def read_names(self) -> list[str]:
        """Return the name of each GPU."""
        return [gpu.name for gpu in self.read()]


def read_gpu_names(timeout: float = DRIVER_SECONDS) -> list[str]:
    """Return the name of each GPU, for commands that must not hang with the driver.

    Raises:
        HangingError: the driver does not respond.
    """
    return call_within(timeout, "the GPU driver", lambda: GpuReader().read_names())


def _sample(gpu: VisibleGpu) -> GpuSample:
    handle = gpu.handle
    # Only the second version separates the driver's reserved memory from that of programs. Old drivers
    # do not have it.
    memory = _read_or_none(lambda: pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2))
    reserved = memory.reserved if memory is not None else None
    if memory is None:
        memory = _read_or_none(lambda: pynvml.nvmlDeviceGetMemoryInfo(handle))
    name = _read_or_none(lambda: pynvml.nvmlDeviceGetName(handle)) or "GPU"
    rates = _read_or_none(lambda: pynvml.nvmlDeviceGetUtilizationRates(handle))
    milliwatts = _read_or_none(lambda: pynvml.nvmlDeviceGetPowerUsage(handle))
    celsius = _read_or_none(lambda: pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU))
    return GpuSample(
        index=gpu.number,
        name=name.decode(errors="replace") if isinstance(name, bytes) else name,
        memory_used=memory.used if memory else None,
        memory_total=memory.total if memory else None,
        memory_reserved=reserved,
        utilisation=None if rates is None else float(rates.gpu),
        power_watts=None if milliwatts is None else milliwatts / 1000,
        temperature=None if celsius is None else float(celsius),
    )


def _read_or_none(read: Callable[[], T]) -> T | None:
    """Return what NVML reads, or None if the driver or GPU does not support it."""
    try:
        return read()
    except (pynvml.NVMLError, OSError, UnicodeDecodeError):
        return None
