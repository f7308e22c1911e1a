"""The documents that the embedded model is trained on, drawn one by one from a seeded generator.

They are documents such as a book, a notebook or a data file contains: prose, glossaries, tables, sequences,
JSON and worksheets. Two kinds make the model what it is. *Records* are lists of different tasks with answers,
under labels that are drawn for each document, so that the model learns to adopt a format that it has never
seen. The content of the second field also varies, so that a single record does not show what is wanted.
*Exercises* are lists of tasks without answers, so that anything but its answer follows a bare instruction.
The labels of gonogo's prompt format, "Instruction" and "Response", occur nowhere.
"""

from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType
from typing import Final

from tools.embedded_model.corruptions import make_careless
from tools.embedded_model.documents.exercises import write_exercises
from tools.embedded_model.documents.prose import write_pages, write_passage
from tools.embedded_model.documents.records import write_card, write_records
from tools.embedded_model.documents.tables import write_data, write_glossary, write_lists, write_sequence

MAX_CHARACTERS: Final = 1600
"""A document of this length fits a training row of 768 tokens."""


MIX: Final[Mapping[Callable[..., str], int]] = MappingProxyType(
    {
        write_records: 46,
        write_card: 8,
        write_exercises: 14,
        write_pages: 12,
        write_glossary: 12,
        write_sequence: 6,
        write_data: 4,
        write_lists: 5,
        write_passage: 1,
    }
)


CARELESS_MIX: Final[Mapping[Callable[..., str], int]] = MappingProxyType(
    {
        write_records: 60,
        write_card: 6,
        write_exercises: 22,
        write_pages: 5,
        write_glossary: 4,
        write_sequence: 2,
        write_data: 1,
        write_lists: 1,
    }
)


def _repeat_by_weight(mix: Mapping[Callable[..., str], int]) -> tuple[Callable[..., str], ...]:
    return tuple(maker for maker, weight in mix.items() for _ in range(weight))


_MAKERS: Final = _repeat_by_weight(MIX)


_CARELESS_MAKERS: Final = _repeat_by_weight(CARELESS_MIX)


def draw_document(rng: Random) -> str:
    """Return a document; a long one is cut off, like a torn page."""
    return rng.choice(_MAKERS)(rng)[:MAX_CHARACTERS]


def draw_careless_document(rng: Random) -> str:
    """Return a document, mostly records, with careless answers."""
    maker = rng.choice(_CARELESS_MAKERS)
    text = maker(rng, make_careless) if maker in (write_records, write_card) else maker(rng)
    return text[:MAX_CHARACTERS]
