"""Words of the suites and of everyday English, from WordNet (Miller 1995)."""

from functools import lru_cache
from pathlib import Path
from typing import Final

THESAURUS: Final = Path(__file__).with_name("thesaurus.txt")
"""The stems of the words of the suites, each with the stems of related words."""
OCCURRENCES: Final = Path(__file__).with_name("occurrences.txt")
"""The stems of the common words of English with their occurrences in WordNet's tagged texts."""


@lru_cache(maxsize=1)
def load_thesaurus() -> dict[str, frozenset[str]]:
    """Return the stems of the related words of each word of the suites, by its stem."""
    lines = (line.split() for line in _read_lines(THESAURUS))
    return {stem: frozenset(others) for stem, *others in lines}


@lru_cache(maxsize=1)
def load_occurrences() -> dict[str, int]:
    """Return how often the common words of English occur, by their stems."""
    lines = (line.split() for line in _read_lines(OCCURRENCES))
    return {stem: int(count) for stem, count in lines}


def _read_lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
