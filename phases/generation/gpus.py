"""The GPUs that this process may use, read through NVML so that CUDA stays uninitialized."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import pynvml


@dataclass(frozen=True)
class GpuInfo:
    """One GPU.

    Attributes:
        name: the product name.
        total: bytes of memory.
        free: bytes of unused memory.
        generation: major version of its compute capability.
        device: its index or UUID, as in `CUDA_VISIBLE_DEVICES`.
    """

    name: str
    total: int
    free: int
    generation: int
    device: str = "0"


def list_visible_gpus() -> list[GpuInfo]:
    """Return the GPUs that this process may use; none if there is no NVIDIA driver."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        if visible is None:
            devices = [str(index) for index in range(pynvml.nvmlDeviceGetCount())]
        else:
            devices = [device.strip() for device in visible.split(",")]
        return [_read_gpu(device) for device in devices if device]
    except pynvml.NVMLError:
        return []
    finally:
        pynvml.nvmlShutdown()


def _read_gpu(device: str) -> GpuInfo:
    if device.isdecimal():
        handle = pynvml.nvmlDeviceGetHandleByIndex(int(device))
    else:
        handle = pynvml.nvmlDeviceGetHandleByUUID(device)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    generation, _ = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
    name = str(pynvml.nvmlDeviceGetName(handle))
    return GpuInfo(name, int(memory.total), int(memory.free), int(generation), device)


def partition_gpus(gpus: Sequence[GpuInfo], size: int) -> list[str]:
    """Return `CUDA_VISIBLE_DEVICES` for each group of `size` GPUs; a remainder stays unused."""
    devices = [gpu.device for gpu in gpus]
    return [",".join(devices[n : n + size]) for n in range(0, len(devices) - size + 1, size)]
