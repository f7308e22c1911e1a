"""Language detection for short texts, by common words first and by `langdetect` otherwise."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from langdetect import PROFILES_DIRECTORY, DetectorFactory, LangDetectException

from phases.verifiers.mentions import matches_topic
from phases.verifiers.text import CACHED_TEXTS, split_words

_FOREIGN_WORDS: Final = 2
"""Common words of another language from which a text may be of it."""
STOPWORDS: Final = {
    code: frozenset(common.split())
    for code, common in {
        "en": """
            the of and to in is was it that for on are as with his they at be this have from or
            had by not  but what all were we when your can there an she he you its my their a i
            has will would
        """,
        "fr": """
            le la les de des du et à est en un une que qui dans pour pas sur au aux avec il elle
            nous vous  je tu ne se ce cette sont était plus mon ma son sa ses par mais ou où
            très c'est j'ai d'un l'on
        """,
        "es": """
            el la los las de del y a en es un una que por con no se su para al lo como más pero
            sus le ya  o este sí porque esta muy son está hay mi yo tu nos él ella era
        """,
        "de": """
            der die das und ist in den von zu mit sich des auf für nicht ein eine dem als auch
            es an er sie  wir ich du so war hat nach wie im am zum zur sind aber oder einen
            einem einer sehr
        """,
        "it": """
            il lo la i gli le di a da in con su per e è un una che non si del della dei nel
            nella al alla  sono come più ma anche o se mi ti ci io tu questo questa molto ha era
        """,
        "pt": """
            o a os as de do da dos das e em no na um uma que por com não se para ao mais mas
            como é são foi  ou quando muito nos já eu você ele ela está há seu sua isso este
            esta
        """,
        "nl": """
            de het een en van in is dat op te zijn met voor niet aan er om ook als dan maar bij
            of uit nog  naar heeft was hij ze wij ik je door over heel dit deze wordt
        """,
    }.items()
}
"""The most common words of each supported language, by ISO 639-1 code."""

_WORDS_PER_STOPWORD: Final = 6
"""A language is recognized by its stopwords if they make up at least one in this many words."""


_WORDS_PER_OWN_WORD: Final = 3


@lru_cache(CACHED_TEXTS)
def detect_language(text: str) -> str | None:
    """Return the code of the most likely language in `STOPWORDS`, or None for a text without letters.

    The language with the most stopwords wins if they make up a sixth of the words and no other language has
    as many. Otherwise `langdetect` decides.
    """
    words = [word.casefold() for word in split_words(text)]
    counts = {code: sum(word in common for word in words) for code, common in STOPWORDS.items()}
    ranked = sorted(((count, code) for code, count in counts.items()), reverse=True)
    (most, code), (second, _) = ranked[:2]
    if words and most * _WORDS_PER_STOPWORD >= len(words) and most > second:
        return code
    detector = _load_detector_factory().create()
    detector.append(text)
    try:
        return str(detector.detect())
    except LangDetectException:
        return None


def has_words_of_language(text: str, code: str, words: Sequence[str]) -> bool:
    """Return whether a third of the words are common words of a language or among the given words of it.

    No other language may have more of its common words in the text.
    """
    text_words = [word.casefold() for word in split_words(text)]
    counts = {other: sum(word in common for word in text_words) for other, common in STOPWORDS.items()}
    own = sum(word in STOPWORDS[code] or matches_topic(word, words) for word in text_words)
    is_outnumbered = any(count > own for other, count in counts.items() if other != code)
    return (
        bool(text_words)
        and own * _WORDS_PER_OWN_WORD >= len(text_words)
        and not is_outnumbered
        and counts["en"] < own
    )


def is_foreign(words: Sequence[str]) -> bool:
    """Return whether the words are of another language than English, and the last one can end a sentence."""
    counts = {code: sum(word.casefold() in common for word in words) for code, common in STOPWORDS.items()}
    most = max(counts.values())
    is_cut_off = any(words[-1].casefold() in common for common in STOPWORDS.values())
    return most >= _FOREIGN_WORDS and counts["en"] < most and not is_cut_off


@lru_cache(maxsize=1)
def _load_detector_factory() -> DetectorFactory:
    # Loading only these languages makes detection far more reliable on short texts.
    factory = DetectorFactory()
    factory.load_json_profile([Path(PROFILES_DIRECTORY, code).read_text() for code in sorted(STOPWORDS)])
    factory.set_seed(0)  # langdetect samples; a fixed seed makes it deterministic.
    return factory
