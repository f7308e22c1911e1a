"""Instructions that ask in other words what a prompt of an evaluation suite asks.

Instructions are compared by their content: stems without function words and words of request, with common
phrases and synonyms replaced by one term each. A term counts by its rarity in the suite (inverse document
frequency; Spärck Jones 1972), and a term that the suite does not have counts most. A term counts
less if it is only related to a missing one by WordNet. If a response is known and gives the answer of the
prompt, or both instructions have the same text to work on, less of the content must agree. Two arithmetic
instructions are the same if they have the same numbers and the same value.
"""

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from phases.scoring.paraphrase_terms import FORM_TERMS, PHRASES, REQUEST_WORDS, SYNONYMS
from phases.scoring.thesaurus import load_thesaurus
from phases.verifiers.arithmetic import evaluate_instruction
from phases.verifiers.number_words import NUMBER_WORDS, replace_number_words
from phases.verifiers.stems import FUNCTION_WORDS, fold_text, stem

SAME_CONTENT: Final = 0.55
"""Weighted Jaccard similarity of the contents from which two instructions ask the same."""
_SAME_CONTENT_OF_SEVERAL: Final = 0.5
"""The same if they share several terms that are neither numbers nor words of form."""
_SEVERAL: Final = 3
SAME_CONTENT_WITH_ANSWER: Final = 0.3
"""The same if the response gives the prompt's answer, or if the text to work on is the same."""
_SAME_CONTENT_WITH_OTHER_NUMBERS: Final = 0.8
"""The same if both instructions have numbers, but none in common."""
_SUBJECT_WEIGHT: Final = 4.0
_SAME_CONTENT_WITH_OTHER_SUBJECT: Final = 0.6
"""The same if they name things of different kinds, or share at most one such term while each has terms of at
least this weight that the other one lacks: both may have the form "Write two paragraphs about tea."."""
_LOSS_OF_RELATED: Final = 0.3
"""Share of its weight that a term loses if the other instruction has only a related one."""
_NONE: Final[frozenset[str]] = frozenset()
_ROUNDED: Final = 1 - 1e-9
_LONGEST_QUOTED_PHRASE: Final = 2
_LONGEST_ANSWER: Final = 4
"""Answers of more words are not compared: many texts answer the same open prompt."""
_YES_OR_NO: Final = frozenset({"yes", "no"})
_WEAK_ANSWER: Final = re.compile(r"\d+|\w")
_LONGEST_RESPONSE_WITH_WEAK_ANSWER: Final = 8
"""A longer response contains a number or a letter by chance."""
_LANGUAGES: Final = r"(?:spanish|french|german|italian|portuguese)"
_ACTS: Final = tuple(
    (act, re.compile(rf"\b(?:{pattern})\b"))
    for act, pattern in {
        "translate": r"translat\w*|(?:how|what) (?:does|do|would|is) [^.?!]*\b(?:in|into) [a-z]+\??$"
        rf"|in {_LANGUAGES}|{_LANGUAGES} (?:word|for)",
        "complete": r"complet\w*|finish\w*|fill|blank|add|continue|end (?:the|this)"
        r"|the (?:saying|proverb) end",
        "describe": r"describ\w*|descri\w+|explain|define|definition|discuss|praise|compare|why",
        "write": r"write(?! down)|compose|sentence|something about|message|story|poem|letter",
        "name": r"name|list|mention|give|say|state|suggest|tell|pick|find|write down|think of|what|which|who"
        r"|how",
    }.items()
)
"""Kinds of results in order of precedence, with the words that ask for them."""
_SAME_ACTS: Final = (frozenset({"complete", "name"}),)
"""Acts that may ask the same: "What do bees make?" and "Complete the sentence: Bees make"."""
_LANGUAGE_TERMS: Final = frozenset(
    SYNONYMS.get(stemmed, stemmed)
    for stemmed in map(stem, ("spanish", "french", "german", "italian", "portuguese"))
)
_SAME_NUMBERS: Final = 0.5
_SAME_QUOTATION: Final = 0.5
_QUOTED: Final = re.compile(r"(?<!\w)'([^']+)'(?!\w)|\"([^\"]+)\"")
_INPUT: Final = re.compile(r":\s+(.+)|(?<!\w)'(.+?)'(?!\w)|\"([^\"]+)\"", re.DOTALL)
_SHORTEST_INPUT: Final = 3
_CONTRACTION: Final = re.compile(r"(?<=\w)'(?:t|m|re|ve|ll|d)\b")
_WORD: Final = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:'(?!s\b)[^\W\d_]+)?")


