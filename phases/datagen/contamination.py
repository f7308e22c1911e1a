"""A check of training rows for prompts of the evaluation suite."""

from collections.abc import Sequence
from typing import Final

from phases.contract.errors import BadInputError
from phases.models.source import ModelSource
from phases.scoring.overlap import SuiteOverlap
from phases.scoring.suite import SuiteError, default_suite, index_instructions, load_halves

_NO_SUITE: Final = "none"
_EXAMPLES: Final = 3


def refuse_suite_prompts(flag: str, texts: Sequence[str], suite_name: str, source: ModelSource) -> None:
    """Check that no text contains a prompt of a suite or of its other half.

    Args:
        flag: the command-line flag that named the rows, for the message.
        texts: instructions and responses of the rows.
        suite_name: name or file of the suite; `auto` chooses by model, and `none` skips the check.
        source: the model to be trained.

    Raises:
        BadInputError: a text contains a prompt of the suite, or the suite cannot be read.
    """
    if suite_name == _NO_SUITE:
        return
    if suite_name == "auto":
        suite_name = default_suite((source.base or source).name)
    try:
        suites = load_halves(suite_name)
    except SuiteError as error:
        raise BadInputError(f"--suite: {error}") from error
    overlap = SuiteOverlap(index_instructions(suites))
    contaminated = [
        f"{text!r} contains {match.key}"
        for text in dict.fromkeys(texts)
        if (match := overlap.find_contamination(text))
    ]
    if not contaminated:
        return
    more = f", and {len(contaminated) - _EXAMPLES} more" if len(contaminated) > _EXAMPLES else ""
    raise BadInputError(
        f"{flag}: {len(contaminated)} texts contain a prompt of the suite {suites[0].name}: "
        f"{'; '.join(contaminated[:_EXAMPLES])}{more}; evaluating a model trained on them is meaningless: "
        "remove these rows, or use --suite none if you evaluate on another suite"
    )
