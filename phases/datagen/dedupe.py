"""Duplicates, near duplicates, and texts that stand in an evaluation suite.

Texts are compared as sets of word n-grams of one, two and three words. MinHash with locality-sensitive
hashing (Broder 1997; Indyk and Motwani 1998; the `datasketch` library) finds the candidates among any number
of texts, and their exact Jaccard similarity decides. Contamination is exact throughout: an evaluation suite
is small enough to index each of its n-grams. A suite prompt that stands whole in a text is found whatever was
done to its case, blanks, punctuation and invisible characters.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

import msgspec
from datasketch import MinHash, MinHashLSH

NEAR_DUPLICATE = 0.7
"""Jaccard similarity from which two texts count as one."""
CONTAINED = 0.7
"""Share of a suite prompt's n-grams from which a text counts as containing that prompt."""
CONTAINED_N = 8
SAME_WORDS = 0.8
"""Share of the words of the longer one of a text and a suite prompt from which the shorter, if it has them in
this order and no others, asks the same: "How many months are there in a year?"."""
_BLANK: Final = MinHash(num_perm=128)
"""Copied for each text: its permutations are drawn once, which takes longer than all else."""
CONTAINED_MIN_WORDS = 5
"""A suite prompt shorter than this is ordinary language; it must be a clause of the text of its own."""

# Words, numbers, and the signs that change what an instruction asks; other punctuation does not matter.
# Before anything but a number a dash or slash is punctuation.
_SIGN = r"[+*=<>%^]|[-/|](?=\s*\d)"
_WORD = re.compile(rf"\w+|{_SIGN}")
_MARK = re.compile(rf"[^\W_]|{_SIGN}")
_CLAUSE = re.compile(r"[.!?:;\n]+")


def words(text: str) -> list[str]:
    """Return the words, numbers and operators of a text, in order, regardless of case."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def squeezed(text: str) -> str:
    """Return the letters, digits and operators of a text, regardless of case, without anything between."""
    return "".join(_MARK.findall(unicodedata.normalize("NFKC", text).casefold()))


@lru_cache(maxsize=1024)
def _standing_alone(marks: str) -> re.Pattern[str]:
    """Return a pattern for these letters and digits with anything else between, and none next to them."""
    return re.compile(r"(?<![^\W_])" + r"[\W_]*".join(map(re.escape, marks)) + r"(?![^\W_])")


def normalise(text: str) -> str:
    """Return a text such that two which differ in case, spaces or punctuation alone are equal."""
    return " ".join(words(text))


def ngrams(sequence: list[str], n: int) -> list[str]:
    """Return the n-grams of a list of words, in order."""
    return [" ".join(sequence[i : i + n]) for i in range(len(sequence) - n + 1)]


@lru_cache(maxsize=1024)  # an instruction is compared with each of its responses
def shingles(text: str) -> frozenset[str]:
    """Return the set of a text's n-grams of one, two and three words."""
    found = words(text)
    return frozenset(gram for n in (1, 2, 3) for gram in ngrams(found, n))


