"""A task of the embedded model's world, and checks that accept its answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Accepts = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Task:
    """An instruction, a correct answer, and the check that accepts every correct answer."""

    kind: str
    instruction: str
    answer: str
    accepts: Accepts


def normalize(text: str) -> str:
    """Return the text case-folded, without surrounding whitespace and final full stops."""
    return text.strip().rstrip(".").casefold()


def accept_any(*answers: str) -> Accepts:
    """Return a check that accepts any of the answers, ignoring case and a final full stop."""
    allowed = {normalize(answer) for answer in answers}
    return lambda text: normalize(text) in allowed


def accept_exactly(answer: str) -> Accepts:
    """Return a check that accepts only this exact answer."""
    return lambda text: text.strip() == answer


def are_members(items: Sequence[str], count: int, members: Sequence[str]) -> bool:
    """Return whether the items are `count` different members."""
    return len(items) == count == len(set(items)) and set(items) <= set(members)


def is_one_sentence(response: str, instruction: str) -> bool:
    """Return whether a response is one sentence other than the instruction."""
    text = response.strip()
    is_sentence = text[:1].isupper() and text.endswith(".") and text.count(".") == 1 and "\n" not in text
    return is_sentence and text != instruction


def split_words(text: str) -> list[str]:
    """Return the words of a sentence, without punctuation."""
    return text.strip().rstrip(".!?").replace(",", "").split()
