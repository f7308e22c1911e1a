"""A stand-in for NVML: a driver without GPUs, which does not respond while a file says so."""

import os
import time

NVML_TEMPERATURE_GPU = 0
nvmlMemory_v2 = 2


class NVMLError(Exception):
    """The driver reports an error."""


def _wait_for_driver() -> None:
    path = os.environ.get("CHAOS_MACHINE", "") + ".driver-hangs"
    while os.path.exists(path):
        time.sleep(0.05)


def nvmlInit() -> None:
    _wait_for_driver()


def nvmlDeviceGetCount() -> int:
    _wait_for_driver()
    return 0
