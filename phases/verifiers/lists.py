"""The verifier of lists in a requested layout, with a check of every item."""

import re
from collections.abc import Sequence
from typing import Final

from phases.verifiers.content import ASKS_FOR_ANSWER_ONLY
from phases.verifiers.item_names import names_different_items
from phases.verifiers.mentions import (
    find_topic_word,
    list_content_words,
    mentions_only_denied,
    name_topic_word,
)
from phases.verifiers.text import BULLET_LINE, normalize, split_lines, split_words, strip_article

_MARKERS: Final = {
    "hyphen": re.compile(r"-\s*(?![\s-])(.+)"),
    "asterisk": re.compile(r"\*\s+(\S.*)"),
    "bullet": re.compile(r"[-*•]\s+(\S.*)"),
}
_NUMBERED: Final = re.compile(r"(?:\*\*)?(\d+)[.):](?:\*\*)?\s*(\S.*)")
_INLINE_NUMBER: Final = re.compile(r"[,;]?\s+(?=\(?\d{1,2}[.)]\s)")
_EMPHASIS: Final = re.compile(r"[*_`]")
_ON_ONE_LINE: Final = ("comma", "semicolon", "pair")
_LAYOUTS: Final = (*_ON_ONE_LINE, *_MARKERS, "numbered", "lines")
_ANY_LAYOUT: Final = ("comma", "semicolon", "pair", "bullet", "numbered", "lines")


def is_list_of(
    response: str,
    count: int,
    layout: str,
    *,
    allowed: Sequence[str] = (),
    around: Sequence[str] = (),
    words: Sequence[str] = (),
    absent: Sequence[str] = (),
    denied: Sequence[str] = (),
    unknown: int = 0,
    heading: bool = True,
    initial: str = "",
    mark: str = "",
    is_sorted: bool = False,
    instruction: str = "",
) -> bool:
    """Return whether the response is a list of `count` different items in a layout.

    Args:
        response: the complete response.
        count: the number of items.
        layout: `hyphen`, `asterisk`, `bullet` (any of `- * •`), `numbered` (from 1, `1.` or `1)`), `comma`
            and `semicolon` (on one line; `and` may precede the last item), `pair` (two items with `and`, `&`
            or `/` between them), or `lines`. `any` is each of these.
        allowed: the names of which every item is one, in singular or plural, followed by a remark or not
            ("Paris, France"); `|` joins names of one item.
        around: more words that may stand around an allowed name.
        words: a topic (see `mentions`) that every item mentions.
        absent: words of which no item mentions any.
        unknown: how many items may mention no word of the topic, if there are more than a list can hold.
        denied: words that an item mentions only to rule something out; see `mentions.mentions_only_denied`.
        heading: accept a first line that ends with a colon, except in a list on one line.
        initial: the letter with which every item, a single word, begins.
        mark: the mark with which every item ends, such as `?`.
        is_sorted: whether the items must be in alphabetical order, ignoring case.
        instruction: the instruction, whose words may stand around an allowed name ("oak tree").
    """
    is_sentence = layout == "comma" and ASKS_FOR_ANSWER_ONLY.search(instruction)
    # "Four birds are owl, crow, ..." is a sentence, which such an instruction does not allow.
    context = "" if is_sentence else instruction
    for candidate_layout in _ANY_LAYOUT if layout == "any" else (layout,):
        items = _split(response, candidate_layout, count, heading=heading)
        items = [_EMPHASIS.sub("", item) for item in items]
        bare_items = [strip_article(normalize(item)) for item in items]
        if (
            len(items) == len(set(bare_items)) == count
            and all(split_words(item) for item in bare_items)
            and (not is_sorted or bare_items == sorted(bare_items))
            and all(_has_form(item, initial, mark) for item in items)
            and not any(find_topic_word(item, absent) for item in items)
            and all(mentions_only_denied(item, denied) for item in items)
            and (not allowed or names_different_items(items, allowed, *around, context))
            and (not words or _are_on_topic(items, words, unknown))
        ):
            return True
    return False


def _split(response: str, layout: str, count: int, *, heading: bool) -> list[str]:
    """Return the items, or an empty list if the response does not have the layout."""
    if layout not in _LAYOUTS:
        raise ValueError(f"layout {layout!r}: expected any or one of {', '.join(_LAYOUTS)}")
    lines = split_lines(response)
    if layout in _ON_ONE_LINE:
        is_one_line = len(lines) == 1 and not BULLET_LINE.fullmatch(lines[0])
        return _split_line(lines[0], layout, count) if is_one_line else []
    if heading and len(lines) > count and lines[0].rstrip("*_").endswith(":"):
        lines = lines[1:]
    if layout == "lines":
        return lines
    if layout == "numbered":
        lines = _INLINE_NUMBER.split(lines[0]) if len(lines) == 1 else lines
        numbered = [_NUMBERED.fullmatch(line) for line in lines]
        numbers = [int(match[1]) for match in numbered if match]
        is_complete = all(numbered) and numbers == list(range(1, count + 1))
        return [match[2].strip() for match in numbered if match and is_complete]
    matches = [_MARKERS[layout].fullmatch(line) for line in lines]
    return [match[1].strip() for match in matches if match] if all(matches) else []


def _split_line(line: str, layout: str, count: int) -> list[str]:
    line = line.rstrip(".!")
    if ":" in line:
        return []  # The text before a colon is not an item.
    if layout == "pair":
        return [] if "," in line else re.split(r"\s+(?:and|&|\+)\s+|\s*/\s*", line, flags=re.IGNORECASE)
    *parts, last = line.split("," if layout == "comma" else ";")
    if parts and len(parts) + 1 < count:
        parts += re.split(r"\s+(?:and|&)\s+", last, maxsplit=1, flags=re.IGNORECASE)
    else:
        parts.append(re.sub(r"^\s*(?:and|&)\s+", "", last, flags=re.IGNORECASE))
    return [part.strip() for part in parts]


def _has_form(item: str, initial: str, mark: str) -> bool:
    word = normalize(_EMPHASIS.sub("", item))
    is_initial = not initial or (len(split_words(word)) == 1 and word.startswith(initial))
    return is_initial and re.sub(r"[\s\"”*_]+$", "", item).endswith(mark)


def _are_on_topic(items: Sequence[str], words: Sequence[str], unknown: int) -> bool:
    # "cold, colder, coldest" is one item in three forms.
    item_topics = {
        frozenset(
            name_topic_word(word, words) or word for word in list_content_words(item) or split_words(item)
        )
        for item in items
    }
    others = sum(find_topic_word(item, words) is None for item in items)
    return len(item_topics) == len(items) and others <= unknown
