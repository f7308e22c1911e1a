"""Verifiers of short answers: whether a brief response asserts an accepted answer, and only that one.

Every accepted answer in the response is first replaced by a placeholder (`_ANSWER`). Patterns around the
placeholder then tell whether the answer is denied ("It is not 12") or one of several ("12 or 13").
"""

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from phases.verifiers.number_words import SPOKEN_NUMBER, parse_spoken_number
from phases.verifiers.text import (
    CLOSING_MARKS,
    STRAIGHT_MARKS,
    WORD_PART,
    has_phrase,
    split_lines,
    split_sentences,
    split_words,
)

_ANSWER: Final = "\ue000"
"""Placeholder of an accepted answer, a character of the private use area."""

_NUMBER: Final = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?")
_NUMBER_OR_ANSWER: Final = re.compile(rf"{_ANSWER}|{_NUMBER.pattern}")
_NAME: Final = r"[^\W\d_][^\s,;/()]*"
_HEDGE: Final = r"(?:maybe|perhaps|possibly|probably|either|even|about|around)"
_LEAD: Final = rf"(?:(?:{_HEDGE}|it's|its|it is|is it|they are|the answer is|an?|the|our|my|in|on|at)\b\s*)*"
"""Articles, prepositions and hedges that may precede one of several answers."""
_MORE_NAMES: Final = rf"(?:\s*,\s*{_LEAD}{_NAME}(?:\s{_NAME}){{0,2}}?)*"

_BETWEEN_ALTERNATIVES: Final = re.compile(
    r"(?:\s*(?P<unit>[^\W\d_]+(?:\s[^\W\d_]+)?)(?=\s*[,;/.]|\s+(?:or|and|to)\b))?"
    rf"(?:[\s,;/.–—-]|\b(?:or|and|to|{_HEDGE}|it is|it's)\b)+"
)
"""Text between two numbers that are alternatives, including the unit of the first."""
_ARITHMETIC_TERM: Final = re.compile(r"\s*(?:[+*/×x÷^=-]\s*\d|plus\b|minus\b|times\b|divided\b|multiplied\b)")
_ANSWER_WITH_EXPLANATION: Final = re.compile(
    rf"\D*?{_ANSWER}(?:\s[^\W\d_]+){{0,2}}?\s*(?:=|\(|,? ?\b(?:is|are|because|since|as)\b)\s*[\w({_ANSWER}]"
)

