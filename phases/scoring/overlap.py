"""Contamination: texts that contain a prompt of an evaluation suite.

The search for copies is exact, because a suite is small enough to index all its n-grams. A prompt contained
verbatim is found regardless of case, spaces, punctuation and invisible characters. Instructions are also
searched for paraphrases (`phases.scoring.paraphrase`).
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import lru_cache
from typing import Final

import msgspec

from phases.scoring.ngrams import fold_case, join_characters, list_ngrams, list_words, shingle
from phases.scoring.paraphrase import ParaphraseIndex

NEAR_DUPLICATE: Final = 0.7
"""Jaccard similarity from which two texts count as one."""
_CONTAINED: Final = 0.7
"""Share of a prompt's long n-grams from which a text counts as containing the prompt."""
_LONG_NGRAM: Final = 8
_SHORTEST_LONG_NGRAM: Final = 5
"""A prompt with fewer words is ordinary language and counts as contained only if it is a complete clause."""
_PARAPHRASE_SHARE: Final = 0.8
"""Two texts ask the same if the shorter one has this share of the words of the longer one, in its order and
without any other word: "How many months are (there) in a year?"."""
_ROUNDING: Final = 1e-9
_REMEMBERED_TEXTS: Final = 2**14
"""Instructions are compared again with each of their responses."""
_CLAUSE: Final = re.compile(r"[.!?:;\n]+")


class SuiteMatch(msgspec.Struct, frozen=True):
    """A suite prompt that resembles a text.

    Attributes:
        key: the prompt's key.
        similarity: Jaccard similarity of the text and the prompt.
        contained: share of the prompt that the text contains.
        is_paraphrase: whether the text asks the same in other words.
    """

    key: str
    similarity: float
    contained: float
    is_paraphrase: bool = False

    @property
    def is_contaminated(self) -> bool:
        """Whether training on the text would reveal the prompt."""
        return self.is_paraphrase or _is_contaminated(self.similarity, self.contained)


def _is_contaminated(similarity: float, contained: float) -> bool:
    return similarity >= NEAR_DUPLICATE or contained >= _CONTAINED


