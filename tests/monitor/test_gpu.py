"""Samples of the GPUs: several, none, and drivers that report only a part."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from app.monitor.gpu import GpuReader
from app.monitor.machine_sample import GpuSample

FAKE: dict[str, Callable[..., Any]] = {
    "nvmlInit": lambda: None,
    "nvmlDeviceGetCount": lambda: 2,
    "nvmlDeviceGetHandleByIndex": lambda index: index,
    "nvmlDeviceGetName": lambda handle: b"Card" if handle else "NVIDIA A100",
    "nvmlDeviceGetMemoryInfo": lambda handle, version=None: SimpleNamespace(
        used=3 << 30, total=80 << 30, reserved=7
    ),
    "nvmlDeviceGetUtilizationRates": lambda handle: SimpleNamespace(gpu=97),
    "nvmlDeviceGetPowerUsage": lambda handle: 412_500,
    "nvmlDeviceGetTemperature": lambda handle, sensor: 61,
}


def fail(*_: object, **__: object) -> None:
    raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, fake in FAKE.items():
        monkeypatch.setattr(pynvml, name, fake)
    return monkeypatch


def test_every_gpu_is_read(nvml: pytest.MonkeyPatch) -> None:
    first, second = GpuReader().read()
    assert first == GpuSample(
        index=0,
        name="NVIDIA A100",
        memory_used=3 << 30,
        memory_total=80 << 30,
        memory_reserved=7,
        utilisation=97.0,
        power_watts=412.5,
        temperature=61.0,
    )
    assert (second.index, second.name) == (1, "Card")


def test_without_nvml_there_are_no_gpus(nvml: pytest.MonkeyPatch) -> None:
    nvml.setattr(pynvml, "nvmlInit", fail)
    assert GpuReader().read() == ()


@pytest.mark.parametrize("broken", [name for name in FAKE if name != "nvmlInit"])
def test_any_call_may_fail(nvml: pytest.MonkeyPatch, broken: str) -> None:
    reader = GpuReader()
    nvml.setattr(pynvml, broken, fail)
    samples = reader.read()
    if broken in ("nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex"):
        assert samples == ()
    else:
        missing = {
            "nvmlDeviceGetMemoryInfo": "memory_used",
            "nvmlDeviceGetUtilizationRates": "utilisation",
            "nvmlDeviceGetPowerUsage": "power_watts",
            "nvmlDeviceGetTemperature": "temperature",
        }
        unknown = {name for name in missing.values() if getattr(samples[0], name) is None}
        assert unknown == ({missing[broken]} if broken in missing else set())
        assert len(samples) == 2


def test_an_old_driver_gives_memory_without_the_reserved_part(nvml: pytest.MonkeyPatch) -> None:
    def memory(handle: int, version: int | None = None) -> SimpleNamespace:
        if version is not None:
            fail()
        return SimpleNamespace(used=1, total=2)

    nvml.setattr(pynvml, "nvmlDeviceGetMemoryInfo", memory)
    assert [(gpu.memory_used, gpu.memory_reserved) for gpu in GpuReader().read()] == [(1, None), (1, None)]


def test_a_gpu_without_memory_information_is_shown(nvml: pytest.MonkeyPatch) -> None:
    nvml.setattr(pynvml, "nvmlDeviceGetMemoryInfo", fail)
    assert [(gpu.index, gpu.memory_used, gpu.memory_total) for gpu in GpuReader({}).read()] == [
        (0, None, None),
        (1, None, None),
    ]


def test_hidden_gpus_are_not_read(nvml: pytest.MonkeyPatch) -> None:
    assert [gpu.index for gpu in GpuReader({"CUDA_VISIBLE_DEVICES": "1"}).read()] == [1]
