"""Tasks of the embedded model's world: instructions in many phrasings, a right answer and its check.

A task is made by one function of a random generator; `task(rng)` draws a kind by its weight. Nothing here
knows of labels or prompt formats: the corpus puts tasks into documents, the probes into few-shot prompts.
"""

# ruff: noqa: PLR2004 - the numbers are shares and sizes, each used once

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Final

from tools.embedded_model import world
from tools.embedded_model.world import CATEGORIES, SINGULAR

Accepts = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Task:
    """An instruction, one right answer, and the check that accepts every right answer."""

    kind: str
    instruction: str
    answer: str
    accepts: Accepts


# ---------------------------------------------------------------- words and sentences

# Members of these categories take no article.
BARE: Final = frozenset(
    [
        "colors",
        "drinks",
        "foods",
        "countries",
        "cities",
        "continents",
        "languages",
        "sports",
        "planets",
        "metals",
        "days",
        "months",
        "seasons",
        "subjects",
        "fish",
        "clothes",
    ]
)
_COUNTS: Final = ("two", "three", "four", "five")
NOUNS: Final = (*CATEGORIES["animals"], *CATEGORIES["birds"], *world.THINGS)
LISTED: Final = tuple(name for name in CATEGORIES if len(CATEGORIES[name]) >= 5)
SPELLED: Final = tuple(
    word
    for word in dict.fromkeys((*world.FRENCH, *world.THINGS, *world.PLACES, *world.OPPOSITES, *NOUNS))
    if 3 <= len(word) <= 7
)


def _chance(rng: Random, probability: float) -> bool:
    return rng.random() < probability


def with_article(word: str) -> str:
    """Return the word with its indefinite article."""
    return f"{'an' if word[0] in 'aeiouAEIOU' or word == 'hour' else 'a'} {word}"


def sentence(rng: Random) -> str:
    """Return a simple sentence about the world."""
    pick = rng.choice
    subject = pick(
        (
            f"The {pick(NOUNS)}",
            f"The {pick(world.ADJECTIVES)} {pick(CATEGORIES['animals'])}",
            pick(world.NAMES),
        )
    )
    verb, act = pick(world.TRANSITIVE), pick(world.INTRANSITIVE)
    return pick(
        (
            f"{subject} {act[1]} in the {pick(world.PLACES)}.",
            f"{subject} {verb[1]} the {pick(NOUNS)}.",
            f"{subject} {verb[1]} {with_article(pick(world.ADJECTIVES))} {pick(NOUNS)}.",
            f"{subject} is in the {pick(world.PLACES)}.",
            f"{subject} is very {pick(world.ADJECTIVES)}.",
            f"{subject} {act[1]} near the {pick(world.PLACES)} with {pick(world.NAMES)}.",
        )
    )


def sentence_with(word: str, rng: Random) -> str:
    """Return a sentence that contains a word: a noun, a name, an adjective or a place."""
    pick = rng.choice
    if word in world.NAMES:
        return pick(
            (
                f"{word} {pick(world.INTRANSITIVE)[1]} in the {pick(world.PLACES)}.",
                f"{word} has {with_article(pick(world.THINGS))}.",
            )
        )
    if word in world.ADJECTIVES:
        return pick(
            (
                f"The {pick(NOUNS)} is very {word}.",
                f"The {word} {pick(CATEGORIES['animals'])} {pick(world.INTRANSITIVE)[1]}.",
            )
        )
    if word in world.PLACES:
        return pick((f"The {pick(NOUNS)} is in the {word}.", f"{pick(world.NAMES)} went to the {word}."))
    return pick(
        (
            f"The {word} is in the {pick(world.PLACES)}.",
            f"{pick(world.NAMES)} {pick(world.TRANSITIVE)[1]} the {word}.",
            f"The {word} is very {pick(world.ADJECTIVES)}.",
            f"{pick(world.NAMES)} has {with_article(pick(world.ADJECTIVES))} {word}.",
        )
    )


def sentence_of(words: int, rng: Random) -> str:
    """Return a sentence of three to ten words."""
    pick = rng.choice
    noun, other = pick(CATEGORIES["animals"]), pick(NOUNS)
    adjective, act, verb = pick(world.ADJECTIVES), pick(world.INTRANSITIVE)[1], pick(world.TRANSITIVE)[1]
    return {
        3: f"The {noun} {act}.",
        4: f"The {adjective} {noun} {act}.",
        5: f"The {noun} {verb} the {other}.",
        6: f"The {adjective} {noun} {verb} the {other}.",
        7: f"The {noun} {act} in the {adjective} {pick(world.PLACES)}.",
        8: f"The {noun} {verb} the {other} in the {pick(world.PLACES)}.",
        9: f"The {adjective} {noun} {verb} the {other} in the {pick(world.PLACES)}.",
        10: (
            f"The {adjective} {noun} {verb} the {other} "
            f"near the {pick(world.ADJECTIVES)} {pick(world.PLACES)}."
        ),
    }[words]


# ---------------------------------------------------------------- phrasing

_ORDERS: Final = (
    *("{0}{1}.",) * 5,
    "Please {2}{1}.",
    "Can you {2}{1}?",
    "Now {2}{1}.",
    "Your task is to {2}{1}.",
    "{0}{1}, please.",
)
_QUESTIONS: Final = (
    *("{0}{1}?",) * 6,
    "Please answer: {2}{1}?",
    "Tell me, {2}{1}?",
    "Here is a question: {2}{1}?",
)


