"""Records: tasks with answers, in a format that is drawn for each document."""

# ruff: noqa: PLR2004 - the numbers are shares and sizes, each used once

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from tools.embedded_model import sentences, tasks, world
from tools.embedded_model.documents.labels import draw_labels, write_heading
from tools.embedded_model.task import Task
from tools.embedded_model.task_kinds import facts, quantities, reading

AnswerChange = Callable[[Task, Random], Task]
"""Returns a task with the answer that a document shows."""
SecondField = Callable[[Task, Random], str]
"""Returns the second field of a task's record."""


_AFFIXES: Final = (
    "The answer is {}.",
    "{}!",
    "{}, I think.",
    "<{}>",
    "= {}",
    "Answer {}",
    '"{}"',
    "* {} *",
    "It is {}.",
    "{} (checked)",
    "well, {}",
    "[{}]",
    "{} / {}",
    "say {} now",
    "{}\n(see the next page)",
    "{} and so on",
)


# The second field of a record may hold something other than the answer.
_OTHER_SECONDS: Final[tuple[SecondField, ...]] = (
    lambda t, r: t.answer.upper(),
    lambda t, r: t.kind,
    lambda t, r: t.kind.upper(),
    lambda t, r: t.instruction,
    lambda t, r: t.instruction.split()[-1].strip(".?"),
    lambda t, r: str(len(t.instruction.split())),
    lambda t, r: f"{r.choice(world.NAMES)}, {r.randint(0, 10)} of 10",
    lambda t, r: r.choice(("done", "not done", "later", "easy", "difficult")),
    lambda t, r: f"page {r.randint(1, 99)}",
    lambda t, r: r.choice(world.NAMES),
    lambda t, r: f"{r.choice(world.NAMES)} thinks about this.",
    lambda t, r: tasks.draw_task(r).instruction,
    lambda t, r: sentences.write_sentence(r),
)


def keep_answer(task: Task, rng: Random) -> Task:
    """Return the task with its correct answer."""
    return task


def _draw_second_field(rng: Random) -> SecondField:
    """Return the second field of a document's records; in most documents, the answer."""
    shape = rng.random()
    if shape < 0.66:
        return lambda t, r: t.answer
    if shape < 0.84:
        affix = rng.choice(_AFFIXES)
        return lambda t, r: affix.replace("{}", t.answer)
    return rng.choice(_OTHER_SECONDS)


def draw_tasks(rng: Random, count: int) -> list[Task]:
    """Return tasks, mostly of all kinds, sometimes of one to three."""
    if rng.random() < 0.8:
        return [tasks.draw_task(rng) for _ in range(count)]
    makers = rng.sample(tuple(tasks.KINDS), rng.randint(1, 3))
    return [rng.choice(makers)(rng) for _ in range(count)]


def write_records(rng: Random, change_answer: AnswerChange = keep_answer) -> str:
    """Return a list of tasks with answers in a random format."""
    drawn, second = draw_tasks(rng, rng.randint(3, 12)), _draw_second_field(rng)
    drawn = [change_answer(task, rng) for task in drawn]
    pairs = [(task.instruction, second(task, rng)) for task in drawn]
    a, b, c = draw_labels(rng, 2) + draw_labels(rng, 1)
    lines_only = [(i, s) for i, s in pairs if "\n" not in s] or [(sentences.write_sentence(rng), "yes")]
    shape = rng.random()
    if shape < 0.62:
        text = _write_blocks(pairs, a, b, c, rng)
    elif shape < 0.72:
        between = rng.choice((" => ", " -> ", " | ", " :: ", "\t", " # ", " >> ", " ... "))
        text = "\n".join(f"{i}{between}{s}" for i, s in lines_only)
    elif shape < 0.80:
        end = rng.choice(("\n", "\n\n", "\n"))
        text = end.join(f"{a}: {i} {b}: {s}" for i, s in lines_only)
    elif shape < 0.88:
        gap = rng.choice(("\n", "\n\n"))
        text = gap.join(
            f"{n}. {i}\n{rng.choice(('   ',)) if gap == chr(10) else ''}{b}: {s}"
            for n, (i, s) in enumerate(lines_only, 1)
        )
    elif shape < 0.93:
        rule = rng.choice(("---", "***", "###", "==="))
        text = f"\n{rule}\n".join(f"{a}: {i}\n{b}: {s}" for i, s in pairs)
    elif shape < 0.97:
        text = "\n".join(json.dumps({a.lower(): i, b.lower(): s}, ensure_ascii=False) for i, s in pairs)
    else:
        text = "\n".join(f"<{a.lower()}>{i}</{a.lower()}><{b.lower()}>{s}</{b.lower()}>" for i, s in pairs)
    return f"{write_heading(rng)}\n\n{text}" if rng.random() < 0.25 else text


_PUZZLES: Final = (
    quantities.make_word_problem,
    reading.make_reading,
    quantities.make_sorting,
    facts.make_odd_one_out,
    reading.make_replacement,
    quantities.make_larger_or_smaller,
    reading.make_word_count,
)


def write_card(rng: Random, change_answer: AnswerChange = keep_answer) -> str:
    """Return a puzzle with its solution, the only kind of document that ends after one answer."""
    task, second = rng.choice(_PUZZLES)(rng), _draw_second_field(rng)
    a, b, c = draw_labels(rng, 2) + draw_labels(rng, 1)
    return _write_blocks([(task.instruction, second(change_answer(task, rng), rng))], a, b, c, rng)


def _write_blocks(pairs: Sequence[tuple[str, str]], a: str, b: str, c: str, rng: Random) -> str:
    """Return records of labelled lines separated by blank lines; some have a third field."""
    colon = rng.choice((*(": ",) * 10, " - ", " = ", "> ", ":\n", ". "))
    extra = rng.random()
    third: Callable[[], str] = rng.choice(
        (
            lambda: rng.choice(world.NAMES),
            lambda: str(rng.randint(1, 100)),
            lambda: rng.choice(world.DAYS),
            lambda: rng.choice(("easy", "hard")),
        )
    )
    blocks = []
    for instruction, answer in pairs:
        fields = [f"{a}{colon}{instruction}", f"{b}{colon}{answer}"]
        if extra < 0.06:
            fields.append(f"{c}{colon}{third()}")
        elif extra < 0.12:
            fields.insert(0, f"{c}{colon}{third()}")
        elif extra < 0.15:
            fields.insert(1, f"{c}{colon}{third()}")
        blocks.append("\n".join(fields))
    return "\n\n".join(blocks)
