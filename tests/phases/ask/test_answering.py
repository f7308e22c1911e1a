"""Memory that is checked before a model is loaded."""

import pytest

from phases.ask.answering import check_free_memory
from phases.generation.gpus import GpuInfo
from phases.models.source import ModelError, ModelSource

SOURCE = ModelSource("Qwen/Qwen2.5-32B", "hub", "/cache", {}, "0")
GIB = 2**30


def gpu(free: float) -> GpuInfo:
    return GpuInfo("NVIDIA A100", 80 * GIB, int(free * GIB), 8)


@pytest.mark.parametrize(
    ("parameters", "free", "fits"),
    [
        (32_800_000_000, 22, True),  # 4-bit weights
        (32_800_000_000, 12, False),
        (7_600_000_000, 17, True),
        (7_600_000_000, 14, False),
    ],
)
def test_a_model_is_loaded_only_if_its_weights_fit(
    parameters: int, free: float, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phases.ask.answering.count_parameters", lambda source: parameters)
    if fits:
        check_free_memory(SOURCE, [gpu(free)])
        return
    with pytest.raises(ModelError, match=rf"GPU 0 has {free}.0 GiB free; Qwen/Qwen2.5-32B needs about"):
        check_free_memory(SOURCE, [gpu(free)])


def test_a_machine_without_a_gpu_is_not_checked() -> None:
    check_free_memory(SOURCE, [])
