"""Whether rows that are to be trained give an evaluation suite away."""

from collections.abc import Sequence
from typing import Final

from phases.contract.errors import BadInputError
from phases.models.source import ModelSource
from phases.scoring.overlap import SuiteOverlap
from phases.scoring.suite import SuiteError, default_suite, load_suite

NONE: Final = "none"
"""The name of a suite that nothing is compared with."""
SHOWN: Final = 3


def refuse_suite_prompts(option: str, texts: Sequence[str], suite: str, source: ModelSource) -> None:
    """Raise BadInputError where a text holds a prompt of a suite.

    Args:
        option: the option that named the rows, with which the message begins.
        texts: what the rows ask, and what they answer.
        suite: its name or file; `auto` takes the one that the model is evaluated on.
        source: the model that is trained.

    Raises:
        BadInputError: some do, and the message shows the first; or there is no such suite.
    """
    if suite == NONE:
        return
    try:
        chosen = load_suite(default_suite((source.base or source).name) if suite == "auto" else suite)
    except SuiteError as error:
        raise BadInputError(f"--suite: {error}") from error
    overlap = SuiteOverlap({prompt.key: prompt.instruction for prompt in chosen.prompts})
    found = [
        f"{text!r} holds {held.key}"
        for text in dict.fromkeys(texts)
        if (held := overlap.find_contamination(text))
    ]
    if not found:
        return
    more = f", and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    raise BadInputError(
        f"{option}: {len(found)} texts hold a prompt of the suite {chosen.name}: "
        f"{'; '.join(found[:SHOWN])}{more}; an evaluation after such a training means nothing: remove these "
        "rows, or use --suite none if you evaluate on something else"
    )
