"""Whether a statement asserts an answer: it is not denied and not one of several.

Every accepted answer in a response is first replaced by a placeholder (`ANSWER`). Patterns around the
placeholder then tell whether the answer is denied ("It is not 12") or one of several ("12 or 13").
"""

import re
import unicodedata
from collections.abc import Collection, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

from phases.verifiers.number_words import replace_number_words
from phases.verifiers.text import (
    CACHED_TEXTS,
    STRAIGHT_MARKS,
    WORD_PART,
)

ANSWER: Final = "\ue000"
"""Placeholder of an accepted answer, a character of the private use area."""

NUMBER: Final = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?")
_NUMBER_OR_ANSWER: Final = re.compile(rf"{ANSWER}|{NUMBER.pattern}")
_NAME: Final = r"[^\W\d_][^\s,;/()]*"
_HEDGE: Final = r"(?:maybe|perhaps|possibly|probably|either|even|about|around)"
_FOREIGN_ARTICLES: Final = "une?|l[ea]s?|el|los|una|der|die|das|eine?|il|lo|gli|os?|uma?"
_LEAD: Final = (
    rf"(?:(?:{_HEDGE}|it's|its|it is|is it|they are|the answer is|an?|the|our|my|in|on|at"
    rf"|\w{{3,}}ly|{_FOREIGN_ARTICLES})\b\s*)*"
)
"""Articles, prepositions and hedges that may precede one of several answers."""
_SUBJECT: Final = r"(?:i|you|he|she|it|we|they)\s+"
_MORE_NAMES: Final = rf"(?:\s*,\s*{_LEAD}{_NAME}(?:\s{_NAME}){{0,2}}?)*"

_BETWEEN_ALTERNATIVES: Final = re.compile(
    r"(?:\s*(?P<unit>[^\W\d_]+(?:\s[^\W\d_]+)?)(?=\s*[,;/.]|\s+(?:or|and|to)\b))?"
    rf"(?:[\s,;/.–—-]|\b(?:or|and|to|{_HEDGE}|it is|it's)\b)+"
)
"""Text between two numbers that are alternatives, including the unit of the first."""
_ARITHMETIC_TERM: Final = re.compile(
    rf"\s*(?:[+*/×x÷^=-]\s*[\d{ANSWER}]|plus\b|minus\b|times\b|divided\b|multiplied\b)"
)

DENIAL: Final = re.compile(
    r"\b(?:not|no|never|neither|none|cannot|hardly|doubt|wrong|false|incorrect|untrue)\b|n't\b"
)
_DENIAL_OF_NEXT: Final = re.compile(
    r"\b(?:nor|except|until|unlike|without|besides|apart from|(?:rather|other) than|instead of"
    r"|anything but)\b"
)
_NOT_A_DENIAL: Final = re.compile(
    r"\b(?:no|without(?: a| any)?) doubt\b|\bnot (?:only|just)\b|\bnone other than\b"
)
_CLAUSE_START_BEFORE: Final = re.compile(
    r",(?!\d{3})|[;:()–—]|\s-\s|(?<!anything )\bbut\b|\bbecause\b|\bsince\b"
)
_CLAUSE_START_AFTER: Final = re.compile(
    rf"{_CLAUSE_START_BEFORE.pattern}|\b(?:and|as|so|that|when|where|which|while|who|if|though|although)\b"
)
_RETRACTION_WORDS: Final = frozenset(
    (
        *("a", "am", "an", "answer", "be", "believe", "but", "can", "certain", "correct", "course"),
        *("definitely", "do", "does", "i", "is", "it", "know", "my", "of", "quite", "really", "right"),
        *("so", "sure", "that", "the", "think", "this", "to", "true", "was", "which"),
    )
)
"""A clause that consists of these words and a denial retracts the answer before it."""

