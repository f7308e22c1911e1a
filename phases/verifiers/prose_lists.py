"""Lists in sentences: the items of a closed set that free sentences name, and nothing else of the kind."""

import re
from collections.abc import Mapping
from typing import Final

from phases.verifiers.item_names import ADJECTIVES, COUNT_WORDS, make_key
from phases.verifiers.statements import has_only_words_of, is_known, list_new_stems, list_vocabulary
from phases.verifiers.stems import FUNCTION_WORDS, fold_text
from phases.verifiers.text import WORD_PART
from phases.verifiers.verbs import has_verbs, may_be_verb

_SEGMENT_END: Final = re.compile(r"[,;:.!()&\n–—]|\b(?:and|or|plus)\b(?: (?:even|also)\b)?", re.IGNORECASE)
_EXCEPTION: Final = re.compile(
    r"\b(?:not|no|never|except|without|unlike|than|instead|but|neither|nor|wrong)\b|n't\b", re.IGNORECASE
)
_ASKS_FOR_DENIAL: Final = re.compile(r"\b(?:not|cannot|never|unable|without)\b|n't\b", re.IGNORECASE)
_POINTERS: Final = COUNT_WORDS | {
    "both",
    "it",
    "one",
    "ones",
    "other",
    "others",
    "these",
    "they",
    "this",
    "those",
}
_MOST_NEW_WORDS: Final = 4
"""Words that the sentences may have besides names and the words of the instruction."""
_MOST_NEW_WORDS_OF_A_SEGMENT: Final = 2
_LONGEST_NAME: Final = 4
_SENTENCE_WORDS: Final = 3


def find_items_in_prose(text: str, names: Mapping[str, str], instruction: str) -> list[str]:
    """Return the items that sentences name, as in "Mars is one, and the red planet Venus is another".

    None if they may name anything else: a part between commas has an item, or is about the instruction or
    the items ("two of them are red"). Next to an item are only words of sentences, so that "car key" is no
    car. No part denies anything, unless the instruction does ("birds that cannot fly").
    """
    is_denied = _EXCEPTION.search(text) and not _ASKS_FOR_DENIAL.search(instruction)
    if is_denied or not (has_verbs(text) or re.search(r"[:;]", text)):
        return []
    vocabulary = list_vocabulary(instruction, *_POINTERS)
    items: list[str] = []
    rests: list[str] = []
    for segment in filter(str.strip, _SEGMENT_END.split(text)):
        words = WORD_PART.findall(fold_text(segment))
        segment_items, rest = _take_items(words, names, vocabulary)
        if rest is None or not (segment_items or _is_about_items(segment, words, vocabulary)):
            return []
        items += segment_items
        rests.append(rest)
    return items if len(list_new_stems(" ".join(rests), vocabulary)) <= _MOST_NEW_WORDS else []


def _take_items(
    words: list[str], names: Mapping[str, str], vocabulary: frozenset[str]
) -> tuple[list[str], str | None]:
    """Return the items that a segment names and its remaining words, None if a name is part of another."""
    items: list[str] = []
    rest: list[str] = []
    position = 0
    while position < len(words):
        length = next(
            (
                length
                for length in range(min(_LONGEST_NAME, len(words) - position), 0, -1)
                if make_key(" ".join(words[position : position + length])) in names
                and not (length == 1 and words[position] in FUNCTION_WORDS)
            ),
            0,
        )
        if not length:
            rest.append(words[position])
            position += 1
            continue
        before, after = words[position - 1 : position], words[position + length : position + length + 1]
        if not (_may_stand_next(before, vocabulary) and _may_stand_next(after, vocabulary)):
            return [], None
        items.append(names[make_key(" ".join(words[position : position + length]))])
        position += length
    return items, " ".join(rest)


def _may_stand_next(words: list[str], vocabulary: frozenset[str]) -> bool:
    return all(
        word in FUNCTION_WORDS | ADJECTIVES | COUNT_WORDS or is_known(word, vocabulary) or may_be_verb(word)
        for word in words
    )


def _is_about_items(segment: str, words: list[str], vocabulary: frozenset[str]) -> bool:
    has_reference = bool(_POINTERS & set(words)) or (len(words) >= _SENTENCE_WORDS and has_verbs(segment))
    if has_only_words_of(segment, vocabulary):
        return has_reference
    new = list_new_stems(segment, vocabulary)
    return bool(_POINTERS & set(words)) and len(new) <= _MOST_NEW_WORDS_OF_A_SEGMENT
