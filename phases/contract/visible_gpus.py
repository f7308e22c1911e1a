"""The GPUs that `CUDA_VISIBLE_DEVICES` leaves to programs, as handles of NVML."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import pynvml

VARIABLE: Final = "CUDA_VISIBLE_DEVICES"


class VisibleGpu(NamedTuple):
    """A GPU or a MIG instance.

    Attributes:
        number: unique, and that of nvidia-smi for a complete GPU.
        handle: of NVML.
        device: names it in `CUDA_VISIBLE_DEVICES`.
    """

    number: int
    handle: Any
    device: str


def list_visible_gpus(environment: Mapping[str, str]) -> list[VisibleGpu]:
    """Return the GPUs that a program in this environment can use.

    As in CUDA, entries are indices, UUIDs or unique beginnings of UUIDs, and those after an invalid or
    repeated one do not count. Indices are in the order of the bus, which is CUDA's for equal GPUs.

    Raises:
        pynvml.NVMLError: the driver does not list its GPUs.
    """
    gpus = [
        VisibleGpu(index, handle, str(index))
        for index in range(pynvml.nvmlDeviceGetCount())
        if (handle := _find_handle(index)) is not None
    ]
    setting = environment.get(VARIABLE)
    if setting is None:
        return gpus
    uuids = [_read_uuid(gpu.handle) for gpu in gpus]
    visible: list[VisibleGpu] = []
    for entry in map(str.strip, setting.split(",")):
        gpu = _find_mig_instance(entry, visible) if entry.startswith("MIG-") else None
        if gpu is None:
            position = _find_gpu(entry, [gpu.number for gpu in gpus], uuids)
            if position is not None:  # Not every library takes the beginning of a UUID.
                device = entry if entry.isdecimal() else uuids[position]
                gpu = gpus[position]._replace(device=device)
        if gpu is None or gpu.number in [other.number for other in visible]:
            break
        visible.append(gpu)
    return visible


def _find_handle(index: int) -> Any:
    with suppress(pynvml.NVMLError):
        return pynvml.nvmlDeviceGetHandleByIndex(index)
    return None


def _read_uuid(handle: Any) -> str:
    with suppress(pynvml.NVMLError):
        uuid = pynvml.nvmlDeviceGetUUID(handle)
        return uuid.decode(errors="replace") if isinstance(uuid, bytes) else str(uuid)
    return ""


def _find_gpu(entry: str, indices: Sequence[int], uuids: Sequence[str]) -> int | None:
    """Return the position of the GPU that an entry names, or None."""
    if entry.isdecimal():
        return indices.index(int(entry)) if int(entry) in indices else None
    if not entry.startswith("GPU-"):
        return None
    matching = [position for position, uuid in enumerate(uuids) if uuid.startswith(entry)]
    return matching[0] if len(matching) == 1 else None


def _find_mig_instance(uuid: str, others: Sequence[VisibleGpu]) -> VisibleGpu | None:
    """Return a MIG instance under the index of its GPU, or the next free one if another instance has it."""
    with suppress(pynvml.NVMLError):
        handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        index = 0
        with suppress(pynvml.NVMLError):
            parent = pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(handle)
            index = pynvml.nvmlDeviceGetIndex(parent)
        used_numbers = {gpu.number for gpu in others}
        number = next(i for i in range(index, index + len(used_numbers) + 1) if i not in used_numbers)
        return VisibleGpu(number, handle, uuid)
    return None
