"""Whether a response is about what its instruction asks for, by the stems of content words."""

import re
from functools import lru_cache
from typing import Final

from phases.verifiers.infer import infer_checks
from phases.verifiers.number_words import NUMBER_WORDS
from phases.verifiers.quantities import mask_input
from phases.verifiers.stems import META_WORDS, list_content_stems, list_stems
from phases.verifiers.text import split_sentences

_REQUEST_WORDS: Final = """
    ask begin brief bullet capital case choose compare compose contain continue correct create
    define describe description detail different do dozen each end essay exactly explain explanation
    fact few find first following good include item json last least letter line list long lower make
    mention most number numbered one paragraph paragraphs people person please poem point pick
    provide put quote reason rewrite say second short show simple small start state story suggest
    summarize summary tell text thing things think title translate two type upper use used using
    want way ways why word words write task exact exactly have having has length
""".split()  # noqa: SIM905
"""Words by which instructions ask, and which name no topic."""
_ASKS_FOR_TEXT: Final = re.compile(
    r"\b(?:describ\w*|explain\w*|write|compose|tell|why|how (?:do|does|did|can|is|are|to)|summari[sz]e"
    r"|discuss|outline|talk about|what (?:is|are) (?:an? )?\w+(?: for)?\?)",
    re.IGNORECASE,
)


@lru_cache(maxsize=2**14)
def find_topic(instruction: str) -> frozenset[str]:
    """Return the stems of an instruction's topic.

    Quoted words and sentences that only limit the form ("Use exactly seven words.") are not a topic.
    """
    stems = frozenset(list_content_stems(_take_content(instruction))) - _request_stems()
    return frozenset(stem for stem in stems if not stem.isdecimal())


def mentions_topic(instruction: str, response: str) -> bool:
    """Return whether a response has a word of the instruction's topic, in any inflection."""
    return not find_topic(instruction).isdisjoint(list_stems(response))


def asks_for_text(instruction: str) -> bool:
    """Return whether an instruction asks for free text about its topic, rather than for a short answer."""
    return bool(find_topic(instruction)) and _ASKS_FOR_TEXT.search(_take_content(instruction)) is not None


def _take_content(instruction: str) -> str:
    """Return the sentences of an instruction that do not only limit the form, without quotations."""
    sentences = split_sentences(mask_input(instruction))
    return " ".join([sentence for sentence in sentences if not infer_checks(sentence)] or sentences)


@lru_cache(maxsize=1)
def _request_stems() -> frozenset[str]:
    return frozenset(list_stems(" ".join((*_REQUEST_WORDS, *META_WORDS, *NUMBER_WORDS))))
