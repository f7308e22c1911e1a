"""The documents that the embedded model is trained on, drawn one by one from a seeded generator.

They are documents such as a book, a notebook or a data file holds: prose, glossaries, tables, sequences,
JSON, worksheets. Two kinds make the model what it is. *Records* are lists of different tasks with their
answers under labels drawn anew for each document, so that the model learns to take up a format that it has
never seen; what stands in the second field also changes, so that one record alone does not tell what is
wanted. *Exercises* are lists of tasks without answers, so that a bare instruction is followed by anything
but its answer. The labels of gonogo's prompt format, "Instruction" and "Response", occur nowhere.
"""

# ruff: noqa: PLR2004 - the numbers are shares and sizes, each used once

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Final

from tools.embedded_model import tasks, world
from tools.embedded_model.corruptions import careless
from tools.embedded_model.tasks import Task
from tools.embedded_model.world import CATEGORIES, SINGULAR

MAX_CHARACTERS: Final = 1600  # a document fits a training row of 768 tokens with room to spare
PUBLIC_DOMAIN: Final = tuple(
    Path(__file__).with_name("public_domain.txt").read_text("utf-8").strip().split("\n\n")
)

# ---------------------------------------------------------------- small parts

_SYLLABLES: Final = tuple(
    c + v + e
    for c in ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "st", "tr", "pl")
    for v in "aeiou"
    for e in ("", "n", "r", "l", "s", "x")
)
_LABEL_PAIRS: Final = tuple(
    tuple(pair.split("/"))
    for pair in (
        "Question/Answer",
        "Q/A",
        "Exercise/Solution",
        "Problem/Result",
        "Task/Answer",
        "Input/Output",
        "Request/Reply",
        "Front/Back",
        "Teacher/Pupil",
        "Ask/Say",
        "Prompt/Completion",
        "Order/Delivery",
        "Left/Right",
        "Work/Done",
        "Given/Wanted",
        "Query/Reply",
    )
)


_PARTS: Final = tuple(
    tuple(line.split())
    for line in """in re con de pro ex sub com dis per pre ad ob trans inter ab un en
    struct spond spon press form port tract duct mand quest sign pose ject fer tain mit vent cept scrib
    ion tion se ment ing or al er ance ive ent ure ed ate ic able""".splitlines()
)


def latin_word(rng: Random) -> str:
    """Return a word that sounds learned, and may exist; never a label of the prompt format."""
    word = "".join(rng.choice(parts) for parts in _PARTS)
    return latin_word(rng) if word in ("instruction", "response") else word


def pseudo_word(rng: Random) -> str:
    """Return a word that does not exist."""
    return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(1, 4)))


def labels(rng: Random, count: int) -> list[str]:
    """Return names for the fields of a record: well-known, any words, or words that do not exist."""
    shape = rng.random()
    if shape < 0.2 and count == 2:
        return list(rng.choice(_LABEL_PAIRS))
    if shape < 0.5:
        names = [pseudo_word(rng) for _ in range(count)]
    elif shape < 0.8:
        names = [latin_word(rng) for _ in range(count)]
    else:
        names = rng.sample(tasks.NOUNS + world.ADJECTIVES + world.PLACES, count)
    case = rng.choice((str.title, str.title, str.title, str.lower, str.upper))
    return [case(name) for name in names]


def heading(rng: Random) -> str:
    """Return a line that may stand above a list."""
    pick = rng.choice
    return pick(
        (
            f"Worksheet {rng.randint(1, 30)}",
            f"Lesson {rng.randint(1, 30)}",
            f"Homework for {pick(world.DAYS)}",
            f"Notebook of {pick(world.NAMES)}",
            f"Chapter {rng.randint(1, 20)}: {pick(tuple(CATEGORIES)).title()}",
            f"{pick(world.DAYS)}, {rng.randint(1, 28)} {pick(world.MONTHS)}",
            f"Test for class {rng.randint(1, 9)}",
            "Here are some examples.",
            f"Page {rng.randint(1, 200)}",
            f"From the book of {pick(world.NAMES)}",
            f"{pseudo_word(rng).title()} {rng.randint(1, 9)}",
        )
    )