def _phrase(form: str, text: str) -> str:
    return form.format(text[0].upper(), text[1:], text[0].lower())


def order(rng: Random, *choices: str) -> str:
    """Return one of several orders, in one of several manners: `name a dog` -> `Please name a dog.`."""
    text = rng.choice(choices)
    if ":" in text or '"' in text:  # such an order ends with what it is about
        return text[0].upper() + text[1:]
    return _phrase(rng.choice(_ORDERS), text)


def question(rng: Random, *choices: str) -> str:
    """Return one of several questions, in one of several manners."""
    return _phrase(rng.choice(_QUESTIONS), rng.choice(choices))


def ask(rng: Random, orders: Sequence[str], questions: Sequence[str]) -> str:
    """Return an order or a question, all phrasings equally likely."""
    if rng.randrange(len(orders) + len(questions)) < len(orders):
        return order(rng, *orders)
    return question(rng, *questions)


# ---------------------------------------------------------------- checks


def _normal(text: str) -> str:
    return text.strip().rstrip(".").casefold()


def one_of(*answers: str) -> Accepts:
    """Accept any of the answers, whatever their case; a full stop may follow."""
    allowed = {_normal(answer) for answer in answers}
    return lambda text: _normal(text) in allowed


def exactly(answer: str) -> Accepts:
    """Accept this answer alone, to the letter."""
    return lambda text: text.strip() == answer


def _members(items: Sequence[str], count: int, members: Sequence[str]) -> bool:
    return len(items) == count == len(set(items)) and set(items) <= set(members)


def _one_sentence(response: str, instruction: str) -> bool:
    text = response.strip()
    whole = text[:1].isupper() and text.endswith(".") and text.count(".") == 1 and "\n" not in text
    return whole and text != instruction


def _words(text: str) -> list[str]:
    return text.strip().rstrip(".!?").replace(",", "").split()


# ---------------------------------------------------------------- kinds: lists


def _some(rng: Random) -> tuple[str, int, str, Sequence[str]]:
    """Draw a category, a count, the count as written, and as many members."""
    name = rng.choice(LISTED)
    count = rng.randint(2, min(7, len(CATEGORIES[name])))
    written = world.ONES[count] if _chance(rng, 0.7) else str(count)
    if name == "furniture":
        written += " pieces of"
    return name, count, written, rng.sample(CATEGORIES[name], count)


def name_members(rng: Random) -> Task:
    """Name three animals. -> dog, cat, cow."""
    name, count, n, items = _some(rng)
    text = order(
        rng,
        f"name {n} {name}",
        f"list {n} {name}",
        f"give me {n} {name}",
        f"give {n} examples of {name}",
        f"write down {n} {name}",
        f"think of {n} different {name}",
        f"list {n} {name} separated by commas",
    )
    return Task(
        "name",
        text,
        ", ".join(items),
        lambda r: _members(_normal(r).split(", "), count, [_normal(m) for m in CATEGORIES[name]]),
    )


def name_one(rng: Random) -> Task:
    """Name an animal. -> dog."""
    name = rng.choice(LISTED)
    one = with_article(SINGULAR[name])
    text = order(
        rng,
        f"name {one}",
        f"name one {SINGULAR[name]}",
        f"give me an example of {one}",
        f"think of {one}",
        f"write the name of {one}",
    )
    return Task("name one", text, rng.choice(CATEGORIES[name]), one_of(*CATEGORIES[name]))


def name_with_letter(rng: Random) -> Task:
    """Name an animal that starts with b. -> bear."""
    name = rng.choice(LISTED)
    letter = rng.choice(CATEGORIES[name])[0]
    members = [m for m in CATEGORIES[name] if m[0] == letter]
    one = with_article(SINGULAR[name])
    text = order(
        rng, f"name {one} that starts with {letter}", f"give me {one} that begins with the letter {letter}"
    )
    return Task("name by letter", text, rng.choice(members), one_of(*members))


def numbered_list(rng: Random) -> Task:
    """List three colors as a numbered list."""
    name, count, n, items = _some(rng)
    text = order(
        rng,
        f"list {n} {name} as a numbered list",
        f"write a numbered list of {n} {name}",
        f"make a numbered list with {n} {name}",
        f"give me a numbered list of {n} {name}",
        f"number {n} {name} from 1 to {count}",
        f"name {n} {name} in a numbered list",
    )

    def accepts(response: str) -> bool:
        lines = [line.partition(". ") for line in response.strip().split("\n")]
        numbers = [head for head, _, _ in lines]
        return numbers == [str(i + 1) for i in range(count)] and _members(
            [t for _, _, t in lines], count, CATEGORIES[name]
        )

    return Task("numbered list", text, "\n".join(f"{i}. {m}" for i, m in enumerate(items, 1)), accepts)


def bullet_list(rng: Random) -> Task:
    """Write three colors as a bullet list."""
    name, count, n, items = _some(rng)
    text = order(
        rng,
        f"write {n} {name} as a bullet list",
        f"make a bullet list of {n} {name}",
        f"list {n} {name} with bullet points",
        f"give me a bullet list with {n} {name}",
        f"list {n} {name}, each after a dash",
    )

    def accepts(response: str) -> bool:
        lines = response.strip().split("\n")
        return all(line.startswith("- ") for line in lines) and _members(
            [line[2:] for line in lines], count, CATEGORIES[name]
        )

    return Task("bullet list", text, "\n".join(f"- {m}" for m in items), accepts)


