"""Verifiers of content: fixed answers, keywords, beginnings and endings, language and refusals."""

import re
from collections.abc import Sequence

from phases.verifiers.languages import detect_language, has_words_of_language
from phases.verifiers.text import (
    QUOTES,
    STRAIGHT_MARKS,
    count_phrase,
    has_phrase,
    is_within,
    normalise,
    split_lines,
    split_words,
    strip_article,
    unify_spelling,
)


def is_one_of(response: str, answers: Sequence[str]) -> bool:
    """Return whether the normalised response is one of the answers, with or without a leading article."""
    accepted = {unify_spelling(strip_article(normalise(answer))) for answer in answers}
    return unify_spelling(strip_article(normalise(response))) in accepted


def equals_text(response: str, text: str, ignore_case: bool = False) -> bool:
    """Return whether the response is the text, ignoring whitespace around its lines.

    Quotes, emphasis and a final mark around a line are ignored if the text itself has none.
    """
    lines, expected = split_lines(response), split_lines(text)
    if ignore_case:
        lines, expected = [line.casefold() for line in lines], [line.casefold() for line in expected]
    return len(lines) == len(expected) and all(
        wanted in (line, _strip_marks(line)) for line, wanted in zip(lines, expected, strict=True)
    )


def _strip_marks(line: str) -> str:
    marks = QUOTES + "*_"
    return line.strip(marks).removesuffix(".").removesuffix("!").strip(marks)


def has_keywords(response: str, present: Sequence[str] = (), absent: Sequence[str] = ()) -> bool:
    """Return whether all `present` words or phrases occur and no `absent` one does."""
    return all(has_phrase(response, phrase) for phrase in present) and not any(
        has_phrase(response, phrase) for phrase in absent
    )


def has_any_keyword(response: str, options: Sequence[str]) -> bool:
    """Return whether at least one of the words or phrases occurs."""
    return any(has_phrase(response, phrase) for phrase in options)


def has_keyword_count(
    response: str, word: str, at_least: int | None = None, at_most: int | None = None
) -> bool:
    """Return whether the number of occurrences of the word lies within the bounds."""
    return is_within(count_phrase(response, word), at_least, at_most)


def starts_with(response: str, text: str) -> bool:
    """Return whether the response begins with the text as complete words, ignoring case, and continues."""
    response, text = response.translate(STRAIGHT_MARKS), text.translate(STRAIGHT_MARKS)
    rest = response[len(text) :]
    return (
        response[: len(text)].casefold() == text.casefold()
        and not (text[-1:].isalnum() and rest[:1].isalnum())
        and bool(split_words(rest))
    )


def ends_with(response: str, text: str) -> bool:
    """Return whether the normalised response ends with the normalised text and has words before it."""
    ending, normalised = normalise(text), normalise(response)
    before = normalised[: -len(ending)]
    return normalised.endswith(ending) and bool(split_words(before)) and not before[-1:].isalnum()


def is_yes_or_no(response: str, answer: str | None = None) -> bool:
    """Return whether the response is yes or no (with `answer`: that one) and at most one . or ! after it."""
    match = re.fullmatch(r"(yes|no)[.!]?", response.casefold())
    return match is not None and answer in (None, match[1])


def is_quoted(response: str) -> bool:
    """Return whether the complete response stands in double quotes, straight or curly, with none inside."""
    return bool(re.fullmatch(r"\"[^\"]+\"|“[^“”]+”", response)) and bool(split_words(response))


def is_in_language(response: str, code: str, words: Sequence[str] = ()) -> bool:
    """Return whether the response is in the language with this code; see `languages.detect_language`.

    `words` are words of the language (see `mentions`) by which a short text is recognised that the detection
    may mistake for another language.
    """
    return detect_language(response) == code or has_words_of_language(response, code, words)
