"""Reading GPUs through NVML, and grouping them for replicas."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from phases.generation import vllm_engine
from phases.generation.gpus import GpuInfo, list_visible_gpus, partition_gpus
from phases.generation.vllm_engine import start_vllm
from phases.models.source import ModelError, locate_model


def fail(*_: object) -> Any:
    raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)


def read_capability(handle: object) -> tuple[int, int]:
    return (9, 0) if isinstance(handle, int) else fail()


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Two GPUs; the second has a MIG instance, whose own handle has no capability."""
    fakes: dict[str, Any] = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetUUID": lambda handle: f"GPU-{handle}000-1",
        "nvmlDeviceGetHandleByUUID": lambda uuid: uuid if uuid == "MIG-one" else fail(),
        "nvmlDeviceGetDeviceHandleFromMigDeviceHandle": lambda handle: 1 if handle == "MIG-one" else fail(),
        "nvmlDeviceGetIndex": lambda handle: handle,
        "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(total=80, free=70),
        "nvmlDeviceGetCudaComputeCapability": read_capability,
        "nvmlDeviceGetName": lambda handle: "a card",
    }
    for name, fake in fakes.items():
        monkeypatch.setattr(pynvml, name, fake)
    return monkeypatch


@pytest.mark.parametrize(
    ("setting", "devices"),
    [
        (None, ["0", "1"]),
        ("1,0", ["1", "0"]),
        ("GPU-1", ["GPU-1000-1"]),
        ("0,-1", ["0"]),
        ("MIG-one", ["MIG-one"]),
    ],
)
def test_gpus_are_those_that_cuda_sees(
    nvml: pytest.MonkeyPatch, setting: str | None, devices: list[str]
) -> None:
    if setting is None:
        nvml.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        nvml.setenv("CUDA_VISIBLE_DEVICES", setting)
    assert list_visible_gpus() == [GpuInfo("a card", 80, 70, 9, device) for device in devices]


def test_vllm_is_not_started_for_a_cpu_if_a_gpu_hides_its_memory(
    nvml: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    nvml.setattr(pynvml, "nvmlDeviceGetMemoryInfo", fail)
    assert list_visible_gpus() == []
    nvml.setattr(vllm_engine.torch.cuda, "is_available", lambda: True)
    with pytest.raises(ModelError, match="use --engine transformers"):
        start_vllm(locate_model(str(tiny_model)), why="a test")


def test_each_engine_has_its_own_gpus() -> None:
    cards = [GpuInfo("a card", 1, 1, 8, device) for device in ("0", "2", "GPU-a", "3", "4")]
    assert partition_gpus(cards, 1) == ["0", "2", "GPU-a", "3", "4"]
    assert partition_gpus(cards, 2) == ["0,2", "GPU-a,3"]
    assert partition_gpus([], 1) == []
