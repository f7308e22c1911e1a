"""Grouping GPUs for replicas."""

from phases.generation.gpus import GpuInfo, partition_gpus


def test_each_engine_has_its_own_gpus() -> None:
    cards = [GpuInfo("a card", 1, 1, 8, device) for device in ("0", "2", "GPU-a", "3", "4")]
    assert partition_gpus(cards, 1) == ["0", "2", "GPU-a", "3", "4"]
    assert partition_gpus(cards, 2) == ["0,2", "GPU-a,3"]
    assert partition_gpus([], 1) == []