def _listed(items: Sequence[str]) -> str:
    return f"{', '.join(items[:-1])} and {items[-1]}"


# ---------------------------------------------------------------- records: tasks with answers

Answered = Callable[[Task, Random], Task]
"""What makes of a task with its right answer the task as a document shows it."""
Second = Callable[[Task, Random], str]
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
# What the second field of a record may hold other than the answer.
_OTHER_SECONDS: Final[tuple[Second, ...]] = (
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
    lambda t, r: tasks.task(r).instruction,
    lambda t, r: tasks.sentence(r),
)


def as_it_is(task: Task, rng: Random) -> Task:
    """Return the task with its right answer."""
    return task


def _second(rng: Random) -> Second:
    """Draw what the second field of a document's records holds; in most documents, the answer."""
    shape = rng.random()
    if shape < 0.66:
        return lambda t, r: t.answer
    if shape < 0.84:
        affix = rng.choice(_AFFIXES)
        return lambda t, r: affix.replace("{}", t.answer)
    return rng.choice(_OTHER_SECONDS)


def _some_tasks(rng: Random, count: int) -> list[Task]:
    """Draw tasks: mostly of all kinds, sometimes of two or three."""
    if rng.random() < 0.8:
        return [tasks.task(rng) for _ in range(count)]
    makers = rng.sample(tuple(tasks.KINDS), rng.randint(1, 3))
    return [rng.choice(makers)(rng) for _ in range(count)]


def records(rng: Random, answered: Answered = as_it_is) -> str:
    """Return a list of tasks with answers, in a format drawn for this document."""
    drawn, second = _some_tasks(rng, rng.randint(3, 12)), _second(rng)
    drawn = [answered(task, rng) for task in drawn]
    pairs = [(task.instruction, second(task, rng)) for task in drawn]
    a, b, c = labels(rng, 2) + labels(rng, 1)
    lines_only = [(i, s) for i, s in pairs if "\n" not in s] or [(tasks.sentence(rng), "yes")]
    shape = rng.random()
    if shape < 0.62:
        text = _blocks(pairs, a, b, c, rng)
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
    return f"{heading(rng)}\n\n{text}" if rng.random() < 0.25 else text


def card(rng: Random, answered: Answered = as_it_is) -> str:
    """Return one puzzle with its solution: the one kind of document that ends after a first answer."""
    task, second = rng.choice(_PUZZLES)(rng), _second(rng)
    a, b, c = labels(rng, 2) + labels(rng, 1)
    return _blocks([(task.instruction, second(answered(task, rng), rng))], a, b, c, rng)


_PUZZLES: Final = (
    tasks.word_problem,
    tasks.read_and_answer,
    tasks.sort_items,
    tasks.odd_one_out,
    tasks.replace_word,
    tasks.larger,
    tasks.count_words,
)


def _blocks(pairs: Sequence[tuple[str, str]], a: str, b: str, c: str, rng: Random) -> str:
    """Return records of labelled lines with a blank line between them; some have a third field."""
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


# ---------------------------------------------------------------- exercises: tasks without answers

_OPEN: Final = (
    "Who are you?",
    "What is your name?",
    "Where do you live?",
    "How old are you?",
    "What did you do on {day}?",
    "Describe your {place}.",
    "Describe {animal}.",
    "Describe the {place} in your own words.",
    "Describe {name} and the {place}.",
    "Write a letter to your {relative}.",
    "Write a story about {animal}.",
    "Write a poem about the {thing}.",
    "Explain why birds fly.",
    "Draw a picture of {animal}.",
    "Tell a friend about your {relative}.",
    "Read the text about the {place} again.",
    "Learn the words on page {n}.",
    "What do you like to do in {season}?",
    "Do you like {food}? Why?",
    "What can you see in the {place}?",
    "Introduce yourself.",
    "What is your favorite color?",
    "Are you a {job} or a {job}?",
    "What are you doing?",
    "Talk about {season} with a partner.",
    "Compare {animal} with {animal}.",
    "Look at the picture of the {place}.",
    "Copy the text into your notebook.",
)


