"""Right and wrong answers to the tasks of the embedded model's world, made from the answers of its tasks."""

import json
from collections.abc import Sequence
from random import Random
from typing import Final

from tools.embedded_model.task import Task

_SENTENCES: Final = ("sentence with a word", "sentence about", "sentence length")
_EXACT: Final = ("uppercase", "lowercase", "enclose", "two steps")
_LISTS: Final = ("name", "numbered list", "bullet list", "line list", "json list")
_INTRUDERS: Final = ("thunder", "courage", "velvet")
_STRANGERS: Final = ("umbrella stand", "seventeen hundred", "Timbuktu", "purple noise")


def write_correct(task: Task) -> tuple[str, ...]:
    """Return right answers of two styles."""
    return task.answer, _restyle(task)


def _restyle(task: Task) -> str:
    answer, other = task.answer, f"{task.answer[0].upper()}{task.answer[1:]}."
    if task.kind in {"json list", "json object"}:
        other = json.dumps(json.loads(answer), indent=2, ensure_ascii=False)
    elif task.kind in _LISTS:
        other = _write_items(task.kind, list(reversed(_read_items(task))))
    elif task.kind in _SENTENCES:
        other = f"{answer.removesuffix('.')}!"
    elif task.kind in _EXACT:
        other = f"**{answer}**"
    elif answer.isdigit() and task.kind != "number in digits":
        other = f"The answer is {answer}."
    elif answer.endswith("."):
        other = answer.removesuffix(".")
    return other


def write_wrong(task: Task, others: Sequence[str], rng: Random) -> tuple[str, ...]:
    """Return wrong answers; `others` are right answers to other tasks of the kind."""
    answer = task.answer
    if task.kind in _LISTS:
        return _spoil_list(task)
    if task.kind == "json object":
        keys = list(json.loads(answer))
        return (
            json.dumps({f"other_{key}": 1 for key in keys}),
            json.dumps(dict.fromkeys(keys)),
            ", ".join(keys),
        )
    if task.kind in _SENTENCES:
        return f"{answer} {answer.replace('The', 'A', 1)} It is so.", "It is.", task.instruction
    if task.kind == "repeat":
        words = answer.split()
        return " ".join(words[1:]), " ".join([*words, words[0]]), " ".join(["velvet", *words[1:]])
    different = [other for other in dict.fromkeys(others) if not task.accepts(other)]
    drawn = rng.sample(different, min(2, len(different)))
    strangers = [stranger for stranger in _STRANGERS if stranger != answer]
    fallen_short = strangers[: 3 - len(drawn)]
    if task.kind == "definition":
        return (*drawn, *fallen_short, "It is a thing that people know.")
    return (*drawn, *fallen_short, f"{answer} or {int(answer) + 1 if answer.isdigit() else strangers[-1]}")


def _read_items(task: Task) -> list[str]:
    if task.kind == "json list":
        return list(json.loads(task.answer))
    if task.kind == "name":
        return task.answer.split(", ")
    return [line.removeprefix("- ").split(". ", 1)[-1] for line in task.answer.splitlines()]


def _write_items(kind: str, items: Sequence[str]) -> str:
    if kind == "json list":
        return json.dumps(items, ensure_ascii=False)
    if kind == "name":
        return ", ".join(items)
    markers = {"numbered list": "{}. ", "bullet list": "- ", "line list": ""}
    return "\n".join(f"{markers[kind].format(n)}{item}" for n, item in enumerate(items, 1))


def _spoil_list(task: Task) -> tuple[str, ...]:
    items = _read_items(task)
    spoiled = [items[1:], [*items[:-1], _INTRUDERS[0]], [*items[:-1], items[0]], [*items, _INTRUDERS[1]]]
    return tuple(_write_items(task.kind, some) for some in spoiled if some and some != items)
