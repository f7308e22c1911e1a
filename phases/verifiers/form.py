"""Verifiers of form: letter case and JSON."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from phases.verifiers.stems import FUNCTION_WORDS
from phases.verifiers.text import normalize, split_words, unify_spelling

_SHORT_WORD: Final = 3
_MINOR_WORDS: Final = frozenset(word for word in FUNCTION_WORDS if len(word) <= _SHORT_WORD) | {
    *("via", "vs", "off", "per", "de", "du", "la", "le", "von", "van", "y", "et", "o", "n"),
}
"""Short words such as "of" and "the", which need not be capitalized in a title."""


def is_upper_case(response: str) -> bool:
    """Return whether the response has letters and none is lower case."""
    return response.isupper()


def is_lower_case(response: str) -> bool:
    """Return whether the response has letters and none is upper case."""
    return response.islower()


def is_title_case(response: str) -> bool:
    """Return whether the first word and all but short function words begin with a capital or a digit."""
    words = split_words(response)
    if not words or not _is_capitalized(words[0]):
        return False
    return all(_is_capitalized(word) or _is_minor_word(word) for word in words)


def _is_minor_word(word: str) -> bool:
    is_short = sum(map(str.isalpha, word)) <= _SHORT_WORD
    return is_short and _MINOR_WORDS.issuperset(re.findall(r"\w+", word))


def _is_capitalized(word: str) -> bool:
    return word[0].isupper() or word[0].isdigit()


def is_json_object(
    response: str, keys: Sequence[str] = (), values: Mapping[str, object] | None = None, exact: bool = True
) -> bool:
    """Return whether the response is a JSON object, optionally in a fence of backticks.

    Args:
        response: the complete response.
        keys: keys that the object must have.
        values: expected values by key; a list names alternatives. Strings are compared normalized.
        exact: reject keys that neither `keys` nor `values` names, if either is given.

    No value may be null or a blank string.
    """
    parsed = parse_json(response)
    if not isinstance(parsed, dict) or not parsed or any(map(_is_blank, parsed.values())):
        return False
    expected = dict(values or {})
    required = {*keys, *expected}
    if not required <= set(parsed):
        return False
    if exact and required and set(parsed) - required:
        return False
    for key, value in expected.items():
        alternatives = value if isinstance(value, list) else [value]
        if make_comparable(parsed[key]) not in [make_comparable(alternative) for alternative in alternatives]:
            return False
    return True


def is_json_array(response: str, count: int, allowed: Sequence[object] | None = None) -> bool:
    """Return whether the response is a JSON array of `count` different strings or numbers.

    A fence of backticks is allowed, a blank string is not. With `allowed`, every item is one of those;
    strings are compared normalized.
    """
    parsed = parse_json(response)
    if not isinstance(parsed, list) or any(map(_is_blank, parsed)):
        return False
    if any(isinstance(item, bool) or not isinstance(item, str | int | float) for item in parsed):
        return False
    items = [make_comparable(item) for item in parsed]
    if not (len(items) == len(set(items)) == count):
        return False
    if allowed is None:
        return True
    accepted = [make_comparable(item) for item in allowed]
    return all(item in accepted for item in items)


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def make_comparable(value: object) -> object:
    """Return a JSON value in the form in which values are compared; texts are normalized."""
    # True == 1 in Python, but not in JSON.
    if isinstance(value, bool):
        return str(value), bool
    return unify_spelling(normalize(value)) if isinstance(value, str) else value


def parse_json(response: str) -> object:
    """Return the value of JSON text, in a fence of backticks or not, or None if it is not valid."""
    fenced = re.fullmatch(r"(`{1,3})(?:json\b)?\s*(.*?)\s*\1", response, re.DOTALL | re.IGNORECASE)
    try:
        return json.loads(fenced[2] if fenced else response, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        return None


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is accepted by Python but is not valid JSON")
