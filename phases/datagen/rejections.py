"""Rejection types: what a response suffers from, as far as its checks and its topic tell."""

import re
from collections.abc import Sequence
from typing import Final, Literal

from phases.datagen.constitution import Rejection
from phases.datagen.topicality import asks_for_text, mentions_topic
from phases.verifiers.infer import infer_checks
from phases.verifiers.number_words import replace_number_words
from phases.verifiers.registry import Check
from phases.verifiers.stems import list_content_stems, list_stems
from phases.verifiers.text import normalize, split_items

RejectionType = Rejection | Literal["unknown"]
"""The measured defect of a rejected response, or `unknown`."""
FORM_CHECKS: Final = frozenset(
    (
        *("words", "sentences", "paragraphs", "lines", "bullets", "numbered_list", "comma_list", "items"),
        *("alphabetical", "keywords", "any_keyword", "keyword_count", "starts_with", "ends_with", "yes_no"),
        *("quoted", "upper_case", "lower_case", "title_case", "json_object", "json_array", "each", "part"),
        *("any_of", "list_of", "placeholders", "sections"),
    )
)
"""Checks of form: a response may pass them with wrong content, and fail them with the right one."""
PROBLEM_TYPES: Final[dict[RejectionType, frozenset[str]]] = {
    "incomplete": frozenset(
        {"empty response", "unfinished response", "empty", "response cut short", "text of a few words"}
    ),
    "refusal": frozenset({"refusal of a harmless instruction", "no refusal"}),
    "off_topic": frozenset(
        {"echo of the instruction", "echo", "self-reference in response", "topic", "mentions"}
    ),
    # These checks know the right answer.
    "hallucination": frozenset({"number", "one_of", "short_answer", "equals", "json_equals"}),
    "format_violation": FORM_CHECKS
    | {
        *("language", "label in response", "chat token in response", "junk in response"),
        *("markup in response", "repetition in response", "item without text", "ramble"),
    },
}
"""The type of each problem; a problem that is in no set is of unknown type."""
WEAK_PROBLEMS: Final = frozenset({"nothing new in response", "response length"})
"""Problems that exclude a response from being chosen, but are too weak for rejecting it."""
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")


def list_strong_problems(problems: Sequence[str]) -> list[str]:
    """Return the problems for which a response can be rejected."""
    return [problem for problem in problems if problem not in WEAK_PROBLEMS]


def classify_problems(instruction: str, response: str, problems: Sequence[str]) -> RejectionType:
    """Return the type of a response's first problem.

    A response without a number states no wrong one. An item that is none of those to be sorted is made up.
    """
    strong = list_strong_problems(problems)
    if not strong:
        return "unknown"
    first, checks = strong[0], infer_checks(instruction)
    if first == "number":
        return "hallucination" if _states_other_number(checks, instruction, response) else "unknown"
    if first == "items" and _has_wrong_item(checks, response):
        return "hallucination"
    return next((kind for kind, known in PROBLEM_TYPES.items() if first in known), "unknown")


def _states_other_number(checks: Sequence[Check], instruction: str, response: str) -> bool:
    """Return whether a response states a number, and not only the right one and those of its instruction."""
    numbers, instruction_numbers = _list_numbers(response), _list_numbers(instruction)
    right = {float(check.arguments["value"]) for check in checks if check.kind == "number"}
    is_right = bool(numbers & right) and numbers <= right | instruction_numbers
    return bool(numbers) and not is_right


def _list_numbers(text: str) -> set[float]:
    digits = re.sub(r"(?<=\d),(?=\d{3}\b)", "", replace_number_words(text.casefold()))
    return set(map(float, _NUMBER.findall(digits)))


def _has_wrong_item(checks: Sequence[Check], response: str) -> bool:
    """Return whether a response has an item that is none of those to be sorted, or a wrong order."""
    sorting = next((c for c in checks if c.kind == "items" and "allowed" in c.arguments), None)
    if sorting is None:
        return False
    allowed = [normalize(item) for item in sorting.arguments["allowed"]]
    items = [normalize(item) for item in split_items(response)]
    if not set(items) <= set(allowed):
        return True
    return "in_order" in sorting.arguments and items != sorted(items, key=allowed.index)


def is_off_topic(instruction: str, chosen: str, rejected: str) -> bool:
    """Return whether a rejected text misses the topic of the chosen one, and shares no word with it."""
    return (
        asks_for_text(instruction)
        and mentions_topic(instruction, chosen)
        and not mentions_topic(instruction, rejected)
        and set(list_content_stems(chosen)).isdisjoint(list_stems(rejected))
    )
