"""Batches and packed sequences."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from phases.training.packing import (
    WHOLE_MICRO_BATCH,
    Layout,
    fill_sequences,
    find_largest_micro_batch,
    order_rows,
)


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


LENGTHS = st.lists(st.integers(1, 100), min_size=1, max_size=100)


@given(LENGTHS, st.integers(100, 300), st.integers(100, 2000), st.sampled_from([1, 64]), st.booleans())
def test_every_row_of_a_step_is_in_one_micro_batch_that_is_not_too_large(
    lengths: list[int], capacity: int, tokens: int, multiple: int, packs: bool
) -> None:
    layout = Layout(capacity if packs else 0, multiple)
    plan = layout.split(lengths, tokens)
    sequences = [sequence for micro_batch in plan for sequence in micro_batch]
    assert sorted(row for sequence in sequences for row in sequence) == list(range(len(lengths)))
    assert all(sum(lengths[row] for row in sequence) <= capacity for sequence in sequences)
    assert packs or all(len(sequence) == 1 for sequence in sequences)
    for micro_batch in plan:
        assert len(micro_batch) == 1 or layout.count_tokens(lengths, micro_batch) <= tokens
    assert plan == layout.split(lengths, tokens)


def test_packing_leaves_little_empty() -> None:
    lengths = [20 + n * 7 % 180 for n in range(1000)]
    assert sum(lengths) / (len(fill_sequences(lengths, 1024)) * 1024) > 0.98


def test_a_micro_batch_without_masks_is_one_sequence() -> None:
    lengths = [20 + n * 7 % 180 for n in range(200)]
    plan = Layout(WHOLE_MICRO_BATCH, 128).split(lengths, 4096)
    assert {len(sequences) for sequences in plan} == {1}
    assert len(plan) == -(-sum(lengths) // 4096)
    # A row that is longer than a micro-batch is alone.
    assert Layout(WHOLE_MICRO_BATCH).split([140, 60, 20], 100) == [[[0]], [[1, 2]]]


def test_the_largest_micro_batch_of_all_steps_is_found() -> None:
    lengths = [5, 5, 9, 1, 8, 8, 10]
    assert find_largest_micro_batch(lengths, 2, Layout(0), 100) == (range(2, 4), 0)
    assert find_largest_micro_batch(lengths, 3, Layout(0), 100) == (range(3), 0)
    assert find_largest_micro_batch(lengths, 3, Layout(0), 10) == (range(3), 1)
    assert find_largest_micro_batch(lengths, 7, Layout(10), 20) == (range(7), 0)
    # Two rows for each item, padded to multiples of eight.
    assert Layout(0, 8, rows_per_item=2).count_tokens(lengths, [[2], [3]]) == 4 * 16
    assert Layout(0, 8, rows_per_item=2).split(lengths, 64) == [[[6], [2]], [[4], [5], [0], [1]], [[3]]]


def test_batches_hold_rows_of_like_length_and_the_largest_comes_first() -> None:
    lengths = [10 + n % 100 for n in range(800)]
    order = order_rows(lengths, epochs=2, batch_size=8, seed=1)
    batches = [[lengths[i] for i in order[first : first + 8]] for first in range(0, 1600, 8)]
    assert max(batches[0]) == 109
    padding = sum(8 * max(batch) - sum(batch) for batch in batches)
    assert padding < 0.03 * sum(map(sum, batches))
    assert order != sorted(order)
    assert [lengths[i] for i in order[:800]] != [lengths[i] for i in order[800:]]
