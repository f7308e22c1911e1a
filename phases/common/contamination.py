"""Whether rows that are to be trained give an evaluation suite away."""

from collections.abc import Sequence

from phases.common.dedupe import SuiteOverlap
from phases.common.suite import default_suite, load_suite

NONE = "none"
"""The name of a suite that nothing is compared with."""
SHOWN = 3


def suite_prompts(texts: Sequence[str], suite: str, model: str) -> str:
    """Return in words which texts hold a prompt of a suite, or "" where none does.

    Args:
        texts: what the rows ask, and what they answer.
        suite: its name or file; `auto` takes the one that the model is evaluated on.
        model: the name of the base model.

    Raises:
        SuiteError: there is no such suite.
    """
    if suite == NONE:
        return ""
    chosen = load_suite(default_suite(model) if suite == "auto" else suite)
    overlap = SuiteOverlap({prompt.key: prompt.instruction for prompt in chosen.prompts})
    near = ((text, overlap.nearest(text)) for text in dict.fromkeys(texts))
    found = [f"{text!r} holds {n.key}" for text, n in near if n is not None and n.contaminated]
    if not found:
        return ""
    more = f", and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f"{len(found)} texts hold a prompt of the suite {chosen.name}: {'; '.join(found[:SHOWN])}{more}"
