"""Answers of the evaluated models side by side, filtered by change, verdict and category."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from app.monitor.evaluation_file import CheckedAnswer
from phases.contract.failure_names import FOLLOWED_WITHOUT_STOPPING, name_failures
from phases.contract.protocol import Sample
from widgets.frame import ModelAnswers

CHANGES: Final = ("", "got worse", "got better", "fails in both", "follows in both")
VERDICTS: Final = ("", "fails", "follows")
_CHANGE_OF: Final = {
    (True, False): "got worse",
    (False, True): "got better",
    (False, False): "fails in both",
    (True, True): "follows in both",
}


class ComparedAnswer(msgspec.Struct, frozen=True):
    """The answers to one prompt, by model in the order of the phases; `current` is that of the gate's model.

    `change` compares it with the model before, and is empty if that did not answer the prompt.
    """

    key: str
    category: str
    instruction: str
    answers: Mapping[str, CheckedAnswer]
    current: CheckedAnswer
    change: str

    @property
    def is_following(self) -> bool:
        """Whether the answer of the gate's model follows."""
        return self.current.is_following


class AnswerFilter(msgspec.Struct, frozen=True):
    """Which answers to show; an empty text restricts nothing."""

    change: str = ""
    verdict: str = ""
    category: str = ""

    def matches(self, answer: ComparedAnswer) -> bool:
        """Return whether an answer is shown."""
        verdict = "follows" if answer.is_following else "fails"
        return (
            self.change in ("", answer.change)
            and self.verdict in ("", verdict)
            and self.category in ("", answer.category)
        )

    def describe(self) -> str:
        """Return the restrictions in words; empty if there is none."""
        return ", ".join(filter(None, (self.change, self.verdict, self.category.replace("_", " "))))

    def turn(self, name: str, answers: Sequence[ComparedAnswer]) -> "AnswerFilter":
        """Return the filter with the next value of `change`, `verdict` or `category`."""
        categories = sorted({answer.category for answer in answers} - {""})
        choices = {"change": CHANGES, "verdict": VERDICTS, "category": ("", *categories)}[name]
        value = getattr(self, name)
        index = choices.index(value) if value in choices else -1
        return replace(self, **{name: choices[(index + 1) % len(choices)]})


def compare_answers(evaluations: tuple[ModelAnswers, ...], phase: str) -> tuple[ComparedAnswer, ...]:
    """Return the answers to each prompt of the phase's evaluation; none if it has not evaluated anything."""
    names = [each.phase for each in evaluations]
    if phase not in names:
        return ()
    index = names.index(phase)
    current, earlier = evaluations[index], evaluations[:index]
    models: dict[str, Mapping[str, CheckedAnswer]] = {}
    for each in (*earlier, current):
        if each.after_examples:
            models[f"{each.model} + examples"] = {a.key: a for a in each.after_examples}
        models[each.model] = {a.key: a for a in each.answers}
    before = {answer.key: answer for answer in earlier[-1].answers} if earlier else {}
    compared = []
    for answer in current.answers:
        answers = {name: rows[answer.key] for name, rows in models.items() if answer.key in rows}
        previous = before.get(answer.key)
        change = _CHANGE_OF[previous.is_following, answer.is_following] if previous else ""
        compared.append(
            ComparedAnswer(answer.key, answer.category, answer.instruction, answers, answer, change)
        )
    return tuple(compared)


def make_sample(compared: ComparedAnswer) -> Sample:
    """Return a prompt and the models' answers as a sample, each with its outcome and failed checks."""
    texts = {"prompt": compared.instruction}
    for model, answer in compared.answers.items():
        texts[f"{'✓' if answer.is_following else '✗'} {model}"] = answer.response or "(no answer)"
    if compared.is_following and not compared.current.passed:
        texts["note"] = FOLLOWED_WITHOUT_STOPPING
    elif compared.current.failures:
        texts["failed"] = name_failures(compared.current.failures)
    category = compared.category.replace("_", " ")
    title = "  ".join(filter(None, (compared.key, category, compared.change)))
    return Sample(0.0, title, texts, compared.is_following)


def count_changes(answers: Sequence[ComparedAnswer]) -> tuple[int, int]:
    """Return how many prompts got better and worse."""
    changes = [answer.change for answer in answers]
    return changes.count("got better"), changes.count("got worse")
