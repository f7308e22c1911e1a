"""Numbers of GPUs that can share a model."""

import pytest

from phases.contract.tensor_parallel import list_tensor_parallel_sizes


@pytest.mark.parametrize(
    ("gpus", "heads", "sizes"),
    [(0, 40, []), (1, 40, [1]), (3, 40, [1, 2]), (8, 40, [1, 2, 4, 8]), (8, 7, [1]), (4, 6, [1, 2])],
)
def test_attention_heads_divide_evenly(gpus: int, heads: int, sizes: list[int]) -> None:
    assert list_tensor_parallel_sizes(gpus, heads) == sizes
