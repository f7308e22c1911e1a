"""The content of an instruction, by which instructions are compared: see `phases.scoring.paraphrase`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from phases.scoring.paraphrase_terms import ANY_PHRASE, PHRASES, REQUEST_WORDS, SYNONYMS
from phases.verifiers.arithmetic import evaluate_instruction
from phases.verifiers.number_words import NUMBER_WORDS, replace_fractions, replace_number_words
from phases.verifiers.stems import FUNCTION_WORDS, fold_text, stem

_LONGEST_QUOTED_PHRASE: Final = 2
_LANGUAGES: Final = r"(?:spanish|french|german|italian|portuguese)"
_ACTS: Final = tuple(
    (act, re.compile(rf"\b(?:{pattern})\b"))
    for act, pattern in (
        (
            "translate",
            r"translat\w*|(?:how|what) (?:does|do|would|is) [^.?!]*\b(?:in|into) [a-z]+\??$"
            rf"|in {_LANGUAGES}|{_LANGUAGES} (?:word|for)",
        ),
        (
            "complete",
            r"complet\w*|finish\w*|fill|blank(?! line)|add|continue|end (?:the|this)"
            r"|the (?:saying|proverb) end",
        ),
        ("count", r"how (?:many|much|long|old|far|tall|big|often|high|fast)"),
        ("write", r"(?:write|compose|create|form|make(?: up)?|in|using) (?:an?|one) (?:\w+ )?sentences?"),
        (
            "describe",
            r"descri\w+|draw|explain|define|definition|discuss|praise|compare|contrast|analy[sz]e"
            r"|why|reasons?|causes?|how(?! (?:is|are)\b)|(?:ways?|trick) (?:to|of)|steps?|instructions?"
            r"|recipe|advice|ideas|arguments?|convince|persuade",
        ),
        (
            "write",
            r"write(?! down)|compose|sentences?|something about|messages?|story|stories|poems?|letters?"
            r"|emails?|jokes?|headlines?|titles?|slogans?|imagine",
        ),
        (
            "name",
            r"name|list|mention|give|state|suggest|pick|find|write down|think of|what|which|who"
            r"|whose|where|when|identify",
        ),
    )
)
"""Kinds of results in order of precedence, with the words that ask for them."""
LANGUAGE_TERMS: Final = frozenset(
    SYNONYMS.get(stemmed, stemmed)
    for stemmed in map(stem, ("spanish", "french", "german", "italian", "portuguese"))
)
_QUOTED: Final = re.compile(r"(?<!\w)'([^']+)'(?!\w)|\"([^\"]+)\"")
_INPUT: Final = re.compile(r":\s+(.+)|(?<!\w)'(.+?)'(?!\w)|\"([^\"]+)\"", re.DOTALL)
_SENTENCE_END: Final = re.compile(r"[.?!]\s+")
_SHORTEST_INPUT: Final = 3
_CONTRACTION: Final = re.compile(r"(?<=\w)'(?:t|m|re|ve|ll|d)\b")
_WORD: Final = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:'(?!s\b)[^\W\d_]+)?")


@dataclass(frozen=True)
class Content:
    """The content of an instruction.

    Attributes:
        terms: the terms of its content.
        first: the first of them in the instruction, or an empty string.
        act: what is asked for (see `_ACTS`), or an empty string.
        numbers: those of them that are numbers.
        quoted: the stems of each quotation.
        quoted_terms: the terms of all quotations.
        unquoted: the stems of the words that are not in quotations.
        words: the stems of all its words.
        inputs: the stems of each sentence of the text to work on.
        value: its value and its numbers if it is arithmetic, else None.
    """

    terms: frozenset[str]
    first: str
    act: str
    numbers: frozenset[str]
    quoted: tuple[frozenset[str], ...]
    quoted_terms: frozenset[str]
    unquoted: frozenset[str]
    words: str
    inputs: tuple[str, ...]
    value: tuple[object, ...] | None


@lru_cache(maxsize=2**13)  # An instruction is compared again with each of its responses.
def analyze_content(instruction: str) -> Content:
    """Return the content of an instruction."""
    folded = fold_text(instruction)
    ordered = _list_ordered_terms(folded)
    terms = _choose_content(folded, ordered)
    quotes = [one or other for one, other in _QUOTED.findall(folded)]
    words = _list_folded_words(folded)
    value = evaluate_instruction(instruction) if any(term[0].isdigit() for term in ordered) else None
    return Content(
        terms,
        next((term for term in ordered if term in terms and not term[0].isdigit()), ""),
        next((act for act, pattern in _ACTS if pattern.search(folded)), ""),
        frozenset(term for term in terms if term[0].isdigit()),
        tuple(frozenset(_list_folded_words(quote)) for quote in quotes),
        frozenset(term for quote in quotes for term in _list_ordered_terms(quote)),
        frozenset(_list_folded_words(_QUOTED.sub(" ", folded)) if quotes else words),
        _join_words(words),
        tuple(
            _join_words(stems)
            for groups in _INPUT.findall(folded)
            for sentence in _SENTENCE_END.split("".join(groups))
            if len(stems := _list_folded_words(sentence)) >= _SHORTEST_INPUT
        ),
        None if value is None else (value, *sorted(re.findall(r"\d+", replace_number_words(instruction)))),
    )


def _join_words(words: Sequence[str]) -> str:
    """Return words with a space around each, so that a text contains whole words only."""
    return f" {' '.join(words)} "


def list_terms(text: str) -> frozenset[str]:
    """Return the terms of an instruction's content."""
    folded = fold_text(text)
    return _choose_content(folded, _list_ordered_terms(folded))


def _choose_content(folded: str, ordered: Sequence[str]) -> frozenset[str]:
    """Return the terms of a folded text that are not words of request, unless it has no others."""
    terms = set(ordered)
    # A quoted word is what an instruction is about, even a function word; those of a sentence say nothing.
    content = terms - REQUEST_WORDS
    for quote in (one or other for one, other in _QUOTED.findall(folded)):
        if len(words := _list_folded_words(quote)) <= _LONGEST_QUOTED_PHRASE:
            content.update(_list_ordered_terms(quote) or words)
    return frozenset(content - {"1"} or terms)


def _list_ordered_terms(folded: str) -> list[str]:
    """Return the terms of a folded text in order, with those of request."""
    if "half" in folded:
        folded = replace_fractions(replace_number_words(folded))
    if ANY_PHRASE.search(folded):
        for pattern, term in PHRASES:
            folded = pattern.sub(term, folded)
    terms = []
    for word in _WORD.findall(_CONTRACTION.sub(" ", folded)):
        number = NUMBER_WORDS.get(word.removesuffix("s"))  # Also "to the nearest ten" and "to tens".
        if number is not None:
            terms.append(str(number))
        elif word not in FUNCTION_WORDS:
            stemmed = stem(word)
            terms.append(SYNONYMS.get(stemmed, stemmed))
    return terms


def list_words(text: str) -> list[str]:
    """Return the stems of all words of a text in order, with numbers in digits."""
    return _list_folded_words(fold_text(text))


def _list_folded_words(folded: str) -> list[str]:
    return [str(NUMBER_WORDS[word]) if word in NUMBER_WORDS else stem(word) for word in _WORD.findall(folded)]