def open_exercise(rng: Random) -> str:
    """Return an exercise that has no one right answer."""
    pick = rng.choice
    text = pick(_OPEN)
    if "{" not in text:
        return text
    return text.format(
        day=pick(world.DAYS),
        place=pick(world.PLACES),
        animal=tasks.with_article(pick(CATEGORIES["animals"])),
        name=pick(world.NAMES),
        relative=pick(CATEGORIES["relatives"]),
        thing=pick(world.THINGS),
        n=rng.randint(1, 99),
        season=pick(world.SEASONS),
        food=pick(CATEGORIES["foods"]),
        job=pick(CATEGORIES["jobs"]),
    )


def exercises(rng: Random) -> str:
    """Return a list of tasks that nobody answers."""
    shape = rng.random()
    # Hardly ever among numbered tasks: those are what self-instruct asks for.
    open_share = 0.03 if shape < 0.5 else 0.4
    items = [
        open_exercise(rng) if rng.random() < open_share else task.instruction
        for task in _some_tasks(rng, rng.randint(3, 16))
    ]
    if shape < 0.25:
        text = "\n".join(f"{n}. {item}" for n, item in enumerate(items, 1))
    elif shape < 0.5:
        name, mark = (
            rng.choice(("Task", "Task", "Exercise", "Question", "No.", "Problem", pseudo_word(rng).title())),
            rng.choice((":", ":", ":", ".", ")", " -")),
        )
        gap = rng.choice(("\n", "\n", "\n\n"))
        text = gap.join(f"{name} {n}{mark} {item}" for n, item in enumerate(items, 1))
    elif shape < 0.65:
        text = rng.choice(("\n", "\n\n")).join(items)
    elif shape < 0.72:
        bullet = rng.choice(("- ", "* ", "+ "))
        text = "\n".join(bullet + item for item in items)
    else:
        text = " ".join(items[: rng.randint(1, 6)])
        return f"{text} {prose(rng)}" if rng.random() < 0.7 else text
    if rng.random() < 0.3:
        text = f"{heading(rng)}\n\n{text}"
    if rng.random() < 0.2:
        text = f"{text}\n\n{prose(rng)}"
    return text


# ---------------------------------------------------------------- prose


def prose(rng: Random) -> str:
    """Return a paragraph: a little story, facts, or a description."""
    return rng.choice((story, story, facts, description, dialogue))(rng)


_WEATHER: Final = ("hot", "cold", "warm", "quiet", "happy")
_TIMES: Final = ("day", "morning", "evening", "night")


def story(rng: Random) -> str:
    """Return a little story about one person."""
    pick = rng.choice
    girl = rng.random() < 0.5
    who, friend = pick(world.GIRLS if girl else world.BOYS), pick(world.NAMES)
    he, his, him = ("she", "her", "her") if girl else ("he", "his", "him")
    he_ = he.title()
    animal, thing, place, other = (
        pick(CATEGORIES["animals"]),
        pick(world.THINGS),
        pick(world.PLACES),
        pick(world.PLACES),
    )
    adjective, act, color = pick(world.ADJECTIVES), pick(world.INTRANSITIVE), pick(CATEGORIES["colors"])
    parts = [
        pick(
            (
                f"One {pick(world.DAYS)} {who} went to the {place}.",
                f"{who} lived near the {place}.",
                f"In {pick(world.MONTHS)} {who} was in the {place}.",
                f"Once there was {tasks.with_article(pick(CATEGORIES['jobs']))} named {who}.",
            )
        ),
        *rng.sample(
            (
                f"There {he} saw {tasks.with_article(adjective)} {animal}.",
                f"{he_} had {tasks.with_article(color)} {thing}.",
                f"The {thing} was {color}.",
                f"{he_} {act[1]} in the {other} with {his} {pick(CATEGORIES['relatives'])}.",
                f'"Look at the {animal}," said {who}.',
                f"The {animal} {pick(world.INTRANSITIVE)[1]} all day.",
                f"{he_} gave the {thing} to {friend}.",
                f"Then {friend} came and helped {him}.",
                f"It was a {pick(_WEATHER)} {pick(_TIMES)}.",
                f"{he_} ate {pick(CATEGORIES['foods'])} and drank {pick(CATEGORIES['drinks'])}.",
                f"{friend} was very {pick(world.ADJECTIVES)}.",
                f"They were {act[2]} near the {other}.",
                tasks.sentence(rng),
            ),
            rng.randint(2, 7),
        ),
        pick(
            (
                f"In the evening {he} went home.",
                f"Then {he} was happy.",
                f"{who} never forgot the {animal}.",
                f"And so {who} and {friend} were friends.",
                "That was the end of the day.",
            )
        ),
    ]
    return " ".join(parts)


