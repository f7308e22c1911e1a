"""The suite for the embedded model: tasks of its own world, in the phrasings of its task generator."""

import json
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Final

from phases.scoring.suite import Prompt
from phases.verifiers.infer import infer_checks
from phases.verifiers.registry import Check
from tools.embedded_model import tasks, world
from tools.embedded_model.task import Task

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
    words |= dict.fromkeys(world.number_word(n) for n in range(101))
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


def _check_members(task: Task, answers: list[str]) -> Check:
    return Check("items", {"count": len(answers), "allowed": _find_category(task.instruction, answers)})


def _check_name(task: Task) -> list[Check]:
    answers = task.answer.split(", ")
    allowed = _find_category(task.instruction, answers)
    return [Check("comma_list", {"count": len(answers), "allowed": allowed})]


def _check_numbered_list(task: Task) -> list[Check]:
    answers = [line.split(". ", 1)[1] for line in task.answer.splitlines()]
    return [Check("numbered_list", {"count": len(answers)}), _check_members(task, answers)]


def _check_bullets(task: Task) -> list[Check]:
    answers = [line.removeprefix("- ") for line in task.answer.splitlines()]
    return [Check("bullets", {"count": len(answers)}), _check_members(task, answers)]


def _check_lines(task: Task) -> list[Check]:
    answers = task.answer.splitlines()
    return [
        Check("lines", {"at_least": len(answers), "at_most": len(answers)}),
        _check_members(task, answers),
    ]


def _check_json_list(task: Task) -> list[Check]:
    answers = json.loads(task.answer)
    allowed = _find_category(task.instruction, answers)
    return [Check("json_array", {"count": len(answers), "allowed": allowed})]


def _check_json_object(task: Task) -> list[Check]:
    values = json.loads(task.answer)
    if task.accepts(json.dumps(dict.fromkeys(values, "any"))):
        return [Check("json_object", {"keys": list(values)})]
    return [Check("json_object", {"values": values})]


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
    counts = [check for check in infer_checks(task.instruction) if check.kind == "words"]
    one_sentence = Check("sentences", {"at_least": 1, "at_most": 1})
    return [one_sentence, *(counts or [Check("words", {"at_least": 3, "at_most": 20})]), *keywords]


def _check_answers(task: Task) -> list[Check]:
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
    "sentence with a word": _check_sentence,
    "sentence about": _check_sentence,
    "sentence length": _check_sentence,
}


def draw_prompts(seed: int) -> Iterator[Prompt]:
    """Yield the prompts of a seed by category, without duplicate instructions."""
    rng = Random(seed)
    prompts: dict[str, dict[str, Prompt]] = {category: {} for category in SIZES}
    while any(len(prompts[category]) < size for category, size in SIZES.items()):
        task = tasks.draw_task(rng)
        category = _CATEGORY_OF_KIND.get(task.kind, "questions")
        rows = prompts[category]
        # A program can check two steps only if there is a single exact answer.
        is_ambiguous = task.kind == "two steps" and "," in task.answer
        if len(rows) < SIZES[category] and task.instruction not in rows and not is_ambiguous:
            checks = tuple(_CHECK_MAKERS.get(task.kind, _check_answers)(task))
            key = f"{category}-{len(rows) + 1:03}"
            rows[task.instruction] = Prompt(key, category, task.instruction, checks, (task.answer,))
    for rows in prompts.values():
        yield from rows.values()
