"""Tasks that ask for members of a category, as a list."""

# ruff: noqa: PLR2004 - the numbers are shares and sizes, each used once

import json
from collections.abc import Sequence
from random import Random

from tools.embedded_model import world
from tools.embedded_model.phrasing import phrase_order
from tools.embedded_model.sentences import add_article
from tools.embedded_model.task import Task, accept_any, are_members, normalize


def _draw_members(rng: Random) -> tuple[str, int, str, Sequence[str]]:
    """Draw a category, a count, the count as written, and as many members."""
    name = rng.choice(world.LISTED)
    count = rng.randint(2, min(7, len(world.CATEGORIES[name])))
    written = world.ONES[count] if rng.random() < 0.7 else str(count)
    if name == "furniture":
        written += " pieces of"
    return name, count, written, rng.sample(world.CATEGORIES[name], count)


def make_member_names(rng: Random) -> Task:
    """Name three animals. -> dog, cat, cow."""
    name, count, n, items = _draw_members(rng)
    text = phrase_order(
        rng,
        f"name {n} {name}",
        f"list {n} {name}",
        f"give me {n} {name}",
        f"give {n} examples of {name}",
        f"write down {n} {name}",
        f"think of {n} different {name}",
        f"list {n} {name} separated by commas",
    )
    return Task(
        "name",
        text,
        ", ".join(items),
        lambda r: are_members(
            normalize(r).split(", "), count, [normalize(m) for m in world.CATEGORIES[name]]
        ),
    )


def make_one_name(rng: Random) -> Task:
    """Name an animal. -> dog."""
    name = rng.choice(world.LISTED)
    one = add_article(world.SINGULAR[name])
    text = phrase_order(
        rng,
        f"name {one}",
        f"name one {world.SINGULAR[name]}",
        f"give me an example of {one}",
        f"think of {one}",
        f"write the name of {one}",
    )
    return Task("name one", text, rng.choice(world.CATEGORIES[name]), accept_any(*world.CATEGORIES[name]))


def make_name_by_letter(rng: Random) -> Task:
    """Name an animal that starts with b. -> bear."""
    name = rng.choice(world.LISTED)
    letter = rng.choice(world.CATEGORIES[name])[0]
    members = [m for m in world.CATEGORIES[name] if m[0] == letter]
    one = add_article(world.SINGULAR[name])
    text = phrase_order(
        rng, f"name {one} that starts with {letter}", f"give me {one} that begins with the letter {letter}"
    )
    return Task("name by letter", text, rng.choice(members), accept_any(*members))


def make_numbered_list(rng: Random) -> Task:
    """List three colors as a numbered list."""
    name, count, n, items = _draw_members(rng)
    text = phrase_order(
        rng,
        f"list {n} {name} as a numbered list",
        f"write a numbered list of {n} {name}",
        f"make a numbered list with {n} {name}",
        f"give me a numbered list of {n} {name}",
        f"number {n} {name} from 1 to {count}",
        f"name {n} {name} in a numbered list",
    )

    def accepts(response: str) -> bool:
        lines = [line.partition(". ") for line in response.strip().split("\n")]
        numbers = [head for head, _, _ in lines]
        return numbers == [str(i + 1) for i in range(count)] and are_members(
            [t for _, _, t in lines], count, world.CATEGORIES[name]
        )

    return Task("numbered list", text, "\n".join(f"{i}. {m}" for i, m in enumerate(items, 1)), accepts)


def make_bullet_list(rng: Random) -> Task:
    """Write three colors as a bullet list."""
    name, count, n, items = _draw_members(rng)
    text = phrase_order(
        rng,
        f"write {n} {name} as a bullet list",
        f"make a bullet list of {n} {name}",
        f"list {n} {name} with bullet points",
        f"give me a bullet list with {n} {name}",
        f"list {n} {name}, each after a dash",
    )

    def accepts(response: str) -> bool:
        lines = response.strip().split("\n")
        return all(line.startswith("- ") for line in lines) and are_members(
            [line[2:] for line in lines], count, world.CATEGORIES[name]
        )

    return Task("bullet list", text, "\n".join(f"- {m}" for m in items), accepts)


def make_line_list(rng: Random) -> Task:
    """List three colors, one per line."""
    name, count, n, items = _draw_members(rng)
    text = phrase_order(
        rng,
        f"list {n} {name}, one per line",
        f"write {n} {name} on separate lines",
        f"name {n} {name}, each on its own line",
    )
    return Task(
        "line list",
        text,
        "\n".join(items),
        lambda r: are_members(r.strip().split("\n"), count, world.CATEGORIES[name]),
    )


def make_json_list(rng: Random) -> Task:
    """Write a JSON list of three colors."""
    name, count, n, items = _draw_members(rng)
    text = phrase_order(
        rng,
        f"write a JSON list of {n} {name}",
        f"give me {n} {name} as a JSON list",
        f"make a JSON array with {n} {name}",
    )

    def accepts(response: str) -> bool:
        try:
            value = json.loads(response)
        except ValueError:
            return False
        return (
            isinstance(value, list)
            and all(isinstance(v, str) for v in value)
            and are_members(value, count, world.CATEGORIES[name])
        )

    return Task("json list", text, json.dumps(items), accepts)
