"""Order rows into optimizer steps for all epochs in advance, and split a step into micro-batches.

Because the complete order is known before training, a resumed training sees exactly the remaining rows.
"""

import random
import sys
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

PACKED_MULTIPLE: Final = 128
"""A GPU prepares kernels and memory for each new length of packed sequences, so there are few."""
PACKED_LENGTH: Final = 512
"""Tokens of a sequence of several rows, where attention takes a mask and so computes a complete square."""
WHOLE_MICRO_BATCH: Final = sys.maxsize
"""The capacity of a sequence where attention computes nothing between rows."""
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


def fill_sequences(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Distribute rows over sequences by best fit, the longest row first.

    Best fit decreasing (Ding et al., Fewer Truncations Improve Language Modeling, arXiv 2404.10830) leaves
    little room empty.

    Args:
        lengths: the tokens of each row.
        capacity: maximum tokens of a sequence; a longer row is alone in its sequence, with 0 each row.

    Returns:
        The indices of the rows of each sequence.
    """
    sequences: list[list[int]] = []
    rooms: list[tuple[int, int]] = []  # (free tokens, index of the sequence), the fullest first
    for row in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        best = bisect_left(rooms, (lengths[row], 0))
        if best < len(rooms):
            room, index = rooms.pop(best)
        else:
            room, index = max(capacity, lengths[row]), len(sequences)
            sequences.append([])
        sequences[index].append(row)
        insort(rooms, (room - lengths[row], index))
    return sequences


@dataclass(frozen=True)
class Layout:
    """The arrangement of rows in rectangles of tokens.

    Attributes:
        capacity: maximum tokens of a sequence with several rows; with 0 each row has its own sequence.
        multiple: sequences are padded to a multiple of this, so that a GPU sees few shapes.
        rows_per_item: rectangle rows that an item without a shared sequence takes.
    """

    capacity: int
    multiple: int = 1
    rows_per_item: int = 1

    def pad(self, tokens: int) -> int:
        """Return the padded length of a sequence."""
        return -(-tokens // self.multiple) * self.multiple

    def split(self, lengths: Sequence[int], tokens: int) -> list[list[list[int]]]:
        """Split items into micro-batches.

        Args:
            lengths: the tokens of each item.
            tokens: maximum tokens of a micro-batch, padding included; a longer row is alone.

        Returns:
            The micro-batches, each a list of sequences, each a list of indices of items.
        """
        sequences = fill_sequences(lengths, min(self.capacity, tokens))
        filled = [(sum(lengths[i] for i in sequence), sequence) for sequence in sequences]
        filled.sort(key=lambda pair: -pair[0])
        micro_batches: list[list[list[int]]] = []
        longest = 0
        for length, sequence in filled:
            if micro_batches:
                rows = (len(micro_batches[-1]) + 1) * self.rows_per_item
                if rows * longest <= tokens:
                    micro_batches[-1].append(sequence)
                    continue
            longest = self.pad(length)
            micro_batches.append([sequence])
        return micro_batches

    def count_tokens(self, lengths: Sequence[int], sequences: Sequence[Sequence[int]]) -> int:
        """Return the tokens of a micro-batch, padding included."""
        longest = max(sum(lengths[i] for i in sequence) for sequence in sequences)
        return len(sequences) * self.rows_per_item * self.pad(longest)


def find_largest_micro_batch(
    lengths: Sequence[int], rows_per_step: int, layout: Layout, tokens: int
) -> tuple[range, int]:
    """Return the step and the number within it of the micro-batch with the most tokens.

    Args:
        lengths: the tokens of each row, in training order.
        rows_per_step: rows of an optimizer step on one device.
        layout: of the rows.
        tokens: maximum tokens of a micro-batch.
    """
    largest = (0, range(0), 0)
    for start in range(0, len(lengths), rows_per_step):
        step = range(start, min(start + rows_per_step, len(lengths)))
        step_lengths = [lengths[i] for i in step]
        for number, sequences in enumerate(layout.split(step_lengths, tokens)):
            size = layout.count_tokens(step_lengths, sequences)
            if size > largest[0]:
                largest = (size, step, number)
    return largest[1], largest[2]
