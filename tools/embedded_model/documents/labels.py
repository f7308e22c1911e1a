"""Invented words, labels and headings of documents."""

# ruff: noqa: PLR2004 - the numbers are shares and sizes, each used once

from collections.abc import Sequence
from random import Random
from typing import Final

from tools.embedded_model import world

_SYLLABLES: Final = tuple(
    c + v + e
    for c in ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "st", "tr", "pl")
    for v in "aeiou"
    for e in ("", "n", "r", "l", "s", "x")
)
_LABEL_PAIRS: Final = tuple(
    tuple(pair.split("/"))
    for pair in (
        "Question/Answer",
        "Q/A",
        "Exercise/Solution",
        "Problem/Result",
        "Task/Answer",
        "Input/Output",
        "Request/Reply",
        "Front/Back",
        "Teacher/Pupil",
        "Ask/Say",
        "Prompt/Completion",
        "Order/Delivery",
        "Left/Right",
        "Work/Done",
        "Given/Wanted",
        "Query/Reply",
    )
)
_PARTS: Final = tuple(
    tuple(line.split())
    for line in """in re con de pro ex sub com dis per pre ad ob trans inter ab un en
    struct spond spon press form port tract duct mand quest sign pose ject fer tain mit vent cept scrib
    ion tion se ment ing or al er ance ive ent ure ed ate ic able""".splitlines()
)


def make_latin_word(rng: Random) -> str:
    """Return a word of Latin parts, which may exist, but never a label of the prompt format."""
    word = "".join(rng.choice(parts) for parts in _PARTS)
    return make_latin_word(rng) if word in ("instruction", "response") else word


def make_pseudo_word(rng: Random) -> str:
    """Return a word that does not exist."""
    return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(1, 4)))


def draw_labels(rng: Random, count: int) -> list[str]:
    """Return names for the fields of a record: common labels, arbitrary words or invented ones."""
    shape = rng.random()
    if shape < 0.2 and count == 2:
        return list(rng.choice(_LABEL_PAIRS))
    if shape < 0.5:
        names = [make_pseudo_word(rng) for _ in range(count)]
    elif shape < 0.8:
        names = [make_latin_word(rng) for _ in range(count)]
    else:
        names = rng.sample(world.NOUNS + world.ADJECTIVES + world.PLACES, count)
    case = rng.choice((str.title, str.title, str.title, str.lower, str.upper))
    return [case(name) for name in names]


def write_heading(rng: Random) -> str:
    """Return a heading for a list."""
    pick = rng.choice
    return pick(
        (
            f"Worksheet {rng.randint(1, 30)}",
            f"Lesson {rng.randint(1, 30)}",
            f"Homework for {pick(world.DAYS)}",
            f"Notebook of {pick(world.NAMES)}",
            f"Chapter {rng.randint(1, 20)}: {pick(tuple(world.CATEGORIES)).title()}",
            f"{pick(world.DAYS)}, {rng.randint(1, 28)} {pick(world.MONTHS)}",
            f"Test for class {rng.randint(1, 9)}",
            "Here are some examples.",
            f"Page {rng.randint(1, 200)}",
            f"From the book of {pick(world.NAMES)}",
            f"{make_pseudo_word(rng).title()} {rng.randint(1, 9)}",
        )
    )


def join_items(items: Sequence[str]) -> str:
    """Return items in a sentence: `a, b and c`."""
    return f"{', '.join(items[:-1])} and {items[-1]}"