def similarity(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the Jaccard similarity of two sets; two empty sets are equal."""
    union = len(one | other)
    return len(one & other) / union if union else 1.0


class NearDuplicates:
    """A growing collection of texts that knows whether it already holds a text much like another."""

    def __init__(self, threshold: float = NEAR_DUPLICATE) -> None:
        self._threshold = threshold
        # Asked for a little less than the threshold the index misses few; the exact test follows.
        self._index = MinHashLSH(threshold=threshold - 0.15, num_perm=128)
        self._shingles: list[frozenset[str]] = []
        self._normalised: set[str] = set()

    def __len__(self) -> int:
        return len(self._shingles)

    def holds(self, text: str) -> bool:
        """Say whether a text is there that differs in case, spaces or punctuation alone."""
        return normalise(text) in self._normalised

    def add(self, text: str) -> bool:
        """Add a text unless it is a duplicate; return whether it was added."""
        normalised = normalise(text)
        if normalised in self._normalised:
            return False
        grams = shingles(text)
        sketch = _BLANK.copy()
        sketch.update_batch([gram.encode() for gram in sorted(grams)])
        near = (self._shingles[key] for key in self._index.query(sketch))
        if any(similarity(grams, other) >= self._threshold for other in near):
            return False
        self._index.insert(len(self._shingles), sketch)
        self._shingles.append(grams)
        self._normalised.add(normalised)
        return True


class Nearest(msgspec.Struct, frozen=True):
    """The suite prompt nearest to a text: its key, their similarity, the share of it that the text holds."""

    key: str
    similarity: float
    contained: float

    @property
    def contaminated(self) -> bool:
        """Whether the text must not be trained on."""
        return _contaminated(self.similarity, self.contained)


def _contaminated(similarity: float, contained: float) -> bool:
    return similarity >= NEAR_DUPLICATE or contained >= CONTAINED


class SuiteOverlap:
    """Finds, for any text, the prompt of an evaluation suite that it overlaps most."""

    def __init__(self, prompts: Mapping[str, str]) -> None:
        self._shingles = {key: shingles(text) for key, text in prompts.items()}
        self._words = {key: words(text) for key, text in prompts.items()}
        self._long = {key: self._long_ngrams(text) for key, text in prompts.items()}
        self._with_shingle = _inverted(self._shingles)
        self._with_long = _inverted(self._long)
        self._whole = {key: squeezed(text) for key, text in prompts.items() if self._long[key]}
        self._clauses = {squeezed(text): key for key, text in prompts.items() if not self._long[key]}

    @staticmethod
    def _long_ngrams(text: str) -> frozenset[str]:
        found = words(text)
        if len(found) < CONTAINED_MIN_WORDS:
            return frozenset()
        return frozenset(ngrams(found, min(CONTAINED_N, len(found))))

    def held_by(self, text: str) -> Nearest | None:
        """Return the suite prompt that a text holds, or None."""
        near = self.nearest(text)
        return near if near and near.contaminated else None

    def nearest(self, text: str) -> Nearest | None:
        """Return the suite prompt nearest to a text, or None where it shares no word with any."""
        grams = shingles(text)
        shared = _counted(grams, self._with_shingle)
        found = words(text)
        long = {gram for n in range(CONTAINED_MIN_WORDS, CONTAINED_N + 1) for gram in ngrams(found, n)}
        held = _counted(long, self._with_long)
        whole = self._standing_in(text)
        same = self._asking_the_same(found)
        scored = []
        for key, count in (dict.fromkeys(whole, 0) | shared).items():
            similar = count / (len(grams) + len(self._shingles[key]) - count)
            contained = 1.0 if key in whole else held[key] / max(1, len(self._long[key]))
            contained = max(contained, same.get(key, 0.0))
            scored.append((_contaminated(similar, contained), similar, contained, key))
        if not scored:
            return None
        _, similar, contained, key = max(scored)
        return Nearest(key, similar, contained)

    def _asking_the_same(self, found: list[str]) -> dict[str, float]:
        """Return the prompts that have a few words more or less than a text, and the share that it has."""
        shared = _counted(set(found), self._with_shingle)  # a word is an n-gram of one
        same = {}
        for key in shared:
            shorter, longer = sorted((found, self._words[key]), key=len)
            if len(shorter) >= SAME_WORDS * len(longer) and _in_order(shorter, longer):
                same[key] = min(1.0, len(found) / len(self._words[key]))
        return same

    def _standing_in(self, text: str) -> set[str]:
        """Return the prompts that stand whole in a text; a short one only as a clause of its own."""
        marks, folded = squeezed(text), unicodedata.normalize("NFKC", text).casefold()
        clauses = {squeezed(clause) for clause in _CLAUSE.split(text)} - {""}
        return {self._clauses[clause] for clause in clauses & self._clauses.keys()} | {
            key
            for key, prompt in self._whole.items()
            if prompt in marks and _standing_alone(prompt).search(folded)
        }


def _in_order(some: list[str], others: list[str]) -> bool:
    """Say whether all of some words stand in this order among others."""
    left = iter(others)
    return all(word in left for word in some)


def _counted(grams: Iterable[str], index: Mapping[str, list[str]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for gram in grams:
        if keys := index.get(gram):
            counts.update(keys)
    return counts


def _inverted(sets: Mapping[str, frozenset[str]]) -> dict[str, list[str]]:
    index: dict[str, list[str]] = {}
    for key, grams in sets.items():
        for gram in grams:
            index.setdefault(gram, []).append(key)
    return index
