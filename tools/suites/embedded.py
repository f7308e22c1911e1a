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
"""How many prompts there are of each category."""

_CATEGORY: Final = {
    "commands": "name|name one|name by letter|translate to French|translate to Spanish|translate to English|"
    "opposite|synonym|definition|rhyme|plural|past tense|comparative|sentence with a word|sentence about|"
    "replace",
    "completion": "complete|sequence|next item",
    "format": "numbered list|bullet list|line list|json list|json object|uppercase|lowercase|spell|repeat|"
    "enclose|number in words|number in digits|sentence length|sort",
    "multi_step": "two steps",
}
_OF_KIND: Final = {kind: name for name, kinds in _CATEGORY.items() for kind in kinds.split("|")}


def _vocabulary() -> tuple[str, ...]:
    """Return every short answer that can be right somewhere in the world."""
    words: dict[str, None] = dict.fromkeys(("yes", "no", *world.ALPHABET, *map(str, range(1001))))
    words |= dict.fromkeys(world.number_word(n) for n in range(101))
    for name, value in vars(world).items():
        if name.isupper() and isinstance(value, Mapping):
            for key, entry in value.items():
                words |= dict.fromkeys((key, entry) if isinstance(entry, str) else (key, *entry))
    words |= dict.fromkeys((*world.NAMES, *world.THINGS, *world.PLACES, *world.ADJECTIVES))
    return tuple(words)


_VOCABULARY: Final = _vocabulary()


def _category(instruction: str, answers: list[str]) -> list[str]:
    """Return the members of the category that an instruction names and the answers belong to."""
    return next(
        list(members)
        for name, members in world.CATEGORIES.items()
        if f" {name}" in instruction and set(answers) <= set(members)
    )


def _members(task: Task, answers: list[str]) -> Check:
    return Check("items", {"count": len(answers), "allowed": _category(task.instruction, answers)})


def _name(task: Task) -> list[Check]:
    answers = task.answer.split(", ")
    allowed = _category(task.instruction, answers)
    return [Check("comma_list", {"count": len(answers), "allowed": allowed})]


def _numbered(task: Task) -> list[Check]:
    answers = [line.split(". ", 1)[1] for line in task.answer.splitlines()]
    return [Check("numbered_list", {"count": len(answers)}), _members(task, answers)]


def _bullets(task: Task) -> list[Check]:
    answers = [line.removeprefix("- ") for line in task.answer.splitlines()]
    return [Check("bullets", {"count": len(answers)}), _members(task, answers)]


def _lines(task: Task) -> list[Check]:
    answers = task.answer.splitlines()
    return [Check("lines", {"at_least": len(answers), "at_most": len(answers)}), _members(task, answers)]


def _json_list(task: Task) -> list[Check]:
    answers = json.loads(task.answer)
    allowed = _category(task.instruction, answers)
    return [Check("json_array", {"count": len(answers), "allowed": allowed})]


def _json_object(task: Task) -> list[Check]:
    values = json.loads(task.answer)
    if task.accepts(json.dumps(dict.fromkeys(values, "any"))):
        return [Check("json_object", {"keys": list(values)})]
    return [Check("json_object", {"values": values})]


def _exact(task: Task) -> list[Check]:
    return [Check("equals", {"text": task.answer})]


def _repeat(task: Task) -> list[Check]:
    words = task.answer.split()
    bounds = {"at_least": len(words), "at_most": len(words)}
    return [Check("keyword_count", {"word": words[0], **bounds}), Check("words", bounds)]


def _sentence(task: Task) -> list[Check]:
    wanted = [
        w for w in _VOCABULARY if w.casefold() in task.instruction.casefold() and task.accepts(f"Is {w}.")
    ]
    keywords = [Check("keywords", {"present": [max(wanted, key=len)]})] if wanted else []
    counts = [check for check in infer_checks(task.instruction) if check.kind == "words"]
    one = Check("sentences", {"at_least": 1, "at_most": 1})
    return [one, *(counts or [Check("words", {"at_least": 3, "at_most": 20})]), *keywords]


def _answers(task: Task) -> list[Check]:
    stem = task.instruction.split(": ", 1)[-1].removesuffix(" ...")
    candidates = (task.answer, f"{stem} {task.answer}", *_VOCABULARY, *(f"in the {w}" for w in world.PLACES))
    return [Check("one_of", {"answers": list(dict.fromkeys(c for c in candidates if task.accepts(c)))})]


_CHECKS: Final[Mapping[str, Callable[[Task], list[Check]]]] = {
    "name": _name,
    "numbered list": _numbered,
    "bullet list": _bullets,
    "line list": _lines,
    "json list": _json_list,
    "json object": _json_object,
    "uppercase": _exact,
    "lowercase": _exact,
    "enclose": _exact,
    "two steps": _exact,
    "repeat": _repeat,
    "sentence with a word": _sentence,
    "sentence about": _sentence,
    "sentence length": _sentence,
}


def prompts(seed: int) -> Iterator[Prompt]:
    """Yield the prompts, category by category, drawn with the seed, no instruction twice."""
    rng = Random(seed)
    found: dict[str, dict[str, Prompt]] = {name: {} for name in SIZES}
    while any(len(found[name]) < size for name, size in SIZES.items()):
        task = tasks.draw_task(rng)
        category = _OF_KIND.get(task.kind, "questions")
        rows = found[category]
        # Of two steps only those with one exact answer can be checked without knowing the task.
        vague = task.kind == "two steps" and "," in task.answer
        if len(rows) < SIZES[category] and task.instruction not in rows and not vague:
            checks = tuple(_CHECKS.get(task.kind, _answers)(task))
            key = f"{category}-{len(rows) + 1:03}"
            rows[task.instruction] = Prompt(key, category, task.instruction, checks, task.answer)
    for rows in found.values():
        yield from rows.values()
