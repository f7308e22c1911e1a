"""Split rows into training rows and held-out rows."""

import hashlib
import math
from collections.abc import Sequence

from phases.contract.errors import BadInputError


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