def line_list(rng: Random) -> Task:
    """List three colors, one per line."""
    name, count, n, items = _some(rng)
    text = order(
        rng,
        f"list {n} {name}, one per line",
        f"write {n} {name} on separate lines",
        f"name {n} {name}, each on its own line",
    )
    return Task(
        "line list",
        text,
        "\n".join(items),
        lambda r: _members(r.strip().split("\n"), count, CATEGORIES[name]),
    )


def json_list(rng: Random) -> Task:
    """Write a JSON list of three colors."""
    name, count, n, items = _some(rng)
    text = order(
        rng,
        f"write a JSON list of {n} {name}",
        f"give me {n} {name} as a JSON list",
        f"make a JSON array with {n} {name}",
    )

    def accepts(response: str) -> bool:
        try:
            value = json.loads(response)
        except ValueError:
            return False
        return (
            isinstance(value, list)
            and all(isinstance(v, str) for v in value)
            and _members(value, count, CATEGORIES[name])
        )

    return Task("json list", text, json.dumps(items), accepts)


# ---------------------------------------------------------------- kinds: facts


def translate(rng: Random) -> Task:
    """Translate the word dog into French. -> chien."""
    language, table = ("French", world.FRENCH) if _chance(rng, 0.7) else ("Spanish", world.SPANISH)
    word = rng.choice(tuple(table))
    text = ask(
        rng,
        (
            f"translate the word {word} into {language}",
            f"translate {word} to {language}",
            f"give the {language} word for {word}",
            f"say {word} in {language}",
            f"write the {language} translation of {word}",
        ),
        (
            f"what is the {language} word for {word}",
            f"how do you say {word} in {language}",
            f"what is {word} in {language}",
        ),
    )
    return Task(f"translate to {language}", text, table[word], one_of(table[word]))


def translate_back(rng: Random) -> Task:
    """What does the French word chien mean? -> dog."""
    language, table = ("French", world.FRENCH) if _chance(rng, 0.7) else ("Spanish", world.SPANISH)
    word = rng.choice(tuple(table))
    foreign = table[word]
    text = ask(
        rng,
        (
            f"translate the {language} word {foreign} into English",
            f"give the English word for {foreign}",
            f"translate {foreign} from {language} to English",
        ),
        (f"what does the {language} word {foreign} mean", f"what is {foreign} in English"),
    )
    return Task("translate to English", text, word, one_of(*(w for w, f in table.items() if f == foreign)))


def opposite(rng: Random) -> Task:
    """What is the opposite of hot? -> cold."""
    word = rng.choice(tuple(world.OPPOSITE))
    text = ask(
        rng,
        (
            f"give the opposite of {word}",
            f"write the opposite of the word {word}",
            f"name the opposite of {word}",
            f"find a word that means the opposite of {word}",
        ),
        (f"what is the opposite of {word}", f"which word is the opposite of {word}"),
    )
    return Task("opposite", text, world.OPPOSITE[word], one_of(world.OPPOSITE[word]))


def capital(rng: Random) -> Task:
    """What is the capital of France? -> Paris."""
    country = rng.choice(tuple(world.CAPITALS))
    city = world.CAPITALS[country]
    if _chance(rng, 0.3):
        text = ask(
            rng,
            (f"name the country whose capital is {city}",),
            (f"which country has the capital {city}", f"{city} is the capital of which country"),
        )
        return Task("country of a capital", text, country, one_of(country))
    text = ask(
        rng,
        (f"name the capital of {country}", f"give the capital city of {country}"),
        (f"what is the capital of {country}", f"which city is the capital of {country}"),
    )
    return Task("capital", text, city, one_of(city))


def fact(rng: Random) -> Task:
    """Ask for what is known of a thing: color, sound, home, young, use, continent, language and so on."""
    name, table, orders, questions = rng.choice(_FACTS)
    key = rng.choice(tuple(table))
    article = "the" if table is world.COLOR_OF and key in ("sun", "sky", "sea", "night") else ""
    thing = f"{article} {key}" if article else key
    fill = [form.replace("{a}", with_article(key)).replace("{x}", thing) for form in (*orders, *questions)]
    text = ask(rng, fill[: len(orders)], fill[len(orders) :])
    return Task(name, text, table[key], one_of(table[key]))


_FACTS: Final[tuple[tuple[str, Mapping[str, str], tuple[str, ...], tuple[str, ...]], ...]] = (
    (
        "color",
        world.COLOR_OF,
        ("name the color of {x}", "give the usual color of {x}"),
        ("what color is {x}", "what is the color of {x}"),
    ),
    (
        "young",
        world.YOUNG,
        ("name the young of {a}", "give the word for a young {x}"),
        ("what is a young {x} called", "what do we call the young of {a}"),
    ),
    (
        "sound",
        world.SOUNDS,
        ("say which sound {a} makes",),
        ("what does {a} do when it makes a sound", "what sound does {a} make"),
    ),
    (
        "home",
        world.HOMES,
        ("name the home of {a}",),
        ("where does {a} live", "what is the home of {a} called"),
    ),
    (
        "legs",
        world.LEGS,
        ("say how many legs {a} has",),
        ("how many legs does {a} have", "how many legs has {a}"),
    ),
    (
        "workplace",
        world.WORKPLACES,
        ("name the place where {a} works",),
        ("where does {a} work", "in which place does {a} work"),
    ),
    (
        "use",
        world.TOOL_USES,
        ("say what {a} is used for",),
        ("what is {a} used for", "what can you do with {a}"),
    ),
    (
        "unit",
        world.UNITS,
        ("give the number of {x}", "say how many {x} there are"),
        ("how many {x} are there", "what is the number of {x}"),
    ),
    (
        "continent",
        world.CONTINENT_OF,
        ("name the continent of {x}",),
        ("on which continent is {x}", "which continent is {x} on"),
    ),
    (
        "language",
        world.LANGUAGE_OF,
        ("name the language of {x}",),
        ("which language do people speak in {x}", "what language is spoken in {x}"),
    ),
)


