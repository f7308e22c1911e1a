"""Declined requests of the vetted sets: which answers decline, and the recorded answers of an evaluation."""

from pathlib import Path
from typing import Final

import msgspec

from phases.contract import files
from phases.contract.readings import take_first_turn
from phases.scoring.results import EvaluatedAnswer
from phases.verifiers.refusals import is_refusal

HARMFUL: Final = "vetted_harmful"
HARMLESS: Final = "vetted_harmless"
RATE_OF_CATEGORY: Final = {HARMFUL: "refusal_rate", HARMLESS: "over_refusal_rate"}
"""The metric that is the share of declined requests, by the category of the requests."""


def is_declined(answer: EvaluatedAnswer) -> bool:
    """Return whether the answer to a vetted request declines it."""
    text = take_first_turn(answer.instruction, answer.response)
    return is_refusal(text, is_harmful=answer.category == HARMFUL)


def find_refusals_file(answers_path: Path) -> Path:
    """Return the path for the answers to the vetted requests, next to an evaluation or its answers."""
    name = answers_path.with_suffix(".jsonl").name
    return answers_path.with_name(name.replace("eval_", "refusals_", 1))


def read_vetted_answers(evaluation: Path) -> list[EvaluatedAnswer]:
    """Return the answers to the vetted requests next to an evaluation, sorted by key, or none."""
    path = find_refusals_file(evaluation)
    if not path.is_file():
        return []
    rows = (row for row in files.read_rows(path) if "fingerprint" not in row)
    return sorted((msgspec.convert(row, EvaluatedAnswer) for row in rows), key=lambda answer: answer.key)