def list_terms(text: str) -> frozenset[str]:
    """Return the terms of an instruction's content."""
    folded = fold_text(text)
    return _choose_content(folded, _list_ordered_terms(folded))


def _choose_content(folded: str, ordered: Sequence[str]) -> frozenset[str]:
    """Return the terms of a folded text that are not words of request, unless it has no others."""
    terms = set(ordered)
    # A quoted function word is what an instruction is about; those of a quoted sentence say nothing.
    quotes = (one or other for one, other in _QUOTED.findall(folded))
    quoted = " ".join(quote for quote in quotes if len(quote.split()) <= _LONGEST_QUOTED_PHRASE)
    content = (terms - REQUEST_WORDS - {"1"}) | frozenset(_list_words(quoted))
    return frozenset(content or terms)


def _list_ordered_terms(folded: str) -> list[str]:
    """Return the terms of a folded text in order, with those of request."""
    for pattern, term in PHRASES:
        folded = pattern.sub(term, folded)
    terms = []
    for word in _WORD.findall(_CONTRACTION.sub(" ", folded)):
        if word in NUMBER_WORDS:
            terms.append(str(NUMBER_WORDS[word]))
        elif word not in FUNCTION_WORDS:
            stemmed = stem(word)
            terms.append(SYNONYMS.get(stemmed, stemmed))
    return terms