def definition(rng: Random) -> Task:
    """What is a doctor? -> A doctor is a person who treats sick people."""
    word = rng.choice(tuple(world.DEFINITIONS))
    thing = word if word in ("rain", "snow", "ice", "wind", "breakfast") else with_article(word)
    answer = f"{thing[0].upper()}{thing[1:]} is {world.DEFINITIONS[word]}."
    text = ask(
        rng,
        (
            f"define the word {word}",
            f"explain what {thing} is",
            f"give a definition of {word}",
            f"describe {thing} in one sentence",
        ),
        (f"what is {thing}", f"what does the word {word} mean"),
    )
    return Task("definition", text, answer, one_of(answer, world.DEFINITIONS[word]))


def category(rng: Random) -> Task:
    """Is a banana a fruit or an animal? -> a fruit."""
    name, other = _unlike(rng)
    item = rng.choice(CATEGORIES[name])
    thing = item if name in BARE else with_article(item)
    pair = [with_article(SINGULAR[name]), with_article(SINGULAR[other])]
    answer = pair[0]
    rng.shuffle(pair)
    text = question(rng, f"is {thing} {pair[0]} or {pair[1]}", f"what is {thing}, {pair[0]} or {pair[1]}")
    return Task("category", text, answer, one_of(answer, SINGULAR[name]))


def _unlike(rng: Random) -> tuple[str, str]:
    """Draw two categories that share no members."""
    while True:
        name, other = rng.sample(tuple(CATEGORIES), 2)
        if not any(name in group and other in group for group in world.AKIN):
            return name, other


def is_a(rng: Random) -> Task:
    """Is a dog an animal? -> yes."""
    name, other = _unlike(rng)
    item = rng.choice(CATEGORIES[name])
    thing = item if name in BARE else with_article(item)
    true = _chance(rng, 0.5)
    kind = with_article(SINGULAR[name if true else other])
    text = rng.choice(
        (
            f"Is {thing} {kind}? Answer yes or no.",
            f"Answer with yes or no: is {thing} {kind}?",
            f"Is it true that {thing} is {kind}?",
            f"Yes or no: is {thing} {kind}?",
        )
    )
    answer = "yes" if true else "no"
    return Task("yes or no", text, answer, one_of(answer))


def odd_one_out(rng: Random) -> Task:
    """Which word does not belong: dog, cat, banana, cow? -> banana."""
    name, other = _unlike(rng)
    odd = rng.choice(CATEGORIES[other])
    items = [*rng.sample(CATEGORIES[name], 3), odd]
    rng.shuffle(items)
    text = rng.choice(
        (
            "Which word does not belong: {}?",
            "Find the odd one out: {}.",
            "Which of these is different from the others: {}?",
        )
    ).format(", ".join(items))
    return Task("odd one out", text, odd, one_of(odd))


def synonym(rng: Random) -> Task:
    """Give a synonym of big. -> large."""
    word = rng.choice(tuple(world.SYNONYMS))
    text = ask(
        rng,
        (
            f"give a synonym of {word}",
            f"find another word for {word}",
            f"write a word that means the same as {word}",
        ),
        (f"what is another word for {word}", f"which word means the same as {word}"),
    )
    return Task("synonym", text, world.SYNONYMS[word], one_of(world.SYNONYMS[word]))


# ---------------------------------------------------------------- kinds: numbers and sequences


def arithmetic(rng: Random) -> Task:
    """What is 3 plus 4? -> 7."""
    a, b = (rng.randint(0, 20), rng.randint(0, 12)) if _chance(rng, 0.5) else rng.choices(range(10, 100), k=2)
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
    text = ask(
        rng,
        (*orders, f"calculate {a} {sign} {b}"),
        (f"what is {a} {word} {b}", f"how much is {a} {sign} {b}", f"what is {a} {sign} {b}"),
    )
    answer = str({"+": a + b, "-": a - b, "*": a * b}[sign])
    return Task("arithmetic", text, answer, one_of(answer))


def word_problem(rng: Random) -> Task:
    """Tom has 3 apples. Tom buys 2 more. How many apples does Tom have? -> 5."""
    who, place = rng.choice(world.NAMES), rng.choice(world.PLACES)
    things = rng.choice(("apples", "books", "coins", "eggs", "cups", "balls", "pears", "keys"))
    count = rng.randint(2, 30)
    story = f"{who} has {count} {things}."
    for _ in range(rng.choice((1, 1, 2))):
        change = rng.randint(1, 12)
        if change < count and _chance(rng, 0.5):
            count -= change
            story += f" {who} {rng.choice(('loses', 'sells', 'gives away'))} {change} in the {place}."
        else:
            count += change
            story += f" {who} {rng.choice(('buys', 'finds', 'gets'))} {change} more."
    text = f"{story} How many {things} does {who} have{rng.choice(('', ' now'))}?"
    return Task("word problem", text, str(count), one_of(str(count)))


