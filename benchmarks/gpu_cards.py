"""What cards can do, from their data sheets, and the one that is here."""

from dataclasses import dataclass
from typing import Final

from benchmarks import gpu_model
from phases.generation.gpus import list_visible_gpus


@dataclass(frozen=True)
class CardSheet:
    """A card by its data sheet: dense bf16 arithmetic and memory bandwidth."""

    name: str
    flops: float
    bytes_per_second: float
    gib: float
    source: str


CARDS: Final = {
    "A100": CardSheet(
        "A100 SXM 80GB", 312e12, 2.039e12, 80, "NVIDIA A100 Tensor Core GPU data sheet (A100 80GB SXM)"
    ),
    "H100": CardSheet("H100 SXM 80GB", 989e12, 3.35e12, 80, "NVIDIA H100 Tensor Core GPU data sheet (SXM)"),
    "H200": CardSheet("H200 SXM 141GB", 989e12, 4.8e12, 141, "NVIDIA H200 Tensor Core GPU data sheet (SXM)"),
}


def sheet_of(device: str) -> CardSheet | None:
    """Return the data sheet of a card by the name that its driver gives."""
    return next((card for key, card in CARDS.items() if key in device), None)


def device_name() -> str:
    """Return what the driver calls the GPU of this process, or `cpu`."""
    card = next(iter(list_visible_gpus()), None)
    return card.name if card else "cpu"


def this_card() -> CardSheet | None:
    """Return the data sheet of the GPU that is here, if it is one of those above."""
    return sheet_of(device_name())


def used_gib() -> float | None:
    """Return the memory in use on the GPU, by whomever."""
    card = next(iter(list_visible_gpus()), None)
    return (card.total - card.free) / 2**30 if card else None


@dataclass(frozen=True)
class Bound:
    """What limits generation: the weights and the cache are read at each step, and prompts are multiplied.

    Attributes:
        shape: of the model.
        batch: rows at once.
        prompt: tokens of a prompt that are its own.
        new: tokens that it is answered with.
        weight_bytes: bytes of a parameter.
        shared: tokens of a prompt that are read once for all.
    """

    shape: str
    batch: int
    prompt: int
    new: int
    weight_bytes: float
    shared: int = 0

    def tokens_per_second(self, card: CardSheet) -> float:
        """Return the most new tokens a second that a card's bandwidth and arithmetic allow."""
        n = gpu_model.parameters(self.shape)
        context = self.shared + self.prompt + self.new / 2
        cache = self.batch * context * gpu_model.cache_bytes(self.shape)
        step = max((n * self.weight_bytes + cache) / card.bytes_per_second, 2 * n * self.batch / card.flops)
        return self.new / (self.new * step / self.batch + 2 * n * self.prompt / card.flops)
