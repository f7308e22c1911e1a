"""Content words by stem, so that "drives", "driving" and "drive" match.

Stems are those of the Snowball stemmer for English (Porter 2001). Function words carry no content: an answer
that has no other words than its instruction says nothing.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from snowballstemmer.english_stemmer import EnglishStemmer

from phases.verifiers.text import STRAIGHT_MARKS, WORD_PART

FUNCTION_WORDS: Final = frozenset(
    """
    a about above after again all also although always am among an and another any are as at be because been
    before being below between both but by can could did do does doing done down each either else for from get
    gets getting give given gives got had has have having he her here hers him his how however i if in into is
    it its itself just like made make makes many may me might more most much must my no nor not now of off on
    one only onto or other our ours out over own please quite really s same shall she should since so some
    such sure than that the their theirs them then there therefore these they this those though through thus
    to too under until up us very was we were what when where whether which while who whom whose why will with
    within without would yes yet you your yours ain aren couldn d didn doesn don hadn hasn
    haven isn ll m re shouldn t ve wasn weren won wouldn
    """.split()  # noqa: SIM905
)
"""English words without content of their own, including the parts that an apostrophe separates."""
META_WORDS: Final = frozenset(
    """
    above answer answers below blank certainly complete completed completes correct example examples
    final finished following follows full course here instruction list missing name names namely phrase prompt
    question response result sentence sentences simple simply single solution text word
    words write written
    """.split()  # noqa: SIM905
)
"""Words about an answer, as in "The answer is"."""


def fold_text(text: str) -> str:
    """Return the text in NFC, case-folded, with straight apostrophes and hyphens."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text).translate(STRAIGHT_MARKS)
    return text.casefold()


@lru_cache(maxsize=2**15)
def stem(word: str) -> str:
    """Return the stem of a word in small letters."""
    return str(EnglishStemmer().stemWord(word))


def list_stems(text: str) -> list[str]:
    """Return the stems of the words of a text, in order; parts of hyphenated words count as words."""
    return [stem(part) for part in WORD_PART.findall(fold_text(text))]


def list_content_stems(text: str) -> list[str]:
    """Return the stems of the words that are not function words, in order."""
    return [stem(part) for part in WORD_PART.findall(fold_text(text)) if part not in FUNCTION_WORDS]


def singularize(word: str) -> str:
    """Return an English noun in the singular; a word that is not a plural may lose its last letters."""
    if word in _IRREGULAR_PLURALS:
        return _IRREGULAR_PLURALS[word]
    for pattern, singular in _PLURAL_ENDINGS:
        if re.search(pattern, word):
            return re.sub(pattern, singular, word)
    return word


def inflect(word: str) -> set[str]:
    """Return the regular forms of an English noun or verb, as of any word that may be either."""
    if word.endswith(("s", "x", "z", "ch", "sh")):
        plural = word + "es"
    else:
        plural = re.sub(r"(?<![aeou])y$", "ie", word) + "s"
    if word.endswith("e"):
        return {word, plural, word + "d", word[:-1] + "ing"}
    # The stress decides whether the last letter is doubled, so that both are given.
    roots = [word, word + word[-1]] if re.search(r"(?<![aeiou])[aeiou][bdgklmnprt]$", word) else [word]
    past = {re.sub(r"(?<![aeou])y$", "i", root) + "ed" for root in roots}
    return {word, plural, *past, *(root + "ing" for root in roots)}


_IRREGULAR_PLURALS: Final = {
    "children": "child",
    "feet": "foot",
    "geese": "goose",
    "halves": "half",
    "knives": "knife",
    "leaves": "leaf",
    "lice": "louse",
    "loaves": "loaf",
    "men": "man",
    "mice": "mouse",
    "oxen": "ox",
    "people": "person",
    "pennies": "penny",
    "calves": "calf",
    "dwarves": "dwarf",
    "elves": "elf",
    "hooves": "hoof",
    "scarves": "scarf",
    "shelves": "shelf",
    "thieves": "thief",
    "teeth": "tooth",
    "wives": "wife",
    "wolves": "wolf",
    "women": "woman",
    "cacti": "cactus",
    "octopi": "octopus",
    "fungi": "fungus",
    "fishes": "fish",
    **{
        f"{word}s": word
        for word in (
            "bikini",
            "canoe",
            "degu",
            "emu",
            "gnu",
            "menu",
            "hoe",
            "kiwi",
            "oboe",
            "shoe",
            "sloe",
            "floe",
            "doe",
            "roe",
            "foe",
            "aloe",
            "ski",
            "taxi",
            "toe",
        )
    },
    "gases": "gas",
    "irises": "iris",
    "rhinoceroses": "rhinoceros",
}
_PLURAL_ENDINGS: Final = (
    (r"(?<=[a-z]{2})ies$", "y"),
    (r"(?<![aeo])uses$", "us"),
    (r"(?<=[a-z])(ss|x|z|ch|sh|o)es$", r"\1"),
    (r"(?<=[a-z]{2})([^sui])s$", r"\1"),
)
