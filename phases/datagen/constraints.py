"""Checkable demands that are added to instructions, so that verifiers can tell good answers from bad ones.

Of the instructions that a base model writes, one in ten asks for something that can be checked. "Describe a
bee." asks for nothing; "Describe a bee. Use exactly seven words." does, and no judge is needed. Tülu 3
(arXiv 2411.15124) makes preference data for exact instruction following in this way.
"""

from collections.abc import Collection
from random import Random
from typing import Final

from phases.verifiers.infer import infer_checks
from phases.verifiers.registry import Check

_WORDS: Final = (
    "water",
    "small",
    "always",
    "people",
    "morning",
    "green",
    "together",
    "because",
    "long",
    "new",
)
_OPENINGS: Final = ("Well", "Today", "Honestly", "Of course", "In short", "As we know")
_ENDINGS: Final = ("That is all.", "I hope that helps.", "And so it is.", "The end.")
_DEMANDS: Final = (
    ("Use exactly {n} words.", range(4, 13)),
    ("Use no more than {n} words.", range(3, 9)),
    ("Use at least {n} words.", range(8, 16)),
    ("Write a single sentence.", None),
    ("Write exactly {n} sentences.", range(2, 4)),
    ("Use no more than {n} sentences.", range(2, 4)),
    ("Write it as a numbered list of {n} points.", range(2, 5)),
    ("Write it as {n} bullet points.", range(2, 5)),
    ('Write it as JSON with the key "answer".', None),
    ("Write everything in small letters.", None),
    ("Write everything in capitals.", None),
    ("Put the whole answer in double quotes.", None),
    ("Start with the words '{word}'.", _OPENINGS),
    ("End with the words '{word}'.", _ENDINGS),
    ("Use the word '{word}'.", _WORDS),
    ("Do not use the word '{word}'.", ("the", "is", "and", "a", "it")),
)


def _checks(template: str, value: object) -> tuple[Check, ...]:
    return infer_checks(template.format(n=value, word=value))


_KINDS: Final = {template: _checks(template, values and values[0])[0].kind for template, values in _DEMANDS}
KINDS: Final = frozenset(_KINDS.values())
"""The kinds of checks that demands are read as."""
_TRIES: Final = 8


def with_demands(instruction: str, count: int, rng: Random, kinds: Collection[str] = KINDS) -> list[str]:
    """Return an instruction with one demand added, `count` times or fewer, each time another one.

    Args:
        instruction: what is asked.
        count: how often a demand is added, at most.
        rng: draws the demands.
        kinds: the kinds of checks that may be demanded.

    An instruction that asks for something checkable itself is left alone, and so is one that ends in the
    text that it is about: a demand would become part of that.
    """
    if infer_checks(instruction) or ":" in instruction or instruction[-1] not in ".?!":
        return []
    found: list[str] = []
    allowed = [demand for demand in _DEMANDS if _KINDS[demand[0]] in kinds]
    for template, values in rng.sample(allowed, len(allowed))[:_TRIES]:
        if len(found) == count:
            break
        value = rng.choice(values) if values else None
        demand = template.format(n=value, word=value)
        # What the words of the instruction change or hide is not asked for: "then", another number.
        if infer_checks(f"{instruction} {demand}") == infer_checks(demand):
            found.append(f"{instruction} {demand}")
    return found


def all_demands() -> dict[str, tuple[Check, ...]]:
    """Return every demand, with the checks that it is read as."""
    return {
        demand: infer_checks(demand)
        for template, values in _DEMANDS
        for demand in (template.format(n=value, word=value) for value in values or (None,))
    }
