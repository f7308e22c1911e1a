"""Rows, held-out split and row order of both training phases."""

import hashlib
import math
import random
from bisect import bisect_left, insort
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from phases.contract import files
from phases.contract.errors import BadInputError

R = TypeVar("R", bound=msgspec.Struct)


def read(paths: Sequence[Path], kind: type[R]) -> list[R]:
    """Read the rows of JSONL files.

    Raises:
        BadInputError: a line is not such a row, or there is no row at all.
    """
    rows = []
    for path in paths:
        try:
            for number, row in enumerate(files.read_rows(path), 1):
                rows.append(_convert(row, kind, f"{path}, line {number}"))
        except OSError as error:
            raise BadInputError(f"{path}: cannot be read: {error.strerror}") from error
        except BadInputError:
            raise
        except ValueError as error:
            raise BadInputError(str(error)) from error
    if not rows:
        raise BadInputError(f"no rows in {', '.join(map(str, paths))}; run the phase before this one first")
    return rows


def _convert(row: dict[str, object], kind: type[R], where: str) -> R:
    try:
        return msgspec.convert(row, kind)
    except msgspec.ValidationError as error:
        names = ", ".join(field.name for field in msgspec.structs.fields(kind) if field.required)
        raise BadInputError(f"{where}: {error}; expected an object with {names}") from error


def hold_out(keys: Sequence[str], share: float, seed: int, multiple: int = 1) -> tuple[list[int], list[int]]:
    """Split rows into those to train and those held out; rows with one key stay together.

    Which keys are held out depends on the keys and the seed alone, not on the order of the rows.

    Args:
        keys: what each row is about, such as its instruction.
        share: of the rows that is held out at least.
        seed: another seed holds out other rows.
        multiple: at least this many rows are held out, in whole multiples where keys allow.

    Raises:
        BadInputError: all rows have the same key, so none can be held out.
    """
    ranked = sorted(set(keys), key=lambda key: hashlib.sha256(f"{seed}\0{key}".encode()).digest())
    rows_of: dict[str, list[int]] = {key: [] for key in ranked}
    for index, key in enumerate(keys):
        rows_of[key].append(index)
    wanted = multiple * math.ceil(max(1.0, share * len(keys)) / multiple)
    held: list[int] = []
    for key in ranked[:-1]:
        if len(held) >= min(wanted, len(keys) // 2 or 1):
            break
        held += rows_of[key]
    if not held:
        raise BadInputError(
            "all rows have the same prompt: none can be held out; give rows with other prompts"
        )
    return sorted(set(range(len(keys))) - set(held)), sorted(held)


def row_order(lengths: Sequence[int], *, epochs: int, batch_size: int, seed: int) -> list[int]:
    """Return the rows in the order in which they are trained: every epoch anew, like lengths in one batch.

    The whole order is laid out beforehand, so that a resumed training sees the very rows that were left. The
    batch with the most tokens comes first: what does not fit into memory fails at once.
    """
    chance = random.Random(seed)
    batches: list[list[int]] = []
    left: list[int] = []
    for _ in range(epochs):
        rows = left + chance.sample(range(len(lengths)), len(lengths))
        whole = len(rows) - len(rows) % batch_size
        left = rows[whole:]
        epoch = []
        for first in range(0, whole, batch_size * 50):
            alike = sorted(rows[first : min(first + batch_size * 50, whole)], key=lengths.__getitem__)
            epoch += [alike[i : i + batch_size] for i in range(0, len(alike), batch_size)]
        chance.shuffle(epoch)
        batches += epoch
    if batches:
        largest = max(range(len(batches)), key=lambda i: max(lengths[row] for row in batches[i]))
        batches.insert(0, batches.pop(largest))
    return [row for batch in batches for row in batch] + left


def pack(lengths: Sequence[int], *, epochs: int, max_length: int, seed: int) -> list[tuple[int, ...]]:
    """Return rows put together into sequences of at most `max_length` tokens: every epoch anew, in any order.

    Best fit, the longest rows first: what is left empty is little. The whole order is laid out beforehand, as
    that of `row_order`, so that a resumed training sees the very sequences that were left.

    Args:
        lengths: the tokens of each row, none above `max_length`.
        epochs: how often each row is trained.
        max_length: tokens of a sequence.
        seed: of the order.
    """
    chance = random.Random(seed)
    packed: list[tuple[int, ...]] = []
    for _ in range(epochs):
        sequences: list[list[int]] = []
        rooms: list[tuple[int, int]] = []  # (tokens left, sequence), the least room first
        shuffled = chance.sample(range(len(lengths)), len(lengths))
        for row in sorted(shuffled, key=lengths.__getitem__, reverse=True):
            fitting = bisect_left(rooms, (lengths[row], 0))
            if fitting < len(rooms):
                room, sequence = rooms.pop(fitting)
            else:
                room, sequence = max_length, len(sequences)
                sequences.append([])
            sequences[sequence].append(row)
            insort(rooms, (room - lengths[row], sequence))
        chance.shuffle(sequences)
        packed += map(tuple, sequences)
    return packed


def largest_batch(lengths: Sequence[int], batch_size: int) -> range:
    """Return the places of the batch that takes the most memory: its rows times its longest row."""
    starts = range(0, len(lengths), batch_size)
    batches = [range(first, min(first + batch_size, len(lengths))) for first in starts]
    return max(batches, key=lambda batch: len(batch) * max(lengths[i] for i in batch))


def evaluation_steps(steps: int, evaluations: int) -> frozenset[int]:
    """Return the steps after which held-out rows are measured: before the first, evenly, after the last."""
    return frozenset(round(steps * i / evaluations) for i in range(evaluations + 1))


def ends(values: Sequence[float]) -> tuple[float, float]:
    """Return the means of the first and of the last tenth of the values (one value at least)."""
    tenth = max(1, len(values) // 10)
    return sum(values[:tenth]) / tenth, sum(values[-tenth:]) / tenth
