"""Tasks about the letters and forms of words."""

# ruff: noqa: PLR2004 - the numbers are shares and sizes, each used once

from random import Random

from tools.embedded_model import world
from tools.embedded_model.phrasing import phrase_order, phrase_order_or_question, phrase_question
from tools.embedded_model.task import Task, accept_any, accept_exactly


def make_case_change(rng: Random) -> Task:
    """Write the word dog in uppercase. -> DOG."""
    word = rng.choice(world.SPELLED)
    if rng.random() < 0.65:
        text = phrase_order(
            rng,
            f"write the word {word} in uppercase",
            f"write {word} in capital letters",
            f"put the word {word} into upper case",
            f"change {word} to all capitals",
        )
        return Task("uppercase", text, word.upper(), accept_exactly(word.upper()))
    text = phrase_order(
        rng,
        f"write the word {word.upper()} in lowercase",
        f"write {word.upper()} in small letters",
        f"change {word.upper()} to lower case",
    )
    return Task("lowercase", text, word, accept_exactly(word))


def make_spelling(rng: Random) -> Task:
    """Spell the word dog. -> d-o-g."""
    word = rng.choice(world.SPELLED)
    text = phrase_order(
        rng,
        f"spell the word {word}",
        f"spell {word}",
        f"write the letters of {word} with dashes between them",
    )
    if rng.random() < 0.3:
        text = phrase_order(
            rng, f"write the word {word} backwards", f"spell {word} backwards", f"reverse the word {word}"
        )
        return Task("spell", text, word[::-1], accept_any(word[::-1]))
    return Task("spell", text, "-".join(word), accept_any("-".join(word)))


def make_letter(rng: Random) -> Task:
    """What is the first letter of dog? -> d."""
    word = rng.choice(world.SPELLED)
    if rng.random() < 0.15:
        counted = rng.choice(word)
        text = phrase_question(
            rng,
            f"how many times does the letter {counted} occur in {word}",
            f"how often is the letter {counted} in the word {word}",
        )
        return Task("letter count", text, str(word.count(counted)), accept_any(str(word.count(counted))))
    if rng.random() < 0.3:
        text = phrase_order_or_question(
            rng,
            (f"count the letters in the word {word}",),
            (f"how many letters are in the word {word}", f"how many letters does {word} have"),
        )
        answer = len(word)
        return Task("letter count", text, str(answer), accept_any(str(answer), world.ONES[answer]))
    which, letter = rng.choice(
        (("first", word[0]), ("last", word[-1]), ("second", word[1]), ("third", word[2]))
    )
    text = phrase_order_or_question(
        rng,
        (f"give the {which} letter of {word}", f"write the {which} letter of the word {word}"),
        (f"what is the {which} letter of {word}", f"which letter is the {which} in the word {word}"),
    )
    return Task("first or last letter", text, letter, accept_any(letter))


def make_grammar(rng: Random) -> Task:
    """Give the plural, the past tense or the comparative of a word."""
    name, table = rng.choice(
        (("plural", world.PLURALS), ("past tense", world.PAST), ("comparative", world.COMPARATIVES))
    )
    word = rng.choice(tuple(table))
    text = phrase_order_or_question(
        rng,
        (f"give the {name} of {word}", f"write the {name} of the word {word}", f"form the {name} of {word}"),
        (f"what is the {name} of {word}",),
    )
    return Task(name, text, table[word], accept_any(table[word]))


def make_rhyme(rng: Random) -> Task:
    """Find a word that rhymes with cat. -> hat."""
    word = rng.choice([w for words in world.RHYMES.values() for w in words])
    rhymes = sorted({w for words in world.RHYMES.values() if word in words for w in words if w != word})
    text = phrase_order_or_question(
        rng,
        (f"find a word that rhymes with {word}", f"give a rhyme for {word}"),
        (f"which word rhymes with {word}", f"what rhymes with {word}"),
    )
    return Task("rhyme", text, rng.choice(rhymes), accept_any(*rhymes))


def make_repetition(rng: Random) -> Task:
    """Repeat the word dog three times. -> dog dog dog."""
    word, count = rng.choice((*world.SPELLED, "hello", "yes", "no")), rng.randint(2, 8)
    times = (
        "twice"
        if count == 2 and rng.random() < 0.5
        else f"{world.ONES[count] if rng.random() < 0.7 else count} times"
    )
    text = phrase_order(
        rng,
        f"repeat the word {word} {times}",
        f"write {word} {times}",
        f"say {word} {times}",
        f"write the word {word} {times}",
    )
    answer = " ".join([word] * count)
    return Task("repeat", text, answer, lambda r: r.strip().replace(",", "").rstrip(".") == answer)


def make_enclosure(rng: Random) -> Task:
    """Write the word dog in quotation marks. -> "dog"."""
    word = rng.choice(world.SPELLED)
    orders, answer = rng.choice(
        (
            (
                (
                    f"write the word {word} in quotation marks",
                    f"put quotation marks around {word}",
                    f"write {word} in quotes",
                ),
                f'"{word}"',
            ),
            ((f"write the word {word} in brackets", f"put brackets around {word}"), f"({word})"),
            (
                (f"write {word} with an exclamation mark", f"write {word} and end with an exclamation mark"),
                f"{word}!",
            ),
            ((f"write {word} with a question mark", f"put a question mark after {word}"), f"{word}?"),
        )
    )
    return Task("enclose", phrase_order(rng, *orders), answer, accept_exactly(answer))
