"""Words of the suites with the words of everyday English that WordNet relates to them (Miller 1995)."""

from functools import lru_cache
from pathlib import Path
from typing import Final

from phases.verifiers.stems import stem

THESAURUS: Final = Path(__file__).with_name("thesaurus.txt")


@lru_cache(maxsize=1)
def load_thesaurus() -> dict[str, frozenset[str]]:
    """Return the stems of the related words of each word of the suites, by its stem."""
    related: dict[str, set[str]] = {}
    for line in THESAURUS.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            word, *others = map(stem, line.split())
            related.setdefault(word, set()).update(others)
    return {word: frozenset(others - {word}) for word, others in related.items()}
