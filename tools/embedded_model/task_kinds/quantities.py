"""Tasks with numbers, sequences and order."""

# ruff: noqa: PLR2004 - the numbers are shares and sizes, each used once

from random import Random

from tools.embedded_model import world
from tools.embedded_model.phrasing import phrase_order, phrase_order_or_question, phrase_question
from tools.embedded_model.task import Task, accept_any


def make_arithmetic(rng: Random) -> Task:
    """What is 3 plus 4? -> 7."""
    a, b = (
        (rng.randint(0, 20), rng.randint(0, 12)) if rng.random() < 0.5 else rng.choices(range(10, 100), k=2)
    )
    sign = rng.choice("++--*")
    if sign == "*":
        a, b = rng.randint(1, 12), rng.randint(1, 12)
    if sign == "-" and b > a:
        a, b = b, a
    word = {"+": "plus", "-": "minus", "*": "times"}[sign]
    orders = {
        "+": (f"add {a} and {b}", f"find the sum of {a} and {b}"),
        "-": (f"subtract {b} from {a}", f"take {b} away from {a}"),
        "*": (f"multiply {a} by {b}",),
    }[sign]
    text = phrase_order_or_question(
        rng,
        (*orders, f"calculate {a} {sign} {b}"),
        (f"what is {a} {word} {b}", f"how much is {a} {sign} {b}", f"what is {a} {sign} {b}"),
    )
    answer = str({"+": a + b, "-": a - b, "*": a * b}[sign])
    return Task("arithmetic", text, answer, accept_any(answer))


def make_word_problem(rng: Random) -> Task:
    """Tom has 3 apples. Tom buys 2 more. How many apples does Tom have? -> 5."""
    who, place = rng.choice(world.NAMES), rng.choice(world.PLACES)
    things = rng.choice(("apples", "books", "coins", "eggs", "cups", "balls", "pears", "keys"))
    count = rng.randint(2, 30)
    story = f"{who} has {count} {things}."
    for _ in range(rng.choice((1, 1, 2))):
        change = rng.randint(1, 12)
        if change < count and rng.random() < 0.5:
            count -= change
            story += f" {who} {rng.choice(('loses', 'sells', 'gives away'))} {change} in the {place}."
        else:
            count += change
            story += f" {who} {rng.choice(('buys', 'finds', 'gets'))} {change} more."
    text = f"{story} How many {things} does {who} have{rng.choice(('', ' now'))}?"
    return Task("word problem", text, str(count), accept_any(str(count)))


def make_larger_or_smaller(rng: Random) -> Task:
    """Which is larger, 5 or 9? -> 9."""
    a, b = rng.sample(range(100 if rng.random() < 0.5 else 13), 2)
    if rng.random() < 0.5:
        text, answer = (
            phrase_question(rng, f"which is larger, {a} or {b}", f"which number is bigger, {a} or {b}"),
            max(a, b),
        )
    else:
        text, answer = (
            phrase_question(rng, f"which is smaller, {a} or {b}", f"which number is less, {a} or {b}"),
            min(a, b),
        )
    return Task("larger or smaller", text, str(answer), accept_any(str(answer)))


def make_number_word(rng: Random) -> Task:
    """Write the number 7 as a word. -> seven."""
    number = rng.randint(0, 20) if rng.random() < 0.6 else rng.randint(21, 99)
    word = world.spell_number(number)
    if rng.random() < 0.6:
        text = phrase_order(
            rng,
            f"write the number {number} as a word",
            f"write {number} in words",
            f"spell out the number {number}",
        )
        return Task("number in words", text, word, accept_any(word))
    text = phrase_order(
        rng, f"write the number {word} in digits", f"write {word} as a number", f"give the digits of {word}"
    )
    return Task("number in digits", text, str(number), accept_any(str(number)))


def make_next_item(rng: Random) -> Task:
    """Which day comes after Monday? -> Tuesday."""
    name, row = rng.choice(
        (
            ("day", world.DAYS),
            ("month", world.MONTHS),
            ("letter", tuple(world.ALPHABET)),
            ("number", tuple(map(str, range(31)))),
        )
    )
    position = rng.randrange(1, len(row) - 1)
    word, step = rng.choice((("after", 1), ("after", 1), ("before", -1)))
    text = phrase_order_or_question(
        rng,
        (f"name the {name} {word} {row[position]}",),
        (f"which {name} comes {word} {row[position]}", f"what {name} comes {word} {row[position]}"),
    )
    return Task("next item", text, row[position + step], accept_any(row[position + step]))


def make_sequence(rng: Random) -> Task:
    """Continue the sequence: 2, 4, 6, 8. -> 10."""
    shape = rng.randrange(4)
    if shape == 0:
        start, step = rng.randint(0, 30), rng.choice((1, 1, 2, 2, 3, 4, 5, 10))
        row = [str(start + step * i) for i in range(6)]
        if rng.random() < 0.25:
            row.reverse()
    elif shape == 1:
        step = rng.choice((1, 1, 2))
        start = rng.randrange(26 - 5 * step)
        row = list(world.ALPHABET[start : start + 5 * step + 1 : step])
    elif shape == 2:
        names = rng.choice((world.DAYS, world.MONTHS))
        start = rng.randrange(len(names))
        row = [names[(start + i) % len(names)] for i in range(6)]
    else:
        pair = rng.sample(world.CATEGORIES[rng.choice(world.LISTED)], 2)
        row = [pair[i % 2] for i in range(6)]
    term_count = rng.randint(3, 5)
    text = rng.choice(
        (
            "Continue the sequence: {}",
            "What comes next: {}?",
            "Write the next item: {}",
            "Which item comes next in this row: {}?",
        )
    ).format(", ".join(row[:term_count]))
    return Task("sequence", text, row[term_count], accept_any(row[term_count]))


def make_sorting(rng: Random) -> Task:
    """Sort these words alphabetically: pear, apple, fig."""
    if rng.random() < 0.5:
        items = rng.sample(world.SPELLED, rng.randint(3, 5))
        if len({word[0] for word in items}) < len(items):
            return make_sorting(rng)
        text = rng.choice(
            (
                "Sort these words alphabetically: {}",
                "Put these words in alphabetical order: {}",
                "Order these words from a to z: {}",
            )
        )
        right = sorted(items)
    else:
        numbers = rng.sample(range(1, 60), rng.randint(3, 6))
        items = [str(n) for n in numbers]
        text = rng.choice(
            (
                "Sort these numbers from smallest to largest: {}",
                "Put these numbers in order: {}",
                "Order these numbers, smallest first: {}",
            )
        )
        right = [str(n) for n in sorted(numbers)]
    answer = ", ".join(right)
    return Task("sort", text.format(", ".join(items)), answer, accept_any(answer))