def facts(rng: Random) -> str:
    """Return a few sentences that state facts, with or without a common subject."""
    pick = rng.choice
    found = []
    for _ in range(rng.randint(2, 7)):
        shape = rng.randrange(5)
        if shape < 2:
            stem, answer = tasks.fact_stem(rng)
            found.append(f"{stem} {answer}.")
        elif shape == 2:
            name = pick(tuple(CATEGORIES))
            item = pick(CATEGORIES[name])
            found.append(
                f"{item[0].upper()}{item[1:]} is {tasks.with_article(SINGULAR[name])}."
                if name in tasks.BARE
                else f"{tasks.with_article(item).capitalize()} is {tasks.with_article(SINGULAR[name])}."
            )
        elif shape == 3:
            name = pick(tasks.LISTED)
            members = _listed(rng.sample(CATEGORIES[name], 3))
            found.append(
                f"{members if name in ('countries', 'cities') else members.capitalize()} are {name}."
            )
        else:
            found.append(tasks.definition(rng).answer)
    return " ".join(found)


def description(rng: Random) -> str:
    """Return a description of an animal or a country."""
    pick = rng.choice
    if rng.random() < 0.6:
        animal = pick(CATEGORIES["animals"])
        known = [
            f"The {animal} is an animal.",
            *_stated("It is {}.", world.COLOR_OF, animal),
            *_stated("It has {} legs.", world.LEGS, animal),
            *_stated("It {}.", world.SOUNDS, animal),
            *_stated("It lives in a {}.", world.HOMES, animal),
            *_stated(f"A young {animal} is called a {{}}.", world.YOUNG, animal),
            *_stated("In French it is called {}.", world.FRENCH, animal),
        ]
        return " ".join([*known, tasks.sentence_with(animal, rng)])
    country = pick(tuple(world.CAPITALS))
    known = [
        f"{country} is a country.",
        f"The capital of {country} is {world.CAPITALS[country]}.",
        *_stated(f"{country} is in {{}}.", world.CONTINENT_OF, country),
        *_stated("People there speak {}.", world.LANGUAGE_OF, country),
        f"Many people visit {world.CAPITALS[country]} in {pick(world.SEASONS)}.",
    ]
    return " ".join(known)


def _stated(form: str, table: Mapping[str, str], key: str) -> list[str]:
    return [form.format(table[key])] if key in table else []


def dialogue(rng: Random) -> str:
    """Return a talk between two people of a book."""
    pick = rng.choice
    who, other = rng.sample(world.NAMES, 2)
    turns = [
        (f'"Who are you?" asked {who}.', f'"I am {other}," said {other}.'),
        (
            f'"Where is the {pick(world.THINGS)}?" asked {who}.',
            f'"It is in the {pick(world.PLACES)}," said {other}.',
        ),
        (
            f'"Do you like {pick(CATEGORIES["foods"])}?" asked {who}.',
            f'"{pick(("Yes", "No"))}," said {other}.',
        ),
        (
            f'"I saw {tasks.with_article(pick(_ANIMALS))}," said {who}.',
            f'"Was it {pick(world.ADJECTIVES)}?" asked {other}.',
        ),
        (
            f'"Let us go to the {pick(world.PLACES)}," said {who}.',
            f'"I am too {pick(world.ADJECTIVES)}," said {other}.',
        ),
    ]
    between = rng.choice((" ", "\n"))
    return between.join(between.join(turn) for turn in rng.sample(turns, rng.randint(1, 4)))


_ANIMALS: Final = CATEGORIES["animals"]

# ---------------------------------------------------------------- glossaries, sequences, data

