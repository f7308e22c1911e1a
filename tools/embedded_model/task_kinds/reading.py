"""Tasks of writing and reading sentences."""

# ruff: noqa: PLR2004 - the numbers are shares and sizes, each used once

from random import Random

from tools.embedded_model import world
from tools.embedded_model.phrasing import phrase_order
from tools.embedded_model.sentences import add_article, write_sentence, write_sentence_of, write_sentence_with
from tools.embedded_model.task import Task, accept_any, is_one_sentence, split_words


def make_sentence_with_word(rng: Random) -> Task:
    """Write a sentence with the word dog."""
    word = rng.choice(rng.choice((world.NOUNS, world.NOUNS, world.PLACES, world.ADJECTIVES, world.NAMES)))
    text = phrase_order(
        rng,
        f"write a sentence with the word {word}",
        f"use the word {word} in a sentence",
        f"make a short sentence with {word}",
        f"write one sentence that contains the word {word}",
    )
    return Task(
        "sentence with a word",
        text,
        write_sentence_with(word, rng),
        lambda r: is_one_sentence(r, text) and word.casefold() in [w.casefold() for w in split_words(r)],
    )


def make_sentence_about(rng: Random) -> Task:
    """Write a sentence about a dog."""
    word = rng.choice(world.CATEGORIES["animals"])
    text = phrase_order(
        rng,
        f"write a sentence about {add_article(word)}",
        f"say something about {add_article(word)}",
        f"write one sentence about the {word}",
    )
    return Task(
        "sentence about",
        text,
        write_sentence_with(word, rng),
        lambda r: is_one_sentence(r, text) and word in [w.casefold() for w in split_words(r)],
    )


def make_sentence_length(rng: Random) -> Task:
    """Write a sentence of exactly five words."""
    count = rng.randint(3, 10)
    n = world.ONES[count] if rng.random() < 0.7 else str(count)
    text = phrase_order(
        rng,
        f"write a sentence of exactly {n} words",
        f"write a sentence with {n} words",
        f"make a sentence that has {n} words",
    )
    return Task(
        "sentence length",
        text,
        write_sentence_of(count, rng),
        lambda r: is_one_sentence(r, text) and len(split_words(r)) == count,
    )


def make_word_count(rng: Random) -> Task:
    """How many words are in the sentence "The dog runs."? -> 3."""
    count = rng.randint(3, 10)
    text = rng.choice(
        (
            'How many words are in this sentence: "{}"',
            'Count the words in "{}"',
            'How many words does this sentence have: "{}"',
        )
    )
    return Task(
        "word count",
        text.format(write_sentence_of(count, rng)),
        str(count),
        accept_any(str(count), world.ONES[count]),
    )


def make_word_of_sentence(rng: Random) -> Task:
    """What is the last word of "The dog runs."? -> runs."""
    text = write_sentence(rng)
    words = split_words(text)
    which, word = rng.choice((("first", words[0]), ("second", words[1]), ("last", words[-1])))
    form = rng.choice(
        (
            'What is the {} word of "{}"',
            'Give the {} word of this sentence: "{}"',
            'Write the {} word of "{}"',
        )
    )
    return Task("word of a sentence", form.format(which, text), word, accept_any(word))


def make_list_item(rng: Random) -> Task:
    """Which word comes second in this list: dog, cat, cow? -> cat."""
    items = rng.sample(world.CATEGORIES[rng.choice(world.LISTED)], rng.randint(3, 5))
    position = rng.randrange(len(items))
    which = "last" if position == len(items) - 1 and rng.random() < 0.5 else world.ORDINALS[position]
    form = rng.choice(
        ("What is the {} word in this list: {}", "Give the {} item: {}", "Which word is {} in this list: {}")
    )
    return Task(
        "item of a list", form.format(which, ", ".join(items)), items[position], accept_any(items[position])
    )


def make_replacement(rng: Random) -> Task:
    """Replace dog with cat: The dog runs. -> The cat runs."""
    old, new = rng.sample(world.CATEGORIES["animals"], 2)
    text = write_sentence_with(old, rng)
    answer = text.replace(old, new)
    form = rng.choice(
        (
            "Replace {} with {}: {}",
            "Change {} to {} in this sentence: {}",
            "Write this sentence with {1} instead of {0}: {2}",
        )
    )
    return Task("replace", form.format(old, new, text), answer, accept_any(answer))


def make_reading(rng: Random) -> Task:
    """Tom has a red ball. What color is the ball? -> red."""
    pick = rng.choice
    who, other = rng.sample(world.NAMES, 2)
    thing, color, place = pick(world.THINGS), pick(world.CATEGORIES["colors"]), pick(world.PLACES)
    text, answer = pick(
        (
            (f"{who} has {add_article(color)} {thing}. What color is the {thing}?", color),
            (f"{who} has {add_article(color)} {thing}. Who has the {thing}?", who),
            (f"{who} is in the {place} and {other} is in the {pick(world.PLACES)}. Where is {who}?", place),
            (f"The {thing} is in the {place}. Where is the {thing}?", place),
            (f"{who} gave {other} {add_article(thing)}. What did {who} give?", thing),
            (f"{who} gave {other} {add_article(thing)}. Who got the {thing}?", other),
        )
    )
    accepted = (answer, f"in the {answer}", f"a {answer}", f"an {answer}", f"the {answer}")
    return Task("reading", text, answer, accept_any(*accepted))
