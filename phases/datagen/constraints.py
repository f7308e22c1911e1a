"""Verifiable constraints to add to instructions, so that verifiers can tell good responses from bad ones.

Only one in ten of the instructions that a base model writes asks for something verifiable. "Describe a bee."
does not, but "Describe a bee. Use exactly seven words." does, without a judge. Tülu 3 (arXiv 2411.15124)
generates preference data for precise instruction following in this way.
"""

import re
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
_CONSTRAINTS: Final = (
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
"""Sentences with the values that they may be filled with."""


def _infer_kind(template: str, value: object) -> str:
    return infer_checks(template.format(n=value, word=value))[0].kind


_KIND_OF: Final = {template: _infer_kind(template, values and values[0]) for template, values in _CONSTRAINTS}
CONSTRAINT_KINDS: Final = frozenset(_KIND_OF.values())
"""The kinds of checks that verify the constraints."""
_MAX_TRIES: Final = 8
_ADDED: Final = re.compile(
    r"(?<=[.?!]) (?:"
    + "|".join(
        re.escape(template).replace(r"\{n\}", r"\d+").replace(r"\{word\}", r"[^']+")
        for template, _ in _CONSTRAINTS
    )
    + r")$"
)
"""A constraint at the end of an instruction."""


def add_constraints(
    instruction: str, count: int, rng: Random, kinds: Collection[str] = CONSTRAINT_KINDS
) -> list[str]:
    """Return up to `count` variants of an instruction, each with another constraint added.

    An instruction that is verifiable itself has no variants, and neither has one that ends with its input
    text, because the constraint would become part of that text.

    Args:
        instruction: the instruction.
        count: maximum number of variants.
        rng: chooses the constraints.
        kinds: the kinds of checks to choose from.
    """
    if infer_checks(instruction) or ":" in instruction or instruction[-1] not in ".?!":
        return []
    variants: list[str] = []
    allowed = [constraint for constraint in _CONSTRAINTS if _KIND_OF[constraint[0]] in kinds]
    for template, values in rng.sample(allowed, len(allowed))[:_MAX_TRIES]:
        if len(variants) == count:
            break
        value = rng.choice(values) if values else None
        constraint = template.format(n=value, word=value)
        # The words of the instruction can change or hide a constraint: "then", another number.
        if infer_checks(f"{instruction} {constraint}") == infer_checks(constraint):
            variants.append(f"{instruction} {constraint}")
    return variants


def remove_constraint(instruction: str) -> str:
    """Return the base instruction of a variant, or an instruction without an added constraint unchanged."""
    return _ADDED.sub("", instruction)


def list_constraints() -> dict[str, tuple[Check, ...]]:
    """Return every constraint with the checks inferred from it."""
    constraints = [
        template.format(n=value, word=value)
        for template, values in _CONSTRAINTS
        for value in values or (None,)
    ]
    return {constraint: infer_checks(constraint) for constraint in constraints}
