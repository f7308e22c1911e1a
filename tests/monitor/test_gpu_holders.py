import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.monitor.gpu_holders import find_gpu_holders, is_own_process

SLEEP = "print(1, flush=True); input()"


@pytest.fixture
def device(tmp_path: Path) -> Path:
    for name in ("nvidia0", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).write_bytes(bytes(mmap.PAGESIZE))
    return tmp_path / "nvidia"


@pytest.mark.parametrize("mapped", ["nvidia0", "nvidia-uvm"])
def test_a_process_that_has_a_gpu_open_and_mapped_is_found(device: Path, mapped: str) -> None:
    with (
        (device.parent / "nvidia0").open("rb"),
        (device.parent / mapped).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ),
    ):
        assert find_gpu_holders(str(device)) == [os.getpid()]
    assert find_gpu_holders(str(device)) == []


def test_a_process_that_only_reads_the_state_of_a_gpu_is_not(device: Path) -> None:
    """NVML opens the same files as CUDA, but maps only the control device."""
    with (
        (device.parent / "nvidia0").open("rb"),
        (device.parent / "nvidia-uvm").open("rb"),
        (device.parent / "nvidiactl").open("rb") as control,
        mmap.mmap(control.fileno(), 0, access=mmap.ACCESS_READ),
    ):
        assert find_gpu_holders(str(device)) == []


def start(*command: str, parent: str = "") -> subprocess.Popen[bytes]:
    """Start a program that waits, or a parent with this command line that waits for it."""
    argv = [sys.executable, "-c", SLEEP, *command]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


@pytest.mark.parametrize(
    ("arguments", "is_own"),
    [
        (("-m", "app.session.engine.conductor", "/x"), True),
        (("-m", "app.session.pod.guard", "/x"), True),
        (("-m", "app.session.attempt.shim", "/x"), True),
        (("-m", "app.cli", "attach"), True),
        (("-m", "phases.sft_training"), False),
        (("-m", "application.cli"), False),
        (("--out", "runs/gonogo"), False),
    ],
)
def test_gonogos_own_processes_are_known_by_their_command(arguments: tuple[str, ...], is_own: bool) -> None:
    with start(*arguments) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert is_own_process(process.pid) is is_own
        process.communicate(b"\n")


@pytest.mark.parametrize(
    ("module", "is_own"), [("app.session.engine.conductor", True), ("app.session.attempt.shim", False)]
)
def test_processes_of_gonogo_do_not_count_but_those_of_a_shim_do(module: str, is_own: bool) -> None:
    program = (
        "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', 'input()']); "
        "print(child.pid, flush=True); child.wait()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        assert is_own_process(int(parent.stdout.readline())) is is_own
        parent.communicate(b"\n")


def test_the_program_gonogo_is_known_by_its_name(tmp_path: Path) -> None:
    script = tmp_path / "gonogo"
    script.write_text(SLEEP)
    with subprocess.Popen(
        [sys.executable, str(script), "attach"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert is_own_process(process.pid)
        process.communicate(b"\n")
