"""Simple sentences about the world."""

from random import Random

from tools.embedded_model import world


def add_article(word: str) -> str:
    """Return the word with its indefinite article."""
    return f"{'an' if word[0] in 'aeiouAEIOU' or word == 'hour' else 'a'} {word}"


def write_sentence(rng: Random) -> str:
    """Return a simple sentence about the world."""
    pick = rng.choice
    subject = pick(
        (
            f"The {pick(world.NOUNS)}",
            f"The {pick(world.ADJECTIVES)} {pick(world.CATEGORIES['animals'])}",
            pick(world.NAMES),
        )
    )
    verb, act = pick(world.TRANSITIVE), pick(world.INTRANSITIVE)
    return pick(
        (
            f"{subject} {act[1]} in the {pick(world.PLACES)}.",
            f"{subject} {verb[1]} the {pick(world.NOUNS)}.",
            f"{subject} {verb[1]} {add_article(pick(world.ADJECTIVES))} {pick(world.NOUNS)}.",
            f"{subject} is in the {pick(world.PLACES)}.",
            f"{subject} is very {pick(world.ADJECTIVES)}.",
            f"{subject} {act[1]} near the {pick(world.PLACES)} with {pick(world.NAMES)}.",
        )
    )


def write_sentence_with(word: str, rng: Random) -> str:
    """Return a sentence that contains a word: a noun, a name, an adjective or a place."""
    pick = rng.choice
    if word in world.NAMES:
        return pick(
            (
                f"{word} {pick(world.INTRANSITIVE)[1]} in the {pick(world.PLACES)}.",
                f"{word} has {add_article(pick(world.THINGS))}.",
            )
        )
    if word in world.ADJECTIVES:
        return pick(
            (
                f"The {pick(world.NOUNS)} is very {word}.",
                f"The {word} {pick(world.CATEGORIES['animals'])} {pick(world.INTRANSITIVE)[1]}.",
            )
        )
    if word in world.PLACES:
        return pick(
            (f"The {pick(world.NOUNS)} is in the {word}.", f"{pick(world.NAMES)} went to the {word}.")
        )
    return pick(
        (
            f"The {word} is in the {pick(world.PLACES)}.",
            f"{pick(world.NAMES)} {pick(world.TRANSITIVE)[1]} the {word}.",
            f"The {word} is very {pick(world.ADJECTIVES)}.",
            f"{pick(world.NAMES)} has {add_article(pick(world.ADJECTIVES))} {word}.",
        )
    )


def write_sentence_of(words: int, rng: Random) -> str:
    """Return a sentence of three to ten words."""
    pick = rng.choice
    noun, other = pick(world.CATEGORIES["animals"]), pick(world.NOUNS)
    adjective, act, verb = pick(world.ADJECTIVES), pick(world.INTRANSITIVE)[1], pick(world.TRANSITIVE)[1]
    return {
        3: f"The {noun} {act}.",
        4: f"The {adjective} {noun} {act}.",
        5: f"The {noun} {verb} the {other}.",
        6: f"The {adjective} {noun} {verb} the {other}.",
        7: f"The {noun} {act} in the {adjective} {pick(world.PLACES)}.",
        8: f"The {noun} {verb} the {other} in the {pick(world.PLACES)}.",
        9: f"The {adjective} {noun} {verb} the {other} in the {pick(world.PLACES)}.",
        10: (
            f"The {adjective} {noun} {verb} the {other} "
            f"near the {pick(world.ADJECTIVES)} {pick(world.PLACES)}."
        ),
    }[words]
