"""The numbers of a model's config.json that its memory depends on."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

import phases
from phases.contract.models import FOUR_BIT_THRESHOLD

HALF_BYTES: Final = 2
"""Bytes of a number in half precision."""
# NF4 with double quantization: four bits, an 8-bit scale for 64 weights, a 32-bit scale for 256 of those.
_PACKED_BYTES: Final = 0.5
_NF4_BYTES: Final = _PACKED_BYTES + 1 / 64 + 4 / (64 * 256)
_GATHERED_LAYERS: Final = 3
"""Complete layers in memory at once when the weights are sharded."""

ReadConfig = Callable[[str], Mapping[str, Any]]
"""Returns the config.json of a model, by folder or hub id. Raises UnknownShapeError."""


class UnknownShapeError(LookupError):
    """A model's config.json is not available here. The message says why."""


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of a decoder's config.json that its memory depends on."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    vocab_size: int
    num_key_value_heads: int | None = None
    head_dim: int | None = None
    tie_word_embeddings: bool = False

    @property
    def query_width(self) -> int:
        """Width of all query heads."""
        return self.num_attention_heads * (self.head_dim or self.hidden_size // self.num_attention_heads)

    @property
    def key_width(self) -> int:
        """Width of all key heads, which is also that of all value heads."""
        heads = self.num_key_value_heads or self.num_attention_heads
        return self.query_width // self.num_attention_heads * heads

    @property
    def linear_modules(self) -> tuple[tuple[int, int], ...]:
        """Inputs and outputs of each linear module of a layer."""
        hidden, inner = self.hidden_size, self.intermediate_size
        queries, keys = self.query_width, self.key_width
        attention = ((hidden, queries), (hidden, keys), (hidden, keys), (queries, hidden))
        return (*attention, (hidden, inner), (hidden, inner), (inner, hidden))

    @property
    def layer_parameters(self) -> int:
        """Parameters of all layers' linear modules."""
        return self.num_hidden_layers * sum(inputs * outputs for inputs, outputs in self.linear_modules)

    @property
    def embedding_parameters(self) -> int:
        """Parameters of the embedding and of the output head, unless the two are tied."""
        return self.vocab_size * self.hidden_size * (1 if self.tie_word_embeddings else 2)

    @property
    def parameters(self) -> int:
        """Parameters of the model without its biases and norms."""
        return self.layer_parameters + self.embedding_parameters

    @property
    def is_four_bit(self) -> bool:
        """Whether built-in phases load the model in 4 bits."""
        return self.parameters >= FOUR_BIT_THRESHOLD

    @property
    def weight_bytes(self) -> float:
        """Bytes of the weights as built-in phases load them."""
        layer_bytes = _NF4_BYTES if self.is_four_bit else HALF_BYTES
        return self.layer_parameters * layer_bytes + self.embedding_parameters * HALF_BYTES

    def compute_activation_bytes(self, *, fused: bool) -> int:
        """Return the bytes that a layer keeps per token for the backward pass, with Liger's kernels.

        Args:
            fused: whether LoRA is fused (see phases.models.fused_lora).
        """
        norms = 2 * 2 * self.hidden_size  # The input and output of each.
        attention = 2 * self.query_width + 2 * self.key_width
        gate = (2 if fused else 3) * self.intermediate_size  # Both halves, and their product.
        # PEFT copies a module's input for the adapter, unless the module is quantized.
        copies = 0 if fused or self.is_four_bit else sum(inputs for inputs, _ in self.linear_modules)
        return HALF_BYTES * (norms + attention + gate + copies)

    def count_adapter_parameters(self, rank: int) -> int:
        """Return the parameters of LoRA on every linear module."""
        return self.num_hidden_layers * rank * sum(map(sum, self.linear_modules))

    def compute_sharded_weight_bytes(self, world_size: int) -> float:
        """Return the peak bytes of the weights on each GPU when the layers are sharded.

        The scales of 4-bit weights and the embeddings are replicated. The layer that computes is gathered,
        and so is the next one, which takes its size twice while it arrives.
        """
        gathered = self.layer_parameters * (_PACKED_BYTES if self.is_four_bit else HALF_BYTES)
        replicated = self.weight_bytes - gathered
        return replicated + gathered / world_size + _GATHERED_LAYERS * gathered / self.num_hidden_layers


# https://huggingface.co/Qwen/Qwen2.5-32B/blob/main/config.json: Stage 1 is checked without a network.
KNOWN_SHAPES: Final = {
    "Qwen/Qwen2.5-32B": Shape(
        hidden_size=5120,
        num_hidden_layers=64,
        num_attention_heads=40,
        num_key_value_heads=8,
        intermediate_size=27648,
        vocab_size=152064,
    )
}


def load_shape(model: str, read_config: ReadConfig) -> Shape:
    """Return the shape of a model, by folder or hub id.

    Raises:
        UnknownShapeError: its config.json is not available, or is not that of a known kind of decoder.
    """
    if model in KNOWN_SHAPES:
        return KNOWN_SHAPES[model]
    config = read_config(model)
    # Multimodal models keep the numbers of their decoder in a table.
    decoder = config.get("text_config")
    numbers = {**config, **decoder} if isinstance(decoder, dict) else dict(config)
    try:
        return msgspec.convert(numbers, Shape)
    except msgspec.ValidationError as error:
        raise UnknownShapeError(
            f"{model}: its config.json is not that of a known kind of decoder: {error}"
        ) from None


def make_config_reader(plan_folder: Path) -> ReadConfig:
    """Return a reader of configurations on this machine: in a folder, of gonogo, or in the hub's cache."""

    def read_config(model: str) -> Mapping[str, Any]:
        if model == "embedded":
            path = Path(phases.__path__[0]) / "embedded" / "model" / "config.json"
        else:
            path = plan_folder / model / "config.json"
            if not path.is_file():
                path = _find_in_hub_cache(model)
        try:
            return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        except (OSError, msgspec.DecodeError) as error:
            raise UnknownShapeError(f"{path}: cannot be read: {error}") from None

    return read_config


def _find_in_hub_cache(model: str) -> Path:
    # Importing huggingface_hub takes longer than the rest of `gonogo check`.
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        path = try_to_load_from_cache(model, "config.json")
    except HFValidationError:
        path = None
    if not isinstance(path, str):
        raise UnknownShapeError(f"{model}: its config.json is neither in a folder nor in the hub's cache")
    return Path(path)
