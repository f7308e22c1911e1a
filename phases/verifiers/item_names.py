"""Names of the items of lists: whether a part of a list names an item of a closed set.

Singular and plural are one item, and so are the names that a set joins with `|` ("Pacific|Pacific Ocean").
"""

import itertools
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from phases.verifiers.assertion import remove_accents
from phases.verifiers.kinds import KIND_MARK, list_kind
from phases.verifiers.number_words import NUMBER_WORDS
from phases.verifiers.statements import list_vocabulary
from phases.verifiers.stems import FUNCTION_WORDS, fold_text, singularize, stem
from phases.verifiers.text import CACHED_TEXTS, WORD_PART, strip_article, unify_spelling

_EXPLANATION: Final = re.compile(r"\s*\([^()]*\)\s*$|\s+[–—-]\s+.*$|:\s.*$", re.DOTALL)
_PLACE: Final = re.compile(r"\s+(?:of|from|in) (?:the )?[A-Z][\w'-]+(?: [A-Z][\w'-]+)*$")
"""Where an item is from, as in "the emu of Australia"."""
_ASIDE: Final = re.compile(r"\([^()]*\)")
_APPOSITION: Final = re.compile(r",\s+")
_OFFICIAL: Final = re.compile(
    r"^(?:the )?(?:(?:federal|federative|people's|democratic|socialist|islamic|oriental|plurinational) )*"
    r"(?:kingdom|republic|state|commonwealth|principality|grand duchy|duchy|union|confederation|city)"
    r" of (?:the )?",
    re.IGNORECASE,
)
"""The beginning of an official name, as in "Kingdom of Denmark"."""
_FILLERS: Final = FUNCTION_WORDS - {"no", "nor", "not", "or", "sure", "without"}
COUNT_WORDS: Final = frozenset(NUMBER_WORDS)
"""Words that may count items."""
ADJECTIVES: Final = frozenset(
    """
    acoustic adorable adult aluminium aluminum beautiful beloved big bitter black blue bright brown
    ceramic cheap classic classical clean colored colorful coloured colourful comfortable comfy common
    cosy cotton cozy cream crisp crunchy cuddly cute dark delicious digital domestic domesticated dry
    elegant expensive famous fancy fashionable favorite favourite feathered female fluffy fresh friendly
    front furry gentle giant gigantic glass golden good gray great green grey handsome heavy huge inner
    juicy knitted large leafy leather left light linen little local long lovely low lower magnificent
    majestic male matching mature metal mighty modern native new nice noisy old ordinary outer own patterned
    perfect pink plain plastic playful polite pretty proud purple rare rear red regular right ripe round
    sharp short silk simple single sleek slim small smart soft solid sour spacious standard steaming
    striped strong sturdy stylish sweet tall tame tart tasty tender thick thin tight tiny traditional
    tropical typical ugly upper used useful usual warm white wide wild wise wooden wool woolen woollen
    yellow young
    """.split()  # noqa: SIM905
)
"""Words before a name that leave it a name of the same item, as in "a sharp knife"."""


def names_different_items(items: Sequence[str], allowed: Sequence[str], *around: str) -> bool:
    """Return whether each part of a list names another one of the allowed items; see `find_item`."""
    names = index_names(tuple(allowed))
    vocabulary = list_vocabulary(*around)
    matches = [find_item(item, names, vocabulary) for item in items]
    return None not in matches and len(matches) == len(set(matches))


@lru_cache(maxsize=256)
def index_names(allowed: tuple[str, ...]) -> dict[str, str]:
    """Return the canonical item of each name, by the key of the name; `|` joins names of one item.

    An item such as ":birds" means all names of a kind.
    """
    kinds = [item.removeprefix(KIND_MARK) for item in allowed if item.startswith(KIND_MARK)]
    items = [item for item in allowed if not item.startswith(KIND_MARK)]
    names = {make_key(name): item for item in items for name in item.split("|")}
    for names_of_item in itertools.chain.from_iterable(map(list_kind, kinds)):
        item = next((names[name] for name in names_of_item if name in names), names_of_item[0])
        for name in names_of_item:
            names.setdefault(name, item)
    return names


def find_item(text: str, names: Mapping[str, str], vocabulary: frozenset[str]) -> str | None:
    """Return the canonical item that a part of a list names, or None.

    Words of the vocabulary may surround the name ("the planet Mars", "oak tree"), and an explanation may
    follow it.
    """
    bare = text.strip().rstrip(".!;,")
    name, *remarks = _APPOSITION.split(bare, maxsplit=1)
    if re.match(r"\d+[.)]", bare):
        return None  # the marker of a list is not a count, as in "8 pawns"
    if any(names.get(make_key(remark)) for remark in remarks):
        return None  # two items, not an item and a remark about it
    aside = re.fullmatch(r"[A-Z][a-z]? \(([^()]*)\)", bare)  # "Fe (iron)"
    forms = (
        bare,
        _drop_explanations(bare),
        _drop_explanations(name),
        aside[1] if aside else "",
        _ASIDE.sub(" ", bare),
        _OFFICIAL.sub("", bare),
        _PLACE.sub("", bare),
    )
    for form in dict.fromkeys(forms):
        words = make_key(form).split()
        if item := names.get(" ".join(words)):
            return item
        for start in range(len(words)):
            if not all(word in ADJECTIVES or _is_filler(word, vocabulary) for word in words[:start]):
                break
            for end in range(len(words), start, -1):
                if not all(_is_filler(word, vocabulary) for word in words[end:]):
                    break
                if item := names.get(make_key(" ".join(words[start:end]))):
                    return item
    return None


def _drop_explanations(text: str) -> str:
    """Return an item without what follows it, as in "Sight (vision) – through the eyes"."""
    while (shorter := _EXPLANATION.sub("", text)) != text:
        text = shorter
    return text


def _is_filler(word: str, vocabulary: frozenset[str]) -> bool:
    is_count = word in COUNT_WORDS or re.fullmatch(r"\d{1,2}", word) is not None
    return is_count or word in _FILLERS or stem(word) in vocabulary


@lru_cache(CACHED_TEXTS)
def make_key(name: str) -> str:
    """Return a name in small letters without marks and article, its last word in the singular."""
    name = remove_accents(name)
    words = WORD_PART.findall(fold_text(name)) or re.findall(r"\S+", fold_text(name))
    if re.search(r"[+#]", name):
        words = re.findall(r"[\w+#]+", fold_text(name))
    key = unify_spelling(strip_article(" ".join(words)))
    *before, last = key.split() or [""]
    # "budgies" may be the plural of "budgy" or "budgie".
    return " ".join([*before, re.sub(r"(?<=[a-z]{3})ie$", "y", singularize(last))])
