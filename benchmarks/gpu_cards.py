"""GPUs by their data sheets, and the limit that a GPU sets for generation."""

from dataclasses import dataclass
from typing import Final

from benchmarks import gpu_model
from phases.generation.gpus import list_visible_gpus


@dataclass(frozen=True)
class CardSheet:
    """A GPU's data sheet: dense bfloat16 arithmetic, memory bandwidth and memory.

    Attributes:
        usd_per_hour: the lowest and the highest price seen at `PRICES_SEEN`.
    """

    name: str
    flops: float
    bytes_per_second: float
    gib: float
    source: str
    usd_per_hour: tuple[float, float] = (0.0, 0.0)


PRICES_SEEN: Final = "autumn 2026"
"""When on-demand prices of one GPU were looked up at several providers."""
CARDS: Final = {
    "A100": CardSheet(
        "A100 SXM 80GB",
        312e12,
        2.039e12,
        80,
        "NVIDIA A100 Tensor Core GPU data sheet (A100 80GB SXM)",
        (1.39, 1.79),
    ),
    "H100": CardSheet(
        "H100 SXM 80GB",
        989e12,
        3.35e12,
        80,
        "NVIDIA H100 Tensor Core GPU data sheet (SXM)",
        (2.69, 3.99),
    ),
    "H200": CardSheet(
        "H200 SXM 141GB",
        989e12,
        4.8e12,
        141,
        "NVIDIA H200 Tensor Core GPU data sheet (SXM)",
        (4.59, 4.59),
    ),
}


def find_card(device: str) -> CardSheet | None:
    """Return the data sheet for the driver's name of a GPU, or None."""
    return next((card for key, card in CARDS.items() if key in device), None)


def read_device_name() -> str:
    """Return the driver's name of this process's GPU, or `cpu`."""
    gpu = next(iter(list_visible_gpus()), None)
    return gpu.name if gpu else "cpu"


def read_used_gib() -> float | None:
    """Return the memory in use on the GPU, by all processes."""
    gpu = next(iter(list_visible_gpus()), None)
    return (gpu.total - gpu.free) / 2**30 if gpu else None


@dataclass(frozen=True)
class Bound:
    """The limit of generation: each step reads weights and cache, and each prompt is multiplied.

    Attributes:
        shape: the model's shape.
        batch: rows in a batch.
        prompt: tokens of a prompt that it does not share.
        new: tokens of an answer.
        weight_bytes: bytes per parameter.
        shared: tokens of the prefix that all prompts share.
    """

    shape: str
    batch: int
    prompt: int
    new: int
    weight_bytes: float
    shared: int = 0

    def compute_tokens_per_second(self, card: CardSheet) -> float:
        """Return the new tokens per second that the card's bandwidth and arithmetic allow."""
        n = gpu_model.count_parameters(self.shape)
        context = self.shared + self.prompt + self.new / 2
        cache = self.batch * context * gpu_model.count_cache_bytes(self.shape)
        step = max((n * self.weight_bytes + cache) / card.bytes_per_second, 2 * n * self.batch / card.flops)
        return self.new / (self.new * step / self.batch + 2 * n * self.prompt / card.flops)
