"""The numbers of GPUs that can serve one model together."""

from typing import Final

_SIZES: Final = (1, 2, 4, 8)


def list_tensor_parallel_sizes(gpus: int, attention_heads: int) -> list[int]:
    """Return the GPU counts, up to `gpus`, among which a model's attention heads divide evenly."""
    return [size for size in _SIZES if size <= gpus and attention_heads % size == 0]