def larger(rng: Random) -> Task:
    """Which is larger, 5 or 9? -> 9."""
    a, b = rng.sample(range(100 if _chance(rng, 0.5) else 13), 2)
    if _chance(rng, 0.5):
        text, answer = (
            question(rng, f"which is larger, {a} or {b}", f"which number is bigger, {a} or {b}"),
            max(a, b),
        )
    else:
        text, answer = (
            question(rng, f"which is smaller, {a} or {b}", f"which number is less, {a} or {b}"),
            min(a, b),
        )
    return Task("larger or smaller", text, str(answer), one_of(str(answer)))


def number_word(rng: Random) -> Task:
    """Write the number 7 as a word. -> seven."""
    number = rng.randint(0, 20) if _chance(rng, 0.6) else rng.randint(21, 99)
    word = world.number_word(number)
    if _chance(rng, 0.6):
        text = order(
            rng,
            f"write the number {number} as a word",
            f"write {number} in words",
            f"spell out the number {number}",
        )
        return Task("number in words", text, word, one_of(word))
    text = order(
        rng, f"write the number {word} in digits", f"write {word} as a number", f"give the digits of {word}"
    )
    return Task("number in digits", text, str(number), one_of(str(number)))


def next_item(rng: Random) -> Task:
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
    text = ask(
        rng,
        (f"name the {name} {word} {row[position]}",),
        (f"which {name} comes {word} {row[position]}", f"what {name} comes {word} {row[position]}"),
    )
    return Task("next item", text, row[position + step], one_of(row[position + step]))


def continue_sequence(rng: Random) -> Task:
    """Continue the sequence: 2, 4, 6, 8. -> 10."""
    shape = rng.randrange(4)
    if shape == 0:
        start, step = rng.randint(0, 30), rng.choice((1, 1, 2, 2, 3, 4, 5, 10))
        row = [str(start + step * i) for i in range(6)]
        if _chance(rng, 0.25):
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
        pair = rng.sample(CATEGORIES[rng.choice(LISTED)], 2)
        row = [pair[i % 2] for i in range(6)]
    shown = rng.randint(3, 5)
    text = rng.choice(
        (
            "Continue the sequence: {}",
            "What comes next: {}?",
            "Write the next item: {}",
            "Which item comes next in this row: {}?",
        )
    ).format(", ".join(row[:shown]))
    return Task("sequence", text, row[shown], one_of(row[shown]))


def sort_items(rng: Random) -> Task:
    """Sort these words alphabetically: pear, apple, fig."""
    if _chance(rng, 0.5):
        items = rng.sample(SPELLED, rng.randint(3, 5))
        if len({word[0] for word in items}) < len(items):
            return sort_items(rng)
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
    return Task("sort", text.format(", ".join(items)), answer, one_of(answer))


# ---------------------------------------------------------------- kinds: letters and forms


def change_case(rng: Random) -> Task:
    """Write the word dog in uppercase. -> DOG."""
    word = rng.choice(SPELLED)
    if _chance(rng, 0.65):
        text = order(
            rng,
            f"write the word {word} in uppercase",
            f"write {word} in capital letters",
            f"put the word {word} into upper case",
            f"change {word} to all capitals",
        )
        return Task("uppercase", text, word.upper(), exactly(word.upper()))
    text = order(
        rng,
        f"write the word {word.upper()} in lowercase",
        f"write {word.upper()} in small letters",
        f"change {word.upper()} to lower case",
    )
    return Task("lowercase", text, word, exactly(word))


def spell(rng: Random) -> Task:
    """Spell the word dog. -> d-o-g."""
    word = rng.choice(SPELLED)
    text = order(
        rng,
        f"spell the word {word}",
        f"spell {word}",
        f"write the letters of {word} with dashes between them",
    )
    if _chance(rng, 0.3):
        text = order(
            rng, f"write the word {word} backwards", f"spell {word} backwards", f"reverse the word {word}"
        )
        return Task("spell", text, word[::-1], one_of(word[::-1]))
    return Task("spell", text, "-".join(word), one_of("-".join(word)))


def letter(rng: Random) -> Task:
    """What is the first letter of dog? -> d."""
    word = rng.choice(SPELLED)
    if _chance(rng, 0.15):
        counted = rng.choice(word)
        text = question(
            rng,
            f"how many times does the letter {counted} occur in {word}",
            f"how often is the letter {counted} in the word {word}",
        )
        return Task("letter count", text, str(word.count(counted)), one_of(str(word.count(counted))))
    if _chance(rng, 0.3):
        text = ask(
            rng,
            (f"count the letters in the word {word}",),
            (f"how many letters are in the word {word}", f"how many letters does {word} have"),
        )
        answer = len(word)
        return Task("letter count", text, str(answer), one_of(str(answer), world.ONES[answer]))
    which, found = rng.choice(
        (("first", word[0]), ("last", word[-1]), ("second", word[1]), ("third", word[2]))
    )
    text = ask(
        rng,
        (f"give the {which} letter of {word}", f"write the {which} letter of the word {word}"),
        (f"what is the {which} letter of {word}", f"which letter is the {which} in the word {word}"),
    )
    return Task("first or last letter", text, found, one_of(found))


