"""Exercises: lists of tasks without answers."""

# ruff: noqa: PLR2004 - the numbers are shares and sizes, each used once

from random import Random
from typing import Final

from tools.embedded_model import sentences, world
from tools.embedded_model.documents.labels import make_pseudo_word, write_heading
from tools.embedded_model.documents.prose import write_prose
from tools.embedded_model.documents.records import draw_tasks

_OPEN: Final = (
    "Who are you?",
    "What is your name?",
    "Where do you live?",
    "How old are you?",
    "What did you do on {day}?",
    "Describe your {place}.",
    "Describe {animal}.",
    "Describe the {place} in your own words.",
    "Describe {name} and the {place}.",
    "Write a letter to your {relative}.",
    "Write a story about {animal}.",
    "Write a poem about the {thing}.",
    "Explain why birds fly.",
    "Draw a picture of {animal}.",
    "Tell a friend about your {relative}.",
    "Read the text about the {place} again.",
    "Learn the words on page {n}.",
    "What do you like to do in {season}?",
    "Do you like {food}? Why?",
    "What can you see in the {place}?",
    "Introduce yourself.",
    "What is your favorite color?",
    "Are you a {job} or a {job}?",
    "What are you doing?",
    "Talk about {season} with a partner.",
    "Compare {animal} with {animal}.",
    "Look at the picture of the {place}.",
    "Copy the text into your notebook.",
)


def write_open_exercise(rng: Random) -> str:
    """Return an exercise without a single correct answer."""
    pick = rng.choice
    text = pick(_OPEN)
    if "{" not in text:
        return text
    return text.format(
        day=pick(world.DAYS),
        place=pick(world.PLACES),
        animal=sentences.add_article(pick(world.CATEGORIES["animals"])),
        name=pick(world.NAMES),
        relative=pick(world.CATEGORIES["relatives"]),
        thing=pick(world.THINGS),
        n=rng.randint(1, 99),
        season=pick(world.SEASONS),
        food=pick(world.CATEGORIES["foods"]),
        job=pick(world.CATEGORIES["jobs"]),
    )


def write_exercises(rng: Random) -> str:
    """Return a list of tasks without answers."""
    shape = rng.random()
    # Open exercises are rare among numbered tasks, because self-instruct asks for those.
    open_share = 0.03 if shape < 0.5 else 0.4
    items = [
        write_open_exercise(rng) if rng.random() < open_share else task.instruction
        for task in draw_tasks(rng, rng.randint(3, 16))
    ]
    if shape < 0.25:
        text = "\n".join(f"{n}. {item}" for n, item in enumerate(items, 1))
    elif shape < 0.5:
        name, mark = (
            rng.choice(
                ("Task", "Task", "Exercise", "Question", "No.", "Problem", make_pseudo_word(rng).title())
            ),
            rng.choice((":", ":", ":", ".", ")", " -")),
        )
        gap = rng.choice(("\n", "\n", "\n\n"))
        text = gap.join(f"{name} {n}{mark} {item}" for n, item in enumerate(items, 1))
    elif shape < 0.65:
        text = rng.choice(("\n", "\n\n")).join(items)
    elif shape < 0.72:
        bullet = rng.choice(("- ", "* ", "+ "))
        text = "\n".join(bullet + item for item in items)
    else:
        text = " ".join(items[: rng.randint(1, 6)])
        return f"{text} {write_prose(rng)}" if rng.random() < 0.7 else text
    if rng.random() < 0.3:
        text = f"{write_heading(rng)}\n\n{text}"
    if rng.random() < 0.2:
        text = f"{text}\n\n{write_prose(rng)}"
    return text
