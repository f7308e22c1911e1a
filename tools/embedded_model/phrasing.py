"""Phrasing orders and questions in several manners."""

from collections.abc import Sequence
from random import Random
from typing import Final

_ORDERS: Final = (
    *("{0}{1}.",) * 5,
    "Please {2}{1}.",
    "Can you {2}{1}?",
    "Now {2}{1}.",
    "Your task is to {2}{1}.",
    "{0}{1}, please.",
)


_QUESTIONS: Final = (
    *("{0}{1}?",) * 6,
    "Please answer: {2}{1}?",
    "Tell me, {2}{1}?",
    "Here is a question: {2}{1}?",
)


def _phrase(form: str, text: str) -> str:
    return form.format(text[0].upper(), text[1:], text[0].lower())


def phrase_order(rng: Random, *choices: str) -> str:
    """Return one of the orders in one of several manners: `name a dog` becomes `Please name a dog.`."""
    text = rng.choice(choices)
    if ":" in text or '"' in text:  # Such an order already ends with its object.
        return text[0].upper() + text[1:]
    return _phrase(rng.choice(_ORDERS), text)


def phrase_question(rng: Random, *choices: str) -> str:
    """Return one of the questions in one of several manners."""
    return _phrase(rng.choice(_QUESTIONS), rng.choice(choices))


def phrase_order_or_question(rng: Random, orders: Sequence[str], questions: Sequence[str]) -> str:
    """Return an order or a question, all phrasings equally likely."""
    if rng.randrange(len(orders) + len(questions)) < len(orders):
        return phrase_order(rng, *orders)
    return phrase_question(rng, *questions)
