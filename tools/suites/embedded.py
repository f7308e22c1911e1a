"""The suite for the embedded model: tasks of its world, in the phrasings of its task generator."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from random import Random
from typing import Final

from phases.scoring.suite import Prompt
from phases.verifiers.mentions import list_content_words
from phases.verifiers.registry import Check
from phases.verifiers.text import split_words
from tools.embedded_model import tasks, world
from tools.embedded_model.task import Task
from tools.suites.embedded_answers import write_correct, write_wrong

SIZES: Final = {"commands": 90, "questions": 80, "completion": 35, "format": 85, "multi_step": 10}
"""Prompts per category."""

_KINDS_OF_CATEGORY: Final = {
    "commands": "name|name one|name by letter|translate to French|translate to Spanish|translate to English|"
    "opposite|synonym|definition|rhyme|plural|past tense|comparative|sentence with a word|sentence about|"
    "replace",
    "completion": "complete|sequence|next item",
    "format": "numbered list|bullet list|line list|json list|json object|uppercase|lowercase|spell|repeat|"
    "enclose|number in words|number in digits|sentence length|sort",
    "multi_step": "two steps",
}
_CATEGORY_OF_KIND: Final = {
    kind: category for category, kinds in _KINDS_OF_CATEGORY.items() for kind in kinds.split("|")
}


def _list_vocabulary() -> tuple[str, ...]:
    """Return every short answer that is correct for some task."""
    words: dict[str, None] = dict.fromkeys(("yes", "no", *world.ALPHABET, *map(str, range(1001))))
    words |= dict.fromkeys(world.spell_number(n) for n in range(101))
    for name, value in vars(world).items():
        if name.isupper() and isinstance(value, Mapping):
            for key, entry in value.items():
                words |= dict.fromkeys((key, entry) if isinstance(entry, str) else (key, *entry))
    words |= dict.fromkeys((*world.NAMES, *world.THINGS, *world.PLACES, *world.ADJECTIVES))
    return tuple(words)


_VOCABULARY: Final = _list_vocabulary()


def _find_category(instruction: str, answers: list[str]) -> list[str]:
    """Return the members of the category that an instruction names and the answers belong to."""
    return next(
        list(members)
        for name, members in world.CATEGORIES.items()
        if f" {name}" in instruction and set(answers) <= set(members)
    )


def _check_list(task: Task, answers: list[str], layout: str, *, heading: bool = False) -> list[Check]:
    allowed = _find_category(task.instruction, answers)
    arguments = {"count": len(answers), "layout": layout, "allowed": allowed, "heading": heading}
    return [Check("list_of", arguments)]


def _check_name(task: Task) -> list[Check]:
    return _check_list(task, task.answer.split(", "), "any")


def _check_numbered_list(task: Task) -> list[Check]:
    return _check_list(task, [line.split(". ", 1)[1] for line in task.answer.splitlines()], "numbered")


def _check_bullets(task: Task) -> list[Check]:
    return _check_list(task, [line.removeprefix("- ") for line in task.answer.splitlines()], "bullet")


def _check_lines(task: Task) -> list[Check]:
    return _check_list(task, task.answer.splitlines(), "lines")


def _check_json_list(task: Task) -> list[Check]:
    answers = json.loads(task.answer)
    allowed = _find_category(task.instruction, answers)
    return [Check("json_list_of", {"count": len(answers), "allowed": allowed})]


def _check_json_object(task: Task) -> list[Check]:
    values = json.loads(task.answer)
    if task.accepts(json.dumps(dict.fromkeys(values, "any"))):
        return [Check("json_fields", {"fields": {key: _describe(value) for key, value in values.items()}})]
    return [Check("json_equals", {"value": values})]


def _describe(value: object) -> dict[str, object]:
    """Return the description of a field whose value in the task's answer is this one."""
    return {"number": [0, 1_000_000]} if isinstance(value, int | float) else {"text": True}


