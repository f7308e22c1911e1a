"""Verifiers of lists: the number of different items, and whether each belongs to a closed set.

Singular and plural are one item, and so are the names that a set joins with `|` ("Pacific|Pacific Ocean").
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from phases.verifiers.item_names import COUNT_WORDS, find_item, index_names, make_key, names_different_items
from phases.verifiers.prose_lists import find_items_in_prose
from phases.verifiers.statements import (
    has_only_words_of,
    is_courtesy_offer,
    is_related,
    list_new_stems,
    list_vocabulary,
    strip_courtesy,
    strip_emphasis,
)
from phases.verifiers.stems import fold_text, list_content_stems, stem
from phases.verifiers.text import (
    BULLET_LINE,
    NUMBERED_LINE,
    WORD_PART,
    normalize,
    split_items,
    split_lines,
    split_sentences,
    split_words,
)

_ASIDE: Final = re.compile(r"\([^()]*\)")
_INLINE_NUMBER: Final = re.compile(r"(?:^|\s)\(?\d{1,2}[.)]\s*")
_LINK: Final = re.compile(
    r":\s+|\b(?:are|is|include|includes|including|would be|could be)\b:?\s+", re.IGNORECASE
)
_JOINT: Final = "\ue001"
"""Placeholder of an "and" inside a name, such as "Bosnia and Herzegovina"."""
_CLAUSE_AFTER_ITEMS: Final = re.compile(
    r"(?:are|is|were|all|both|each|can|could|have|has|would|will|as|in|on|at|for|from|to|with|that|which|if|when"
    r"|because|come|belong|grow|live|make)\b",
    re.IGNORECASE,
)
"""Words by which a sentence continues after an enumeration."""
_EXCEPTION: Final = re.compile(
    r"\b(?:not|no|never|except|without|unlike|than|instead|but|neither|nor|wrong)\b|n't\b", re.IGNORECASE
)
_MOST_NEW_WORDS: Final = 3
"""Words that a sentence around an enumeration may have besides those of the instruction."""
_MARKED: Final = re.compile(
    r"(?:\(?\d{1,2}[.)]\s*|#?\d{1,2}[.):]\s*|#\d{1,2}\s+|[-*•–]\s*|\(?(?:[a-h]|[ivx]{1,4})[.)]\s+)(\S.*)",
    re.IGNORECASE,
)
_ORDINAL: Final = re.compile(
    r"\b(?:first|second|third|fourth|fifth|sixth|last|final)(?:ly)?[,:]\s|\b(?:one|another|a \w+ one) is\b",
    re.IGNORECASE,
)
_SENTENCE_WORDS: Final = 4
"""A shorter line next to a list with markers may be an item without one."""
_MOST_SENTENCES: Final = 3


def is_comma_list(
    response: str,
    count: int,
    allowed: Sequence[str] | None = None,
    at_most_words: int = 4,
    instruction: str = "",
) -> bool:
    """Return whether the response is one line of `count` different comma-separated items.

    A single `and` or `or` may precede the last item, with or without a comma, and a full stop may follow it.
    No item has more than `at_most_words`; with `allowed`, every item is one of those.
    """
    if len(split_lines(response)) != 1:
        return False
    *parts, last = response.removesuffix(".").split(",")
    *before, last = re.split(r"\s+(?:and|or)\s+", f" {last}", maxsplit=1)
    parts += before if any(map(str.strip, before)) else []
    items = [normalize(strip_emphasis(part)) for part in (*parts, last)]
    if any(not 1 <= len(split_words(item)) <= at_most_words for item in items):
        return False
    return _are_different_items(items, count, allowed, instruction)


def is_item_list(
    response: str,
    count: int,
    allowed: Sequence[str] | None = None,
    at_most_words: int | None = None,
    *,
    in_order: bool = False,
    instruction: str = "",
) -> bool:
    """Return whether the response is a list of `count` different items.

    Without `allowed`, the layout is one of `split_items`, and no item has more than `at_most_words` (25 by
    default). With `allowed`, every item is one of those, and the list may be a sentence ("Three planets are
    Mars, Venus and Earth."), have a heading, numbers or bullets, and explain items ("Mars – the red planet").
    With `in_order`, the items come in the order of `allowed`.
    """
    if allowed is None:
        items = [normalize(item) for item in split_items(response)]
        most = 25 if at_most_words is None else at_most_words
        return all(1 <= len(split_words(item)) <= most for item in items) and _are_different_items(
            items, count, None, instruction
        )
    parts = _split_sentence_or_list(
        strip_courtesy(strip_emphasis(response)), allowed, list_vocabulary(instruction)
    )
    if in_order:
        names, vocabulary = index_names(tuple(allowed)), list_vocabulary(instruction)
        places = [allowed.index(item) for part in parts if (item := find_item(part, names, vocabulary))]
        if places != sorted(places):
            return False
    if _are_different_items(parts, count, allowed, instruction):
        return True
    names = index_names(tuple(allowed))
    named = find_items_in_prose(strip_emphasis(response), names, instruction)
    return not in_order and len(named) == len(set(named)) == count


def _are_different_items(
    items: Sequence[str], count: int, allowed: Sequence[str] | None, instruction: str
) -> bool:
    if allowed is None:
        return len(items) == len(set(items)) == count and all(map(split_words, items))
    return len(items) == count and names_different_items(items, allowed, instruction)


def _split_sentence_or_list(text: str, allowed: Sequence[str], vocabulary: frozenset[str]) -> list[str]:
    """Return the parts of a list in any layout, without its heading or the rest of its sentence."""
    for name in _list_joint_names(tuple(allowed)):
        joined = re.sub(r" (and|or) ", rf" {_JOINT}\1 ", name)
        text = re.sub(re.escape(name), joined, text, flags=re.IGNORECASE)
    names = index_names(tuple(allowed))
    lines = split_lines(text)
    while len(lines) > 1 and is_courtesy_offer(lines[-1]):
        lines.pop()
    lines = _drop_unmarked(lines)
    if len(lines) > 1 and _is_heading(lines[0], vocabulary):
        lines = lines[1:]
    marked = [_MARKED.match(line) for line in lines]
    if any(marked) and len(lines) > 1:
        return [match[1] for match in marked if match] if all(marked) else [""]
    if len(lines) > 1:
        return [part for line in lines for part in _split_line(line, names)]
    sentence = _take_list_sentence(_AROUND_ITEMS.sub("", "".join(lines)), names, vocabulary)
    parts = _split_line(_strip_sentence(sentence, names, vocabulary), names)
    if len(parts) > 1 and any(find_item(part, names, vocabulary) is None for part in parts):
        return _trim_enumeration(parts, names, vocabulary)
    return parts


_AROUND_ITEMS: Final = re.compile(
    r"^(?:try|consider|pick|think of|how about|what about|for (?:example|instance),?) (?=\w)"
    r"|, (?:without|but not|not|excluding|minus) [^,;]+(?=[.!]?$)"
    r"|(?:,| [–—-]) (?:(?:listed |ordered |sorted |counted )?"
    r"(?:in (?:(?:this|that|alphabetical|no particular|any) )?order"
    r"|from (?:the )?\w+ (?:to (?:the )?\w+|out(?:wards?)?))|starting (?:with|from|at) the \w+)"
    r"\b[^,;]*(?=[.!]?$)"
    r"|, (?:to name (?:but |just |only )?\w+|for (?:example|instance)|among others)(?=[.!]?$)"
    r"| [–—-] (?:one|two|three|four|all|both|each) [^–—]*$"
    r"|\bits (?:[\w-]+ )?(?:neighbou?r|sister|brother|cousin|relative|companion|rival),? (?=\w)",
    re.IGNORECASE,
)
"""Words before items that are suggested, or after them if they rule something out or describe them."""


def _drop_unmarked(lines: list[str]) -> list[str]:
    """Return the lines without a sentence before and after a list with markers."""
    first = next((n for n, line in enumerate(lines) if _MARKED.match(line)), 0)
    end = next((n for n in range(len(lines), 0, -1) if _MARKED.match(lines[n - 1])), len(lines))
    is_list = end - first > 1 and all(map(_MARKED.match, lines[first:end]))
    around = [*lines[:first], *lines[end:]]
    are_sentences = all(len(split_words(line)) >= _SENTENCE_WORDS or line.startswith("(") for line in around)
    return lines[first:end] if is_list and are_sentences and len(around) <= _MOST_SENTENCES else lines


def _trim_enumeration(
    parts: Sequence[str], names: Mapping[str, str], vocabulary: frozenset[str]
) -> list[str]:
    """Return the parts of an enumeration without the sentence around it.

    In "People often keep dogs, cats and parrots as pets.", the first part ends with an item, and the last one
    begins with one. "In South America you find" may stand before a comma.
    """
    first, *others = parts
    if others and not _names_item(first, names) and has_only_words_of(first, vocabulary):
        first, *others = others
    *middle, last = others or [first]
    words = first.split()
    for start in range(2, len(words)):
        before, item = " ".join(words[:start]), " ".join(words[start:])
        if find_item(item, names, vocabulary) and _is_frame(before, names, vocabulary):
            first = item
            break
    words = last.split()
    for end in range(len(words) - 1, 0, -1):
        item, after = " ".join(words[:end]), " ".join(words[end:])
        is_clause = _CLAUSE_AFTER_ITEMS.match(after) is not None
        if is_clause and find_item(item, names, vocabulary) and _is_frame(after, names, vocabulary):
            last = item
            break
    return [first, *middle, last] if others else [first]


def _is_frame(text: str, names: Mapping[str, str], vocabulary: frozenset[str]) -> bool:
    """Return whether the rest of a sentence around an enumeration names and denies nothing."""
    if _names_item(text, names, vocabulary) or _EXCEPTION.search(re.sub(r"(?i)\bwhy not\b", "", text)):
        return False
    return len(list_new_stems(text, vocabulary)) <= _MOST_NEW_WORDS


def _take_list_sentence(line: str, names: Mapping[str, str], vocabulary: frozenset[str]) -> str:
    """Return the first sentence of a line if the others are remarks about its items, else the line."""
    first, *others = split_sentences(line) or [line]
    known = vocabulary | list_vocabulary(first)
    are_remarks = all(is_related(other, known) and not _names_item(other, names) for other in others)
    return first if are_remarks else line


def _names_item(sentence: str, names: Mapping[str, str], vocabulary: frozenset[str] = frozenset()) -> bool:
    words = WORD_PART.findall(fold_text(sentence))
    return any(make_key(word) in names and stem(word) not in vocabulary for word in words)


@lru_cache(maxsize=256)
def _list_joint_names(allowed: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for item in allowed for name in item.split("|") if re.search(r" (?:and|or) ", name))


def _is_heading(line: str, vocabulary: frozenset[str]) -> bool:
    if NUMBERED_LINE.fullmatch(line) or BULLET_LINE.fullmatch(line):
        return False
    return line.endswith(":") or (
        has_only_words_of(re.sub("|".join(COUNT_WORDS), "", line.casefold()), vocabulary)
        and bool(list_content_stems(line))
        and "," not in line
    )


def _strip_sentence(line: str, names: Mapping[str, str], vocabulary: frozenset[str]) -> str:
    """Return a line without the words of the instruction that make a sentence of a list."""
    for link in _LINK.finditer(line):
        before, after = line[: link.start()], line[link.end() :]
        is_lead_in = link[0].strip() == ":" and (
            has_only_words_of(before, vocabulary) or _is_heading_of(before, vocabulary)
        )
        if is_lead_in or _is_about_instruction(before, vocabulary):
            line = after
            break
        is_frame = _COUNTED.match(after) is not None and _is_frame(after, names, vocabulary)
        if link[0].strip().casefold() in ("are", "is") and (
            is_frame or _is_about_instruction(after, vocabulary)
        ):
            line = before
            break
    return line


_COUNTED: Final = re.compile(r"(?:two|three|four|five|six|some|all|both|each|examples)\b", re.IGNORECASE)


def _is_heading_of(text: str, vocabulary: frozenset[str]) -> bool:
    """Return whether a text before a colon shares words with the instruction and enumerates nothing."""
    is_label = "," not in text and len(text.split()) > 1 and not _EXCEPTION.search(text)
    return is_label and (
        re.match(r"\W*(?:the|two|three|four|five|six)\b", text, re.IGNORECASE) is not None
        or any(stem in vocabulary for stem in list_content_stems(text))
    )


def _is_about_instruction(text: str, vocabulary: frozenset[str]) -> bool:
    words = " ".join(word for word in WORD_PART.findall(fold_text(text)) if word not in COUNT_WORDS)
    is_pronoun = words in ("they", "these", "those")
    return is_pronoun or (has_only_words_of(words, vocabulary) and bool(list_content_stems(text)))


def _split_line(line: str, names: Mapping[str, str]) -> list[str]:
    if len(_INLINE_NUMBER.findall(line)) > 1:
        line = _INLINE_NUMBER.sub(", ", line)
    spaced = re.sub(r"[·•|–-]", " ", line.rstrip(".!")).split()
    if len(spaced) > 1 and all(len(letter) == 1 and letter.isalnum() for letter in spaced):
        return spaced
    # Commas, "and" and "or" inside parentheses belong to the remark.
    hidden = re.sub(r"\([^()]*\)", lambda match: re.sub(r",| and\b|\bor ", "", match[0]), line)
    dashed = re.split(r"\s[–—-]\s", hidden.rstrip(".!"))
    if len(dashed) > 1 and all(make_key(part) in names for part in dashed):
        return dashed
    parts = _SEPARATOR.split(_ORDINAL.sub(", ", hidden.rstrip(".!")))
    items = [part.replace(_JOINT, "").strip() for part in parts if part.strip()]
    return items if len(items) != 1 else _split_words(items[0], names)


_SEPARATOR: Final = re.compile(
    rf",|;|/|\n|\||→|·|(?<!{_JOINT})\b(?:and|or|plus|as well as|together with|along with)\b|&|\s\+\s"
)


def _split_words(text: str, names: Mapping[str, str]) -> list[str]:
    """Return the words of a text that are all names ("Mars Venus Earth"), else the text."""
    words = _ASIDE.sub(" ", text).split()
    if len(words) > 1 and all(make_key(word) in names for word in words):
        return words
    letters = list(text) if text.isalpha() and all(len(name) == 1 for name in names) else []
    return letters or [text]
