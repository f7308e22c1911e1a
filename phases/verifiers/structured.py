"""Verifiers of JSON, compact, spaced, indented or fenced: the types, ranges and contents of its values."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

from phases.verifiers.form import make_comparable, parse_json
from phases.verifiers.item_names import names_different_items
from phases.verifiers.mentions import find_topic_word
from phases.verifiers.text import normalize, split_words, strip_article

_HEDGE: Final = (
    r"(?:approximately|approx\.?|about|around|roughly|nearly|almost|over|more than|circa|ca\.|~|≈)\s*"
)
_AMOUNT: Final = re.compile(
    rf"(?:{_HEDGE})?(-?\d[\d,_ ]*(?:\.\d+)?)\s*(thousand|million|billion|k|m)?\b\s*"
    r"(?:years?(?: old)?|people|inhabitants|residents|%|percent|[a-z]{{1,3}}\b)?\s*(?:\(.*\))?",
    re.IGNORECASE,
)
_SCALES: Final = {"thousand": 1e3, "k": 1e3, "million": 1e6, "m": 1e6, "billion": 1e9}
_NAME: Final = re.compile(r"(?=.*[^\W\d_]{2}|.*['’][^\W\d_])[^\W\d_](?:[^\W\d_]|[.'’, -])*")


def has_json_fields(
    response: str, fields: Mapping[str, Mapping[str, Any]], pairs: Mapping[str, str] | None = None
) -> bool:
    """Return whether the response is a JSON object with exactly the fields, each with a suitable value.

    Args:
        response: the complete response.
        fields: what each value is, by key: `one_of` (alternatives), `number` (least and most; a number or a
            text such as "2.8 million"), `topic` and `absent` (words that a text must, must not mention),
            `name` (a capitalized name without digits), `text` (a text with a word), `value` (the same, or a
            number), or `question`.
        pairs: words that belong together: if the first field is a key of this mapping, the second one has its
            value (or one of those that `|` separates), as an author belongs to a title.
    """
    parsed = parse_json(response)
    if not isinstance(parsed, dict) or set(parsed) != set(fields):
        return False
    if not all(_is_suitable(parsed[key], expected) for key, expected in fields.items()):
        return False
    if pairs:
        first, second, *_ = (_fold_name(str(parsed[key])) for key in fields)
        surnames = pairs.get(first, "").split("|")
        if not any(_fold_name(surname) in second for surname in surnames):
            return False
        return first != second
    return True


def is_json_list_of(response: str, count: int, allowed: Sequence[str]) -> bool:
    """Return whether the response is a JSON array of `count` different allowed items, in any order.

    Items are compared as those of other lists: singular and plural are one item, and so are the names that
    `|` joins.
    """
    parsed = parse_json(response)
    if not isinstance(parsed, list) or not all(isinstance(item, str) for item in parsed):
        return False
    return len(parsed) == count and names_different_items(parsed, allowed)


def equals_json(response: str, value: object) -> bool:
    """Return whether the response is JSON of this value, however spaced; texts are compared normalized."""
    return _make_canonical(parse_json(response)) == _make_canonical(value)


def _make_canonical(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _make_canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_make_canonical(item) for item in value]
    return make_comparable(value)


def _fold_name(text: str) -> str:
    letters = unicodedata.normalize("NFKD", strip_article(normalize(text)))
    return "".join(letter for letter in letters if letter.isalnum() or letter == " ")


def _is_suitable(value: object, expected: Mapping[str, Any]) -> bool:
    if "topic" in expected and isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = ", ".join(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    if "number" in expected:
        least, most = expected["number"]
        amount = _read_amount(value)
        return amount is not None and least <= amount <= most
    if "one_of" in expected:
        return make_comparable(value) in [make_comparable(option) for option in expected["one_of"]]
    if "value" in expected:
        value = str(value)
    return isinstance(value, str) and _is_suitable_text(value.strip(), expected)


def _is_suitable_text(text: str, expected: Mapping[str, Any]) -> bool:
    if not split_words(text) or find_topic_word(text, expected.get("absent", ())):
        return False
    if expected.get("name") and not (_NAME.fullmatch(text) and not text.islower()):
        return False
    if expected.get("question") and not text.endswith("?"):
        return False
    return "topic" not in expected or find_topic_word(text, expected["topic"]) is not None


def _read_amount(value: str | int | float) -> float | None:
    if not isinstance(value, str):
        return float(value)
    match = _AMOUNT.fullmatch(value.strip())
    if not match:
        return None
    return float(re.sub(r"[,_ ]", "", match[1])) * _SCALES.get((match[2] or "").casefold(), 1)
