"""A task of the embedded model's world, and checks that accept its answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Accepts = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Task:
    """An instruction, one right answer, and the check that accepts every right answer."""

    kind: str
    instruction: str
    answer: str
    accepts: Accepts


def normalise(text: str) -> str:
    """Return the text case-folded, without surrounding whitespace and final full stops."""
    return text.strip().rstrip(".").casefold()


def accept_any(*answers: str) -> Accepts:
    """Accept any of the answers, whatever their case; a full stop may follow."""
    allowed = {normalise(answer) for answer in answers}
    return lambda text: normalise(text) in allowed


def accept_exactly(answer: str) -> Accepts:
    """Accept this answer alone, to the letter."""
    return lambda text: text.strip() == answer


def are_members(items: Sequence[str], count: int, members: Sequence[str]) -> bool:
    """Return whether the items are `count` different members."""
    return len(items) == count == len(set(items)) and set(items) <= set(members)


def is_one_sentence(response: str, instruction: str) -> bool:
    """Return whether a response is one sentence other than the instruction."""
    text = response.strip()
    whole = text[:1].isupper() and text.endswith(".") and text.count(".") == 1 and "\n" not in text
    return whole and text != instruction


def split_words(text: str) -> list[str]:
    """Return the words of a sentence, without punctuation."""
    return text.strip().rstrip(".!?").replace(",", "").split()
