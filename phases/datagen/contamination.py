"""A check of training rows for prompts of the evaluation suite."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from phases.contract.errors import BadInputError
from phases.datagen.vetted import list_test_instructions
from phases.models.source import ModelSource
from phases.scoring.ngrams import reduce_to_words
from phases.scoring.overlap import SuiteOverlap
from phases.scoring.suite import (
    Suite,
    SuiteError,
    choose_default_suite,
    index_answers,
    index_instructions,
    load_halves,
)

_NO_SUITE: Final = "none"
_EXAMPLES: Final = 3


@lru_cache(maxsize=2)
def index_suites(suites: tuple[Suite, ...]) -> SuiteOverlap:
    """Return the index of the prompts of suites and of their correct answers."""
    return SuiteOverlap(index_instructions(suites), index_answers(suites))


def refuse_suite_prompts(
    flag: str, rows: Iterable[tuple[str, Sequence[str]]], suite_name: str, source: ModelSource
) -> None:
    """Check that no row contains a prompt of a suite or of its other half.

    Args:
        flag: the command-line flag that named the rows, for the message.
        rows: the instruction of each row and its responses, the correct one first.
        suite_name: name or file of the suite; `auto` chooses by model, and `none` skips the check.
        source: the model to be trained.

    Raises:
        BadInputError: a row contains or paraphrases a prompt of the suite, or the suite cannot be read.
    """
    if suite_name == _NO_SUITE:
        return
    if suite_name == "auto":
        suite_name = choose_default_suite((source.base or source).name)
    try:
        suites = load_halves(suite_name)
    except SuiteError as error:
        raise BadInputError(f"--suite: {error}") from error
    overlap = index_suites(suites)
    vetted = {reduce_to_words(text) for text in list_test_instructions()}
    contaminated: dict[str, str] = {}
    for instruction, responses in rows:
        if match := overlap.find_contamination(instruction, responses[0]):
            relation = "asks the same as" if match.is_paraphrase else "contains"
            contaminated[instruction] = f"{instruction!r} {relation} {match.key}"
        elif reduce_to_words(instruction) in vetted:
            contaminated[instruction] = f"{instruction!r} is a vetted request that measures refusal"
        for response in responses:
            if match := overlap.find_copy(response):
                contaminated[response] = f"{response!r} contains {match.key}"
    if not contaminated:
        return
    examples = list(contaminated.values())[:_EXAMPLES]
    more = f", and {len(contaminated) - _EXAMPLES} more" if len(contaminated) > _EXAMPLES else ""
    raise BadInputError(
        f"{flag}: {len(contaminated)} texts reveal a prompt of the suite {suites[0].name}: "
        f"{'; '.join(examples)}{more}; evaluating a model trained on them is meaningless: "
        "remove these rows, or use --suite none if you evaluate on another suite"
    )
