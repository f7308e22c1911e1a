"""Words, n-grams and set similarity of texts."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

# Words, numbers, and the signs that change the meaning of an instruction; other punctuation is ignored.
# A dash, slash or bar is a sign only in front of a number.
_SIGN = r"[+*=<>%^]|[-/|](?=\s*\d)"
_WORD = re.compile(rf"\w+|{_SIGN}")
_CHARACTER = re.compile(rf"[^\W_]|{_SIGN}")


def fold_case(text: str) -> str:
    """Return a text in Unicode normalization form KC without case."""
    return unicodedata.normalize("NFKC", text).casefold()


def list_words(text: str) -> list[str]:
    """Return the words, numbers and operators of a text in order, ignoring case."""
    return _WORD.findall(fold_case(text))


def reduce_to_words(text: str) -> str:
    """Return a text without the differences of case, spaces and punctuation."""
    return " ".join(list_words(text))


def join_characters(text: str) -> str:
    """Return the letters, digits and operators of a text without anything between them, ignoring case."""
    return "".join(_CHARACTER.findall(fold_case(text)))


def list_ngrams(words: list[str], n: int) -> list[str]:
    """Return the n-grams of a list of words in order."""
    return [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]


@lru_cache(maxsize=1024)  # An instruction is compared with each of its responses.
def shingle(text: str) -> frozenset[str]:
    """Return the set of a text's n-grams of one, two and three words."""
    words = list_words(text)
    return frozenset(ngram for n in (1, 2, 3) for ngram in list_ngrams(words, n))


def compute_jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the Jaccard similarity of two sets; 1 if both are empty."""
    union = len(one | other)
    return len(one & other) / union if union else 1.0


def compute_distinct_share(texts: Sequence[str], n: int = 3) -> float:
    """Return the share of distinct word n-grams among all n-grams of the texts; 1 if there are none."""
    ngrams = [ngram for text in texts for ngram in list_ngrams(list_words(text), n)]
    return len(set(ngrams)) / len(ngrams) if ngrams else 1.0
