"""Order rows into batches or pack them into sequences, for all epochs in advance.

Because the complete order is known before training, a resumed training sees exactly the remaining rows.
"""

import random
from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Final

SORTED_BATCHES: Final = 50
"""Batches whose rows are sorted by length together, to reduce padding."""


def order_rows(lengths: Sequence[int], *, epochs: int, batch_size: int, seed: int) -> list[int]:
    """Return the rows in training order, shuffled for each epoch, with similar lengths in one batch.

    The batch with the most tokens comes first, so that a lack of memory shows at once.

    Args:
        lengths: the tokens of each row.
        epochs: how often each row is trained.
        batch_size: rows per batch. Rows that do not fill a batch at the end of an epoch move to the next.
        seed: seed of the order.
    """
    rng = random.Random(seed)
    batches: list[list[int]] = []
    leftover: list[int] = []
    for _ in range(epochs):
        rows = leftover + rng.sample(range(len(lengths)), len(lengths))
        batched = len(rows) - len(rows) % batch_size
        leftover = rows[batched:]
        epoch = []
        for start in range(0, batched, batch_size * SORTED_BATCHES):
            stop = min(start + batch_size * SORTED_BATCHES, batched)
            window = sorted(rows[start:stop], key=lengths.__getitem__)
            epoch += [window[i : i + batch_size] for i in range(0, len(window), batch_size)]
        rng.shuffle(epoch)
        batches += epoch
    if batches:
        largest = max(range(len(batches)), key=lambda i: max(lengths[row] for row in batches[i]))
        batches.insert(0, batches.pop(largest))
    return [row for batch in batches for row in batch] + leftover


def pack_rows(lengths: Sequence[int], *, epochs: int, max_length: int, seed: int) -> list[tuple[int, ...]]:
    """Return sequences of rows with at most `max_length` tokens, packed and shuffled for each epoch.

    The packing is best fit decreasing (Ding et al., Fewer Truncations Improve Language Modeling,
    arXiv 2404.10830), which leaves little room empty.

    Args:
        lengths: the tokens of each row, none above `max_length`.
        epochs: how often each row is trained.
        max_length: maximum tokens per sequence.
        seed: seed of the order.
    """
    rng = random.Random(seed)
    packed: list[tuple[int, ...]] = []
    for _ in range(epochs):
        sequences: list[list[int]] = []
        rooms: list[tuple[int, int]] = []  # (free tokens, index of the sequence), in ascending order
        shuffled = rng.sample(range(len(lengths)), len(lengths))
        for row in sorted(shuffled, key=lengths.__getitem__, reverse=True):
            best = bisect_left(rooms, (lengths[row], 0))
            if best < len(rooms):
                room, index = rooms.pop(best)
            else:
                room, index = max_length, len(sequences)
                sequences.append([])
            sequences[index].append(row)
            insort(rooms, (room - lengths[row], index))
        rng.shuffle(sequences)
        packed += map(tuple, sequences)
    return packed


def find_largest_batch(lengths: Sequence[int], batch_size: int) -> range:
    """Return the positions of the batch that needs the most memory: its rows times its longest row."""
    starts = range(0, len(lengths), batch_size)
    batches = [range(start, min(start + batch_size, len(lengths))) for start in starts]
    return max(batches, key=lambda batch: len(batch) * max(lengths[i] for i in batch))
