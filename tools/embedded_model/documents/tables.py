"""Glossaries, sequences, data and lists."""

# ruff: noqa: PLR2004 - the numbers are shares and sizes, each used once

import json
from collections.abc import Mapping
from random import Random
from types import MappingProxyType
from typing import Final

from tools.embedded_model import world
from tools.embedded_model.documents.labels import join_items, make_pseudo_word, write_heading
from tools.embedded_model.task_kinds import structured

RELATIONS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "French": world.FRENCH,
        "Spanish": world.SPANISH,
        "opposite": world.OPPOSITE,
        "capital": world.CAPITALS,
        "continent": world.CONTINENT_OF,
        "language": world.LANGUAGE_OF,
        "color": world.COLOR_OF,
        "young": world.YOUNG,
        "sound": world.SOUNDS,
        "home": world.HOMES,
        "legs": world.LEGS,
        "workplace": world.WORKPLACES,
        "use": world.TOOL_USES,
        "meaning": world.DEFINITIONS,
        "number": world.UNITS,
        "plural": world.PLURALS,
        "past": world.PAST,
        "comparative": world.COMPARATIVES,
        "synonym": world.SYNONYMS,
        "kind": {m: world.SINGULAR[name] for name in world.CATEGORIES for m in world.CATEGORIES[name]},
        "upper": {w: w.upper() for w in world.SPELLED},
        "spelling": {w: "-".join(w) for w in world.SPELLED},
        "first": {w: w[0] for w in world.SPELLED},
        "last": {w: w[-1] for w in world.SPELLED},
        "length": {w: str(len(w)) for w in world.SPELLED},
        "twice": {w: f"{w} {w}" for w in world.SPELLED},
        "words": {str(n): world.spell_number(n) for n in range(101)},
    }
)


def write_glossary(rng: Random) -> str:
    """Return pairs of a relation, forwards or backwards, in a random format."""
    name = rng.choice(tuple(RELATIONS))
    pairs = rng.sample(tuple(RELATIONS[name].items()), min(rng.randint(3, 20), len(RELATIONS[name])))
    if rng.random() < 0.25:
        pairs = [(b, a) for a, b in pairs]
    if rng.random() < 0.25:
        stem = rng.choice(
            (
                f"{{}} in {name} is {{}}.",
                f"The {name} of {{}} is {{}}.",
                "{} becomes {}.",
                "{} belongs to {}.",
                f"{{}} has the {name} {{}}.",
            )
        )
        text = rng.choice(("\n", " ")).join(stem.format(*pair) for pair in pairs)
    else:
        between = rng.choice(
            (
                ": ",
                " - ",
                " = ",
                " -> ",
                " => ",
                " | ",
                ", ",
                "\t",
                " / ",
                ":",
                " ... ",
                f" {make_pseudo_word(rng)} ",
            )
        )
        text = rng.choice(("\n", "\n", "\n", "; ", "\n\n")).join(between.join(pair) for pair in pairs)
    return f"{write_heading(rng)}\n\n{text}" if rng.random() < 0.2 else text


def write_sequence(rng: Random) -> str:
    """Return rows that follow a rule: numbers, days, letters, repeated patterns or sums."""
    rows = [_row(rng) for _ in range(rng.randint(1, 5))]
    return "\n".join(rows)


def _row(rng: Random) -> str:
    between = rng.choice((", ", ", ", ", ", " ", " ", "\n", " - ", "; "))
    shape, length = rng.randrange(8), rng.randint(5, 20)
    if shape == 0:
        start, step = (
            (rng.randint(0, 3), 1)
            if rng.random() < 0.5
            else (rng.randint(0, 60), rng.choice((1, 2, 3, 5, 10)))
        )
        items = [str(start + step * i) for i in range(length)]
    elif shape == 1:
        names = rng.choice((world.DAYS, world.MONTHS, world.SEASONS))
        start = rng.randrange(len(names)) if rng.random() < 0.6 else 0
        items = [names[(start + i) % len(names)] for i in range(length)]
    elif shape == 2:
        start = rng.randrange(20) if rng.random() < 0.5 else 0
        alphabet = world.ALPHABET.upper() if rng.random() < 0.3 else world.ALPHABET
        items = list(alphabet[start : start + length])
    elif shape == 3:
        names = rng.choice((world.ONES, world.ORDINALS))
        start = rng.randrange(4)
        items = list(names[start : start + length])
    elif shape < 6:
        source = world.CATEGORIES[rng.choice(world.LISTED)] if rng.random() < 0.8 else tuple(world.ALPHABET)
        period = rng.sample(source, rng.randint(1, 4))
        items = (period * length)[:length]
    else:
        sums = []
        start = rng.randint(0, 20)
        for i in range(length):
            a, b = (start, i + 1) if shape == 6 else (rng.randint(0, 20), rng.randint(0, 12))
            sign = rng.choice("+-*") if shape == 7 else "+"
            if sign == "-":
                a, b = max(a, b), min(a, b)
            elif sign == "*":
                a, b = a % 11, b % 7
            sums.append(f"{a} {sign} {b} = {({'+': a + b, '-': a - b, '*': a * b})[sign]}")
        return rng.choice(("\n", "\n", ", ", "; ")).join(sums)
    return between.join(items)


def write_data(rng: Random) -> str:
    """Return a table as JSON or as separated values."""
    keys = rng.sample(tuple(structured.FIELDS), rng.randint(2, 4))
    rows = [{key: structured.FIELDS[key](rng) for key in keys} for _ in range(rng.randint(2, 8))]
    shape = rng.random()
    if shape < 0.3:
        return "[\n" + ",\n".join("  " + json.dumps(row) for row in rows) + "\n]"
    if shape < 0.5:
        return "\n".join(json.dumps(row) for row in rows)
    if shape < 0.6:
        return json.dumps(rows[0], indent=2)
    between = rng.choice((",", " | ", "\t", "; "))
    return "\n".join([between.join(keys), *(between.join(str(row[key]) for key in keys) for row in rows)])


def write_lists(rng: Random) -> str:
    """Return categories with some of their members."""
    sections = []
    for name in rng.sample(tuple(world.CATEGORIES), rng.randint(1, 4)):
        items = rng.sample(world.CATEGORIES[name], rng.randint(2, min(8, len(world.CATEGORIES[name]))))
        shape = rng.randrange(5)
        title = name.capitalize() if rng.random() < 0.7 else name
        if shape == 0:
            sections.append(f"{title}: {', '.join(items)}")
        elif shape == 1:
            sections.append(f"{title}\n" + "\n".join(f"- {item}" for item in items))
        elif shape == 2:
            sections.append(f"{title}:\n" + "\n".join(f"{n}. {item}" for n, item in enumerate(items, 1)))
        elif shape == 3:
            sections.append(f"{join_items(items)} are {name}.")
        else:
            sections.append(f"{title} that {rng.choice(world.NAMES)} likes: {join_items(items)}.")
    return "\n\n".join(sections)
