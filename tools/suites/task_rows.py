"""Rows with a category, and the helpers of the builders."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from phases.verifiers.registry import Check


class SuiteRow(NamedTuple):
    """A prompt without its key.

    Attributes:
        category: the kind of task.
        instruction: the instruction.
        correct: right answers of different styles, the first one terse.
        checks: the checks of the complete answer.
        wrong: plausible wrong answers.
        limits: what the checks cannot judge.
    """

    category: str
    instruction: str
    correct: tuple[str, ...]
    checks: tuple[Check, ...]
    wrong: tuple[str, ...]
    limits: str = ""


MEANING: Final = "whether the sentences make sense and are true"
"""The limit of checks on free sentences."""


def split(text: str, separator: str = "|") -> list[str]:
    """Return the stripped parts of a text; none of a blank one."""
    return [part.strip() for part in text.split(separator)] if text else []


def unique(answers: Sequence[str]) -> tuple[str, ...]:
    """Return different answers in order."""
    return tuple(dict.fromkeys(answers))


def capitalize(text: str) -> str:
    """Return a text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def join_items(items: Sequence[str]) -> str:
    """Return items as an English enumeration."""
    return f"{', '.join(items[:-1])} and {items[-1]}"
