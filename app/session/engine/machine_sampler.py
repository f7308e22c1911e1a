"""Samples of the machine, kept in the folder of the attempt that runs."""

import asyncio
import contextlib
import os
from pathlib import Path

import msgspec

from app.monitor.gpu import GpuReader
from app.monitor.host import sample_machine
from app.monitor.machine_sample import MachineSample
from app.session.attempt import shim_control

_SAMPLES_FILE = "machine.jsonl"


async def record_machine_sample(artifacts: Path, attempt: Path | None, gpus: GpuReader) -> MachineSample:
    """Return a sample of the machine, and append it to the attempt's folder.

    Args:
        artifacts: the folder whose disk is measured.
        attempt: the folder of the running attempt, or None if none is running.
        gpus: the reader of the GPUs. It runs in a thread, because drivers can hang.
    """
    pid = shim_control.find_phase_pid(attempt) if attempt is not None else None
    sample = await asyncio.to_thread(sample_machine, artifacts, pid, read_gpus=gpus.read)
    if attempt is not None and attempt.exists():
        with contextlib.suppress(OSError):
            _append_line(attempt / _SAMPLES_FILE, msgspec.json.encode(sample))
    return sample


def _append_line(path: Path, line: bytes) -> None:
    # One write, so that a reader never sees a part of the line.
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, line + b"\n")
    finally:
        os.close(handle)
