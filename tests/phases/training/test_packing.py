"""Batches and packed sequences."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from phases.training.packing import find_largest_batch, order_rows, pack_rows


@given(
    st.lists(st.integers(1, 300), min_size=1, max_size=300),
    st.integers(1, 4),
    st.integers(1, 9),
    st.integers(0, 3),
)
def test_every_row_is_trained_once_an_epoch(
    lengths: list[int], epochs: int, batch_size: int, seed: int
) -> None:
    order = order_rows(lengths, epochs=epochs, batch_size=batch_size, seed=seed)
    assert Counter(order) == Counter(dict.fromkeys(range(len(lengths)), epochs))
    assert order == order_rows(lengths, epochs=epochs, batch_size=batch_size, seed=seed)


@given(st.lists(st.integers(1, 100), min_size=1, max_size=200), st.integers(1, 3), st.integers(100, 300))
def test_every_row_is_packed_once_an_epoch_into_sequences_that_are_not_too_long(
    lengths: list[int], epochs: int, max_length: int
) -> None:
    packed = pack_rows(lengths, epochs=epochs, max_length=max_length, seed=1)
    assert Counter(row for sequence in packed for row in sequence) == Counter(
        dict.fromkeys(range(len(lengths)), epochs)
    )
    assert all(sum(lengths[row] for row in sequence) <= max_length for sequence in packed)
    assert packed == pack_rows(lengths, epochs=epochs, max_length=max_length, seed=1)


def test_packing_leaves_little_empty_and_mixes_every_epoch_anew() -> None:
    lengths = [20 + n * 7 % 180 for n in range(1000)]
    packed = pack_rows(lengths, epochs=2, max_length=1024, seed=1)
    assert sum(lengths) * 2 / (len(packed) * 1024) > 0.98
    half = len(packed) // 2
    assert packed[:half] != packed[half:]
    assert packed != pack_rows(lengths, epochs=2, max_length=1024, seed=2)


def test_the_largest_batch_is_that_with_the_most_padded_tokens() -> None:
    assert find_largest_batch([5, 5, 9, 1, 8, 8, 10], 2) == range(2, 4)
    assert find_largest_batch([5, 5, 9, 1, 8, 8, 10], 3) == range(3)


def test_batches_hold_rows_of_like_length_and_the_largest_comes_first() -> None:
    lengths = [10 + n % 100 for n in range(800)]
    order = order_rows(lengths, epochs=2, batch_size=8, seed=1)
    batches = [[lengths[i] for i in order[first : first + 8]] for first in range(0, 1600, 8)]
    assert max(batches[0]) == 109
    padding = sum(8 * max(batch) - sum(batch) for batch in batches)
    assert padding < 0.03 * sum(map(sum, batches))
    assert order != sorted(order)
    assert [lengths[i] for i in order[:800]] != [lengths[i] for i in order[800:]]
