"""The suite for real models: English instructions whose answers a program can check, in two halves.

The development half decides gates. The test half is built from other tables. The tables are plain data, and
`tools/suites/builders.py` makes prompts of those of commands, questions and completions. No prompt of either
half may be among the seeds of the SFT data.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from types import ModuleType

from phases.scoring.suite import Prompt
from tools.suites import builders, development, test_half
from tools.suites.development import commands, completion, questions
from tools.suites.rows import Row
from tools.suites.task_rows import SuiteRow
from tools.suites.test_half import commands as test_commands
from tools.suites.test_half import completion as test_completion
from tools.suites.test_half import questions as test_questions


def make_prompts() -> Iterator[Prompt]:
    """Yield the prompts of the development half."""
    yield from number_rows(make_tasks(commands, questions, completion))
    yield from number_rows(
        add_categories(
            format=development.FORMAT,
            multi_step=development.MULTI_STEP,
            refusal=development.REFUSALS,
            harmless=development.HARMLESS,
        )
    )


def make_test_prompts() -> Iterator[Prompt]:
    """Yield the prompts of the held-out test half."""
    yield from number_rows(make_tasks(test_commands, test_questions, test_completion))
    yield from number_rows(
        add_categories(
            format=test_half.FORMAT,
            multi_step=test_half.MULTI_STEP,
            refusal=test_half.REFUSALS,
            harmless=test_half.HARMLESS,
        )
    )


def number_rows(rows: Iterable[SuiteRow]) -> Iterator[Prompt]:
    """Yield rows as prompts; their keys are numbered within each category."""
    numbers: Counter[str] = Counter()
    for row in rows:
        numbers[row.category] += 1
        key = f"{row.category}-{numbers[row.category]:03}"
        yield Prompt(key, row.category, row.instruction, row.checks, row.correct, row.wrong, row.limits)


def make_tasks(commands: ModuleType, questions: ModuleType, completion: ModuleType) -> Iterator[SuiteRow]:
    """Yield the rows of three modules of tables."""
    yield from builders.make_lists(commands.LISTS)
    yield from builders.make_word_translations(commands.WORD_TRANSLATIONS, commands.WORD_REQUEST)
    yield from builders.make_sentence_translations(commands.SENTENCE_TRANSLATIONS, commands.SENTENCE_REQUEST)
    yield from builders.make_words(commands.WORDS)
    yield from builders.make_rewrites(commands.REWRITES)
    yield from builders.make_sentences(commands.SENTENCES)
    yield from builders.make_questions(questions.QUESTIONS)
    yield from builders.make_completions(completion.COMPLETIONS)
    yield from builders.make_sequences(completion.SEQUENCES)


def add_categories(**rows: Iterable[Row]) -> Iterator[SuiteRow]:
    """Yield the rows of each category with its name."""
    for category, table in rows.items():
        for row in table:
            yield SuiteRow(category, row.instruction, row.correct, row.checks, row.wrong, row.limits)