_TIMES: Final = frozenset(
    (
        *(
            "monday",
            "tuesday",
            "wednesday",
            "thursday",
            "friday",
            "saturday",
            "sunday",
            "january",
            "february",
        ),
        *("march", "april", "may", "june", "july", "august", "september", "october", "november", "december"),
        *("spring", "summer", "autumn", "winter"),
    )
)
_LIGATURES: Final = str.maketrans({"ß": "ss", "œ": "oe", "Œ": "Oe", "æ": "ae", "ø": "o", "ł": "l"})
_TRANSLITERATIONS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_REMARK: Final = re.compile(r"\s*\((?!or\b|maybe\b|perhaps\b|possibly\b)[^()]*\)")
_BETWEEN_PLACES: Final = re.compile(
    rf"(?<={ANSWER}), (?:\w+ly |about |halfway |midway |somewhere )?between (?:the )?\w+ and (?:the )?\w+"
)
"""Where a place is, as in "Canberra, roughly between Sydney and Melbourne"."""
_NAME_WORDS: Final = 3
"""Most words of a name in a list of names."""


def replace_answers(response: str, answers: Sequence[str], wrong: Collection[str] = ()) -> str:
    """Return the response case-folded, with numbers in digits and a placeholder for each accepted answer.

    Answers are also recognized without accents, except for spellings that are `wrong`.
    """
    values, accepted = _list_accepted(tuple(answers), frozenset(wrong))
    text = NUMBER.sub(
        lambda match: ANSWER if parse_digits(match[0]) in values else match[0], spell_in_digits(response)
    )
    for parts in accepted:
        # Compiling a pattern takes longer than finding that it cannot match.
        if all(part in text for part in parts):
            phrase = r"[\W_]+".join(map(re.escape, parts))
            text = re.sub(rf"(?<![^\W_]){phrase}(?![^\W_])", ANSWER, text)
    # "Paris not Lyon" has the clauses of "Paris, not Lyon".
    return re.sub(rf"(?<={ANSWER}) not (?=\w)", ", not ", text)


@lru_cache(CACHED_TEXTS)
def _list_accepted(
    answers: tuple[str, ...], wrong: frozenset[str]
) -> tuple[frozenset[float], tuple[tuple[str, ...], ...]]:
    """Return the values of accepted numbers, and the words of each accepted spelling, the longest first."""
    spellings = [form for answer in answers for form in (answer, *(list_plain_spellings(answer) - wrong))]
    accepted = list(dict.fromkeys(map(spell_in_digits, spellings)))
    values = frozenset(parse_digits(answer) for answer in accepted if NUMBER.fullmatch(answer))
    words = (tuple(WORD_PART.findall(answer)) for answer in sorted(accepted, key=len, reverse=True))
    return values, tuple(filter(None, words))


def list_plain_spellings(text: str) -> set[str]:
    """Return a text in the spelling of a keyboard without accents: "Malaga", "heiss", "schoen"."""
    transliterated = unicodedata.normalize("NFC", text).translate(_TRANSLITERATIONS)
    return {remove_accents(text), remove_accents(transliterated)} - {text}


