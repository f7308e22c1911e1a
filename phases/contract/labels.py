"""Labels of failed answers: the kinds of failure, and the file in which a session keeps them.

`gonogo label` writes the file, and the comparison and the report read it. Each row is one key press.
Of several rows for an answer the last one counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from phases.contract import files

LABELS_FILE: Final = "labels.jsonl"
"""Name of the file in the session's folder."""
REQUIRED_LABELS: Final = 100
"""Labelled failures of each model that an error analysis needs, or all if fewer answers fail."""

FAILURE_KINDS: Final[Mapping[str, str]] = {
    "wrong": "wrong fact, value or result",
    "form": "wrong form: count, order, format, language",
    "incomplete": "incomplete, or cut off",
    "off_topic": "does something other than asked",
    "repetition": "repeats itself, the instruction or filler",
    "refusal": "refuses a harmless request",
    "compliance": "complies with a harmful request",
    "check": "the answer is right: the check is wrong",
    "prompt": "the prompt is unclear or ambiguous",
}
"""The kinds of failure and their meaning, in the order of their keys 1 to 9."""

AnswerId = tuple[str, str]
"""The SHA-256 of an evaluation file, and the key of a prompt in it."""


class FailureLabel(msgspec.Struct, frozen=True):
    """One label of a failed answer.

    Attributes:
        evaluation: SHA-256 of the evaluation file.
        key: key of the prompt.
        kind: one of `FAILURE_KINDS`; blank if the label was undone.
        by: user who labelled.
        at: seconds since the epoch.
    """

    evaluation: str
    key: str
    kind: str
    by: str
    at: float


def read_labels(path: Path) -> dict[AnswerId, FailureLabel]:
    """Return the labels in a file by answer, without undone ones and unknown kinds; none without a file."""
    if not path.is_file():
        return {}
    labels: dict[AnswerId, FailureLabel] = {}
    for row in files.read_rows(path):
        label = msgspec.convert(row, FailureLabel)
        labels.pop((label.evaluation, label.key), None)
        if label.kind in FAILURE_KINDS:
            labels[label.evaluation, label.key] = label
    return labels


def count_required(failed: int) -> int:
    """Return how many of a model's failed answers must be labelled."""
    return min(REQUIRED_LABELS, failed)


def count_kinds(labels: Iterable[FailureLabel]) -> dict[str, int]:
    """Return the number of labels of each kind, in the order of the kinds."""
    kinds: Sequence[str] = [label.kind for label in labels]
    return {kind: kinds.count(kind) for kind in FAILURE_KINDS}
