"""Probes of the machine for preflight, each of which returns within a bounded time.

`Probes` is the interface that checks use, `SystemProbes` probes this machine.
"""

import contextlib
import email.utils
import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import msgspec
import psutil
import pynvml
from huggingface_hub import HfApi, get_token, snapshot_download
from huggingface_hub.constants import HF_HUB_CACHE
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

from app.session import notify
from app.session.artifact_disk import find_disk_problems
from phases.contract.models import HUB_FILE_PATTERNS
from phases.contract.visible_gpus import VARIABLE, VisibleGpu, list_visible_gpus

_NETWORK_TIMEOUT = 10.0
_TORCH_TIMEOUT = 45.0
POD_ID_VARIABLE = "RUNPOD_POD_ID"
_HUB = "https://huggingface.co"
# https://docs.runpod.io/api-reference/pods/GET/pods/podId
_RUNPOD_PODS = "https://rest.runpod.io/v1/pods/"
_TORCH_PROGRAM = """
import json, torch
result = {"version": torch.__version__, "cuda": torch.version.cuda or "", "usable": torch.cuda.is_available(),
        "architectures": torch.cuda.get_arch_list(), "flash": False, "error": ""}
try:
    if result["usable"]:
        x = torch.ones(1, 1, 64, 64, device="cuda", dtype=torch.bfloat16)
        torch.cuda.synchronize()
        from torch.nn.attention import SDPBackend, sdpa_kernel
        try:
            with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
                torch.nn.functional.scaled_dot_product_attention(x, x, x)
            result["flash"] = True
        except RuntimeError:
            pass
except Exception as error:
    result["error"] = f"{type(error).__name__}: {error}".splitlines()[0]
print(json.dumps(result))
"""


class GpuDevice(NamedTuple):
    """One GPU: memory in bytes, compute capability as (major, minor); None is unknown."""

    name: str
    memory_total: int | None
    memory_used: int | None
    capability: tuple[int, int] | None
    number: int = 0

    @property
    def memory_free(self) -> int | None:
        """Free bytes."""
        if self.memory_total is None or self.memory_used is None:
            return None
        return self.memory_total - self.memory_used


@dataclass(frozen=True)
class GpuInventory:
    """The visible GPUs and their driver's version.

    `error` says why there are none. `hidden` is the number of GPUs that CUDA_VISIBLE_DEVICES hides.
    """

    driver: str = ""
    devices: tuple[GpuDevice, ...] = ()
    error: str = ""
    hidden: int = 0


class DiskSpace(NamedTuple):
    """A mounted file system: its free bytes, mount point and type."""

    free: int
    mount: str
    kind: str


class TorchSupport(msgspec.Struct, frozen=True):
    """The versions of torch and its CUDA, and whether the GPU and flash attention work with them."""

    version: str
    cuda: str
    usable: bool
    architectures: tuple[str, ...]
    flash: bool
    error: str = ""


class HubModel(NamedTuple):
    """A model on the hub; `bytes` and `revision` are set if it is available."""

    state: Literal["available", "refused", "unknown", "unreachable"]
    bytes: int = 0
    revision: str = ""
    error: str = ""


class ProbeError(Exception):
    """A probe has no result; the message says why."""