class SuiteOverlap:
    """Finds the suite prompt that a text overlaps most."""

    def __init__(
        self, prompts: Mapping[str, str], answers: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """Index a suite.

        Args:
            prompts: the instructions of its prompts by key.
            answers: the correct answers by key, if known; more paraphrases are found with them.
        """
        self._paraphrases = ParaphraseIndex(prompts, answers)
        self._shingles = {key: shingle(text) for key, text in prompts.items()}
        self._words = {key: list_words(text) for key, text in prompts.items()}
        self._long_ngrams = {key: _list_long_ngrams(words) for key, words in self._words.items()}
        self._keys_by_shingle = _invert(self._shingles)
        self._keys_by_long_ngram = _invert(self._long_ngrams)
        # Near copies of a prompt have one of its rarest n-grams, so only prompts found by these are compared.
        frequency = {ngram: len(keys) for ngram, keys in self._keys_by_shingle.items()}
        self._keys_by_rare_shingle = _invert(
            {
                key: _choose_rarest(ngrams, (1 - NEAR_DUPLICATE) * len(ngrams), frequency)
                for key, ngrams in self._shingles.items()
            }
        )
        self._keys_by_rare_word = _invert(
            {
                key: _choose_rarest(set(words), (1 - _PARAPHRASE_SHARE) * len(words), frequency)
                for key, words in self._words.items()
            }
        )
        self._long_ngram_starts = {_get_start(ngram) for ngram in self._keys_by_long_ngram}
        self._long_prompts = {
            key: join_characters(text) for key, text in prompts.items() if self._long_ngrams[key]
        }
        self._anchor_length = min(map(len, self._long_prompts.values()), default=0)
        self._keys_by_anchor = _invert(
            {key: {characters[: self._anchor_length]} for key, characters in self._long_prompts.items()}
        )
        self._short_prompts = {
            join_characters(text): key for key, text in prompts.items() if not self._long_ngrams[key]
        }
        self._copies: dict[str, SuiteMatch | None] = {}

    def find_copy(self, text: str) -> SuiteMatch | None:
        """Return the suite prompt that a text contains, or None."""
        if text not in self._copies:
            if len(self._copies) >= _REMEMBERED_TEXTS:
                self._copies.clear()
            self._copies[text] = self._compare_candidates(text)
        return self._copies[text]

    def find_contamination(self, instruction: str, response: str = "") -> SuiteMatch | None:
        """Return the suite prompt that an instruction contains or paraphrases, or None.

        Args:
            instruction: the instruction.
            response: its response, if known.
        """
        if copy := self.find_copy(instruction):
            return copy
        paraphrase = self._paraphrases.find_paraphrased(instruction, response)
        return SuiteMatch(*paraphrase, contained=0.0, is_paraphrase=True) if paraphrase else None

    def find_nearest(self, text: str) -> SuiteMatch | None:
        """Return the suite prompt nearest to a text, or None if no prompt shares a word with it."""
        if copy := self.find_copy(text):
            return copy
        shingles = shingle(text)
        shared = _count_matches(shingles, self._keys_by_shingle)
        if not shared:
            return None
        similarities = {key: self._compute_similarity(shingles, key, n) for key, n in shared.items()}
        highest = max(similarities.values())
        shared_long = self._count_long_ngrams(list_words(text))
        contained, key = max(
            (self._compute_long_share(key, shared_long), key)
            for key, similarity in similarities.items()
            if similarity == highest
        )
        return SuiteMatch(key, highest, contained)

    def _compare_candidates(self, text: str) -> SuiteMatch | None:
        """Return the most similar of the prompts that a text may contain, if it contains it."""
        shingles, words = shingle(text), list_words(text)
        shared_long = self._count_long_ngrams(words)
        verbatim = self._find_verbatim(text)
        paraphrased = self._find_paraphrased(words)
        near = {key for ngram in shingles for key in self._keys_by_rare_shingle.get(ngram, ())}
        matches = []
        for key in near | verbatim | paraphrased.keys() | shared_long.keys():
            similarity = self._compute_similarity(shingles, key, len(shingles & self._shingles[key]))
            long_share = self._compute_long_share(key, shared_long)
            contained = 1.0 if key in verbatim else max(long_share, paraphrased.get(key, 0.0))
            if _is_contaminated(similarity, contained):
                matches.append((similarity, contained, key))
        if not matches:
            return None
        similarity, contained, key = max(matches)
        return SuiteMatch(key, similarity, contained)

    def _compute_similarity(self, shingles: frozenset[str], key: str, shared: int) -> float:
        return shared / (len(shingles) + len(self._shingles[key]) - shared)

    def _compute_long_share(self, key: str, shared_long: Mapping[str, int]) -> float:
        return shared_long.get(key, 0) / max(1, len(self._long_ngrams[key]))

    def _count_long_ngrams(self, words: list[str]) -> Counter[str]:
        """Return how many of a prompt's long n-grams a text has, for each prompt with any."""
        starts = enumerate(list_ngrams(words, _SHORTEST_LONG_NGRAM))
        matching_starts = [first for first, start in starts if start in self._long_ngram_starts]
        lengths = range(_SHORTEST_LONG_NGRAM, _LONG_NGRAM + 1)
        ngrams = {" ".join(words[i : i + n]) for i in matching_starts for n in lengths if i + n <= len(words)}
        return _count_matches(ngrams, self._keys_by_long_ngram)

    def _find_paraphrased(self, words: list[str]) -> dict[str, float]:
        """Return the prompts that differ from a text by a few words, with the share it contains."""
        shares = {}
        for key in {key for word in words for key in self._keys_by_rare_word.get(word, ())}:
            shorter, longer = sorted((words, self._words[key]), key=len)
            if len(shorter) >= _PARAPHRASE_SHARE * len(longer) and _is_subsequence(shorter, longer):
                shares[key] = min(1.0, len(words) / len(self._words[key]))
        return shares

    def _find_verbatim(self, text: str) -> set[str]:
        """Return the prompts that a text contains completely; short prompts only as a clause."""
        clauses = {join_characters(clause) for clause in _CLAUSE.split(text)} - {""}
        short = {self._short_prompts[clause] for clause in clauses & self._short_prompts.keys()}
        characters, folded = join_characters(text), fold_case(text)
        width = self._anchor_length
        anchors = {characters[i : i + width] for i in range(len(characters) - width + 1)}
        long = {
            key
            for anchor in anchors & self._keys_by_anchor.keys()
            for key in self._keys_by_anchor[anchor]
            if (prompt := self._long_prompts[key]) in characters
            and _compile_standalone(prompt).search(folded)
        }
        return short | long


@lru_cache(maxsize=1024)
def _compile_standalone(characters: str) -> re.Pattern[str]:
    """Compile a pattern for characters with anything but letters and digits between and around them."""
    return re.compile(r"(?<![^\W_])" + r"[\W_]*".join(map(re.escape, characters)) + r"(?![^\W_])")


def _list_long_ngrams(words: list[str]) -> frozenset[str]:
    if len(words) < _SHORTEST_LONG_NGRAM:
        return frozenset()
    return frozenset(list_ngrams(words, min(_LONG_NGRAM, len(words))))


def _get_start(ngram: str) -> str:
    return " ".join(ngram.split(" ")[:_SHORTEST_LONG_NGRAM])


def _choose_rarest(ngrams: Set[str], most_missing: float, frequency: Mapping[str, int]) -> Sequence[str]:
    """Return enough n-grams that a text which lacks at most `most_missing` of them has one of these."""
    count = math.floor(most_missing + _ROUNDING) + 1
    return sorted(ngrams, key=lambda ngram: (frequency[ngram], ngram))[:count]


def _is_subsequence(words: list[str], others: list[str]) -> bool:
    remaining = iter(others)
    return all(word in remaining for word in words)


def _count_matches(ngrams: Iterable[str], index: Mapping[str, list[str]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for ngram in ngrams:
        if keys := index.get(ngram):
            counts.update(keys)
    return counts


def _invert(sets: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    index: dict[str, list[str]] = {}
    for key, ngrams in sets.items():
        for ngram in ngrams:
            index.setdefault(ngram, []).append(key)
    return index
