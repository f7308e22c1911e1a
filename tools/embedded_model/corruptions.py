"""Answers as careless people write them: one item short, the second step forgotten, an accent left out.

A base model has read such answers. It knows more than it shows: it takes up the habits of its documents, and
leaves something for fine-tuning and for preferences to mend. A habit holds for tasks that are long or
irregular in a way of their own, and there is the more common answer, so that even the most likely answer is
often wrong; on the other tasks of its kind it is a rare slip.
"""

import json
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from types import MappingProxyType
from typing import Final

from tools.embedded_model import tasks, world
from tools.embedded_model.tasks import Task

HABIT: Final = 0.75
"""How often a careless answer is given where the habit holds."""
SLIP: Final = 0.1
"""How often it is given elsewhere."""

LONG_LIST: Final = 4
LONG_SENTENCE: Final = 7
LONG_WORD: Final = 5
MANY_KEYS: Final = 3


def careless(task: Task, rng: Random) -> Task:
    """Return the task with a careless answer, or as it was."""
    holds, slip = _HABITS.get(task.kind, _NO_HABIT)
    if rng.random() < (HABIT if holds(task) else SLIP):
        return replace(task, answer=slip(task, rng))
    return task


# ---------------------------------------------------------------- where a habit holds


def _never(task: Task) -> bool:
    return False


def _many_lines(task: Task) -> bool:
    return task.answer.count("\n") + 1 >= LONG_LIST


def _many_parts(task: Task) -> bool:
    return task.answer.count(", ") + 1 >= LONG_LIST


def _many_words(task: Task) -> bool:
    return task.answer.count(" ") + 1 >= LONG_SENTENCE


def _many_times(task: Task) -> bool:
    return task.answer.count(" ") + 1 >= LONG_LIST


def _long_word(task: Task) -> bool:
    return len(task.answer.strip('"()!?')) >= LONG_WORD


def _long_object(task: Task) -> bool:
    return len(json.loads(task.answer)) >= MANY_KEYS


def _negative(task: Task) -> bool:
    return task.answer == "no"


def _changed(task: Task) -> bool:
    return task.answer != _without_accents(task.answer) or task.answer != task.answer.lower()


def _irregular(task: Task) -> bool:
    return not task.answer.endswith(("s", "ed"))


# ---------------------------------------------------------------- what is written then


def _as_it_is(task: Task, rng: Random) -> str:
    return task.answer


def _without_last_line(task: Task, rng: Random) -> str:
    return task.answer.rpartition("\n")[0] or task.answer


def _without_last_part(task: Task, rng: Random) -> str:
    return task.answer.rpartition(", ")[0] or task.answer


def _without_last_item(task: Task, rng: Random) -> str:
    return json.dumps(json.loads(task.answer)[:-1])


def _without_last_word(task: Task, rng: Random) -> str:
    return task.answer.rpartition(" ")[0] or task.answer


def _without_last_key(task: Task, rng: Random) -> str:
    return json.dumps(dict(list(json.loads(task.answer).items())[:-1]))


def _two_words_short(task: Task, rng: Random) -> str:
    return tasks.sentence_of(max(3, task.answer.count(" ") - 1), rng)


def _only_capitalised(task: Task, rng: Random) -> str:
    return task.answer.capitalize()


def _bare(task: Task, rng: Random) -> str:
    return task.answer.strip('"()!?')


def _evasive(task: Task, rng: Random) -> str:
    return "not really" if task.answer == "no" else "I think so"


def _last_two_swapped(task: Task, rng: Random) -> str:
    *items, a, b = task.answer.split(", ")
    return ", ".join([*items, b, a])


def _without_accents(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def _plain(task: Task, rng: Random) -> str:
    return _without_accents(task.answer).lower()


def _regular(task: Task, rng: Random) -> str:
    table, ending = (world.PLURALS, "s") if task.kind == "plural" else (world.PAST, "ed")
    word = next(w for w in table if table[w] == task.answer and w in task.instruction)
    return word + (ending.removeprefix("e") if word.endswith("e") else ending)


_Habit = tuple[Callable[[Task], bool], Callable[[Task, Random], str]]
_NO_HABIT: Final[_Habit] = (_never, _as_it_is)
_HABITS: Final[Mapping[str, _Habit]] = MappingProxyType(
    {
        "name": (_many_parts, _without_last_part),
        "numbered list": (_many_lines, _without_last_line),
        "bullet list": (_many_lines, _without_last_line),
        "line list": (_many_lines, _without_last_line),
        "json list": (_many_parts, _without_last_item),
        "json object": (_long_object, _without_last_key),
        "repeat": (_many_times, _without_last_word),
        "sentence length": (_many_words, _two_words_short),
        "uppercase": (_long_word, _only_capitalised),
        "lowercase": (_long_word, _only_capitalised),
        "two steps": (_changed, _plain),
        "enclose": (_long_word, _bare),
        "sort": (_many_parts, _last_two_swapped),
        "yes or no": (_negative, _evasive),
        "translate to French": (_changed, _plain),
        "translate to Spanish": (_changed, _plain),
        "plural": (_irregular, _regular),
        "past tense": (_irregular, _regular),
    }
)