class Probes(Protocol):
    """The probes that checks use."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment variables of gonogo."""

    def monotonic(self) -> float:
        """Return seconds of a monotonic clock."""

    def find_program(self, program: str) -> str | None:
        """Return the path of a program on the PATH."""

    def list_gpus(self) -> GpuInventory:
        """Return the GPUs."""

    def find_disk(self, folder: Path) -> DiskSpace:
        """Return the file system of a folder, which need not exist yet."""

    def find_storage_problems(self, folder: Path) -> Sequence[str]:
        """Return what the disk of a folder, which exists, lacks for a session."""

    def find_installed_version(self, package: str) -> str | None:
        """Return the installed version of a package."""

    def list_requirements(self) -> Sequence[str]:
        """Return gonogo's requirements from its package's metadata."""

    def probe_torch(self) -> TorchSupport:
        """Return what torch supports on this machine; raises ProbeError."""

    def has_hub_token(self) -> bool:
        """Return whether there is a token for the hub."""

    def find_hub_model(self, model: str) -> HubModel:
        """Return a model's state on the hub."""

    def find_cached_model(self, model: str) -> Path | None:
        """Return the folder of a completely downloaded hub model."""

    def locate_hub_cache(self) -> Path:
        """Return the folder that hub models are downloaded to."""

    def measure_clock_offset(self) -> float:
        """Return how many seconds the clock is ahead of network time; raises ProbeError."""

    def send_test_notification(self, names: Sequence[str]) -> tuple[str, ...]:
        """Send a test notification and return one message for each failure."""

    def read_pod_price(self, pod: str) -> float:
        """Return the provider's price of a pod in dollars per hour; raises ProbeError."""


