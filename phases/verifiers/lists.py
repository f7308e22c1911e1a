"""The verifier of lists in a requested layout, with a check of every item."""

import re
from collections.abc import Sequence
from typing import Final

from phases.verifiers.text import normalise, split_lines, split_words, strip_article
from phases.verifiers.mentions import find_topic_word, list_content_words, name_topic_word

_MARKERS: Final = {
    "hyphen": re.compile(r"-\s*(?![\s-])(.+)"),
    "asterisk": re.compile(r"\*\s+(\S.*)"),
    "bullet": re.compile(r"[-*•]\s+(\S.*)"),
}
_NUMBERED: Final = re.compile(r"(?:\*\*|\\)?(\d+)[\\]?[.):](?:\*\*)?\s*(\S.*)")
_REMARK: Final = re.compile(r"\s*(?:\(.*|\s[-–—]\s.*|:\s.*|,\s.*)$")
_LAYOUTS: Final = ("hyphen", "asterisk", "bullet", "numbered", "comma", "semicolon", "pair", "lines")
_ANY: Final = "any"


def is_list_of(
    response: str,
    count: int,
    layout: str,
    allowed: Sequence[str] = (),
    around: Sequence[str] = (),
    words: Sequence[str] = (),
    absent: Sequence[str] = (),
    off_topic: int = 0,
    heading: bool = True,
    initial: str = "",
    mark: str = "",
    is_sorted: bool = False,
) -> bool:
    """Return whether the response is a list of `count` different items in a layout.

    Args:
        response: the complete response.
        count: the number of items.
        layout: `hyphen`, `asterisk`, `bullet` (any of `- * •`), `numbered` (from 1, `1.` or `1)`), `comma` and
            `semicolon` (on one line; `and` may precede the last item),
            `pair` (two items with `and`, `&` or `/` between them), or `lines`. `any` is each of these.
        allowed: the names of which every item is one, in singular or plural, followed by a remark or not
            ("Paris, France").
        around: words that may precede or follow an allowed name, such as `tree` after "oak".
        words: a topic (see `mentions`); every item mentions it, except for `off_topic` of them.
        absent: words of which no item mentions any.
        off_topic: how many items need not mention the topic.
        heading: accept a first line that ends with a colon, except in `comma` and `semicolon`.
        initial: the letter with which every item, a single word, begins.
        mark: the mark with which every item ends, such as `?`.
        is_sorted: whether the items must be in alphabetical order, ignoring case.
    """
    if layout == _ANY:
        return any(
            is_list_of(
                response,
                count,
                each,
                allowed,
                around,
                words,
                absent,
                off_topic,
                heading,
                initial,
                mark,
                is_sorted,
            )
            for each in ("comma", "semicolon", "pair", "bullet", "numbered", "lines")
        )
    items = _split(response, layout, count, heading=heading)
    plain = [strip_article(normalise(item)) for item in items]
    if not (len(items) == len(set(plain)) == count) or not all(split_words(item) for item in plain):
        return False
    if is_sorted and plain != sorted(plain):
        return False
    if mark and not all(re.sub(r"[\s\"”*_]+$", "", item).endswith(mark) for item in items):
        return False
    if initial and not all(len(split_words(item)) == 1 and item.startswith(initial) for item in plain):
        return False
    if any(find_topic_word(item, absent) for item in items):
        return False
    if allowed:
        names = [_name_item(item, allowed, around) for item in items]
        if None in names or len(set(names)) != count:
            return False
    if words and not _are_on_topic(items, words, off_topic):
        return False
    return True


def _split(response: str, layout: str, count: int, *, heading: bool) -> list[str]:
    """Return the items, or an empty list if the response does not have the layout."""
    if layout not in _LAYOUTS:
        raise ValueError(f"layout {layout!r}: expected one of {', '.join(_LAYOUTS)}")
    lines = split_lines(response)
    if layout in ("comma", "semicolon", "pair"):
        return _split_line(lines, layout, count)
    if heading and len(lines) > count and lines[0].rstrip("*_").endswith(":"):
        lines = lines[1:]
    if layout == "lines":
        return lines
    if layout == "numbered":
        numbered = [_NUMBERED.fullmatch(line) for line in lines]
        if [int(match[1]) for match in numbered if match] != list(range(1, count + 1)):
            return []
        return [match[2].strip() for match in numbered if match] if all(numbered) else []
    matches = [_MARKERS[layout].fullmatch(line) for line in lines]
    return [match[1].strip() for match in matches if match] if all(matches) else []


def _split_line(lines: Sequence[str], layout: str, count: int) -> list[str]:
    if len(lines) != 1:
        return []
    if layout == "pair":
        line = lines[0].rstrip(".!")
        return [] if "," in line else re.split(r"\s+(?:and|&|\+)\s+|\s*/\s*", line, flags=re.IGNORECASE)
    separator = "," if layout == "comma" else ";"
    *parts, last = lines[0].rstrip(".").split(separator)
    if len(parts) + 1 < count:
        parts += re.split(r"\s+(?:and|&)\s+", last, maxsplit=1, flags=re.IGNORECASE) if parts else [last]
    else:
        parts.append(re.sub(r"^\s*(?:and|&)\s+", "", last, flags=re.IGNORECASE))
    return [part.strip() for part in parts]


def _name_item(item: str, allowed: Sequence[str], around: Sequence[str]) -> str | None:
    """Return the allowed name that an item gives, or None."""
    for text in (item, _REMARK.sub("", re.sub(r"[*_`]", "", item))):
        name = strip_article(normalise(re.sub(r"[*_`]", "", text)))
        kept = [word for word in name.split() if not find_topic_word(word, around)]
        for candidate in (name, " ".join(kept)):
            if found := name_topic_word(candidate, allowed):
                return found
    return None


def _are_on_topic(items: Sequence[str], words: Sequence[str], off_topic: int) -> bool:
    missing = sum(find_topic_word(item, words) is None for item in items)
    # "cold, colder, coldest" is one item said several times.
    said = {
        frozenset(name_topic_word(word, words) or word for word in list_content_words(item)) for item in items
    }
    return missing <= off_topic and len(said) == len(items)