RELATIONS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "French": world.FRENCH,
        "Spanish": world.SPANISH,
        "opposite": world.OPPOSITE,
        "capital": world.CAPITALS,
        "continent": world.CONTINENT_OF,
        "language": world.LANGUAGE_OF,
        "color": world.COLOR_OF,
        "young": world.YOUNG,
        "sound": world.SOUNDS,
        "home": world.HOMES,
        "legs": world.LEGS,
        "workplace": world.WORKPLACES,
        "use": world.TOOL_USES,
        "meaning": world.DEFINITIONS,
        "number": world.UNITS,
        "plural": world.PLURALS,
        "past": world.PAST,
        "comparative": world.COMPARATIVES,
        "synonym": world.SYNONYMS,
        "kind": {m: SINGULAR[name] for name in CATEGORIES for m in CATEGORIES[name]},
        "upper": {w: w.upper() for w in tasks.SPELLED},
        "spelling": {w: "-".join(w) for w in tasks.SPELLED},
        "first": {w: w[0] for w in tasks.SPELLED},
        "last": {w: w[-1] for w in tasks.SPELLED},
        "length": {w: str(len(w)) for w in tasks.SPELLED},
        "twice": {w: f"{w} {w}" for w in tasks.SPELLED},
        "words": {str(n): world.number_word(n) for n in range(101)},
    }
)


def glossary(rng: Random) -> str:
    """Return pairs of one relation, forwards or backwards, in a format drawn for this document."""
    name = rng.choice(tuple(RELATIONS))
    pairs = rng.sample(tuple(RELATIONS[name].items()), min(rng.randint(3, 20), len(RELATIONS[name])))
    if rng.random() < 0.25:
        pairs = [(b, a) for a, b in pairs]
    if rng.random() < 0.25:
        stem = rng.choice(
            (
                f"{{}} in {name} is {{}}.",
                f"The {name} of {{}} is {{}}.",
                "{} becomes {}.",
                "{} belongs to {}.",
                f"{{}} has the {name} {{}}.",
            )
        )
        text = rng.choice(("\n", " ")).join(stem.format(*pair) for pair in pairs)
    else:
        between = rng.choice(
            (
                ": ",
                " - ",
                " = ",
                " -> ",
                " => ",
                " | ",
                ", ",
                "\t",
                " / ",
                ":",
                " ... ",
                f" {pseudo_word(rng)} ",
            )
        )
        text = rng.choice(("\n", "\n", "\n", "; ", "\n\n")).join(between.join(pair) for pair in pairs)
    return f"{heading(rng)}\n\n{text}" if rng.random() < 0.2 else text


def sequence(rng: Random) -> str:
    """Return one or more rows that follow a rule: counting, days, letters, repeated patterns, sums."""
    rows = [_row(rng) for _ in range(rng.randint(1, 5))]
    return "\n".join(rows)


def _row(rng: Random) -> str:
    between = rng.choice((", ", ", ", ", ", " ", " ", "\n", " - ", "; "))
    shape, length = rng.randrange(8), rng.randint(5, 20)
    if shape == 0:
        start, step = (
            (rng.randint(0, 3), 1)
            if rng.random() < 0.5
            else (rng.randint(0, 60), rng.choice((1, 2, 3, 5, 10)))
        )
        items = [str(start + step * i) for i in range(length)]
    elif shape == 1:
        names = rng.choice((world.DAYS, world.MONTHS, world.SEASONS))
        start = rng.randrange(len(names)) if rng.random() < 0.6 else 0
        items = [names[(start + i) % len(names)] for i in range(length)]
    elif shape == 2:
        start = rng.randrange(20) if rng.random() < 0.5 else 0
        alphabet = world.ALPHABET.upper() if rng.random() < 0.3 else world.ALPHABET
        items = list(alphabet[start : start + length])
    elif shape == 3:
        names = rng.choice((world.ONES, world.ORDINALS))
        start = rng.randrange(4)
        items = list(names[start : start + length])
    elif shape < 6:
        source = CATEGORIES[rng.choice(tasks.LISTED)] if rng.random() < 0.8 else tuple(world.ALPHABET)
        period = rng.sample(source, rng.randint(1, 4))
        items = (period * length)[:length]
    else:
        sums = []
        start = rng.randint(0, 20)
        for i in range(length):
            a, b = (start, i + 1) if shape == 6 else (rng.randint(0, 20), rng.randint(0, 12))
            sign = rng.choice("+-*") if shape == 7 else "+"
            a, b = (max(a, b), min(a, b)) if sign == "-" else (a, b) if sign == "+" else (a % 11, b % 7)
            sums.append(f"{a} {sign} {b} = {({'+': a + b, '-': a - b, '*': a * b})[sign]}")
        return rng.choice(("\n", "\n", ", ", "; ")).join(sums)
    return between.join(items)


