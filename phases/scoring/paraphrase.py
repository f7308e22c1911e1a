"""Instructions that ask in other words what a prompt of an evaluation suite asks.

Instructions are compared by their content: stems without function words and words of request, with common
phrases and synonyms replaced by one term each. A term counts by its rarity in the suite and in everyday
English (inverse document frequency; Spärck Jones 1972). A term counts less if it is only related to a missing
one by WordNet. If a response is known and gives the answer of the
prompt, or both instructions have the same text to work on, less of the content must agree. Two arithmetic
instructions are the same if they have the same numbers and the same value.
"""

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from phases.scoring.instruction_content import LANGUAGE_TERMS, Content, analyze_content, list_words
from phases.scoring.paraphrase_terms import FORM_TERMS, SYNONYMS
from phases.scoring.thesaurus import load_occurrences, load_thesaurus

SAME_CONTENT: Final = 0.55
"""Weighted Jaccard similarity of the contents from which two instructions ask the same."""
_SAME_CONTENT_OF_SIMILAR: Final = 0.48
"""The same if they ask for the same kind of result, or share several terms that are not numbers or form."""
_SEVERAL: Final = 3
SAME_CONTENT_WITH_ANSWER: Final = 0.3
"""The same if the response gives the prompt's answer, or if the text to work on is the same."""
_SAME_CONTENT_WITH_OTHER_NUMBERS: Final = 0.8
"""The same if both instructions have numbers, but none in common."""
_SUBJECT_WEIGHT: Final = 4.0
_SAME_CONTENT_WITH_OTHER_SUBJECT: Final = 0.6
"""The same if they name things of different kinds, or share at most one such term while each has terms of at
least this weight that the other one lacks: both may have the form "Write two paragraphs about tea."."""
_SAME_CONTENT_WITH_OTHER_ACT: Final = 0.7
"""The same if they ask for results of different kinds (see `_OTHER_ACTS`)."""
_EVERYDAY: Final = 5000
"""Occurrences in WordNet's texts from which every instruction may have a word."""
_LEAST_WEIGHT: Final = 0.5
_LOSS_OF_RELATED: Final = 0.5
"""Share of its weight that a term loses if the other instruction has only a related one."""
_SHORTEST_PART: Final = 4
_SHORTEST_ENDING: Final = 3
"""Lengths of the part of a compound that can stand for it, as "court" for "courthouse", and of its rest."""
_ROUNDED: Final = 1 - 1e-9
_LONGEST_ANSWER: Final = 4
"""Answers of more words are not compared: many texts answer the same open prompt."""
_YES_OR_NO: Final = frozenset({"yes", "no"})
_WEAK_ANSWER: Final = re.compile(r"\d+|\w")
_LONGEST_RESPONSE_WITH_WEAK_ANSWER: Final = 8
"""A longer response contains a number or a letter by chance."""
_LONGEST_RESPONSE_WITH_ANSWER: Final = 20
"""A longer response says more than the answer: a text about Brazil mentions its language."""
_SAME_ACTS: Final = (frozenset({"complete", "name"}),)
"""Acts that may ask the same: "What do bees make?" and "Complete the sentence: Bees make"."""
_OTHER_ACTS: Final = tuple(
    frozenset(acts)
    for acts in (
        ("describe", "name"),
        ("describe", "count"),
        ("describe", "complete"),
        ("write", "complete"),
        ("write", "count"),
    )
)
"""Acts that hardly ever ask the same, whatever the content: a text and a short answer."""
_SAME_NUMBERS: Final = 0.5
_SAME_QUOTATION: Final = 0.5
_SHORTEST_SEQUENCE: Final = 3
_SAME_SEQUENCE: Final = 0.7


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
        self._contents = {key: analyze_content(text) for key, text in prompts.items()}
        frequencies = Counter(term for content in self._contents.values() for term in content.terms)
        self._rarest = math.log(1 + len(prompts))
        self._weights = _weigh_terms(frequencies, len(prompts))
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
        content = analyze_content(instruction)
        response_terms = frozenset(list_words(response))
        best: tuple[float, str] | None = None
        exact = content.quoted_terms | LANGUAGE_TERMS
        related = {term: terms for term in content.terms - exact if (terms := self._find_related(term))}
        for key in self._list_candidates(content, related):
            prompt = self._contents[key]
            aligned = _align(content, prompt, related)
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

    def _list_candidates(self, content: Content, related: Mapping[str, frozenset[str]]) -> list[str]:
        """Return the keys of the prompts that share a term and can be similar enough."""
        shared = dict.fromkeys((key for term in content.terms for key in self._keys.get(term, ())), 0.0)
        if content.value is not None:
            return list(shared)
        fixed = 0.0
        for term in content.terms:
            for other in (term, *related.get(term, ())):
                weight = self._weights.get(other, 0.0)
                for key in self._keys.get(other, ()):
                    if key in shared:
                        shared[key] += weight
            if term not in related:
                fixed += self._weights.get(term, self._rarest)
        # The terms of both together weigh at least as much as those of either that nothing can stand for.
        least = _ROUNDED * SAME_CONTENT_WITH_ANSWER
        return [
            key
            for key, weight in shared.items()
            if weight >= least * fixed and weight >= least * self._prompt_weights[key]
        ]

    def _find_related(self, term: str) -> frozenset[str]:
        """Return the suite's terms for which a term can stand: related ones, and a part of a compound."""
        if term not in self._related:
            lengths = range(_SHORTEST_PART, len(term) - _SHORTEST_ENDING + 1)
            parts = (SYNONYMS.get(term[:n], term[:n]) for n in lengths)
            self._related[term] = frozenset(part for part in parts if part in self._keys)
        return self._related[term]

    def _find_threshold(self, one: Content, other: Content, *, is_answered: bool) -> float:
        """Return the similarity from which two instructions ask the same; infinite if they cannot."""
        if one.value is not None and other.value is not None:
            return 0.0 if _is_same_arithmetic(one.value, other.value) else math.inf
        if (not is_answered and _ask_differently(one, other)) or _quote_differently(one, other):
            return math.inf
        if _use_other_numbers(one, other) or _lacks_text(one, other):
            return math.inf
        if len(one.numbers & other.numbers) < _SAME_NUMBERS * min(len(one.numbers), len(other.numbers)):
            return _SAME_CONTENT_WITH_OTHER_NUMBERS
        has_same_numbers = len(other.numbers) > _SHORTEST_SEQUENCE and one.numbers == other.numbers
        if is_answered or has_same_numbers or any(text in one.words for text in other.inputs):
            return SAME_CONTENT_WITH_ANSWER
        return self._find_threshold_of_content(one, other)

    def _find_threshold_of_content(self, one: Content, other: Content) -> float:
        subjects = [term for term in one.terms & other.terms - FORM_TERMS if not term[0].isdigit()]
        if frozenset({one.act, other.act}) in _OTHER_ACTS:
            return _SAME_CONTENT_WITH_OTHER_ACT
        if not subjects and one.terms != other.terms:
            return _SAME_CONTENT_WITH_OTHER_ACT
        has_other_subject = len(subjects) <= 1 and self._has_other_subject(one.terms, other.terms)
        if has_other_subject or _name_other_kinds(one, other):
            return _SAME_CONTENT_WITH_OTHER_SUBJECT
        if len(subjects) >= _SEVERAL:
            return _SAME_CONTENT_OF_SIMILAR
        has_enough = len(subjects) > 1 or one.terms <= other.terms or other.terms <= one.terms
        return _SAME_CONTENT_OF_SIMILAR if one.act == other.act and has_enough else SAME_CONTENT

    def _has_other_subject(self, one: frozenset[str], other: frozenset[str]) -> bool:
        """Return whether each instruction has weighty terms that the other one lacks."""
        return min(self._weigh(one - other), self._weigh(other - one)) >= _SUBJECT_WEIGHT

    def _compare(self, one: frozenset[str], other: frozenset[str], *, replaced: frozenset[str]) -> float:
        shared, union = self._weigh(one & other), self._weigh(one | other)
        return (shared - _LOSS_OF_RELATED * self._weigh(replaced)) / union if union else 0.0

    def _weigh(self, terms: frozenset[str]) -> float:
        # The exact sum does not depend on the order of a set.
        return math.fsum([self._weights.get(term, self._rarest) for term in terms])


