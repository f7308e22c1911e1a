"""Split encoded rows into training rows, in training order, and held-out rows."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from phases.contract.errors import BadInputError
from phases.training.packing import order_rows
from phases.training.parameters import TrainingParameters


class EncodedRow(Protocol):
    """A row as token ids: one sequence for SFT, two for a preference pair."""

    @property
    def key(self) -> str:
        """The prompt; rows with the same prompt are trained or held out together."""

    @property
    def tokens(self) -> int:
        """Tokens of all sequences."""

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""


R = TypeVar("R", bound=EncodedRow)


@dataclass(frozen=True)
class TrainingData(Generic[R]):
    """Training rows in training order, and held-out rows.

    Attributes:
        rows: each row once per epoch.
        held_out: rows that are not trained.
        train_rows: number of rows that are trained in each epoch.
        dropped: number of rows longer than `max_length`.
    """

    rows: list[R]
    held_out: list[R]
    train_rows: int
    dropped: int


def split_rows(encoded: Sequence[R], parameters: TrainingParameters, multiple: int = 1) -> TrainingData[R]:
    """Drop the rows that are too long, hold some out, and order the others.

    Args:
        encoded: the rows.
        parameters: limits, shares and seed.
        multiple: round the number of held-out rows up to a multiple of this, as far as the prompts allow.

    Raises:
        BadInputError: all rows are too long, or none can be held out.
    """
    rows = [row for row in encoded if row.longest <= parameters.max_length]
    dropped = len(encoded) - len(rows)
    if not rows:
        raise BadInputError(f"all {dropped} rows are longer than --max-length {parameters.max_length} tokens")
    trained, held_out = hold_out(
        [row.key for row in rows], parameters.heldout_share, parameters.seed, multiple
    )
    order = order_rows(
        [rows[i].tokens for i in trained],
        epochs=parameters.epochs,
        batch_size=parameters.batch_size,
        seed=parameters.seed,
    )
    return TrainingData(
        rows=[rows[trained[i]] for i in order],
        held_out=[rows[i] for i in held_out],
        train_rows=len(trained),
        dropped=dropped,
    )


def hold_out(keys: Sequence[str], share: float, seed: int, multiple: int = 1) -> tuple[list[int], list[int]]:
    """Split rows so that rows with the same key stay together.

    The held-out keys depend on the set of keys and the seed, not on the order of the rows.

    Args:
        keys: the key of each row, such as its instruction.
        share: minimum share of rows to hold out.
        seed: another seed holds out other rows.
        multiple: round the number of held-out rows up to a multiple of this, as far as the keys allow.

    Returns:
        The indices of the training rows and of the held-out rows.

    Raises:
        BadInputError: all rows have the same key, so none can be held out.
    """
    ranked = sorted(set(keys), key=lambda key: hashlib.sha256(f"{seed}\0{key}".encode()).digest())
    rows_by_key: dict[str, list[int]] = {key: [] for key in ranked}
    for index, key in enumerate(keys):
        rows_by_key[key].append(index)
    wanted = multiple * math.ceil(max(1.0, share * len(keys)) / multiple)
    limit = min(wanted, len(keys) // 2 or 1)
    held_out: list[int] = []
    for key in ranked[:-1]:
        if len(held_out) >= limit:
            break
        held_out += rows_by_key[key]
    if not held_out:
        raise BadInputError(
            "all rows have the same prompt, so none can be held out; add rows with other prompts"
        )
    return sorted(set(range(len(keys))) - set(held_out)), sorted(held_out)