def _check_exact_text(task: Task) -> list[Check]:
    return [Check("equals", {"text": task.answer})]


def _check_repetition(task: Task) -> list[Check]:
    words = task.answer.split()
    bounds = {"at_least": len(words), "at_most": len(words)}
    return [Check("keyword_count", {"word": words[0], **bounds}), Check("words", bounds)]


def _check_sentence(task: Task) -> list[Check]:
    instruction = task.instruction.casefold()
    required = [
        word for word in _VOCABULARY if word.casefold() in instruction and task.accepts(f"Is {word}.")
    ]
    keywords = [Check("keywords", {"present": [max(required, key=len)]})] if required else []
    length = len(split_words(task.answer))
    is_counted = task.kind == "sentence length"
    counts = [Check("words", {"at_least": length, "at_most": length})] if is_counted else []
    one_sentence = Check("sentences", {"at_least": 1, "at_most": 1})
    mentions = Check("mentions", {"own": 1, "absent": ["sentence", "exactly", "the word"]})
    return [one_sentence, *counts, *keywords, mentions]


def _check_definition(task: Task) -> list[Check]:
    words = list(dict.fromkeys(list_content_words(task.answer.split(" is ", 1)[1])))
    return [Check("mentions", {"words": words, "at_least": (len(words) + 1) // 2, "absent": ["not"]})]


def _check_number(task: Task) -> list[Check]:
    return [Check("number", {"value": int(task.answer)})]


def _check_answers(task: Task) -> list[Check]:
    if task.answer.isdigit() and task.kind != "number in digits":
        return _check_number(task)
    stem = task.instruction.split(": ", 1)[-1].removesuffix(" ...")
    candidates = (task.answer, f"{stem} {task.answer}", *_VOCABULARY, *(f"in the {w}" for w in world.PLACES))
    return [Check("one_of", {"answers": list(dict.fromkeys(c for c in candidates if task.accepts(c)))})]


_CHECK_MAKERS: Final[Mapping[str, Callable[[Task], list[Check]]]] = {
    "name": _check_name,
    "numbered list": _check_numbered_list,
    "bullet list": _check_bullets,
    "line list": _check_lines,
    "json list": _check_json_list,
    "json object": _check_json_object,
    "uppercase": _check_exact_text,
    "lowercase": _check_exact_text,
    "enclose": _check_exact_text,
    "two steps": _check_exact_text,
    "repeat": _check_repetition,
    "definition": _check_definition,
    "sentence with a word": _check_sentence,
    "sentence about": _check_sentence,
    "sentence length": _check_sentence,
}


def draw_prompts(seed: int, exclude: Collection[str] = ()) -> Iterator[Prompt]:
    """Yield the prompts of a seed by category, without duplicate and excluded instructions."""
    rng = Random(seed)
    drawn: dict[str, dict[str, Task]] = {category: {} for category in SIZES}
    while any(len(drawn[category]) < size for category, size in SIZES.items()):
        task = tasks.draw_task(rng)
        category = _CATEGORY_OF_KIND.get(task.kind, "questions")
        rows = drawn[category]
        # A program can check two steps only if there is a single exact answer.
        is_ambiguous = task.kind == "two steps" and "," in task.answer
        is_new = task.instruction not in rows and task.instruction not in exclude
        if len(rows) < SIZES[category] and is_new and not is_ambiguous:
            rows[task.instruction] = task
    answers: dict[str, list[str]] = {}
    for task in (task for rows in drawn.values() for task in rows.values()):
        answers.setdefault(task.kind, []).append(task.answer)
    for category, rows in drawn.items():
        for number, task in enumerate(rows.values(), 1):
            checks = tuple(_CHECK_MAKERS.get(task.kind, _check_answers)(task))
            wrong = write_wrong(task, answers[task.kind], rng)
            key = f"{category}-{number:03}"
            yield Prompt(key, category, task.instruction, checks, write_correct(task), wrong)
