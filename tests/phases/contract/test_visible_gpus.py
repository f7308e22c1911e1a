from collections.abc import Callable
from typing import Any

import pynvml
import pytest

from phases.contract.visible_gpus import list_visible_gpus

UUIDS = ("GPU-aaaa1111-0000", "GPU-aaaa2222-0000", "GPU-bbbb3333-0000")


def fail(*_: object) -> None:
    raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)


def find_by_uuid(uuid: str) -> Any:
    return uuid if uuid in ("MIG-one", "MIG-two") else fail()


NVML: dict[str, Callable[..., Any]] = {
    "nvmlDeviceGetCount": lambda: 3,
    "nvmlDeviceGetHandleByIndex": lambda index: index,
    "nvmlDeviceGetUUID": lambda handle: UUIDS[handle].encode() if handle else UUIDS[handle],
    "nvmlDeviceGetHandleByUUID": find_by_uuid,
    "nvmlDeviceGetDeviceHandleFromMigDeviceHandle": lambda handle: 1,
    "nvmlDeviceGetIndex": lambda handle: handle,
}


@pytest.fixture(autouse=True)
def nvml(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, fake in NVML.items():
        monkeypatch.setattr(pynvml, name, fake)
    return monkeypatch


@pytest.mark.parametrize(
    ("setting", "indices"),
    [
        (None, [0, 1, 2]),
        ("1", [1]),
        ("2,0", [2, 0]),
        (" 2 , 1 ", [2, 1]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("0,7,1", [0]),
        ("1,1,2", [1]),
        ("\u00b2", []),
        ("GPU-bbbb", [2]),
        ("GPU-aaaa2222-0000,0", [1, 0]),
        ("GPU-aaaa", []),
        ("GPU-", []),
        ("MIG-one", [1]),
        ("MIG-one,MIG-two", [1, 2]),
        ("MIG-three,0", []),
    ],
)
def test_the_gpus_of_a_setting(setting: str | None, indices: list[int]) -> None:
    environment = {} if setting is None else {"CUDA_VISIBLE_DEVICES": setting}
    assert [gpu.number for gpu in list_visible_gpus(environment)] == indices


def test_a_mig_instance_is_read_by_its_own_handle() -> None:
    assert [gpu.handle for gpu in list_visible_gpus({"CUDA_VISIBLE_DEVICES": "MIG-one"})] == ["MIG-one"]


def test_a_gpu_that_fell_off_the_bus_hides_no_other(nvml: pytest.MonkeyPatch) -> None:
    nvml.setattr(pynvml, "nvmlDeviceGetHandleByIndex", lambda index: index or fail())
    assert [gpu.number for gpu in list_visible_gpus({})] == [1, 2]
    assert [gpu.number for gpu in list_visible_gpus({"CUDA_VISIBLE_DEVICES": "2"})] == [2]
