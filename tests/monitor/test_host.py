"""The host's sample: CPU, memory, disk, the tree of the phase, and what holds the GPUs."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from app.monitor.host import Host, measure_tree_memory, read_host, sample_machine
from app.monitor.machine_sample import GpuSample


def test_a_sample_joins_gpus_and_host(tmp_path: Path) -> None:
    asked = []

    def host(folder: Path, pid: int | None) -> Host:
        asked.append((folder, pid))
        return Host(12.5, 4, 10, 20, 30, 40)

    taken = sample_machine(tmp_path, 7, read_gpus=lambda: (), read_host=host, clock=lambda: 1000.0)
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
        whole, alone = measure_tree_memory(parent.pid), psutil.Process(parent.pid).memory_info().rss
        parent.communicate(b"\n")
    assert whole is not None
    assert whole > alone
    assert measure_tree_memory(parent.pid) is None


def test_gpu_processes_are_searched_only_where_there_are_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.monitor.host.find_gpu_holders", lambda: [os.getpid(), 2**30])
    gpu = GpuSample(index=0, name="GPU", memory_used=1, memory_total=2)
    taken = sample_machine(tmp_path, os.getpid(), read_gpus=lambda: (gpu,))
    assert [(holder.pid, holder.ours) for holder in taken.holders] == [(os.getpid(), True)]
    assert sample_machine(tmp_path, None, read_gpus=lambda: (gpu,)).holders[0].ours is False
    assert sample_machine(tmp_path, os.getpid(), read_gpus=lambda: ()).holders == ()
