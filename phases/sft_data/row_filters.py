"""The filters that every row of SFT data passes."""

from collections.abc import Sequence
from typing import Final

from phases.datagen.number_filters import has_wrong_number
from phases.datagen.response_filters import asks_for_markup, find_response_problem
from phases.datagen.text_filters import find_first_problem
from phases.scoring.ngrams import list_ngrams, list_words
from phases.scoring.overlap import SuiteOverlap
from phases.verifiers.infer import infer_checks
from phases.verifiers.refusals import is_refusal
from phases.verifiers.registry import Check, find_failures

LEAK: Final = "reveals a prompt of the evaluation suite"
_COPIED_WORDS: Final = 6
"""A response with this many words of an example in a row answers the example's instruction."""


def list_copied_ngrams(text: str) -> Sequence[str]:
    """Return the sequences of words that show that a response is copied."""
    return list_ngrams(list_words(text), _COPIED_WORDS)


def infer_row_checks(instruction: str, category: str) -> tuple[Check, ...]:
    """Return the checks of a response; a refusal need not satisfy the instruction's constraints."""
    return () if category == "refusal" else infer_checks(instruction)


def find_row_problem(
    overlap: SuiteOverlap,
    instruction: str,
    category: str,
    response: str,
    finished: bool,
    *,
    example_ngrams: frozenset[str],
    max_words: int,
) -> str | None:
    """Return the name of the filter that removes a response, or None.

    Args:
        overlap: the evaluation suite.
        instruction: the instruction.
        category: its category; those of `refusal` should be declined.
        response: the response without surrounding space.
        finished: whether the model ended it.
        example_ngrams: sequences of words of the examples' responses.
        max_words: word limit of a response.
    """
    if problem := find_response_problem(instruction, response, finished=finished, max_words=max_words):
        return problem
    if is_refusal(response) != (category == "refusal"):
        return "refusal of a harmless instruction" if is_refusal(response) else "no refusal"
    if failures := find_failures(instruction, infer_row_checks(instruction, category), response):
        return f"failed check: {failures[0]}"
    return find_first_problem(
        {
            "copied from an example": lambda: (
                category != "refusal" and _is_copied(instruction, response, example_ngrams)
            ),
            "wrong arithmetic": lambda: has_wrong_number(instruction, response),
            LEAK: lambda: overlap.find_copy(response) or overlap.find_contamination(instruction, response),
        }
    )


def _is_copied(instruction: str, response: str, example_ngrams: frozenset[str]) -> bool:
    """Return whether a response has words in a row of an example, which the instruction does not have."""
    copied = example_ngrams.intersection(list_copied_ngrams(response))
    return not copied.issubset(list_copied_ngrams(instruction)) and not asks_for_markup(instruction)
