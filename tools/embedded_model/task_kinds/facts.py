"""Tasks about facts: translations, opposites, capitals, categories and definitions."""

# ruff: noqa: PLR2004 - the numbers are shares and sizes, each used once

from collections.abc import Mapping
from random import Random
from typing import Final

from tools.embedded_model import world
from tools.embedded_model.phrasing import phrase_order_or_question, phrase_question
from tools.embedded_model.sentences import add_article
from tools.embedded_model.task import Task, accept_any


def make_translation(rng: Random) -> Task:
    """Translate the word dog into French. -> chien."""
    language, table = ("French", world.FRENCH) if rng.random() < 0.7 else ("Spanish", world.SPANISH)
    word = rng.choice(tuple(table))
    text = phrase_order_or_question(
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
    return Task(f"translate to {language}", text, table[word], accept_any(table[word]))


def make_back_translation(rng: Random) -> Task:
    """What does the French word chien mean? -> dog."""
    language, table = ("French", world.FRENCH) if rng.random() < 0.7 else ("Spanish", world.SPANISH)
    word = rng.choice(tuple(table))
    foreign = table[word]
    text = phrase_order_or_question(
        rng,
        (
            f"translate the {language} word {foreign} into English",
            f"give the English word for {foreign}",
            f"translate {foreign} from {language} to English",
        ),
        (f"what does the {language} word {foreign} mean", f"what is {foreign} in English"),
    )
    return Task(
        "translate to English", text, word, accept_any(*(w for w, f in table.items() if f == foreign))
    )


def make_opposite(rng: Random) -> Task:
    """What is the opposite of hot? -> cold."""
    word = rng.choice(tuple(world.OPPOSITE))
    text = phrase_order_or_question(
        rng,
        (
            f"give the opposite of {word}",
            f"write the opposite of the word {word}",
            f"name the opposite of {word}",
            f"find a word that means the opposite of {word}",
        ),
        (f"what is the opposite of {word}", f"which word is the opposite of {word}"),
    )
    return Task("opposite", text, world.OPPOSITE[word], accept_any(world.OPPOSITE[word]))


def make_capital(rng: Random) -> Task:
    """What is the capital of France? -> Paris."""
    country = rng.choice(tuple(world.CAPITALS))
    city = world.CAPITALS[country]
    if rng.random() < 0.3:
        text = phrase_order_or_question(
            rng,
            (f"name the country whose capital is {city}",),
            (f"which country has the capital {city}", f"{city} is the capital of which country"),
        )
        return Task("country of a capital", text, country, accept_any(country))
    text = phrase_order_or_question(
        rng,
        (f"name the capital of {country}", f"give the capital city of {country}"),
        (f"what is the capital of {country}", f"which city is the capital of {country}"),
    )
    return Task("capital", text, city, accept_any(city))


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


def make_fact(rng: Random) -> Task:
    """Ask for what is known of a thing: color, sound, home, young, use, continent, language and so on."""
    name, table, orders, questions = rng.choice(_FACTS)
    key = rng.choice(tuple(table))
    article = "the" if table is world.COLOR_OF and key in ("sun", "sky", "sea", "night") else ""
    thing = f"{article} {key}" if article else key
    fill = [form.replace("{a}", add_article(key)).replace("{x}", thing) for form in (*orders, *questions)]
    text = phrase_order_or_question(rng, fill[: len(orders)], fill[len(orders) :])
    return Task(name, text, table[key], accept_any(table[key]))


def make_definition(rng: Random) -> Task:
    """What is a doctor? -> A doctor is a person who treats sick people."""
    word = rng.choice(tuple(world.DEFINITIONS))
    thing = word if word in ("rain", "snow", "ice", "wind", "breakfast") else add_article(word)
    answer = f"{thing[0].upper()}{thing[1:]} is {world.DEFINITIONS[word]}."
    text = phrase_order_or_question(
        rng,
        (
            f"define the word {word}",
            f"explain what {thing} is",
            f"give a definition of {word}",
            f"describe {thing} in one sentence",
        ),
        (f"what is {thing}", f"what does the word {word} mean"),
    )
    return Task("definition", text, answer, accept_any(answer, world.DEFINITIONS[word]))


def draw_unlike_categories(rng: Random) -> tuple[str, str]:
    """Draw two categories that share no members."""
    while True:
        name, other = rng.sample(tuple(world.CATEGORIES), 2)
        if not any(name in group and other in group for group in world.AKIN):
            return name, other


def make_category(rng: Random) -> Task:
    """Is a banana a fruit or an animal? -> a fruit."""
    name, other = draw_unlike_categories(rng)
    item = rng.choice(world.CATEGORIES[name])
    thing = item if name in world.WITHOUT_ARTICLE else add_article(item)
    pair = [add_article(world.SINGULAR[name]), add_article(world.SINGULAR[other])]
    answer = pair[0]
    rng.shuffle(pair)
    text = phrase_question(
        rng, f"is {thing} {pair[0]} or {pair[1]}", f"what is {thing}, {pair[0]} or {pair[1]}"
    )
    return Task("category", text, answer, accept_any(answer, world.SINGULAR[name]))


def make_yes_or_no(rng: Random) -> Task:
    """Is a dog an animal? -> yes."""
    name, other = draw_unlike_categories(rng)
    item = rng.choice(world.CATEGORIES[name])
    thing = item if name in world.WITHOUT_ARTICLE else add_article(item)
    true = rng.random() < 0.5
    kind = add_article(world.SINGULAR[name if true else other])
    text = rng.choice(
        (
            f"Is {thing} {kind}? Answer yes or no.",
            f"Answer with yes or no: is {thing} {kind}?",
            f"Is it true that {thing} is {kind}?",
            f"Yes or no: is {thing} {kind}?",
        )
    )
    answer = "yes" if true else "no"
    return Task("yes or no", text, answer, accept_any(answer))


def make_odd_one_out(rng: Random) -> Task:
    """Which word does not belong: dog, cat, banana, cow? -> banana."""
    name, other = draw_unlike_categories(rng)
    odd = rng.choice(world.CATEGORIES[other])
    items = [*rng.sample(world.CATEGORIES[name], 3), odd]
    rng.shuffle(items)
    text = rng.choice(
        (
            "Which word does not belong: {}?",
            "Find the odd one out: {}.",
            "Which of these is different from the others: {}?",
        )
    ).format(", ".join(items))
    return Task("odd one out", text, odd, accept_any(odd))


def make_synonym(rng: Random) -> Task:
    """Give a synonym of big. -> large."""
    word = rng.choice(tuple(world.SYNONYMS))
    text = phrase_order_or_question(
        rng,
        (
            f"give a synonym of {word}",
            f"find another word for {word}",
            f"write a word that means the same as {word}",
        ),
        (f"what is another word for {word}", f"which word means the same as {word}"),
    )
    return Task("synonym", text, world.SYNONYMS[word], accept_any(world.SYNONYMS[word]))


def draw_fact_stem(rng: Random) -> tuple[str, str]:  # noqa: PLR0911 - one return a shape
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


def make_completion(rng: Random) -> Task:
    """Complete the sentence: The capital of France is -> Paris."""
    stem, answer = draw_fact_stem(rng)
    form = rng.choice(
        ("Complete the sentence: {}", "Finish this sentence: {}", "Fill in the missing word: {} ...")
    )
    return Task("complete", form.format(stem), answer, accept_any(answer, f"{stem} {answer}"))