class ParaphraseIndex:
    """Finds the prompt of a suite that an instruction asks in other words."""

    def __init__(
        self, prompts: Mapping[str, str], answers: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """Index a suite.

        Args:
            prompts: the instructions by key.
            answers: the correct answers by key, if known.
        """
        self._contents = {key: _analyze(text) for key, text in prompts.items()}
        frequencies = Counter(term for content in self._contents.values() for term in content.terms)
        self._rarest = math.log(1 + len(prompts))
        self._weights = {term: math.log((1 + len(prompts)) / count) for term, count in frequencies.items()}
        self._keys: dict[str, list[str]] = {}
        for key, content in self._contents.items():
            for term in content.terms:
                self._keys.setdefault(term, []).append(key)
        self._prompt_weights = {key: self._weigh(content.terms) for key, content in self._contents.items()}
        self._related = _invert_thesaurus(frequencies)
        self._answers = {
            key: [terms for text in texts if (terms := _list_answer_terms(text))]
            for key, texts in (answers or {}).items()
        }

    def find_paraphrased(self, instruction: str, response: str = "") -> tuple[str, float] | None:
        """Return the key of the prompt that an instruction paraphrases and their similarity, or None."""
        content = _analyze(instruction)
        response_terms = frozenset(_list_words(response))
        best: tuple[float, str] | None = None
        for key in self._list_candidates(content):
            prompt = self._contents[key]
            aligned = self._align(content, prompt)
            similarity = self._compare(aligned.terms, prompt.terms, replaced=aligned.terms - content.terms)
            # No threshold is lower, except for two instructions of arithmetic.
            if content.value is None and similarity < SAME_CONTENT_WITH_ANSWER:
                continue
            if best is not None and (similarity, key) <= best:
                continue
            is_answered = any(_gives_answer(response_terms, answer) for answer in self._answers.get(key, ()))
            if similarity >= self._find_threshold(aligned, prompt, is_answered=is_answered):
                best = (similarity, key)
        return (best[1], best[0]) if best else None

    def _list_candidates(self, content: "_Content") -> list[str]:
        """Return the keys of the prompts that share a term and can be similar enough."""
        shared = dict.fromkeys((key for term in content.terms for key in self._keys.get(term, ())), 0.0)
        if content.value is not None:
            return list(shared)
        fixed = 0.0
        for term in content.terms:
            related = self._related.get(term, _NONE)
            for other in related | {term}:
                weight = self._weights.get(other, 0.0)
                for key in self._keys.get(other, ()):
                    if key in shared:
                        shared[key] += weight
            if not related:
                fixed += self._weights.get(term, self._rarest)
        # The terms of both together weigh at least as much as those of either that nothing can stand for.
        least = _ROUNDED * SAME_CONTENT_WITH_ANSWER
        return [
            key
            for key, weight in shared.items()
            if weight >= least * fixed and weight >= least * self._prompt_weights[key]
        ]

    def _align(self, content: "_Content", prompt: "_Content") -> "_Content":
        """Return the content with the prompt's terms in place of related ones, if they share another term."""
        missing = prompt.terms - content.terms
        if missing == prompt.terms:
            return content
        changes: dict[str, str] = {}
        for term in sorted(content.terms - prompt.terms) if missing else ():
            if options := self._related.get(term, _NONE) & missing:
                changes[term] = min(options)
                missing -= {changes[term]}
        if not changes:
            return content
        terms = frozenset(changes.get(term, term) for term in content.terms)
        return replace(content, terms=terms, first=changes.get(content.first, content.first))

    def _find_threshold(self, one: "_Content", other: "_Content", *, is_answered: bool) -> float:
        """Return the similarity from which two instructions ask the same; infinite if they cannot."""
        if one.value is not None and other.value is not None:
            return 0.0 if _is_same_arithmetic(one.value, other.value) else math.inf
        if (not is_answered and _ask_differently(one, other)) or _quote_differently(one, other):
            return math.inf
        if len(one.numbers & other.numbers) < _SAME_NUMBERS * min(len(one.numbers), len(other.numbers)):
            return _SAME_CONTENT_WITH_OTHER_NUMBERS
        if is_answered or any(text in one.words for text in other.inputs):
            return SAME_CONTENT_WITH_ANSWER
        return self._find_threshold_of_content(one, other)

    def _find_threshold_of_content(self, one: "_Content", other: "_Content") -> float:
        subjects = [term for term in one.terms & other.terms - FORM_TERMS if not term[0].isdigit()]
        has_other_subject = len(subjects) <= 1 and self._has_other_subject(one.terms, other.terms)
        if has_other_subject or _name_other_kinds(one, other):
            return _SAME_CONTENT_WITH_OTHER_SUBJECT
        return _SAME_CONTENT_OF_SEVERAL if len(subjects) >= _SEVERAL else SAME_CONTENT

    def _has_other_subject(self, one: frozenset[str], other: frozenset[str]) -> bool:
        """Return whether each instruction has weighty terms that the other one lacks."""
        return min(self._weigh(one - other), self._weigh(other - one)) >= _SUBJECT_WEIGHT

    def _compare(self, one: frozenset[str], other: frozenset[str], *, replaced: frozenset[str]) -> float:
        shared, union = self._weigh(one & other), self._weigh(one | other)
        return (shared - _LOSS_OF_RELATED * self._weigh(replaced)) / union if union else 0.0

    def _weigh(self, terms: frozenset[str]) -> float:
        # The exact sum does not depend on the order of a set.
        return math.fsum([self._weights.get(term, self._rarest) for term in terms])


@dataclass(frozen=True)
class _Content:
    """The content of an instruction.

    Attributes:
        terms: the terms of its content.
        first: the first of them in the instruction, or an empty string.
        act: what is asked for (see `_ACTS`), or an empty string.
        numbers: those of them that are numbers.
        quoted: the stems of each quotation.
        words: the stems of all its words.
        inputs: the stems of each text to work on.
        value: its value and its numbers if it is arithmetic, else None.
    """

    terms: frozenset[str]
    first: str
    act: str
    numbers: frozenset[str]
    quoted: tuple[frozenset[str], ...]
    words: str
    inputs: tuple[str, ...]
    value: tuple[object, ...] | None


@lru_cache(maxsize=2**13)  # An instruction is compared again with each of its responses.
def _analyze(instruction: str) -> _Content:
    folded = fold_text(instruction)
    ordered = _list_ordered_terms(folded)
    terms = _choose_content(folded, ordered)
    value = evaluate_instruction(instruction) if any(term[0].isdigit() for term in ordered) else None
    return _Content(
        terms,
        next((term for term in ordered if term in terms and not term[0].isdigit()), ""),
        next((act for act, pattern in _ACTS if pattern.search(folded)), ""),
        frozenset(term for term in terms if term[0].isdigit()),
        tuple(frozenset(_list_words(one or other)) for one, other in _QUOTED.findall(folded)),
        _join_words(_list_words(folded)),
        tuple(
            _join_words(words)
            for groups in _INPUT.findall(folded)
            if len(words := _list_words("".join(groups))) >= _SHORTEST_INPUT
        ),
        None if value is None else (value, *sorted(re.findall(r"\d+", replace_number_words(instruction)))),
    )


def _join_words(words: Sequence[str]) -> str:
    """Return words with a space around each, so that a text contains whole words only."""
    return f" {' '.join(words)} "


def _quote_differently(one: _Content, other: _Content) -> bool:
    """Return whether both instructions have quotations, but none that has most words of one of the other."""
    return bool(one.quoted and other.quoted) and not any(
        len(own & others) >= _SAME_QUOTATION * len(own | others)
        for own in one.quoted
        for others in other.quoted
    )


def _ask_differently(one: _Content, other: _Content) -> bool:
    """Return whether two instructions with similar content ask for something else.

    A single term in common says nothing of what is asked ("Describe bees." and "Complete the sentence: Bees
    make"). Both must concern the same languages.
    """
    if one.terms & _LANGUAGE_TERMS != other.terms & _LANGUAGE_TERMS:
        return True
    if len(one.terms & other.terms) == 1:
        acts = {one.act, other.act}
        return len(acts) > 1 and "" not in acts and acts not in _SAME_ACTS
    return False


def _name_other_kinds(one: _Content, other: _Content) -> bool:
    """Return whether both instructions ask to name something, but not the same: rivers, countries."""
    is_other_kind = one.first not in other.terms and other.first not in one.terms
    return one.act == other.act == "name" and is_other_kind


def _is_same_arithmetic(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Return whether two values are equal, and one computation has all numbers of the other: "half of 8"."""
    numbers, others = set(one[1:]), set(other[1:])
    return one[0] == other[0] and (numbers <= others or others <= numbers)


def _gives_answer(response_terms: frozenset[str], answer: frozenset[str]) -> bool:
    """Return whether a response gives an answer, and hardly by chance."""
    if not answer <= response_terms or answer <= _YES_OR_NO:
        return False
    is_weak = all(map(_WEAK_ANSWER.fullmatch, answer))
    return not is_weak or len(response_terms) <= _LONGEST_RESPONSE_WITH_WEAK_ANSWER


def _invert_thesaurus(terms: Collection[str]) -> dict[str, frozenset[str]]:
    """Return for each related term the terms that it can stand for."""
    inverse: dict[str, set[str]] = {}
    for word, others in load_thesaurus().items():
        term = SYNONYMS.get(word, word)
        for other in others if term in terms else ():
            if (related := SYNONYMS.get(other, other)) != term:
                inverse.setdefault(related, set()).add(term)
    return {related: frozenset(terms) for related, terms in inverse.items()}


def _list_words(text: str) -> list[str]:
    return [str(NUMBER_WORDS.get(word, stem(word))) for word in _WORD.findall(fold_text(text))]


def _list_answer_terms(text: str) -> frozenset[str]:
    return frozenset(_list_words(text)) if len(text.split()) <= _LONGEST_ANSWER else frozenset()
