"""What preflight asks of the machine; every answer comes within a bounded time.

`Machine` is what the checks see, `ThisMachine` is the one that they run on.
"""

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

from app.session import notify
from phases.contract.models import HUB_FILE_PATTERNS

_NETWORK_TAKES = 10.0
_TORCH_TAKES = 45.0
_HUB = "https://huggingface.co"
# https://docs.runpod.io/api-reference/pods/GET/pods/podId
_RUNPOD = "https://rest.runpod.io/v1/pods/"
_TORCH = """
import json, torch
says = {"version": torch.__version__, "cuda": torch.version.cuda or "", "usable": torch.cuda.is_available(),
        "architectures": torch.cuda.get_arch_list(), "flash": False, "error": ""}
try:
    if says["usable"]:
        x = torch.ones(1, 1, 64, 64, device="cuda", dtype=torch.bfloat16)
        torch.cuda.synchronize()
        from torch.nn.attention import SDPBackend, sdpa_kernel
        try:
            with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
                torch.nn.functional.scaled_dot_product_attention(x, x, x)
            says["flash"] = True
        except RuntimeError:
            pass
except Exception as error:
    says["error"] = f"{type(error).__name__}: {error}".splitlines()[0]
print(json.dumps(says))
"""


class Gpu(NamedTuple):
    """One GPU: memory in bytes, compute capability as (major, minor), None where the driver gives none."""

    name: str
    memory_total: int
    memory_used: int
    capability: tuple[int, int] | None


@dataclass(frozen=True)
class Gpus:
    """The GPUs and their driver's version; `error` says why none could be read."""

    driver: str = ""
    devices: tuple[Gpu, ...] = ()
    error: str = ""


class Disk(NamedTuple):
    """The disk that a folder is, or will be, on: free bytes, where it is mounted, the file system's type."""

    free: int
    mount: str
    kind: str


class Torch(msgspec.Struct, frozen=True):
    """What torch finds: its version, its CUDA, whether a GPU can be used, and the attention kernel."""

    version: str
    cuda: str
    usable: bool
    architectures: tuple[str, ...]
    flash: bool
    error: str = ""


class HubModel(NamedTuple):
    """What the hub says of a model; `bytes` and `revision` where it is available."""

    state: Literal["available", "refused", "unknown", "unreachable"]
    bytes: int = 0
    revision: str = ""
    error: str = ""


class Unavailable(Exception):  # noqa: N818 - it is said to the operator
    """The machine gives no answer; the message says why."""


class Machine(Protocol):
    """What the checks may ask."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that gonogo runs with."""

    def mono(self) -> float:
        """Return seconds of a clock that is never set."""

    def which(self, program: str) -> str | None:
        """Return where a program on the PATH is."""

    def gpus(self) -> Gpus:
        """Return the GPUs."""

    def disk(self, folder: Path) -> Disk:
        """Return the disk that a folder is, or will be, on."""

    def version(self, package: str) -> str | None:
        """Return the installed version of a package."""

    def required(self) -> Sequence[str]:
        """Return gonogo's requirements, as in its package's metadata."""

    def torch(self) -> Torch:
        """Return what torch finds; raises Unavailable."""

    def hub_token(self) -> bool:
        """Say whether there is a token for the hub."""

    def hub(self, model: str) -> HubModel:
        """Ask the hub for a model."""

    def cached(self, model: str) -> Path | None:
        """Return the folder of a hub model that was downloaded whole."""

    def hub_cache(self) -> Path:
        """Return the folder that hub models are downloaded to."""

    def clock_offset(self) -> float:
        """Return how many seconds the clock is ahead of the network's; raises Unavailable."""

    def notify(self, names: Sequence[str]) -> tuple[str, ...]:
        """Send a notification and return what went wrong."""

    def price(self, pod: str) -> float:
        """Return the provider's price of a pod, dollars an hour; raises Unavailable."""