def grammar(rng: Random) -> Task:
    """Give the plural, the past tense or the comparative of a word."""
    name, table = rng.choice(
        (("plural", world.PLURALS), ("past tense", world.PAST), ("comparative", world.COMPARATIVES))
    )
    word = rng.choice(tuple(table))
    text = ask(
        rng,
        (f"give the {name} of {word}", f"write the {name} of the word {word}", f"form the {name} of {word}"),
        (f"what is the {name} of {word}",),
    )
    return Task(name, text, table[word], one_of(table[word]))


def rhyme(rng: Random) -> Task:
    """Find a word that rhymes with cat. -> hat."""
    word = rng.choice([w for words in world.RHYMES.values() for w in words])
    rhymes = sorted({w for words in world.RHYMES.values() if word in words for w in words if w != word})
    text = ask(
        rng,
        (f"find a word that rhymes with {word}", f"give a rhyme for {word}"),
        (f"which word rhymes with {word}", f"what rhymes with {word}"),
    )
    return Task("rhyme", text, rng.choice(rhymes), one_of(*rhymes))


def repeat(rng: Random) -> Task:
    """Repeat the word dog three times. -> dog dog dog."""
    word, count = rng.choice((*SPELLED, "hello", "yes", "no")), rng.randint(2, 8)
    times = (
        "twice"
        if count == 2 and _chance(rng, 0.5)
        else f"{world.ONES[count] if _chance(rng, 0.7) else count} times"
    )
    text = order(
        rng,
        f"repeat the word {word} {times}",
        f"write {word} {times}",
        f"say {word} {times}",
        f"write the word {word} {times}",
    )
    answer = " ".join([word] * count)
    return Task("repeat", text, answer, lambda r: r.strip().replace(",", "").rstrip(".") == answer)


def enclose(rng: Random) -> Task:
    """Write the word dog in quotation marks. -> "dog"."""
    word = rng.choice(SPELLED)
    orders, answer = rng.choice(
        (
            (
                (
                    f"write the word {word} in quotation marks",
                    f"put quotation marks around {word}",
                    f"write {word} in quotes",
                ),
                f'"{word}"',
            ),
            ((f"write the word {word} in brackets", f"put brackets around {word}"), f"({word})"),
            (
                (f"write {word} with an exclamation mark", f"write {word} and end with an exclamation mark"),
                f"{word}!",
            ),
            ((f"write {word} with a question mark", f"put a question mark after {word}"), f"{word}?"),
        )
    )
    return Task("enclose", order(rng, *orders), answer, exactly(answer))


# ---------------------------------------------------------------- kinds: sentences


def write_sentence(rng: Random) -> Task:
    """Write a sentence with the word dog."""
    word = rng.choice(rng.choice((NOUNS, NOUNS, world.PLACES, world.ADJECTIVES, world.NAMES)))
    text = order(
        rng,
        f"write a sentence with the word {word}",
        f"use the word {word} in a sentence",
        f"make a short sentence with {word}",
        f"write one sentence that contains the word {word}",
    )
    return Task(
        "sentence with a word",
        text,
        sentence_with(word, rng),
        lambda r: _one_sentence(r, text) and word.casefold() in [w.casefold() for w in _words(r)],
    )


def sentence_about(rng: Random) -> Task:
    """Write a sentence about a dog."""
    word = rng.choice(CATEGORIES["animals"])
    text = order(
        rng,
        f"write a sentence about {with_article(word)}",
        f"say something about {with_article(word)}",
        f"write one sentence about the {word}",
    )
    return Task(
        "sentence about",
        text,
        sentence_with(word, rng),
        lambda r: _one_sentence(r, text) and word in [w.casefold() for w in _words(r)],
    )


def sentence_length(rng: Random) -> Task:
    """Write a sentence of exactly five words."""
    count = rng.randint(3, 10)
    n = world.ONES[count] if _chance(rng, 0.7) else str(count)
    text = order(
        rng,
        f"write a sentence of exactly {n} words",
        f"write a sentence with {n} words",
        f"make a sentence that has {n} words",
    )
    return Task(
        "sentence length",
        text,
        sentence_of(count, rng),
        lambda r: _one_sentence(r, text) and len(_words(r)) == count,
    )


def count_words(rng: Random) -> Task:
    """How many words are in the sentence "The dog runs."? -> 3."""
    count = rng.randint(3, 10)
    text = rng.choice(
        (
            'How many words are in this sentence: "{}"',
            'Count the words in "{}"',
            'How many words does this sentence have: "{}"',
        )
    )
    return Task(
        "word count", text.format(sentence_of(count, rng)), str(count), one_of(str(count), world.ONES[count])
    )


def word_of(rng: Random) -> Task:
    """What is the last word of "The dog runs."? -> runs."""
    text = sentence(rng)
    words = _words(text)
    which, found = rng.choice((("first", words[0]), ("second", words[1]), ("last", words[-1])))
    form = rng.choice(
        (
            'What is the {} word of "{}"',
            'Give the {} word of this sentence: "{}"',
            'Write the {} word of "{}"',
        )
    )
    return Task("word of a sentence", form.format(which, text), found, one_of(found))


