"""Tasks that ask for JSON, or take two steps."""

# ruff: noqa: PLR2004 - the numbers are shares and sizes, each used once

import json
from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType
from typing import Final

from tools.embedded_model import world
from tools.embedded_model.phrasing import phrase_order
from tools.embedded_model.sentences import add_article
from tools.embedded_model.task import Task, accept_exactly
from tools.embedded_model.task_kinds.facts import draw_unlike_categories

FIELDS: Final[Mapping[str, Callable[[Random], str | int]]] = MappingProxyType(
    {
        "name": lambda r: r.choice(world.NAMES),
        "age": lambda r: r.randint(3, 90),
        "color": lambda r: r.choice(world.CATEGORIES["colors"]),
        "city": lambda r: r.choice(world.CATEGORIES["cities"]),
        "animal": lambda r: r.choice(world.CATEGORIES["animals"]),
        "fruit": lambda r: r.choice(world.CATEGORIES["fruits"]),
        "country": lambda r: r.choice(world.CATEGORIES["countries"]),
        "job": lambda r: r.choice(world.CATEGORIES["jobs"]),
        "day": lambda r: r.choice(world.DAYS),
        "size": lambda r: r.randint(1, 40),
        "price": lambda r: r.randint(1, 99),
        "drink": lambda r: r.choice(world.CATEGORIES["drinks"]),
        "sport": lambda r: r.choice(world.CATEGORIES["sports"]),
        "month": lambda r: r.choice(world.MONTHS),
        "count": lambda r: r.randint(0, 20),
        "tool": lambda r: r.choice(world.CATEGORIES["tools"]),
    }
)


def make_json_object(rng: Random) -> Task:
    """Write a JSON object with the keys name and age. -> {"name": "Tom", "age": 9}."""
    keys = rng.sample(tuple(FIELDS), rng.randint(1, 4))
    value = {key: FIELDS[key](rng) for key in keys}
    has_values = rng.random() < 0.4
    parts = [f"the {key} {value[key]}" if has_values else key for key in keys]
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    if has_values:
        text = phrase_order(
            rng,
            f"write a JSON object with {listed}",
            f"make a JSON object for {listed}",
            f"give me a JSON object with {listed}",
        )
    else:
        noun = "key" if len(keys) == 1 else "keys"
        text = phrase_order(
            rng,
            f"write a JSON object with the {noun} {listed}",
            f"make a JSON object that has the {noun} {listed}",
            f"give me JSON with the {noun} {listed}",
        )

    def accepts(response: str) -> bool:
        try:
            read = json.loads(response)
        except ValueError:
            return False
        return read == value if has_values else isinstance(read, dict) and set(read) == set(keys)

    return Task("json object", text, json.dumps(value), accepts)


def make_two_steps(rng: Random) -> Task:
    """Translate dog into French and write it in uppercase. -> CHIEN; or name one thing and then another."""
    if rng.random() < 0.2:
        return _two_names(rng)
    orders, answer = rng.choice(_CHAINS)(rng)
    return Task("two steps", phrase_order(rng, *orders), answer, accept_exactly(answer))


def _two_names(rng: Random) -> Task:
    first, second = draw_unlike_categories(rng)
    one, two = add_article(world.SINGULAR[first]), add_article(world.SINGULAR[second])
    text = phrase_order(
        rng,
        f"name {one} and then {two}",
        f"first name {one}, then name {two}",
        f"write {one} and {two}, separated by a comma",
    )
    answer = f"{rng.choice(world.CATEGORIES[first])}, {rng.choice(world.CATEGORIES[second])}"

    def accepts(response: str) -> bool:
        items = response.strip().rstrip(".").split(", ")
        return (
            len(items) == 2 and items[0] in world.CATEGORIES[first] and items[1] in world.CATEGORIES[second]
        )

    return Task("two steps", text, answer, accepts)


def _then_change(rng: Random) -> tuple[list[str], str]:
    """Look a word up, then change it."""
    what, key, word = _draw_lookup(rng)
    suffix, change = rng.choice(
        (
            ("in uppercase", str.upper),
            ("in capital letters", str.upper),
            ("with dashes between the letters", "-".join),
            ("twice", lambda w: f"{w} {w}"),
            ("three times", lambda w: f"{w} {w} {w}"),
            ("in quotation marks", lambda w: f'"{w}"'),
            ("backwards", lambda w: w[::-1]),
        )
    )
    return [f"write the {what} {key} {suffix}", f"give the {what} {key}, written {suffix}"], change(word)


def _draw_lookup(rng: Random) -> tuple[str, str, str]:
    what, table = rng.choice(
        (
            ("French word for", world.FRENCH),
            ("Spanish word for", world.SPANISH),
            ("opposite of", world.OPPOSITE),
            ("plural of", world.PLURALS),
            ("past tense of", world.PAST),
            ("capital of", world.CAPITALS),
        )
    )
    key = rng.choice(tuple(table))
    return what, key, table[key]


def _then_letter(rng: Random) -> tuple[list[str], str]:
    what, key, word = _draw_lookup(rng)
    which, letter = rng.choice((("first", word[0]), ("last", word[-1])))
    return [
        f"give the {which} letter of the {what} {key}",
        f"write the {which} letter of the {what} {key}",
    ], letter


def _then_translate(rng: Random) -> tuple[list[str], str]:
    word = rng.choice([word for word, other in world.OPPOSITE.items() if other in world.FRENCH])
    translation = world.FRENCH[world.OPPOSITE[word]]
    return [
        f"translate the opposite of {word} into French",
        f"give the opposite of {word} in French",
    ], translation


def _sum_in_words(rng: Random) -> tuple[list[str], str]:
    a, b = rng.randint(0, 40), rng.randint(0, 40)
    total = world.spell_number(a + b)
    return [
        f"add {a} and {b} and write the result in words",
        f"write the sum of {a} and {b} as a word",
    ], total


_CHAINS: Final = (_then_change, _then_change, _then_letter, _then_translate, _sum_in_words)