class ThisMachine:
    """The machine that this process runs on."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment

    def mono(self) -> float:
        """Return seconds of a clock that is never set."""
        return time.monotonic()

    def which(self, program: str) -> str | None:
        """Return where a program on the PATH is."""
        return shutil.which(program, path=self.environment.get("PATH", ""))

    def gpus(self) -> Gpus:
        """Return the GPUs, by NVML."""
        try:
            pynvml.nvmlInit()
            count = pynvml.nvmlDeviceGetCount()
            return Gpus(_text(pynvml.nvmlSystemGetDriverVersion()), tuple(_gpu(n) for n in range(count)))
        except (pynvml.NVMLError, OSError) as error:
            return Gpus(error=str(error))

    def disk(self, folder: Path) -> Disk:
        """Return the disk that a folder is, or will be, on."""
        existing = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
        mounted = [p for p in psutil.disk_partitions(all=True) if existing.is_relative_to(p.mountpoint)]
        # Of file systems mounted in one place, the last one is seen.
        mount = max(reversed(mounted), key=lambda p: len(p.mountpoint), default=None)
        where, kind = (mount.mountpoint, mount.fstype) if mount else ("/", "")
        return Disk(psutil.disk_usage(str(existing)).free, where, kind)

    def version(self, package: str) -> str | None:
        """Return the installed version of a package."""
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            return None

    def required(self) -> Sequence[str]:
        """Return gonogo's requirements, as in its package's metadata."""
        return metadata.requires("gonogo") or ()

    def torch(self) -> Torch:
        """Return what torch finds, in a process of its own that is given up when it takes too long."""
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-c", _TORCH],
                env=dict(self.environment),
                capture_output=True,
                timeout=_TORCH_TAKES,
                check=True,
            )
            return msgspec.json.decode(done.stdout.splitlines()[-1], type=Torch)
        except subprocess.TimeoutExpired:
            raise Unavailable(f"torch did not answer within {_TORCH_TAKES:.0f} s") from None
        except subprocess.CalledProcessError as error:
            last = error.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise Unavailable(last[0] if last else f"torch ended with {error.returncode}") from None
        except (OSError, IndexError, msgspec.MsgspecError) as error:
            raise Unavailable(f"torch did not say what it finds: {error}") from None

    def hub_token(self) -> bool:
        """Say whether there is a token for the hub, in a variable or from `hf auth login`."""
        from huggingface_hub import get_token

        return bool(get_token())

    def hub(self, model: str) -> HubModel:
        """Ask the hub for a model: whether this token may read it, and how large it is."""
        from huggingface_hub import HfApi
        from huggingface_hub.errors import (
            GatedRepoError,
            HFValidationError,
            RepositoryNotFoundError,
        )

        api = HfApi()
        try:
            info = api.model_info(model, files_metadata=True, timeout=_NETWORK_TAKES)
            if info.gated:
                api.auth_check(model)
        except GatedRepoError:
            return HubModel("refused")
        except (RepositoryNotFoundError, HFValidationError):
            return HubModel("unknown")
        except Exception as error:  # what its HTTP library raises has no common name
            return HubModel("unreachable", error=type(error).__name__)
        weights = (f.size or 0 for f in info.siblings or () if f.rfilename.endswith(".safetensors"))
        return HubModel("available", sum(weights), info.sha or "")

    def cached(self, model: str) -> Path | None:
        """Return the folder of a hub model that was downloaded whole."""
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

        try:
            folder = Path(
                snapshot_download(model, allow_patterns=list(HUB_FILE_PATTERNS), local_files_only=True)
            )
        except (LocalEntryNotFoundError, HFValidationError):
            return None
        return folder if any(folder.glob("*.safetensors")) else None

    def hub_cache(self) -> Path:
        """Return the folder that hub models are downloaded to."""
        from huggingface_hub.constants import HF_HUB_CACHE

        return Path(HF_HUB_CACHE)

    def clock_offset(self) -> float:
        """Return how many seconds the clock is ahead of the hub's, by the date in its answer."""
        url = self.environment.get("HF_ENDPOINT", "") or _HUB
        try:
            date = _answer(urllib.request.Request(url, method="HEAD"))[0].get("Date", "")  # noqa: S310
            return time.time() - email.utils.parsedate_to_datetime(date).timestamp()
        except (OSError, ValueError) as error:
            raise Unavailable(f"{url} gave no time: {error}") from None

    def notify(self, names: Sequence[str]) -> tuple[str, ...]:
        """Send a notification and return what went wrong."""
        message = notify.Notification("gonogo: preflight", "This is how you will be told that a gate waits.")
        return notify.send_notification(names, self.environment, message)

    def price(self, pod: str) -> float:
        """Return RunPod's price of a pod, dollars an hour; every pod has a key for itself."""
        key = self.environment.get("RUNPOD_API_KEY", "")
        if not key:
            raise Unavailable("RUNPOD_API_KEY is not set")
        request = urllib.request.Request(_RUNPOD + pod, headers={"Authorization": f"Bearer {key}"})  # noqa: S310
        try:
            says = json.loads(_answer(request)[1])
            return float(says.get("adjustedCostPerHr") or says["costPerHr"])
        except urllib.error.HTTPError as error:
            raise Unavailable(f"RunPod answered {error.code}") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unavailable(f"RunPod gave no price: {type(error).__name__}") from None


def _answer(request: urllib.request.Request) -> tuple[Mapping[str, str], bytes]:
    with urllib.request.urlopen(request, timeout=_NETWORK_TAKES) as answer:  # noqa: S310
        return answer.headers, answer.read(1_000_000)


def _gpu(index: int) -> Gpu:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    try:
        major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
        capability = (int(major), int(minor))
    except pynvml.NVMLError:
        capability = None
    return Gpu(_text(pynvml.nvmlDeviceGetName(handle)), memory.total, memory.used, capability)


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