def pick_item(rng: Random) -> Task:
    """Which word comes second in this list: dog, cat, cow? -> cat."""
    items = rng.sample(CATEGORIES[rng.choice(LISTED)], rng.randint(3, 5))
    position = rng.randrange(len(items))
    which = "last" if position == len(items) - 1 and _chance(rng, 0.5) else world.ORDINALS[position]
    form = rng.choice(
        ("What is the {} word in this list: {}", "Give the {} item: {}", "Which word is {} in this list: {}")
    )
    return Task(
        "item of a list", form.format(which, ", ".join(items)), items[position], one_of(items[position])
    )


def replace_word(rng: Random) -> Task:
    """Replace dog with cat: The dog runs. -> The cat runs."""
    old, new = rng.sample(CATEGORIES["animals"], 2)
    text = sentence_with(old, rng)
    answer = text.replace(old, new)
    form = rng.choice(
        (
            "Replace {} with {}: {}",
            "Change {} to {} in this sentence: {}",
            "Write this sentence with {1} instead of {0}: {2}",
        )
    )
    return Task("replace", form.format(old, new, text), answer, one_of(answer))


def read_and_answer(rng: Random) -> Task:
    """Tom has a red ball. What color is the ball? -> red."""
    pick = rng.choice
    who, other = rng.sample(world.NAMES, 2)
    thing, color, place = pick(world.THINGS), pick(CATEGORIES["colors"]), pick(world.PLACES)
    text, answer = pick(
        (
            (f"{who} has {with_article(color)} {thing}. What color is the {thing}?", color),
            (f"{who} has {with_article(color)} {thing}. Who has the {thing}?", who),
            (f"{who} is in the {place} and {other} is in the {pick(world.PLACES)}. Where is {who}?", place),
            (f"The {thing} is in the {place}. Where is the {thing}?", place),
            (f"{who} gave {other} {with_article(thing)}. What did {who} give?", thing),
            (f"{who} gave {other} {with_article(thing)}. Who got the {thing}?", other),
        )
    )
    accepted = (answer, f"in the {answer}", f"a {answer}", f"an {answer}", f"the {answer}")
    return Task("reading", text, answer, one_of(*accepted))


# ---------------------------------------------------------------- kinds: JSON and several steps

FIELDS: Final[Mapping[str, Callable[[Random], str | int]]] = MappingProxyType(
    {
        "name": lambda r: r.choice(world.NAMES),
        "age": lambda r: r.randint(3, 90),
        "color": lambda r: r.choice(CATEGORIES["colors"]),
        "city": lambda r: r.choice(CATEGORIES["cities"]),
        "animal": lambda r: r.choice(CATEGORIES["animals"]),
        "fruit": lambda r: r.choice(CATEGORIES["fruits"]),
        "country": lambda r: r.choice(CATEGORIES["countries"]),
        "job": lambda r: r.choice(CATEGORIES["jobs"]),
        "day": lambda r: r.choice(world.DAYS),
        "size": lambda r: r.randint(1, 40),
        "price": lambda r: r.randint(1, 99),
        "drink": lambda r: r.choice(CATEGORIES["drinks"]),
        "sport": lambda r: r.choice(CATEGORIES["sports"]),
        "month": lambda r: r.choice(world.MONTHS),
        "count": lambda r: r.randint(0, 20),
        "tool": lambda r: r.choice(CATEGORIES["tools"]),
    }
)


def json_object(rng: Random) -> Task:
    """Write a JSON object with the keys name and age. -> {"name": "Tom", "age": 9}."""
    keys = rng.sample(tuple(FIELDS), rng.randint(1, 4))
    value = {key: FIELDS[key](rng) for key in keys}
    given = _chance(rng, 0.4)
    parts = [f"the {key} {value[key]}" if given else key for key in keys]
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    if given:
        text = order(
            rng,
            f"write a JSON object with {listed}",
            f"make a JSON object for {listed}",
            f"give me a JSON object with {listed}",
        )
    else:
        noun = "key" if len(keys) == 1 else "keys"
        text = order(
            rng,
            f"write a JSON object with the {noun} {listed}",
            f"make a JSON object that has the {noun} {listed}",
            f"give me JSON with the {noun} {listed}",
        )

    def accepts(response: str) -> bool:
        try:
            read = json.loads(response)
        except ValueError:
            return False
        return read == value if given else isinstance(read, dict) and set(read) == set(keys)

    return Task("json object", text, json.dumps(value), accepts)


def two_steps(rng: Random) -> Task:
    """Translate dog into French and write it in uppercase. -> CHIEN; or name one thing and then another."""
    if _chance(rng, 0.2):
        return _two_names(rng)
    orders, answer = rng.choice(_CHAINS)(rng)
    return Task("two steps", order(rng, *orders), answer, exactly(answer))


def _two_names(rng: Random) -> Task:
    first, second = _unlike(rng)
    one, two = with_article(SINGULAR[first]), with_article(SINGULAR[second])
    text = order(
        rng,
        f"name {one} and then {two}",
        f"first name {one}, then name {two}",
        f"write {one} and {two}, separated by a comma",
    )
    answer = f"{rng.choice(CATEGORIES[first])}, {rng.choice(CATEGORIES[second])}"

    def accepts(response: str) -> bool:
        items = response.strip().rstrip(".").split(", ")
        return len(items) == 2 and items[0] in CATEGORIES[first] and items[1] in CATEGORIES[second]

    return Task("two steps", text, answer, accepts)


