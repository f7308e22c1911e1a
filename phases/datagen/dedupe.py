"""Removal of exact and near duplicates from any number of texts."""

from typing import Final

from datasketch import MinHash, MinHashLSH

from phases.scoring.ngrams import compute_jaccard, reduce_to_words, shingle
from phases.scoring.overlap import NEAR_DUPLICATE

_PERMUTATIONS: Final = 128
_EMPTY_SKETCH: Final = MinHash(num_perm=_PERMUTATIONS)
"""Copied for each text, because drawing the permutations takes longer than the rest of the work."""
_LSH_SLACK: Final = 0.15
"""Querying the index below the threshold misses few near duplicates; the exact similarity decides."""


class NearDuplicates:
    """A growing collection of texts without near duplicates.

    MinHash with locality-sensitive hashing (Broder 1997; Indyk and Motwani 1998) finds the candidates, and
    their exact Jaccard similarity decides.
    """

    def __init__(self, threshold: float = NEAR_DUPLICATE) -> None:
        """Create an empty collection.

        Args:
            threshold: Jaccard similarity from which two texts are near duplicates.
        """
        self._threshold = threshold
        self._index = MinHashLSH(threshold=threshold - _LSH_SLACK, num_perm=_PERMUTATIONS)
        self._shingles: list[frozenset[str]] = []
        self._texts: set[str] = set()

    def __len__(self) -> int:
        return len(self._shingles)

    def __contains__(self, text: str) -> bool:
        """Return whether the collection has the text, ignoring case, spaces and punctuation."""
        return reduce_to_words(text) in self._texts

    def add(self, text: str) -> bool:
        """Add a text unless it is a near duplicate; return whether it was added."""
        words = reduce_to_words(text)
        if words in self._texts:
            return False
        shingles = shingle(text)
        sketch = _EMPTY_SKETCH.copy()
        sketch.update_batch([ngram.encode() for ngram in sorted(shingles)])
        candidates = (self._shingles[key] for key in self._index.query(sketch))
        if any(compute_jaccard(shingles, candidate) >= self._threshold for candidate in candidates):
            return False
        self._index.insert(len(self._shingles), sketch)
        self._shingles.append(shingles)
        self._texts.add(words)
        return True
