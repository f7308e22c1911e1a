"""Samples of the GPUs, read through NVML."""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import pynvml

from app.monitor.machine_sample import GpuSample

T = TypeVar("T")


class GpuReader:
    """Reads all GPUs. Without NVML there are none; values that NVML does not report are None."""

    def __init__(self) -> None:
        self._has_nvml = False
        with suppress(pynvml.NVMLError):
            pynvml.nvmlInit()
            self._has_nvml = True

    def read(self) -> tuple[GpuSample, ...]:
        """Return a sample of each GPU whose memory can be read."""
        count = _read_or_none(pynvml.nvmlDeviceGetCount) if self._has_nvml else None
        samples = (self._sample(index) for index in range(count or 0))
        return tuple(sample for sample in samples if sample is not None)

    def read_names(self) -> list[str]:
        """Return the name of each GPU."""
        return [gpu.name for gpu in self.read()]

    def _sample(self, index: int) -> GpuSample | None:
        handle = _read_or_none(lambda: pynvml.nvmlDeviceGetHandleByIndex(index))
        if handle is None:
            return None
        # Only the second version separates the driver's reserved memory from that of programs. Old drivers
        # do not have it.
        memory = _read_or_none(lambda: pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2))
        reserved = memory.reserved if memory is not None else None
        if memory is None:
            memory = _read_or_none(lambda: pynvml.nvmlDeviceGetMemoryInfo(handle))
        if memory is None:
            return None
        name = _read_or_none(lambda: pynvml.nvmlDeviceGetName(handle)) or "GPU"
        rates = _read_or_none(lambda: pynvml.nvmlDeviceGetUtilizationRates(handle))
        milliwatts = _read_or_none(lambda: pynvml.nvmlDeviceGetPowerUsage(handle))
        celsius = _read_or_none(lambda: pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU))
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


def _read_or_none(read: Callable[[], T]) -> T | None:
    """Return what NVML reads, or None if the driver or GPU does not support it."""
    try:
        return read()
    except (pynvml.NVMLError, OSError, UnicodeDecodeError):
        return None