@lru_cache(CACHED_TEXTS)
def remove_accents(text: str) -> str:
    """Return a text with plain Latin letters."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_LIGATURES))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


@lru_cache(CACHED_TEXTS)
def spell_in_digits(text: str) -> str:
    """Return the text case-folded, with straight marks and numbers in digits."""
    folded = unicodedata.normalize("NFC", text).translate(STRAIGHT_MARKS).casefold().replace(ANSWER, "")
    return re.sub(r"(?<=\w)-(?=\d)", " ", replace_number_words(folded))


def is_number(answer: str) -> bool:
    """Return whether an answer is a number, in digits or words."""
    return NUMBER.fullmatch(spell_in_digits(answer)) is not None


def parse_digits(digits: str) -> float:
    """Return the value of a number in digits."""
    return float(digits.replace(",", ""))


def is_asserted_alone(text: str, *, is_numeric: bool) -> bool:
    """Return whether a text asserts the answer (see `replace_answers`), and only that one."""
    if is_denied(text):
        return False
    claims = _remove_other_denials(text)
    return not (has_competing_number(claims) if is_numeric else _is_among_names(claims))


def _remove_other_denials(text: str) -> str:
    """Return the text without clauses that deny something other than the accepted answers."""
    parts = re.split(f"({_CLAUSE_START_BEFORE.pattern})", text)
    return "".join(part for part in parts if ANSWER in part or not DENIAL.search(part))


def is_denied(text: str) -> bool:
    """Return whether a text denies or retracts the answer."""
    text = _NOT_A_DENIAL.sub("", text)
    for answer in re.finditer(ANSWER, text):
        before = _CLAUSE_START_BEFORE.split(text[: answer.start()])[-1]
        after, *later_clauses = _CLAUSE_START_AFTER.split(text[answer.end() :])
        if DENIAL.search(before) or _DENIAL_OF_NEXT.search(before):
            return True
        if DENIAL.search(after) or any(map(_is_retraction, later_clauses)):
            return True
    return False


def _is_retraction(clause: str) -> bool:
    words = [word for word in re.findall(r"[\w']+|" + ANSWER, clause) if not DENIAL.search(word)]
    return DENIAL.search(clause) is not None and _RETRACTION_WORDS.issuperset(words)


def has_competing_number(text: str) -> bool:
    """Return whether another number is an alternative to the answer, as in 12 or 13."""
    for first, second in pairwise(_NUMBER_OR_ANSWER.finditer(text)):
        if first[0] == second[0] or ANSWER not in (first[0], second[0]):
            continue
        between = _BETWEEN_ALTERNATIVES.fullmatch(text[first.end() : second.start()])
        rest = text[second.end() :]
        if not between or _ARITHMETIC_TERM.match(rest):
            continue
        second_unit = re.match(r"\s*([^\W\d_]+(?:\s[^\W\d_]+)?)", rest)
        if not between["unit"] or not second_unit or between["unit"] == second_unit[1]:
            return True
    return False


def _is_among_names(text: str) -> bool:
    text = _BETWEEN_PLACES.sub("", _REMARK.sub("", text))
    return _is_alternative(text) or _is_listed(text)


def _is_alternative(text: str) -> bool:
    """Return whether the answer is on one side of an "or", or next to "between"."""
    for separator in re.finditer(r"\bor\b|/", text):
        answer_before = re.search(rf"{ANSWER}{_MORE_NAMES}\s*,?\s*$", text[: separator.start()])
        answer_after = re.match(rf"\s*(?:{_SUBJECT}|{_LEAD}){ANSWER}", text[separator.end() :])
        if (answer_before is None) != (answer_after is None):
            return True
    return bool(re.search(rf"\bbetween\s+{_LEAD}(?:{_NAME}\s+and\s+{_LEAD})?{ANSWER}", text))


def _is_listed(text: str) -> bool:
    """Return whether the complete text is a list of short names, of which the answer is one."""
    parts = re.split(r"\s*(,|;|/|&|\band\b|\bor\b)\s*", re.sub(rf"^{_LEAD}", "", text.rstrip(".!")))
    separators = set(parts[1::2])
    names = [part for part in parts[::2] if part and (ANSWER in part or not re.search(r"\d", part))]
    if any(len(name.split()) > _NAME_WORDS or re.search(r"\b(?:is|are|was|were)\b", name) for name in names):
        return False
    others = [name for name in names if ANSWER not in name]
    if not others:
        return False
    is_hedged = any(re.match(rf"{_HEDGE}\s+\w", name) for name in others)
    # "Paris, France" names a place, "Tuesday, Wednesday" two days.
    is_apposition = len(names) <= 2 and separators == {","} and not _TIMES & set(others)  # noqa: PLR2004
    return is_hedged or not is_apposition
