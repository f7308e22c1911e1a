"""The state of the machine at one moment: recorded, sent to the screens and drawn. Memory is in bytes."""

import msgspec


class GpuSample(msgspec.Struct, frozen=True, kw_only=True):
    """One GPU at one moment. Values that the driver does not report are None."""

    index: int
    name: str
    memory_used: int | None = None
    memory_total: int | None = None
    memory_reserved: int | None = None
    utilisation: float | None = None
    power_watts: float | None = None
    temperature: float | None = None


class GpuHolder(msgspec.Struct, frozen=True, kw_only=True):
    """A process that uses a GPU; `ours` if it belongs to the running phase."""

    pid: int
    name: str
    ours: bool = False


class MachineSample(msgspec.Struct, frozen=True, kw_only=True):
    """GPUs and host at one moment. `cpu` is the share of all cores in use, from 0 to 100."""

    time: float
    gpus: tuple[GpuSample, ...]
    cpu: float
    cores: int
    memory_used: int
    memory_total: int
    disk_free: int
    phase_memory: int | None = None
    holders: tuple[GpuHolder, ...] = ()
