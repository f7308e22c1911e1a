"""The machine's sample: several GPUs, none, and drivers that give only part of it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pynvml
import pytest

from app.monitor.gpu import Gpus, Host, read_host, sample, tree_memory
from app.session.snapshot import GpuSample

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
    first, second = Gpus()()
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
    assert Gpus()() == ()


@pytest.mark.parametrize("broken", [name for name in FAKE if name != "nvmlInit"])
def test_any_call_may_fail(nvml: pytest.MonkeyPatch, broken: str) -> None:
    gpus = Gpus()
    nvml.setattr(pynvml, broken, fail)
    samples = gpus()
    if broken in ("nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex", "nvmlDeviceGetMemoryInfo"):
        assert samples == ()
    else:
        missing = {
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
    assert [(gpu.memory_used, gpu.memory_reserved) for gpu in Gpus()()] == [(1, None), (1, None)]


def test_a_sample_joins_gpus_and_host(tmp_path: Path) -> None:
    asked = []

    def host(folder: Path, pid: int | None) -> Host:
        asked.append((folder, pid))
        return Host(12.5, 4, 10, 20, 30, 40)

    taken = sample(tmp_path, 7, gpus=lambda: (), host=host, clock=lambda: 1000.0)
    assert asked == [(tmp_path, 7)]
    assert (taken.time, taken.gpus, taken.cpu, taken.cores) == (1000.0, (), 12.5, 4)
    assert (taken.memory_used, taken.memory_total, taken.disk_free, taken.phase_memory) == (10, 20, 30, 40)


def test_the_host_is_read_for_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    host = read_host(tmp_path / "not" / "yet", os.getpid())
    assert 0 <= host.cpu <= 100
    assert 0 < host.memory_used < host.memory_total
    assert host.disk_free > 0
    assert host.phase_memory is not None


def test_the_memory_of_a_phase_is_that_of_its_tree() -> None:
    program = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        whole, alone = tree_memory(parent.pid), psutil.Process(parent.pid).memory_info().rss
        parent.communicate(b"\n")
    assert whole is not None
    assert whole > alone
    assert tree_memory(parent.pid) is None


def test_who_holds_the_gpus_is_asked_only_where_there_are_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.monitor.gpu.find_gpu_holders", lambda: [os.getpid(), 2**30])
    gpu = GpuSample(index=0, name="GPU", memory_used=1, memory_total=2)
    taken = sample(tmp_path, os.getpid(), gpus=lambda: (gpu,))
    assert [(holder.pid, holder.ours) for holder in taken.holders] == [(os.getpid(), True)]
    assert sample(tmp_path, None, gpus=lambda: (gpu,)).holders[0].ours is False
    assert sample(tmp_path, os.getpid(), gpus=lambda: ()).holders == ()