def _align(content: Content, prompt: Content, related: Mapping[str, frozenset[str]]) -> Content:
    """Return the content with the prompt's terms in place of related ones, if they share another term.

    Quoted words and languages are what an instruction is about, so that no other word can stand for them.
    """
    missing = prompt.terms - content.terms
    if len(missing) == len(prompt.terms):
        return content
    changes: dict[str, str] = {}
    for term in sorted(related.keys() - prompt.terms) if missing else ():
        if options := related[term] & missing - prompt.quoted_terms:
            changes[term] = min(options)
            missing -= {changes[term]}
    if not changes:
        return content
    terms = frozenset(changes.get(term, term) for term in content.terms)
    return replace(content, terms=terms, first=changes.get(content.first, content.first))


def _quote_differently(one: Content, other: Content) -> bool:
    """Return whether both instructions have quotations, but not most of one is in the other instruction."""
    if not (one.quoted and other.quoted):
        return False
    if any(quote <= other.unquoted for quote in one.quoted):
        return False
    return not any(
        len(own & others) >= _SAME_QUOTATION * len(own | others)
        for own in one.quoted
        for others in other.quoted
    )


def _ask_differently(one: Content, other: Content) -> bool:
    """Return whether two instructions with similar content ask for something else.

    A single term in common says nothing of what is asked ("Describe bees." and "Complete the sentence: Bees
    make"). Both must concern the same languages.
    """
    if one.terms & LANGUAGE_TERMS != other.terms & LANGUAGE_TERMS:
        return True
    if len(one.terms & other.terms) == 1:
        acts = {one.act, other.act}
        return len(acts) > 1 and "" not in acts and acts not in _SAME_ACTS
    return False


