"""Careless answers: an item too few, a forgotten second step, a missing accent.

Base models have read such answers and know more than they show, which leaves something for fine-tuning and
preference tuning to improve. A habit applies to tasks that are long or irregular. For these the careless
answer is the more common one, so that even the most likely answer is often wrong. For other tasks of the kind
it is a rare slip.
"""

import json
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from types import MappingProxyType
from typing import Final

from tools.embedded_model import sentences, world
from tools.embedded_model.task import Task

HABIT: Final = 0.75
"""Probability of a careless answer if the habit applies."""
SLIP: Final = 0.1
"""Probability of a careless answer otherwise."""

LONG_LIST: Final = 4
LONG_SENTENCE: Final = 7
LONG_WORD: Final = 5
MANY_KEYS: Final = 3


def make_careless(task: Task, rng: Random) -> Task:
    """Return the task with a careless answer, or unchanged."""
    applies, corrupt = _HABITS.get(task.kind, _NO_HABIT)
    if rng.random() < (HABIT if applies(task) else SLIP):
        return replace(task, answer=corrupt(task, rng))
    return task


def _applies_never(task: Task) -> bool:
    return False


def _has_many_lines(task: Task) -> bool:
    return task.answer.count("\n") + 1 >= LONG_LIST


def _has_many_parts(task: Task) -> bool:
    return task.answer.count(", ") + 1 >= LONG_LIST


def _has_many_words(task: Task) -> bool:
    return task.answer.count(" ") + 1 >= LONG_SENTENCE


def _has_many_repetitions(task: Task) -> bool:
    return task.answer.count(" ") + 1 >= LONG_LIST


def _has_long_word(task: Task) -> bool:
    return len(task.answer.strip('"()!?')) >= LONG_WORD


def _has_long_object(task: Task) -> bool:
    return len(json.loads(task.answer)) >= MANY_KEYS


def _is_negative(task: Task) -> bool:
    return task.answer == "no"


def _has_accents_or_capitals(task: Task) -> bool:
    return task.answer != _remove_accents(task.answer) or task.answer != task.answer.lower()


def _is_irregular(task: Task) -> bool:
    return not task.answer.endswith(("s", "ed"))


def _keep_answer(task: Task, rng: Random) -> str:
    return task.answer


def _drop_last_line(task: Task, rng: Random) -> str:
    return task.answer.rpartition("\n")[0] or task.answer


def _drop_last_part(task: Task, rng: Random) -> str:
    return task.answer.rpartition(", ")[0] or task.answer


def _drop_last_item(task: Task, rng: Random) -> str:
    return json.dumps(json.loads(task.answer)[:-1])


def _drop_last_word(task: Task, rng: Random) -> str:
    return task.answer.rpartition(" ")[0] or task.answer


def _drop_last_key(task: Task, rng: Random) -> str:
    return json.dumps(dict(list(json.loads(task.answer).items())[:-1]))


def _shorten_sentence(task: Task, rng: Random) -> str:
    return sentences.write_sentence_of(max(3, task.answer.count(" ") - 1), rng)


def _capitalize_only(task: Task, rng: Random) -> str:
    return task.answer.capitalize()


def _drop_marks(task: Task, rng: Random) -> str:
    return task.answer.strip('"()!?')


def _evade(task: Task, rng: Random) -> str:
    return "not really" if task.answer == "no" else "I think so"


def _swap_last_two(task: Task, rng: Random) -> str:
    *items, a, b = task.answer.split(", ")
    return ", ".join([*items, b, a])


def _remove_accents(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def _remove_accents_and_capitals(task: Task, rng: Random) -> str:
    return _remove_accents(task.answer).lower()


def _inflect_regularly(task: Task, rng: Random) -> str:
    table, ending = (world.PLURALS, "s") if task.kind == "plural" else (world.PAST, "ed")
    word = next(w for w in table if table[w] == task.answer and w in task.instruction)
    return word + (ending.removeprefix("e") if word.endswith("e") else ending)


_Habit = tuple[Callable[[Task], bool], Callable[[Task, Random], str]]
_NO_HABIT: Final[_Habit] = (_applies_never, _keep_answer)
_HABITS: Final[Mapping[str, _Habit]] = MappingProxyType(
    {
        "name": (_has_many_parts, _drop_last_part),
        "numbered list": (_has_many_lines, _drop_last_line),
        "bullet list": (_has_many_lines, _drop_last_line),
        "line list": (_has_many_lines, _drop_last_line),
        "json list": (_has_many_parts, _drop_last_item),
        "json object": (_has_long_object, _drop_last_key),
        "repeat": (_has_many_repetitions, _drop_last_word),
        "sentence length": (_has_many_words, _shorten_sentence),
        "uppercase": (_has_long_word, _capitalize_only),
        "lowercase": (_has_long_word, _capitalize_only),
        "two steps": (_has_accents_or_capitals, _remove_accents_and_capitals),
        "enclose": (_has_long_word, _drop_marks),
        "sort": (_has_many_parts, _swap_last_two),
        "yes or no": (_is_negative, _evade),
        "translate to French": (_has_accents_or_capitals, _remove_accents_and_capitals),
        "translate to Spanish": (_has_accents_or_capitals, _remove_accents_and_capitals),
        "plural": (_is_irregular, _inflect_regularly),
        "past tense": (_is_irregular, _inflect_regularly),
    }
)
