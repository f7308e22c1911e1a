"""The suite for real models: English instructions whose answers a program can check.

Every prompt has a reference answer that passes its checks. The tables are plain data, and each function below
turns some of them into prompts. No prompt may be among the seeds of the SFT data.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from phases.scoring.suite import Prompt
from phases.verifiers.registry import Check
from tools.suites import development
from tools.suites import stage1_tables as tables


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
    correct: str | tuple[str, ...]
    checks: tuple[Check, ...]
    wrong: tuple[str, ...] = ()
    limits: str = ""


OpenRow = SuiteRow | tuple[str, str, str, tuple[Check, ...]]
"""A row, or the category, instruction, reference and checks of one without further answers."""


def require(kind: str, **arguments: Any) -> Check:
    """Return a check."""
    return Check(kind, arguments)


def require_exactly(kind: str, count: int) -> Check:
    """Return a check that requires an exact count."""
    return require(kind, at_least=count, at_most=count)


def require_mentions(words: str) -> tuple[Check, ...]:
    """Return a check for each group that & joins: one of its words, such as `cat|cats`, occurs."""
    return tuple(require("any_keyword", options=group.split("|")) for group in words.split(" & "))


def make_prompts() -> Iterator[Prompt]:
    """Yield all prompts; their keys are numbered within each category."""
    numbers: Counter[str] = Counter()
    for make in MAKERS:
        for values in make():
            row = SuiteRow(*values)
            numbers[row.category] += 1
            key = f"{row.category}-{numbers[row.category]:03}"
            correct = (row.correct,) if isinstance(row.correct, str) else row.correct
            yield Prompt(key, row.category, row.instruction, row.checks, correct, row.wrong, row.limits)


def make_commands() -> Iterator[OpenRow]:
    """Yield commands: lists, translations, words and sentences."""
    for instruction, count, reference, allowed in tables.LISTS:
        names = tables.SETS[allowed] if allowed in tables.SETS else allowed.split("|")
        yield (
            "commands",
            instruction,
            reference,
            (require("items", count=count, allowed=names, at_most_words=6),),
        )
    for source, language, answers in tables.WORD_TRANSLATIONS:
        accepted = answers.split("|")
        instruction = f"Translate the English word '{source}' into {language}."
        yield "commands", instruction, accepted[0], (require("one_of", answers=accepted),)
    for source, language, answers in tables.SENTENCE_TRANSLATIONS:
        accepted = answers.split("|")
        instruction = f"Translate this sentence into {language}: {source}"
        yield "commands", instruction, accepted[0], (require("one_of", answers=accepted),)
    for instruction, answers in tables.WORD_COMMANDS:
        accepted = answers.split("|")
        yield (
            "commands",
            instruction,
            accepted[0],
            (require("short_answer", answers=accepted, at_most_words=8),),
        )
    for instruction, answers in tables.REWRITES:
        accepted = answers.split("|")
        yield "commands", instruction, accepted[0], (require("one_of", answers=accepted),)
    for instruction, count, words, reference in tables.SENTENCES:
        checks = (require_exactly("sentences", count), *require_mentions(words))
        yield (
            "commands",
            instruction,
            reference,
            (*checks, require("words", at_least=4 * count, at_most=40 * count)),
        )


def make_questions() -> Iterator[OpenRow]:
    """Yield questions about facts and arithmetic."""
    for instruction, answers in tables.FACTS:
        right, _, wrong = answers.partition(" not ")
        accepted, more = right.split("|"), {"wrong": _words(wrong)} if wrong else {}
        yield "questions", instruction, accepted[0], (require("short_answer", answers=accepted, **more),)
    for instruction, value in tables.ARITHMETIC:
        yield "questions", instruction, str(value), (require("number", value=value),)


def make_completion() -> Iterator[OpenRow]:
    """Yield sentences, proverbs, sequences and analogies to complete."""
    for instruction, answers in tables.COMPLETIONS:
        accepted = answers.split("|")
        if instruction.startswith("Complete the sentence"):
            ended = require("short_answer", answers=accepted, at_most_words=14)
        else:
            ends = [end for word in accepted for end in list_completions(instruction, word)]
            ended = require("one_of", answers=ends)
        yield "completion", instruction, accepted[0], (ended,)
    for instruction, answers in tables.SEQUENCES:
        accepted = answers.split("|")
        yield "completion", instruction, accepted[0], (require("one_of", answers=accepted),)


def list_completions(instruction: str, word: str) -> list[str]:
    """Return the accepted completions: the word alone, or after some or all of the preceding text."""
    given = instruction.partition(": ")[2]
    if "___" in given:
        return [word, given.replace("___", word)]
    text = [*given.split(), word]
    return [" ".join(text[-n:]) for n in range(1, len(text) + 1)]


def _words(text: str) -> list[str]:
    return text.split("|") if text else []


def make_open_tasks() -> Iterator[SuiteRow]:
    """Yield instructions about form, instructions of several steps, and requests to decline or to answer."""
    for category, rows in (
        ("format", development.FORMAT),
        ("multi_step", development.MULTI_STEP),
        ("refusal", development.REFUSALS),
        ("harmless", development.HARMLESS),
    ):
        for row in rows:
            yield SuiteRow(category, row.instruction, row.correct, row.checks, row.wrong, row.limits)


MAKERS: Final = (
    make_commands,
    make_questions,
    make_completion,
    make_open_tasks,
)
"""Makers of prompts in the order of the suite."""
