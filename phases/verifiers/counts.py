"""Verifiers that count: words, sentences, paragraphs, lines, list items, sections and placeholders."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from phases.verifiers.statements import strip_emphasis
from phases.verifiers.text import (
    BULLET_LINE,
    CLOSING_MARKS,
    NUMBERED_LINE,
    WORD_PART,
    is_within,
    normalize,
    split_items,
    split_lines,
    split_paragraphs,
    split_sentences,
    split_words,
)

_NUMBERED_HEADING: Final = re.compile(
    r"\W*(?:section|part|step|chapter|task|scene|act)\s+\d+\W*", re.IGNORECASE
)
_MOST_WORDS_OF_A_HEADING: Final = 8


def has_word_count(response: str, at_least: int | None = None, at_most: int | None = None) -> bool:
    """Return whether the number of words lies within the bounds, inclusive."""
    return is_within(len(split_words(response)), at_least, at_most)


def has_sentence_count(response: str, at_least: int | None = None, at_most: int | None = None) -> bool:
    """Return whether the number of sentences lies within the bounds and the last one has a final mark."""
    has_final_mark = re.search(rf"[.!?…]{CLOSING_MARKS}$", response) is not None
    return has_final_mark and is_within(len(split_sentences(response)), at_least, at_most)


def has_sentences_at_most(response: str, count: int) -> bool:
    """Return whether a text has at most `count` sentences.

    The greeting, closing, subject and signature of a letter are not sentences: short lines without a final
    mark in a text of several lines. The last sentence needs no final mark. A text with headings such as
    "Step 1" consists of sections, not of sentences.
    """
    if any(_NUMBERED_HEADING.fullmatch(line) for line in split_lines(response)):
        return False
    lines = split_lines(response)
    body = [line for line in lines if len(lines) == 1 or not _is_outside_of_body(line)]
    return len(split_sentences(" ".join(body or lines))) <= count


def _is_outside_of_body(line: str) -> bool:
    return len(split_words(line)) <= _MOST_WORDS_OF_A_HEADING and not re.search(
        rf"[.!?…]{CLOSING_MARKS}$", line
    )


def has_sentence_marks(response: str, marks: Sequence[str]) -> bool:
    """Return whether there are as many sentences as `marks`, each with one of its marks (`.!`) at its end."""
    sentences = split_sentences(response)
    endings = [re.sub(rf"(?<=[.!?…]){CLOSING_MARKS}$", "", sentence)[-1] for sentence in sentences]
    return len(endings) == len(marks) and all(
        end in accepted for end, accepted in zip(endings, marks, strict=True)
    )


def refers_to_first_line(response: str, pronouns: Sequence[str] = ("it", "its", "this")) -> bool:
    """Return whether the second line repeats the content of the first one or has a pronoun for it."""
    lines = split_lines(response)
    if len(lines) < 2:  # noqa: PLR2004
        return False
    words = {
        part
        for word in split_words(lines[1])
        for part in (normalize(word), *WORD_PART.findall(normalize(word)))
    }
    topic, sentence = (normalize(strip_emphasis(line)) for line in lines[:2])
    return topic in sentence or not words.isdisjoint(pronouns)


def has_no_repetition(response: str) -> bool:
    """Return whether all lines of the response differ, as normalized."""
    lines = [normalize(line) for line in split_lines(response)]
    return len(set(lines)) == len(lines)


def is_statement(response: str) -> bool:
    """Return whether the response is not a question: its last sentence does not end with a question mark."""
    return re.search(rf"\?{CLOSING_MARKS}$", response) is None


def has_paragraph_count(response: str, at_least: int | None = None, at_most: int | None = None) -> bool:
    """Return whether the number of paragraphs lies within the bounds."""
    return is_within(len(split_paragraphs(response)), at_least, at_most)


def has_line_count(response: str, at_least: int | None = None, at_most: int | None = None) -> bool:
    """Return whether the number of lines lies within the bounds."""
    return is_within(len(split_lines(response)), at_least, at_most)


def is_bullet_list(response: str, count: int) -> bool:
    """Return whether the lines are `count` different bullets: `- `, `* ` or `• `, nested or not."""
    matches = [BULLET_LINE.fullmatch(line) for line in split_lines(response)]
    items = {normalize(match[1]) for match in matches if match}
    return all(matches) and len(matches) == len(items) == count


def is_numbered_list(response: str, count: int) -> bool:
    """Return whether the lines are different items numbered from 1 to `count` without gaps: `1.` or `1)`."""
    matches = [NUMBERED_LINE.fullmatch(line) for line in split_lines(response)]
    numbers = [int(match[1]) for match in matches if match]
    items = {normalize(match[2]) for match in matches if match}
    return all(matches) and numbers == list(range(1, count + 1)) and len(items) == count


def is_alphabetical(response: str) -> bool:
    """Return whether the response lists two items or more in alphabetical order, ignoring case."""
    items = [normalize(item) for item in split_items(response)]
    return len(items) > 1 and items == sorted(items)


def has_sections(response: str, count: int, name: str = "Section") -> bool:
    """Return whether the response consists of `count` sections.

    Each section is a heading line that begins with `name` and the next number, followed by text.
    """
    lines = split_lines(response)
    headings = [
        (n, int(match[1]))
        for n, line in enumerate(lines)
        if (match := re.match(rf"\W*{re.escape(name)}\s+(\d+)\b", line, re.IGNORECASE))
    ]
    starts = [n for n, _ in headings] + [len(lines)]
    return (
        [number for _, number in headings] == list(range(1, count + 1))
        and starts[0] == 0
        and all(end - start > 1 for start, end in pairwise(starts))
    )


def has_placeholders(response: str, at_least: int, at_most: int | None = None) -> bool:
    """Return whether the number of nonblank placeholders in square brackets lies within the bounds."""
    placeholders = re.findall(r"\[[^\[\]\n]*[^\[\]\s][^\[\]\n]*\]", response)
    return is_within(len(placeholders), at_least, at_most)
