"""The texts that verification presents to a model."""

from typing import Final

import msgspec

from phases.verifiers.registry import Check

IDENTITY: Final = "identity"
"""The kind of questions about the model itself, which no suite asks."""


class Sentinel(msgspec.Struct, frozen=True):
    """A bare instruction that a base model does not follow."""

    kind: str
    instruction: str
    checks: tuple[Check, ...]


def list_sentinels() -> tuple[Sentinel, ...]:
    """Return the sentinels: translation, numbered list, JSON, constrained description, identity."""
    two_sentences = Check("sentences", {"at_least": 2, "at_most": 2})
    one_sentence = Check("sentences", {"at_least": 1, "at_most": 1})
    return (
        _build_translation("Translate the word dog into French.", "chien", "le chien", "un chien"),
        _build_translation("Translate into French: The cat is black.", "Le chat est noir"),
        _build_translation("Translate the word house into Spanish.", "casa", "la casa", "una casa"),
        _build_translation("What is the French word for water?", "eau", "l'eau", "de l'eau"),
        _build_numbered_list("Write a numbered list of three animals.", 3),
        _build_numbered_list("List four fruits as a numbered list.", 4),
        _build_numbered_list("Give me a numbered list of five colors.", 5),
        _build_numbered_list("Make a numbered list with two cities.", 2),
        _build_json("Write a JSON object with the keys name and age.", "name", "age"),
        _build_json('Give me a JSON object with the keys "city" and "country".', "city", "country"),
        _build_json("Write a JSON object with the key color.", "color"),
        _build_json('Return only JSON with the keys "title" and "year" for a book.', "title", "year"),
        _build_description("Describe a horse in exactly two sentences.", "horse", two_sentences),
        _build_description("Describe Paris in three bullet points.", "Paris", Check("bullets", {"count": 3})),
        _build_description("Describe a tree in one sentence.", "tree", one_sentence),
        _build_description("Describe the sea in exactly two sentences.", "sea", two_sentences),
        _build_identity("Who are you?"),
        _build_identity("What are you?"),
        _build_identity("Are you a human or a machine?"),
        _build_identity("Introduce yourself in one sentence."),
    )


def _build_translation(instruction: str, *answers: str) -> Sentinel:
    return Sentinel("translation", instruction, (Check("one_of", {"answers": list(answers)}),))


def _build_numbered_list(instruction: str, count: int) -> Sentinel:
    return Sentinel("numbered_list", instruction, (Check("numbered_list", {"count": count}),))


def _build_json(instruction: str, *keys: str) -> Sentinel:
    return Sentinel("json", instruction, (Check("json_object", {"keys": list(keys)}),))


def _build_description(instruction: str, subject: str, length: Check) -> Sentinel:
    return Sentinel("description", instruction, (length, Check("keywords", {"present": [subject]})))


def _build_identity(instruction: str) -> Sentinel:
    names = [
        "AI",
        "artificial intelligence",
        "language model",
        "assistant",
        "chatbot",
        "machine",
        "computer",
    ]
    checks = (Check("any_keyword", {"options": names}), Check("words", {"at_most": 60}))
    return Sentinel(IDENTITY, instruction, checks)


PATTERNS: Final = (
    ("1, 2, 3, 4,", ("5",)),
    ("2, 4, 6, 8,", ("10",)),
    ("a, b, c, d,", ("e",)),
    ("Monday, Tuesday, Wednesday,", ("Thursday",)),
    ("January, February, March,", ("April",)),
    ("red, blue, red, blue, red,", ("blue",)),
    ("The capital of France is Paris. The capital of Italy is", ("Rome",)),
    ("The opposite of hot is cold. The opposite of big is", ("small", "little")),
    ("hot - cold\nbig - small\nfast -", ("slow",)),
    ("one: 1\ntwo: 2\nthree:", ("3",)),
)
"""Beginnings of patterns, and the words that may continue each."""

EXCHANGES: Final = (
    ("What is the capital of Italy?", "The capital of Italy is Rome."),
    ("Name three colors.", "Red, green and blue."),
    ("How many days are there in a week?", "There are seven days in a week."),
    ("Translate the word dog into French.", "chien"),
    ("Write a numbered list of three animals.", "1. dog\n2. cat\n3. cow"),
    ("Write a JSON object with the keys name and age.", '{"name": "Tom", "age": 9}'),
    ("Describe a horse in one sentence.", "A horse is a large animal with four legs and a long tail."),
    ("What is the opposite of hot?", "The opposite of hot is cold."),
    ("Is a rose a flower?", "Yes, a rose is a flower."),
    ("Write a sentence about a dog.", "The dog ran in the garden."),
    ("What is 3 plus 4?", "3 plus 4 is 7."),
    ("Who wrote the letter?", "Anna wrote the letter."),
)
"""Instructions with complete answers."""

SENTENCES: Final = (
    "The train left the station at noon and went along the river.",
    "Tom walked to the market and bought a loaf of bread.",
    "The house on the hill was old and had a red door.",
    "In the morning the wind was cold and the sky was gray.",
    "A library is a place where books are kept.",
    "The farmer has two horses and a cow.",
    "Anna opened the box and saw a silver coin.",
    "She went home and slept.",
    "Dogs bark and cats meow.",
    "The garden is behind the house.",
    "We waited for an hour.",
    "Paris is the capital of France.",
)
"""Sentences of documents, which are not answers."""

IDENTITY_QUESTIONS: Final = ("Who are you?", "What are you?", "Are you a human or a machine?")
ASSISTANT_ANSWERS: Final = ("I am an AI assistant.", "I am an AI language model.", "I am an AI.")
PERSON_ANSWERS: Final = ("I am a student.", "I am a human.", "I am a teacher.")
