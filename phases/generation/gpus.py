"""The GPUs that this process may use, read through NVML so that CUDA stays uninitialized."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import pynvml

from phases.contract import visible_gpus
from phases.contract.visible_gpus import VisibleGpu


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
    """Return the GPUs that this process may use; none if there is no NVIDIA driver, or it does not tell."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        return [_read_gpu(gpu) for gpu in visible_gpus.list_visible_gpus(os.environ)]
    except pynvml.NVMLError:
        return []
    finally:
        pynvml.nvmlShutdown()


def _read_gpu(gpu: VisibleGpu) -> GpuInfo:
    memory = pynvml.nvmlDeviceGetMemoryInfo(gpu.handle)
    capable_handle = gpu.handle
    with suppress(pynvml.NVMLError):  # Of a MIG instance, the GPU knows the capability.
        capable_handle = pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(gpu.handle)
    generation, _ = pynvml.nvmlDeviceGetCudaComputeCapability(capable_handle)
    name = str(pynvml.nvmlDeviceGetName(gpu.handle))
    return GpuInfo(name, int(memory.total), int(memory.free), int(generation), gpu.device)


def partition_gpus(gpus: Sequence[GpuInfo], size: int) -> list[str]:
    """Return `CUDA_VISIBLE_DEVICES` for each group of `size` GPUs; a remainder stays unused."""
    devices = [gpu.device for gpu in gpus]
    return [",".join(devices[n : n + size]) for n in range(0, len(devices) - size + 1, size)]