def _use_other_numbers(one: Content, prompt: Content) -> bool:
    """Return whether an instruction computes or continues other numbers than a prompt."""
    if prompt.value is not None:
        return prompt.numbers != one.numbers
    is_sequence = min(len(one.numbers), len(prompt.numbers)) >= _SHORTEST_SEQUENCE
    shared, union = len(one.numbers & prompt.numbers), len(one.numbers | prompt.numbers)
    return is_sequence and shared < _SAME_SEQUENCE * union


def _lacks_text(one: Content, prompt: Content) -> bool:
    """Return whether an instruction lacks each quotation of a prompt, or the text to translate."""
    words = frozenset(one.words.split())
    if prompt.quoted and all(words.isdisjoint(quote) for quote in prompt.quoted):
        return True
    texts = [frozenset(text.split()) for text in prompt.inputs if prompt.act == "translate"]
    return any(len(text & words) < _SAME_QUOTATION * len(text) for text in texts)


def _name_other_kinds(one: Content, other: Content) -> bool:
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
    longest = _LONGEST_RESPONSE_WITH_WEAK_ANSWER if is_weak else _LONGEST_RESPONSE_WITH_ANSWER
    return len(response_terms) <= longest


def _weigh_terms(frequencies: Mapping[str, int], count: int) -> dict[str, float]:
    """Return the inverse document frequency of each term in `count` prompts and in everyday English."""
    occurrences: Counter[str] = Counter()
    for stemmed, number in load_occurrences().items():
        occurrences[SYNONYMS.get(stemmed, stemmed)] += number
    weights = {}
    for term in frequencies.keys() | occurrences.keys():
        expected = max(1, frequencies.get(term, 0)) + count * occurrences[term] / _EVERYDAY
        weights[term] = max(_LEAST_WEIGHT, math.log((1 + count) / expected))
    return weights


def _invert_thesaurus(terms: Collection[str]) -> dict[str, frozenset[str]]:
    """Return for each related term the terms that it can stand for."""
    inverse: dict[str, set[str]] = {}
    for word, others in load_thesaurus().items():
        term = SYNONYMS.get(word, word)
        for other in others if term in terms else ():
            if (related := SYNONYMS.get(other, other)) != term:
                inverse.setdefault(related, set()).add(term)
    return {related: frozenset(terms) for related, terms in inverse.items()}


def _list_answer_terms(text: str) -> frozenset[str]:
    return frozenset(list_words(text)) if len(text.split()) <= _LONGEST_ANSWER else frozenset()