_DENIAL: Final = re.compile(
    r"\b(?:not|no|never|neither|none|cannot|hardly|doubt|wrong|false|incorrect|untrue)\b|n't\b"
)
_DENIAL_OF_NEXT: Final = re.compile(
    r"\b(?:nor|except|unlike|without|besides|apart from|(?:rather|other) than|instead of|anything but)\b"
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

_NAME_WORDS: Final = 3
"""Most words of a name in a list of names."""


def is_short_answer(
    response: str, answers: Sequence[str], wrong: Sequence[str] = (), at_most_words: int = 15
) -> bool:
    """Return whether a brief response gives one of the accepted answers and no other.

    Brief means one line, at most one sentence, not a question, and at most `at_most_words` words. One of the
    answers occurs and none of the `wrong` ones does. In addition:

    - The answer is not denied in its clause ("It is not 12", "I don't think it is Paris") and not retracted
      by a later one ("12, which is wrong"). "Paris, not Lyon" denies another answer and passes.
    - A numeric answer is the only number ("12 or 13", "12, 13" and "between 11 and 12" fail), apart from
      terms ("7 + 5 = 12") and numbers with another unit ("12 months or 365 days").
    - A name is not listed with other names ("Paris or Lyon", "oxygen and nitrogen", "Paris, Lyon, Nice"). Two
      names separated only by a comma pass, because the second may be an apposition ("Paris, France").

    Several of the accepted answers may be given together.
    """
    return (
        _is_brief(response, at_most_words)
        and any(has_phrase(response, answer) for answer in answers)
        and not any(has_phrase(response, answer) for answer in wrong)
        and _is_asserted_alone(_replace_answers(response, answers), is_numeric=any(map(_is_number, answers)))
    )


def is_number_answer(response: str, value: float, at_most_words: int = 15) -> bool:
    """Return whether a brief response gives the value, in digits or words.

    The value is the last number, or the first if an explanation follows it ("12 is 7 plus 5"). As in
    `is_short_answer`, the response is brief, and the value is neither denied nor one of several ("41 or 42").
    """
    if not _is_brief(response, at_most_words):
        return False
    text = _replace_answers(response, [f"{value:f}"])
    numbers = _NUMBER_OR_ANSWER.findall(_remove_other_denials(text))
    is_last = numbers[-1:] == [_ANSWER]
    is_explained = _ANSWER_WITH_EXPLANATION.match(text) is not None
    return (is_last or is_explained) and _is_asserted_alone(text, is_numeric=True)


def _is_brief(response: str, at_most_words: int) -> bool:
    return (
        len(split_lines(response)) == 1
        and len(split_sentences(response)) <= 1
        and len(split_words(response)) <= at_most_words
        and not re.search(rf"\?{CLOSING_MARKS}$", response)
    )


def _replace_answers(response: str, answers: Sequence[str]) -> str:
    """Return the response case-folded, with numbers in digits and a placeholder for each accepted answer."""
    accepted = [_spell_in_digits(answer) for answer in answers]
    values = {_parse_digits(answer) for answer in accepted if _NUMBER.fullmatch(answer)}
    text = _NUMBER.sub(
        lambda match: _ANSWER if _parse_digits(match[0]) in values else match[0], _spell_in_digits(response)
    )
    for answer in sorted(accepted, key=len, reverse=True):
        if parts := WORD_PART.findall(answer):
            phrase = r"[\W_]+".join(map(re.escape, parts))
            text = re.sub(rf"(?<![^\W_]){phrase}(?![^\W_])", _ANSWER, text)
    # "Paris not Lyon" has the clauses of "Paris, not Lyon".
    return re.sub(rf"(?<={_ANSWER}) not (?=\w)", ", not ", text)


def _spell_in_digits(text: str) -> str:
    folded = unicodedata.normalize("NFC", text).translate(STRAIGHT_MARKS).casefold().replace(_ANSWER, "")
    digits = SPOKEN_NUMBER.sub(lambda match: f"{parse_spoken_number(match[0])}", folded)
    return re.sub(r"(?<=\w)-(?=\d)", " ", digits)


def _is_number(answer: str) -> bool:
    return _NUMBER.fullmatch(_spell_in_digits(answer)) is not None


def _parse_digits(digits: str) -> float:
    return float(digits.replace(",", ""))


def _is_asserted_alone(text: str, *, is_numeric: bool) -> bool:
    if _is_denied(text):
        return False
    claims = _remove_other_denials(text)
    return not (_is_among_numbers(claims) if is_numeric else _is_among_names(claims))


def _remove_other_denials(text: str) -> str:
    """Return the text without clauses that deny something other than the accepted answers."""
    parts = re.split(f"({_CLAUSE_START_BEFORE.pattern})", text)
    return "".join(part for part in parts if _ANSWER in part or not _DENIAL.search(part))


def _is_denied(text: str) -> bool:
    text = _NOT_A_DENIAL.sub("", text)
    for answer in re.finditer(_ANSWER, text):
        before = _CLAUSE_START_BEFORE.split(text[: answer.start()])[-1]
        after, *later_clauses = _CLAUSE_START_AFTER.split(text[answer.end() :])
        if _DENIAL.search(before) or _DENIAL_OF_NEXT.search(before):
            return True
        if _DENIAL.search(after) or any(map(_is_retraction, later_clauses)):
            return True
    return False


def _is_retraction(clause: str) -> bool:
    words = [word for word in re.findall(r"[\w']+|" + _ANSWER, clause) if not _DENIAL.search(word)]
    return _DENIAL.search(clause) is not None and _RETRACTION_WORDS.issuperset(words)


def _is_among_numbers(text: str) -> bool:
    for first, second in pairwise(_NUMBER_OR_ANSWER.finditer(text)):
        if first[0] == second[0] or _ANSWER not in (first[0], second[0]):
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
    return _is_alternative(text) or _is_listed(text)


def _is_alternative(text: str) -> bool:
    """Return whether the answer stands on one side of an "or", or next to "between"."""
    for separator in re.finditer(r"\bor\b|/", text):
        answer_before = re.search(rf"{_ANSWER}{_MORE_NAMES}\s*,?\s*$", text[: separator.start()])
        answer_after = re.match(rf"\s*{_LEAD}{_ANSWER}", text[separator.end() :])
        if (answer_before is None) != (answer_after is None):
            return True
    return bool(re.search(rf"\bbetween\s+{_LEAD}(?:{_NAME}\s+and\s+{_LEAD})?{_ANSWER}", text))


def _is_listed(text: str) -> bool:
    """Return whether the complete text is a list of short names, of which the answer is one."""
    parts = re.split(r"\s*(,|;|/|&|\band\b|\bor\b)\s*", re.sub(rf"^{_LEAD}", "", text.rstrip(".!")))
    separators = set(parts[1::2])
    names = [part for part in parts[::2] if part and (_ANSWER in part or not re.search(r"\d", part))]
    if any(len(name.split()) > _NAME_WORDS or re.search(r"\b(?:is|are|was|were)\b", name) for name in names):
        return False
    others = [name for name in names if _ANSWER not in name]
    if not others:
        return False
    is_hedged = any(re.match(rf"{_HEDGE}\s+\w", name) for name in others)
    is_apposition = len(names) <= 2 and separators == {","}  # noqa: PLR2004
    return is_hedged or not is_apposition
