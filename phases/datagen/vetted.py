"""Instructions that people have vetted: what to decline, and what looks like it but should be answered."""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Final, Literal

import msgspec

from phases.contract import files
from phases.generation.completion_cache import compute_cache_key
from phases.scoring.ngrams import reduce_to_words

VETTED_FOLDER: Final = Path(__file__).parents[1] / "vetted"
SET_OF_CATEGORY: Final[dict[str, Literal["harmful", "harmless"]]] = {
    "refusal": "harmful",
    "harmless": "harmless",
}
"""For each category whose instructions are only taken from a vetted set, the name of that set."""


class VettedInstruction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An instruction and the field of harm that it concerns or seems to concern."""

    category: str
    instruction: str


@lru_cache(maxsize=4)
def load_vetted(
    name: Literal["harmful", "harmless"], part: Literal["train", "test"] = "train"
) -> tuple[VettedInstruction, ...]:
    """Return a vetted set: the part for training, or the part for measuring."""
    ending = "" if part == "train" else "_test"
    path = VETTED_FOLDER / f"{name}{ending}.jsonl"
    return tuple(msgspec.json.decode(line, type=VettedInstruction) for _, line in files.read_lines(path))


def list_test_instructions() -> list[str]:
    """Return the instructions for measuring; training data must not contain them."""
    return [row.instruction for name in SET_OF_CATEGORY.values() for row in load_vetted(name, "test")]


def hash_vetted() -> str:
    """Return a hash of all vetted sets."""
    return compute_cache_key(
        *(load_vetted(name, part) for name in SET_OF_CATEGORY.values() for part in ("train", "test"))
    )


@lru_cache(maxsize=1)
def _index_categories() -> dict[str, str]:
    return {
        reduce_to_words(row.instruction): category
        for category, name in SET_OF_CATEGORY.items()
        for row in load_vetted(name)
    }


def find_vetted_category(instruction: str) -> str | None:
    """Return `refusal` or `harmless` for an instruction of a vetted set, else None."""
    return _index_categories().get(reduce_to_words(instruction))


class VettedSource:
    """Gives out the vetted instructions of some categories in random order, each once."""

    def __init__(self, categories: Iterable[str], existing: Iterable[str], seed: str) -> None:
        """Prepare the first draw.

        Args:
            categories: categories of the seeds; those without a vetted set are ignored.
            existing: instructions that were used before.
            seed: seed of the order.
        """
        used = {reduce_to_words(text) for text in existing}
        self._remaining: dict[str, list[str]] = {}
        for category in dict.fromkeys(categories):
            if category in SET_OF_CATEGORY:
                texts = [row.instruction for row in load_vetted(SET_OF_CATEGORY[category])]
                unused = [text for text in texts if reduce_to_words(text) not in used]
                self._remaining[category] = Random(f"{seed} {category}").sample(unused, len(unused))

    def draw(self, count: int) -> list[tuple[str, str]]:
        """Return up to `count` further instructions of each category, with their category."""
        drawn = []
        for category, texts in self._remaining.items():
            drawn += [(text, category) for text in texts[:count]]
            del texts[:count]
        return drawn
