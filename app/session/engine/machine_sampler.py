"""Samples of the machine, kept in the folder of the attempt that runs."""

import contextlib
import os
from pathlib import Path

import msgspec

from app.monitor.gpu import GpuReader
from app.monitor.host import sample_machine
from app.monitor.machine_sample import MachineSample
from app.session.attempt import shim_control
from app.session.engine.timed_calls import TimedCalls
from phases.contract.files import open_for_appending

SAMPLES_FILE = "machine.jsonl"
_TIMEOUT = 10.0


class MachineSampler:
    """Samples GPUs and host, with a timeout, because drivers and file systems can hang."""

    def __init__(self, artifacts: Path) -> None:
        """Sample the machine whose disk holds this folder."""
        self._artifacts = artifacts
        self._calls = TimedCalls("the driver or disk of this machine", _TIMEOUT)
        self._gpus: GpuReader | None = None

    async def sample(self, attempt: Path | None) -> MachineSample:
        """Return a sample of the machine, and append it to the folder of the running attempt.

        Raises:
            HangingError: the driver or the disk does not respond.
        """
        return await self._calls.call(self._sample, attempt)

    async def read_gpu_names(self) -> list[str]:
        """Return the name of each GPU.

        Raises:
            HangingError: the driver does not respond.
        """
        return await self._calls.call(lambda: self._open_gpus().read_names())

    def _open_gpus(self) -> GpuReader:
        if self._gpus is None:
            self._gpus = GpuReader()
        return self._gpus

    def _sample(self, attempt: Path | None) -> MachineSample:
        pid = shim_control.find_phase_pid(attempt) if attempt is not None else None
        sample = sample_machine(self._artifacts, pid, read_gpus=self._open_gpus().read)
        if attempt is not None and attempt.exists():
            with contextlib.suppress(OSError):
                _append_line(attempt / SAMPLES_FILE, msgspec.json.encode(sample))
        return sample


def _append_line(path: Path, line: bytes) -> None:
    # One write, so that a reader never sees a part of the line.
    handle = open_for_appending(path)
    try:
        os.write(handle, line + b"\n")
    finally:
        os.close(handle)