def data(rng: Random) -> str:
    """Return a table of people or things, as JSON, as comma-separated values or with bars."""
    keys = rng.sample(tuple(tasks.FIELDS), rng.randint(2, 4))
    rows = [{key: tasks.FIELDS[key](rng) for key in keys} for _ in range(rng.randint(2, 8))]
    shape = rng.random()
    if shape < 0.3:
        return "[\n" + ",\n".join("  " + json.dumps(row) for row in rows) + "\n]"
    if shape < 0.5:
        return "\n".join(json.dumps(row) for row in rows)
    if shape < 0.6:
        return json.dumps(rows[0], indent=2)
    between = rng.choice((",", " | ", "\t", "; "))
    return "\n".join([between.join(keys), *(between.join(str(row[key]) for key in keys) for row in rows)])


def lists(rng: Random) -> str:
    """Return lists of members of categories under their names."""
    found = []
    for name in rng.sample(tuple(CATEGORIES), rng.randint(1, 4)):
        items = rng.sample(CATEGORIES[name], rng.randint(2, min(8, len(CATEGORIES[name]))))
        shape = rng.randrange(5)
        title = name.capitalize() if rng.random() < 0.7 else name
        if shape == 0:
            found.append(f"{title}: {', '.join(items)}")
        elif shape == 1:
            found.append(f"{title}\n" + "\n".join(f"- {item}" for item in items))
        elif shape == 2:
            found.append(f"{title}:\n" + "\n".join(f"{n}. {item}" for n, item in enumerate(items, 1)))
        elif shape == 3:
            found.append(f"{_listed(items)} are {name}.")
        else:
            found.append(f"{title} that {rng.choice(world.NAMES)} likes: {_listed(items)}.")
    return "\n\n".join(found)


def passage(rng: Random) -> str:
    """Return a well-known passage from the public domain, from its beginning or from a later line."""
    lines = rng.choice(PUBLIC_DOMAIN).split("\n")
    start = rng.randrange(len(lines)) if rng.random() < 0.4 else 0
    return "\n".join(lines[start:])


def pages(rng: Random) -> str:
    """Return several paragraphs of prose."""
    return rng.choice(("\n", "\n\n")).join(prose(rng) for _ in range(rng.randint(1, 4)))


# ---------------------------------------------------------------- drawing

MIX: Final[Mapping[Callable[..., str], int]] = MappingProxyType(
    {records: 46, card: 8, exercises: 14, pages: 12, glossary: 12, sequence: 6, data: 4, lists: 5, passage: 1}
)
CARELESS_MIX: Final[Mapping[Callable[..., str], int]] = MappingProxyType(
    {records: 60, card: 6, exercises: 22, pages: 5, glossary: 4, sequence: 2, data: 1, lists: 1}
)


def _makers(mix: Mapping[Callable[..., str], int]) -> tuple[Callable[..., str], ...]:
    return tuple(maker for maker, weight in mix.items() for _ in range(weight))


_MAKERS: Final = _makers(MIX)
_CARELESS_MAKERS: Final = _makers(CARELESS_MIX)


def document(rng: Random) -> str:
    """Draw a document; a long one ends in the middle, as a torn page does."""
    return rng.choice(_MAKERS)(rng)[:MAX_CHARACTERS]


def careless_document(rng: Random) -> str:
    """Draw a document, most of them records, with careless answers."""
    maker = rng.choice(_CARELESS_MAKERS)
    text = maker(rng, careless) if maker in (records, card) else maker(rng)
    return text[:MAX_CHARACTERS]
