"""Read the answers of an evaluation: a JSON object whose `results` are prompts with a model's answers."""

from pathlib import Path
from typing import Final

import msgspec

from app.monitor.sanitize import clean_text
from app.monitor.tails import Mask, mask_nothing
from phases.contract.files import read_regular_file
from phases.contract.protocol import normalize_json

MAX_FILE_BYTES: Final = 32_000_000
MAX_ANSWERS: Final = 5_000
MAX_TEXT: Final = 4_000
_MAX_NAME: Final = 100
_MAX_FAILURES: Final = 16


class CheckedAnswer(msgspec.Struct, frozen=True):
    """A model's answer to a prompt. `follows` is None in files that record only whether it `passed`."""

    key: str
    response: str
    category: str = ""
    instruction: str = ""
    passed: bool = False
    follows: bool | None = None
    failures: tuple[str, ...] = ()

    @property
    def is_following(self) -> bool:
        """Whether the answer follows its instruction, even if the output continues after it."""
        return self.passed if self.follows is None else self.follows


class EvaluationAnswers(msgspec.Struct, frozen=True):
    """The answers of one evaluation, and those after solved examples if there are any."""

    results: tuple[CheckedAnswer, ...]
    results_few_shot: tuple[CheckedAnswer, ...] = ()


def read_evaluation_answers(path: Path, mask: Mask = mask_nothing) -> EvaluationAnswers | None:
    """Return the answers in a file; None if it cannot be read or is not an evaluation."""
    try:
        data = read_regular_file(path, MAX_FILE_BYTES)
        content = msgspec.json.decode(normalize_json(data), type=EvaluationAnswers)
    except (OSError, ValueError, RecursionError):
        return None
    return EvaluationAnswers(_clean(content.results, mask), _clean(content.results_few_shot, mask))


def _clean(answers: tuple[CheckedAnswer, ...], mask: Mask) -> tuple[CheckedAnswer, ...]:
    return tuple(
        CheckedAnswer(
            key=clean_text(answer.key, _MAX_NAME, mask),
            response=clean_text(answer.response, MAX_TEXT, mask),
            category=clean_text(answer.category, _MAX_NAME, mask),
            instruction=clean_text(answer.instruction, MAX_TEXT, mask),
            passed=answer.passed,
            follows=answer.follows,
            failures=tuple(clean_text(each, _MAX_NAME, mask) for each in answer.failures[:_MAX_FAILURES]),
        )
        for answer in answers[:MAX_ANSWERS]
    )
