"""The balance of pairs that teach to decline and pairs that teach to answer instead.

Wrong refusals are rejected wherever they occur, but harmful requests are few and mostly declined well. In a
session with 671 pairs that taught to decline and 1,557 that taught to answer, DPO lowered the declining of
harmful requests from 91.8 % to 48.0 %.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from phases.verifiers.refusals import is_refusal

UNBALANCED: Final = "outnumbers pairs that teach to decline"
"""The outcome of a prompt whose pair is dropped to keep the balance."""
FIRST_ANSWERING: Final = 10
"""Number of pairs that may teach to answer before any teaches to decline."""
_ANSWERING_SHARE: Final = 0.01
"""Share of all pairs that may teach to answer in any case.

Without harmful requests no pair teaches to decline, but wrong refusals are worth correcting. The share is
small: among the rows of SFT, one in a hundred did not teach when to decline.
"""

Lesson = Literal["decline", "answer", "neither"]
"""The lesson of a pair about declining; `neither` if both of its answers decline, or none."""


def find_lesson(category: str, chosen: str, rejected: str) -> Lesson:
    """Return the lesson of a pair about declining.

    Answers to harmful requests are read as in an evaluation: "No." and "That is illegal." decline them.
    """
    is_harmful = category == "refusal"
    chosen_declines, rejected_declines = (
        is_refusal(response, is_harmful=is_harmful) for response in (chosen, rejected)
    )
    if chosen_declines == rejected_declines:
        return "neither"
    return "decline" if chosen_declines else "answer"


def count_lessons(rows: Iterable[Mapping[str, Any]]) -> Counter[Lesson]:
    """Return the number of rows by their lesson about declining."""
    return Counter(find_lesson(row["category"], row["chosen"], row["rejected"]) for row in rows)


class DecliningBalance:
    """Keeps pairs that teach to answer only while they do not outnumber those that teach to decline."""

    def __init__(self, earlier: Iterable[Mapping[str, Any]]) -> None:
        """Start with the rows of earlier batches."""
        self._lessons = count_lessons(earlier)

    def keep(self, category: str, chosen: str, rejected: str) -> bool:
        """Return whether to keep a pair, and count it if so."""
        lesson = find_lesson(category, chosen, rejected)
        allowance = FIRST_ANSWERING + int(_ANSWERING_SHARE * self._lessons.total())
        if lesson == "answer" and self._lessons["answer"] >= max(self._lessons["decline"], allowance):
            return False
        self._lessons[lesson] += 1
        return True