class SystemProbes:
    """Probes of the machine that this process runs on."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment

    def monotonic(self) -> float:
        """Return seconds of a monotonic clock."""
        return time.monotonic()

    def find_program(self, program: str) -> str | None:
        """Return the path of a program on the PATH."""
        return shutil.which(program, path=self.environment.get("PATH", ""))

    def list_gpus(self) -> GpuInventory:
        """Return the GPUs as NVML lists them, without those that CUDA_VISIBLE_DEVICES hides."""
        try:
            pynvml.nvmlInit()
            gpus = list_visible_gpus(self.environment)
            hidden = max(0, pynvml.nvmlDeviceGetCount() - len(gpus))
            driver = _decode(pynvml.nvmlSystemGetDriverVersion())
        except (pynvml.NVMLError, OSError) as error:
            return GpuInventory(error=str(error))
        setting = self.environment.get(VARIABLE)
        reason = "" if gpus or not hidden else f"{VARIABLE}={setting} hides all {hidden}"
        return GpuInventory(driver, tuple(map(_read_gpu, gpus)), reason, hidden)

    def find_disk(self, folder: Path) -> DiskSpace:
        """Return the file system of a folder, which need not exist yet."""
        existing = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
        mounted = [p for p in psutil.disk_partitions(all=True) if existing.is_relative_to(p.mountpoint)]
        # Of file systems mounted at one point, the last one is visible.
        mount = max(reversed(mounted), key=lambda p: len(p.mountpoint), default=None)
        where, kind = (mount.mountpoint, mount.fstype) if mount else ("/", "")
        return DiskSpace(psutil.disk_usage(str(existing)).free, where, kind)

    def find_storage_problems(self, folder: Path) -> Sequence[str]:
        """Return what the disk of a folder lacks for a session, tried in a temporary folder in it."""
        return find_disk_problems(folder)

    def find_installed_version(self, package: str) -> str | None:
        """Return the installed version of a package."""
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            return None

    def list_requirements(self) -> Sequence[str]:
        """Return gonogo's requirements from its package's metadata."""
        return metadata.requires("gonogo") or ()

    def probe_torch(self) -> TorchSupport:
        """Return what torch supports, probed in a separate process with a timeout."""
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-c", _TORCH_PROGRAM],
                env=dict(self.environment),
                capture_output=True,
                timeout=_TORCH_TIMEOUT,
                check=True,
            )
            return msgspec.json.decode(done.stdout.splitlines()[-1], type=TorchSupport)
        except subprocess.TimeoutExpired:
            raise ProbeError(f"torch did not answer within {_TORCH_TIMEOUT:.0f} s") from None
        except subprocess.CalledProcessError as error:
            last = error.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise ProbeError(last[0] if last else f"torch ended with {error.returncode}") from None
        except (OSError, IndexError, msgspec.MsgspecError) as error:
            raise ProbeError(f"torch printed no result: {error}") from None

    def has_hub_token(self) -> bool:
        """Return whether there is a token for the hub, in a variable or from `hf auth login`."""
        return bool(get_token())

    def find_hub_model(self, model: str) -> HubModel:
        """Return whether this token may read a model on the hub, and the model's size."""
        api = HfApi()
        try:
            info = api.model_info(model, files_metadata=True, timeout=_NETWORK_TIMEOUT)
            if info.gated:
                api.auth_check(model)
        except GatedRepoError:
            return HubModel("refused")
        except (RepositoryNotFoundError, HFValidationError):
            return HubModel("unknown")
        except Exception as error:  # Errors of its HTTP library have no common base.
            return HubModel("unreachable", error=type(error).__name__)
        weights = (f.size or 0 for f in info.siblings or () if f.rfilename.endswith(".safetensors"))
        return HubModel("available", sum(weights), info.sha or "")

    def find_cached_model(self, model: str) -> Path | None:
        """Return the folder of a completely downloaded hub model."""
        try:
            folder = Path(
                snapshot_download(model, allow_patterns=list(HUB_FILE_PATTERNS), local_files_only=True)
            )
        except (LocalEntryNotFoundError, HFValidationError):
            return None
        return folder if any(folder.glob("*.safetensors")) else None

    def locate_hub_cache(self) -> Path:
        """Return the folder that hub models are downloaded to."""
        return Path(HF_HUB_CACHE)

    def measure_clock_offset(self) -> float:
        """Return how many seconds the clock is ahead of the date in the hub's response."""
        url = self.environment.get("HF_ENDPOINT", "") or _HUB
        try:
            date = _fetch(urllib.request.Request(url, method="HEAD"))[0].get("Date", "")  # noqa: S310
            return time.time() - email.utils.parsedate_to_datetime(date).timestamp()
        except (OSError, ValueError) as error:
            raise ProbeError(f"{url} gave no time: {error}") from None

    def send_test_notification(self, names: Sequence[str]) -> tuple[str, ...]:
        """Send a test notification and return one message for each failure."""
        message = notify.Notification(
            "gonogo: preflight", "Test: you will be notified like this when a gate waits for your decision."
        )
        return notify.send_notification(names, self.environment, message)

    def read_pod_price(self, pod: str) -> float:
        """Return RunPod's price of a pod in dollars per hour; every pod has an API key."""
        key = self.environment.get("RUNPOD_API_KEY", "")
        if not key:
            raise ProbeError("RUNPOD_API_KEY is not set")
        request = urllib.request.Request(_RUNPOD_PODS + pod, headers={"Authorization": f"Bearer {key}"})  # noqa: S310
        try:
            pod_info = json.loads(_fetch(request)[1])
            return float(pod_info.get("adjustedCostPerHr") or pod_info["costPerHr"])
        except urllib.error.HTTPError as error:
            raise ProbeError(f"RunPod answered {error.code}") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ProbeError(f"RunPod gave no price: {type(error).__name__}") from None


def _fetch(request: urllib.request.Request) -> tuple[Mapping[str, str], bytes]:
    with urllib.request.urlopen(request, timeout=_NETWORK_TIMEOUT) as response:  # noqa: S310
        return response.headers, response.read(1_000_000)


def _read_gpu(gpu: VisibleGpu) -> GpuDevice:
    name = "GPU"
    total = used = capability = None
    with contextlib.suppress(pynvml.NVMLError):
        name = _decode(pynvml.nvmlDeviceGetName(gpu.handle))
    with contextlib.suppress(pynvml.NVMLError):
        memory = pynvml.nvmlDeviceGetMemoryInfo(gpu.handle)
        total, used = int(memory.total), int(memory.used)
    with contextlib.suppress(pynvml.NVMLError):
        major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(gpu.handle)
        capability = (int(major), int(minor))
    return GpuDevice(name, total, used, capability, gpu.number)


def _decode(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
