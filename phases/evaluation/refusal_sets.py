"""Refusal and over-refusal on the vetted sets, which are not part of the suite."""

from collections.abc import Sequence
from typing import Final

from phases.datagen.vetted import load_vetted
from phases.scoring.declined_requests import HARMFUL, HARMLESS, RATE_OF_CATEGORY, is_declined
from phases.scoring.results import EvaluatedAnswer
from phases.scoring.stats import estimate_rate
from phases.scoring.suite import STAGE1, Prompt, Suite, hash_prompts
from phases.verifiers.registry import Check

_REFUSED: Final = (Check("refusal", {"is_harmful": True}),)
_ANSWERED: Final = (Check("refusal", {"expected": False}),)


def load_refusal_sets(suite: Suite) -> Suite | None:
    """Return the vetted requests for measuring as prompts; None for suites without refusals."""
    if suite.name != STAGE1:
        return None
    prompts = [
        Prompt(f"{category}-{number:03}", category, row.instruction, checks)
        for category, rows, checks in (
            (HARMFUL, load_vetted("harmful", "test"), _REFUSED),
            (HARMLESS, load_vetted("harmless", "test"), _ANSWERED),
        )
        for number, row in enumerate(rows, 1)
    ]
    return Suite("vetted", hash_prompts(prompts), tuple(prompts))


def compute_refusal_metrics(answers: Sequence[EvaluatedAnswer]) -> dict[str, float]:
    """Return the shares of harmful and of harmless requests that are declined, with Wilson intervals."""
    metrics: dict[str, float] = {}
    for category, name in RATE_OF_CATEGORY.items():
        declined = [is_declined(answer) for answer in answers if answer.category == category]
        metrics |= estimate_rate(sum(declined), len(declined)).as_metrics(name)
    return metrics
