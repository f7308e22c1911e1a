"""Prose: stories, facts, descriptions, dialogues and passages of the public domain."""

# ruff: noqa: PLR2004 - the numbers are shares and sizes, each used once

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Final

from tools.embedded_model import sentences, world
from tools.embedded_model.documents.labels import join_items
from tools.embedded_model.task_kinds import facts

PUBLIC_DOMAIN: Final = tuple(
    Path(__file__).parents[1].joinpath("public_domain.txt").read_text("utf-8").strip().split("\n\n")
)


def write_prose(rng: Random) -> str:
    """Return a paragraph: a story, facts, a description or a dialogue."""
    return rng.choice((write_story, write_story, write_facts, write_description, write_dialogue))(rng)


_WEATHER: Final = ("hot", "cold", "warm", "quiet", "happy")
_TIMES: Final = ("day", "morning", "evening", "night")


def write_story(rng: Random) -> str:
    """Return a short story about a person."""
    pick = rng.choice
    girl = rng.random() < 0.5
    who, friend = pick(world.GIRLS if girl else world.BOYS), pick(world.NAMES)
    he, his, him = ("she", "her", "her") if girl else ("he", "his", "him")
    he_ = he.title()
    animal, thing, place, other = (
        pick(world.CATEGORIES["animals"]),
        pick(world.THINGS),
        pick(world.PLACES),
        pick(world.PLACES),
    )
    adjective, act, color = pick(world.ADJECTIVES), pick(world.INTRANSITIVE), pick(world.CATEGORIES["colors"])
    parts = [
        pick(
            (
                f"One {pick(world.DAYS)} {who} went to the {place}.",
                f"{who} lived near the {place}.",
                f"In {pick(world.MONTHS)} {who} was in the {place}.",
                f"Once there was {sentences.add_article(pick(world.CATEGORIES['jobs']))} named {who}.",
            )
        ),
        *rng.sample(
            (
                f"There {he} saw {sentences.add_article(adjective)} {animal}.",
                f"{he_} had {sentences.add_article(color)} {thing}.",
                f"The {thing} was {color}.",
                f"{he_} {act[1]} in the {other} with {his} {pick(world.CATEGORIES['relatives'])}.",
                f'"Look at the {animal}," said {who}.',
                f"The {animal} {pick(world.INTRANSITIVE)[1]} all day.",
                f"{he_} gave the {thing} to {friend}.",
                f"Then {friend} came and helped {him}.",
                f"It was a {pick(_WEATHER)} {pick(_TIMES)}.",
                f"{he_} ate {pick(world.CATEGORIES['foods'])} and drank {pick(world.CATEGORIES['drinks'])}.",
                f"{friend} was very {pick(world.ADJECTIVES)}.",
                f"They were {act[2]} near the {other}.",
                sentences.write_sentence(rng),
            ),
            rng.randint(2, 7),
        ),
        pick(
            (
                f"In the evening {he} went home.",
                f"Then {he} was happy.",
                f"{who} never forgot the {animal}.",
                f"And so {who} and {friend} were friends.",
                "That was the end of the day.",
            )
        ),
    ]
    return " ".join(parts)


def write_facts(rng: Random) -> str:
    """Return a few factual sentences."""
    pick = rng.choice
    statements = []
    for _ in range(rng.randint(2, 7)):
        shape = rng.randrange(5)
        if shape < 2:
            stem, answer = facts.draw_fact_stem(rng)
            statements.append(f"{stem} {answer}.")
        elif shape == 2:
            name = pick(tuple(world.CATEGORIES))
            item = pick(world.CATEGORIES[name])
            category = sentences.add_article(world.SINGULAR[name])
            if name in world.WITHOUT_ARTICLE:
                subject = f"{item[0].upper()}{item[1:]}"
            else:
                subject = sentences.add_article(item).capitalize()
            statements.append(f"{subject} is {category}.")
        elif shape == 3:
            name = pick(world.LISTED)
            members = join_items(rng.sample(world.CATEGORIES[name], 3))
            subject = members if name in ("countries", "cities") else members.capitalize()
            statements.append(f"{subject} are {name}.")
        else:
            statements.append(facts.make_definition(rng).answer)
    return " ".join(statements)


def write_description(rng: Random) -> str:
    """Return a description of an animal or a country."""
    pick = rng.choice
    if rng.random() < 0.6:
        animal = pick(world.CATEGORIES["animals"])
        known = [
            f"The {animal} is an animal.",
            *_state("It is {}.", world.COLOR_OF, animal),
            *_state("It has {} legs.", world.LEGS, animal),
            *_state("It {}.", world.SOUNDS, animal),
            *_state("It lives in a {}.", world.HOMES, animal),
            *_state(f"A young {animal} is called a {{}}.", world.YOUNG, animal),
            *_state("In French it is called {}.", world.FRENCH, animal),
        ]
        return " ".join([*known, sentences.write_sentence_with(animal, rng)])
    country = pick(tuple(world.CAPITALS))
    known = [
        f"{country} is a country.",
        f"The capital of {country} is {world.CAPITALS[country]}.",
        *_state(f"{country} is in {{}}.", world.CONTINENT_OF, country),
        *_state("People there speak {}.", world.LANGUAGE_OF, country),
        f"Many people visit {world.CAPITALS[country]} in {pick(world.SEASONS)}.",
    ]
    return " ".join(known)


def _state(form: str, table: Mapping[str, str], key: str) -> list[str]:
    return [form.format(table[key])] if key in table else []


def write_dialogue(rng: Random) -> str:
    """Return a dialogue between two people."""
    pick = rng.choice
    who, other = rng.sample(world.NAMES, 2)
    turns = [
        (f'"Who are you?" asked {who}.', f'"I am {other}," said {other}.'),
        (
            f'"Where is the {pick(world.THINGS)}?" asked {who}.',
            f'"It is in the {pick(world.PLACES)}," said {other}.',
        ),
        (
            f'"Do you like {pick(world.CATEGORIES["foods"])}?" asked {who}.',
            f'"{pick(("Yes", "No"))}," said {other}.',
        ),
        (
            f'"I saw {sentences.add_article(pick(world.CATEGORIES["animals"]))}," said {who}.',
            f'"Was it {pick(world.ADJECTIVES)}?" asked {other}.',
        ),
        (
            f'"Let us go to the {pick(world.PLACES)}," said {who}.',
            f'"I am too {pick(world.ADJECTIVES)}," said {other}.',
        ),
    ]
    between = rng.choice((" ", "\n"))
    return between.join(between.join(turn) for turn in rng.sample(turns, rng.randint(1, 4)))


def write_passage(rng: Random) -> str:
    """Return a well-known passage in the public domain, from its first or a later line."""
    lines = rng.choice(PUBLIC_DOMAIN).split("\n")
    start = rng.randrange(len(lines)) if rng.random() < 0.4 else 0
    return "\n".join(lines[start:])


def write_pages(rng: Random) -> str:
    """Return several paragraphs of prose."""
    return rng.choice(("\n", "\n\n")).join(write_prose(rng) for _ in range(rng.randint(1, 4)))
