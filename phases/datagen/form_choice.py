"""Whether a response with the requested form may be preferred to one that fails the form alone.

The form says nothing about the content: "The cat sat on the red mat." has the seven words that were asked for
about a bee. A response that fails only checks of form may be the better answer, so it is rejected only if the
chosen one gives the same answer, names items of the same kind, or is about the topic of a free text.
"""

import re
from collections.abc import Sequence
from typing import Final

from phases.datagen.rejections import FORM_CHECKS, list_strong_problems
from phases.datagen.topicality import asks_for_text, find_topic, mentions_topic
from phases.datagen.word_groups import GROUPS
from phases.verifiers.infer import infer_checks
from phases.verifiers.number_words import replace_number_words
from phases.verifiers.quantities import mask_input
from phases.verifiers.registry import Check
from phases.verifiers.stems import list_content_stems, singularize
from phases.verifiers.text import split_words

_SAME_ANSWER: Final = 0.5
"""Share of the shorter answer's own stems from which two responses give the same answer."""
_COMMON_CONTENT: Final = 1 / 3
_MIN_INPUT_WORDS: Final = 4
"""Words of a text to work on; a shorter quotation is a word to use."""
_LIST_CHECKS: Final = frozenset({"bullets", "numbered_list", "comma_list", "items", "json_array"})
_LIST_OR_TEXT_CHECKS: Final = frozenset({"lines", "json_object", "any_of"})
_HAS_ANSWER: Final = re.compile(
    r"\?|\b(?:what|which|who|whose|when|where|why|how|about|on|describe|explain|tell|reasons?|tips?|facts?)\b",
    re.IGNORECASE,
)
"""Words of instructions whose lists are about a topic or have right answers."""
_ASKS_FOR_EXPLANATION: Final = re.compile(r"\b(?:why|how|what|reasons?|causes?|explain\w*)\b", re.IGNORECASE)
"""Words of instructions whose texts are right or wrong: "Ice is cold." says nothing of why it floats."""
_MIN_KIND: Final = 4
"""Groups of more words are kinds of things; smaller ones are opposites such as "hot" and "cold"."""
_KINDS: Final = tuple(frozenset(map(str.casefold, group)) for group in GROUPS if len(group) > _MIN_KIND)


def may_win_by_form(instruction: str, chosen: str, rejected: str, problems: Sequence[str]) -> bool:
    """Return whether a response without problems may be preferred to one with these problems.

    Args:
        instruction: the instruction.
        chosen: the response without problems.
        rejected: the response with problems.
        problems: names of its problems.
    """
    checks = infer_checks(instruction)
    fails_form_only = FORM_CHECKS.issuperset(list_strong_problems(problems))
    if not fails_form_only or any(map(_knows_answer, checks)):
        return True
    verdict = _read_yes_or_no(chosen)
    if verdict:
        return verdict == _read_yes_or_no(rejected)
    if not find_topic(instruction):
        return _keep_content_of_input(instruction, chosen, rejected)
    is_explanation = _ASKS_FOR_EXPLANATION.search(instruction) is not None
    if asks_for_text(instruction) and not is_explanation and mentions_topic(instruction, chosen):
        return True
    list_checks = _LIST_CHECKS if asks_for_text(instruction) else _LIST_CHECKS | _LIST_OR_TEXT_CHECKS
    if any(check.kind in list_checks for check in checks) and not _HAS_ANSWER.search(instruction):
        return _name_same_kinds(chosen, rejected)
    return _give_same_answer(instruction, chosen, rejected)


def _keep_content_of_input(instruction: str, chosen: str, rejected: str) -> bool:
    """Return whether two responses to a text to work on say the same."""
    # The text may be a question: "Answer in one word: What is the capital of France?"
    if instruction.endswith("?"):
        return _give_same_answer(instruction, chosen, rejected)
    input_words = len(split_words(instruction)) - len(split_words(mask_input(instruction)))
    return input_words < _MIN_INPUT_WORDS or _have_common_content(chosen, rejected)


def _knows_answer(check: Check) -> bool:
    """Return whether a check knows the answer, so that a response that passes it is right."""
    return check.kind not in FORM_CHECKS or "allowed" in check.arguments


def _read_yes_or_no(response: str) -> str | None:
    match = re.match(r"\W*(yes|no)\b", response.casefold())
    return match[1] if match else None


def _name_same_kinds(one: str, other: str) -> bool:
    """Return whether two lists name things of a common kind, or neither has a thing of a known kind."""
    one_kinds, other_kinds = _list_kinds(one), _list_kinds(other)
    return not one_kinds | other_kinds or not one_kinds.isdisjoint(other_kinds)


def _list_kinds(response: str) -> set[int]:
    words = {form for word in split_words(response.casefold()) for form in (word, singularize(word))}
    return {n for n, kind in enumerate(_KINDS) if not words.isdisjoint(kind)}


def _give_same_answer(instruction: str, one: str, other: str) -> bool:
    """Return whether two responses share most of what they add to the instruction, or one adds nothing."""
    instruction_stems = _list_own_stems(instruction)
    added, other_added = _list_own_stems(one) - instruction_stems, _list_own_stems(other) - instruction_stems
    shorter = min(len(added), len(other_added))
    return len(added & other_added) >= _SAME_ANSWER * shorter


def _have_common_content(one: str, other: str) -> bool:
    """Return whether two texts say so much of the same that one is not about a detail alone."""
    stems, others = _list_own_stems(one), _list_own_stems(other)
    return len(stems & others) >= _COMMON_CONTENT * max(len(stems), len(others))


def _list_own_stems(text: str) -> set[str]:
    return set(list_content_stems(replace_number_words(text)))
