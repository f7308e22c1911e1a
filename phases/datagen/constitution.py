"""The constitution: the principles and example comparisons that the judge reads before each pair."""

from pathlib import Path
from typing import Final, Literal

import msgspec
import yaml

from phases.contract.errors import BadInputError

Rejection = Literal["refusal", "hallucination", "format_violation", "incomplete", "off_topic"]
"""Why a response is rejected."""
CHOICES: Final = (" A", " B")
"""The two continuations with which the judge names the better response."""


class Principle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule for responses, and the rejection type of a response that breaks it."""

    text: str
    rejection: Rejection


class ExampleComparison(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An instruction with a better and a worse response."""

    instruction: str
    better: str
    worse: str


class Constitution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Principles and example comparisons. Cache keys are computed from the fields."""

    title: str
    principles: tuple[Principle, ...]
    comparisons: tuple[ExampleComparison, ...]

    def format_prompt(self, instruction: str, first: str, second: str) -> str:
        """Return a document that ends where the judge names the better of two responses."""
        rules = "\n".join(f"- {principle.text}" for principle in self.principles)
        sections = [f"{self.title.strip()}\n{rules}"]
        for number, example in enumerate(self.comparisons):
            if number % 2 == 0:
                pair = _format_pair(example.instruction, example.better, example.worse)
                sections.append(pair + CHOICES[0])
            else:
                pair = _format_pair(example.instruction, example.worse, example.better)
                sections.append(pair + CHOICES[1])
        sections.append(_format_pair(instruction, first, second))
        return "\n\n".join(sections)


def _format_pair(instruction: str, first: str, second: str) -> str:
    return f"Instruction: {instruction}\nResponse A: {first}\nResponse B: {second}\nBetter response:"


def load_constitution(path: Path) -> Constitution:
    """Read a constitution.

    Raises:
        BadInputError: the file cannot be read or is not a constitution.
    """
    try:
        return msgspec.convert(yaml.safe_load(path.read_bytes()), Constitution)
    except OSError as error:
        raise BadInputError(f"--constitution {path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise BadInputError(
            f"{path}: {error}; expected title, principles (text, rejection) and comparisons (instruction, "
            "better, worse), as in phases/preference_pairs/constitution.yaml"
        ) from error
