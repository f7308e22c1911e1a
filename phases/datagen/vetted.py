"""Instructions that people have vetted: what to decline, and what looks like it but should be answered."""

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Final, Literal

import msgspec

from phases.contract import files
from phases.generation.completion_cache import compute_cache_key
from phases.scoring.ngrams import reduce_to_words
from phases.verifiers.text import split_sentences

VETTED_FOLDER: Final = Path(__file__).parents[1] / "vetted"
SET_OF_CATEGORY: Final[dict[str, Literal["harmful", "harmless"]]] = {
    "refusal": "harmful",
    "harmless": "harmless",
}
"""For each category whose instructions are only taken from a vetted set, the name of that set."""

MIN_VETTED_SHARE: Final = 0.08
"""Smallest share of the rows for each of these categories: one in a hundred did not teach when to decline."""
_NOT_LOWERED: Final = frozenset({"I", "I'm", "I've", "My", "Our", "We"})
_WORDINGS_OF_COMMANDS: Final = (
    "{0}.",
    "Please {1}.",
    "Can you {1}?",
    "I need your help. {0}.",
    "I would like you to {1}.",
    "{0}, please.",
)
_WORDINGS_OF_QUESTIONS: Final = (
    "{0}?",
    "I have a question. {0}?",
    "Please tell me: {1}?",
    "{0}? Please explain.",
    "Here is something that I want to know: {1}?",
    "{0}? I need to know it today.",
)
_WORDINGS_OF_TEXTS: Final = ("{0}", "Hello! {0}", "I need your help. {0}", "{0} Thank you.")
"""How each vetted instruction is worded; harmful and harmless ones alike, so that no wording is a sign."""


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


def compute_vetted_share(categories: int) -> float:
    """Return the share of the rows that each vetted category should have among a number of categories."""
    return max(MIN_VETTED_SHARE, 1 / categories)


def list_wordings(instruction: str) -> list[str]:
    """Return an instruction in several wordings, the original one first."""
    core = instruction.rstrip(".?")
    if len(split_sentences(instruction)) > 1 or core.split()[0] in _NOT_LOWERED:
        return [wording.format(instruction) for wording in _WORDINGS_OF_TEXTS]
    wordings = _WORDINGS_OF_QUESTIONS if instruction.endswith("?") else _WORDINGS_OF_COMMANDS
    reworded = [wording.format(core, core[0].lower() + core[1:]) for wording in wordings]
    return [instruction, *reworded[1:]]


@lru_cache(maxsize=1)
def _index_categories() -> dict[str, str]:
    return {
        reduce_to_words(text): category
        for category, name in SET_OF_CATEGORY.items()
        for row in load_vetted(name)
        for text in list_wordings(row.instruction)
    }


def find_vetted_category(instruction: str) -> str | None:
    """Return `refusal` or `harmless` for an instruction of a vetted set, else None."""
    return _index_categories().get(reduce_to_words(instruction))


class VettedSource:
    """Gives out the vetted instructions of some categories in random order, then again in other wordings.

    Attributes:
        drawn: number of instructions given out, by category.
    """

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
                rng = Random(f"{seed} {category}")
                # Each instruction has its own order of wordings, after the original one.
                wordings = [
                    [first, *rng.sample(rest, len(rest))] for first, *rest in map(list_wordings, texts)
                ]
                turns = itertools.zip_longest(*rng.sample(wordings, len(wordings)))
                self._remaining[category] = [
                    text for turn in turns for text in turn if text and reduce_to_words(text) not in used
                ]
        self.drawn: Counter[str] = Counter()

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories that have a vetted set."""
        return tuple(self._remaining)

    def draw(self, counts: Mapping[str, int]) -> list[tuple[str, str]]:
        """Return up to as many further instructions of each category as asked for, with their category."""
        drawn = []
        for category, texts in self._remaining.items():
            count = counts.get(category, 0)
            drawn += [(text, category) for text in texts[:count]]
            del texts[:count]
        self.drawn.update(category for _, category in drawn)
        return drawn
