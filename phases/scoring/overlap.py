"""Contamination: texts that contain a prompt of an evaluation suite.

The search for copies is exact, because a suite is small enough to index all its n-grams. A prompt contained
verbatim is found regardless of case, spaces, punctuation and invisible characters. Instructions are also
searched for paraphrases (`phases.scoring.paraphrase`).
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
        self._long_ngrams = {key: _long_ngrams(words) for key, words in self._words.items()}
        self._keys_by_shingle = _invert(self._shingles)
        self._keys_by_long_ngram = _invert(self._long_ngrams)
        self._long_prompts = {
            key: join_characters(text) for key, text in prompts.items() if self._long_ngrams[key]
        }
        self._short_prompts = {
            join_characters(text): key for key, text in prompts.items() if not self._long_ngrams[key]
        }

    def find_copy(self, text: str) -> SuiteMatch | None:
        """Return the suite prompt that a text contains, or None."""
        match = self.find_nearest(text)
        return match if match and match.is_contaminated else None

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
        shingles = shingle(text)
        shared = _count_matches(shingles, self._keys_by_shingle)
        words = list_words(text)
        long_ngrams = {
            ngram for n in range(_SHORTEST_LONG_NGRAM, _LONG_NGRAM + 1) for ngram in list_ngrams(words, n)
        }
        shared_long = _count_matches(long_ngrams, self._keys_by_long_ngram)
        verbatim = self._find_verbatim(text)
        paraphrased = self._find_paraphrased(words)
        matches = []
        for key, count in (dict.fromkeys(verbatim, 0) | shared).items():
            similarity = count / (len(shingles) + len(self._shingles[key]) - count)
            long_share = shared_long[key] / max(1, len(self._long_ngrams[key]))
            contained = 1.0 if key in verbatim else max(long_share, paraphrased.get(key, 0.0))
            matches.append((_is_contaminated(similarity, contained), similarity, contained, key))
        if not matches:
            return None
        _, similarity, contained, key = max(matches)
        return SuiteMatch(key, similarity, contained)

    def _find_paraphrased(self, words: list[str]) -> dict[str, float]:
        """Return the prompts that differ from a text by a few words, with the share it contains."""
        candidates = _count_matches(set(words), self._keys_by_shingle)  # Words are 1-grams.
        shares = {}
        for key in candidates:
            shorter, longer = sorted((words, self._words[key]), key=len)
            if len(shorter) >= _PARAPHRASE_SHARE * len(longer) and _is_subsequence(shorter, longer):
                shares[key] = min(1.0, len(words) / len(self._words[key]))
        return shares

    def _find_verbatim(self, text: str) -> set[str]:
        """Return the prompts that a text contains completely; short prompts only as a clause."""
        clauses = {join_characters(clause) for clause in _CLAUSE.split(text)} - {""}
        short = {self._short_prompts[clause] for clause in clauses & self._short_prompts.keys()}
        characters, folded = join_characters(text), fold_case(text)
        long = {
            key
            for key, prompt in self._long_prompts.items()
            if prompt in characters and _compile_standalone(prompt).search(folded)
        }
        return short | long


@lru_cache(maxsize=1024)
def _compile_standalone(characters: str) -> re.Pattern[str]:
    """Compile a pattern for characters with anything but letters and digits between and around them."""
    return re.compile(r"(?<![^\W_])" + r"[\W_]*".join(map(re.escape, characters)) + r"(?![^\W_])")


def _long_ngrams(words: list[str]) -> frozenset[str]:
    if len(words) < _SHORTEST_LONG_NGRAM:
        return frozenset()
    return frozenset(list_ngrams(words, min(_LONG_NGRAM, len(words))))


def _is_subsequence(words: list[str], others: list[str]) -> bool:
    remaining = iter(others)
    return all(word in remaining for word in words)


def _count_matches(ngrams: Iterable[str], index: Mapping[str, list[str]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for ngram in ngrams:
        if keys := index.get(ngram):
            counts.update(keys)
    return counts


def _invert(sets: Mapping[str, frozenset[str]]) -> dict[str, list[str]]:
    index: dict[str, list[str]] = {}
    for key, ngrams in sets.items():
        for ngram in ngrams:
            index.setdefault(ngram, []).append(key)
    return index