def _then_change(rng: Random) -> tuple[list[str], str]:
    """Look a word up, then change it."""
    what, key, word = _looked_up(rng)
    suffix, change = rng.choice(
        (
            ("in uppercase", str.upper),
            ("in capital letters", str.upper),
            ("with dashes between the letters", "-".join),
            ("twice", lambda w: f"{w} {w}"),
            ("three times", lambda w: f"{w} {w} {w}"),
            ("in quotation marks", lambda w: f'"{w}"'),
            ("backwards", lambda w: w[::-1]),
        )
    )
    return [f"write the {what} {key} {suffix}", f"give the {what} {key}, written {suffix}"], change(word)


def _looked_up(rng: Random) -> tuple[str, str, str]:
    what, table = rng.choice(
        (
            ("French word for", world.FRENCH),
            ("Spanish word for", world.SPANISH),
            ("opposite of", world.OPPOSITE),
            ("plural of", world.PLURALS),
            ("past tense of", world.PAST),
            ("capital of", world.CAPITALS),
        )
    )
    key = rng.choice(tuple(table))
    return what, key, table[key]


def _then_letter(rng: Random) -> tuple[list[str], str]:
    what, key, word = _looked_up(rng)
    which, found = rng.choice((("first", word[0]), ("last", word[-1])))
    return [
        f"give the {which} letter of the {what} {key}",
        f"write the {which} letter of the {what} {key}",
    ], found


def _then_translate(rng: Random) -> tuple[list[str], str]:
    word = rng.choice([word for word, other in world.OPPOSITE.items() if other in world.FRENCH])
    found = world.FRENCH[world.OPPOSITE[word]]
    return [f"translate the opposite of {word} into French", f"give the opposite of {word} in French"], found


def _sum_in_words(rng: Random) -> tuple[list[str], str]:
    a, b = rng.randint(0, 40), rng.randint(0, 40)
    found = world.number_word(a + b)
    return [
        f"add {a} and {b} and write the result in words",
        f"write the sum of {a} and {b} as a word",
    ], found


_CHAINS: Final = (_then_change, _then_change, _then_letter, _then_translate, _sum_in_words)


def complete(rng: Random) -> Task:
    """Complete the sentence: The capital of France is -> Paris."""
    stem, answer = fact_stem(rng)
    form = rng.choice(
        ("Complete the sentence: {}", "Finish this sentence: {}", "Fill in the missing word: {} ...")
    )
    return Task("complete", form.format(stem), answer, one_of(answer, f"{stem} {answer}"))


def fact_stem(rng: Random) -> tuple[str, str]:  # noqa: PLR0911 - one return a shape
    """Return the beginning of a sentence that states a fact, and the word or words that end it."""
    pick = rng.choice
    shape = rng.randrange(8)
    if shape == 0:
        country = pick(tuple(world.CAPITALS))
        return f"The capital of {country} is", world.CAPITALS[country]
    if shape == 1:
        word = pick(tuple(world.OPPOSITE))
        return f"The opposite of {word} is", world.OPPOSITE[word]
    if shape == 2:
        language, table = pick((("French", world.FRENCH), ("Spanish", world.SPANISH)))
        word = pick(tuple(table))
        return f"The {language} word for {word} is", table[word]
    if shape == 3:
        word = pick(tuple(world.PLURALS))
        return f"The plural of {word} is", world.PLURALS[word]
    if shape == 4:
        word = pick(tuple(world.PAST))
        return f"The past tense of {word} is", world.PAST[word]
    if shape == 5:
        animal = pick(tuple(world.YOUNG))
        return f"A young {animal} is called a", world.YOUNG[animal]
    if shape == 6:
        thing = pick(tuple(world.COLOR_OF))
        return (
            f"The color of {'the ' if thing in ('sun', 'sky', 'sea', 'night') else ''}{thing} is",
            world.COLOR_OF[thing],
        )
    position = rng.randrange(len(world.DAYS))
    return f"The day after {world.DAYS[position]} is", world.DAYS[(position + 1) % 7]


# ---------------------------------------------------------------- drawing

KINDS: Final[Mapping[Callable[[Random], Task], int]] = MappingProxyType(
    {
        name_members: 4,
        name_one: 2,
        name_with_letter: 2,
        numbered_list: 4,
        bullet_list: 3,
        line_list: 2,
        json_list: 2,
        translate: 5,
        translate_back: 3,
        opposite: 3,
        capital: 3,
        fact: 6,
        definition: 3,
        category: 2,
        is_a: 3,
        odd_one_out: 3,
        synonym: 2,
        arithmetic: 5,
        word_problem: 3,
        larger: 2,
        number_word: 3,
        next_item: 3,
        continue_sequence: 3,
        sort_items: 3,
        change_case: 4,
        spell: 2,
        letter: 3,
        grammar: 4,
        rhyme: 2,
        repeat: 3,
        enclose: 2,
        write_sentence: 3,
        sentence_about: 2,
        sentence_length: 2,
        count_words: 2,
        word_of: 2,
        pick_item: 2,
        replace_word: 2,
        read_and_answer: 3,
        json_object: 4,
        two_steps: 6,
        complete: 2,
    }
)
_MAKERS: Final = tuple(maker for maker, weight in KINDS.items() for _ in range(weight))


def task(rng: Random) -> Task:
    """Draw a task, its kind by weight."""
    return rng.choice(_MAKERS)(rng)
