"""Builders of commands, questions and completions, used by both halves of the suite for real models.

Each takes a table and yields rows. In the tables, `|` separates alternatives. Besides the wrong answers of a
table, each row has wrong answers made from its right ones.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from phases.verifiers.assertion import is_number, remove_accents
from phases.verifiers.number_words import spell_number
from tools.suites.closed_sets import CLOSED_SETS, allow
from tools.suites.rows import ASKS_FOR_SENTENCES, exactly, require, say
from tools.suites.task_rows import MEANING, SuiteRow, capitalize, join_items, split, unique

_SHORT_NAMES: Final = {
    first: aliases
    for set_name in ("months", "weekdays")
    for first, *aliases in (item.split("|") for item in CLOSED_SETS[set_name])
}
"""Abbreviations of weekdays and months."""
_ARTICLES: Final = {
    "French": "mon ma mes le la les l un une du de des d j c m n s t qu",
    "Spanish": "mi mis el la los las un una unos unas",
    "German": "mein meine der die das ein eine einen dem den",
    "Italian": "mio mia il lo la i gli le l un uno una",
    "Portuguese": "meu minha o a os as um uma uns umas",
    "Dutch": "de het een",
}
_PHRASES: Final = {
    "French": "mot français pour en est se dit",
    "Spanish": "palabra español en es se dice",
    "German": "Wort Deutsch deutsche auf ist heißt für lautet",
    "Italian": "parola italiano in è si dice",
    "Portuguese": "palavra português em é se diz",
}
"""Words of a sentence that states a translation in its language."""
_SHADES: Final = (
    " shade shades hue tone tint deep vivid bright dark light rich pale brilliant beautiful soft warm cool"
    " pastel bluish greenish yellowish reddish purplish brownish pinkish greyish grayish whitish blackish"
    " rosy golden"
)
_GRAMMAR: Final = (
    "masculine feminine neuter noun verb irregular formal informal woman man female male"
    " plural singular English word sentence"
)


def make_lists(table: Iterable[tuple[str, str, str, str, str]]) -> Iterator[SuiteRow]:
    """Yield lists: instruction, closed set, two right lists, items that are wrong in them."""
    for instruction, name, *lists, intruders in table:
        first, second = (split(text, ",") for text in lists)
        swapped = [[*first[:-1], intruder] for intruder in split(intruders)]
        correct = (
            join_items(first),
            ", ".join(second),
            "\n".join(f"{n}. {capitalize(item)}" for n, item in enumerate(second, 1)),
            "Here they are:\n" + "\n".join(f"- **{capitalize(item)}**" for item in first),
        )
        wrong = (
            *map(join_items, swapped),
            join_items([*first[:-1], first[0]]),
            first[0] if len(first) == 2 else join_items(first[:-1]),  # noqa: PLR2004
            "\n".join(f"- {item}" for item in [*second, split(intruders)[0]]),
        )
        check = require("items", count=len(first), allowed=allow(name))
        yield SuiteRow("commands", instruction, correct, (check,), unique(wrong))


def make_word_translations(table: Iterable[tuple[str, str, str, str]], request: str) -> Iterator[SuiteRow]:
    """Yield words to translate: word, language, accepted translations, wrong ones.

    `request` has places for the word and the language.
    """
    for source, language, answers, wrong in table:
        accepted = split(answers)
        correct = (
            accepted[0],
            f"The English word '{source}' translates to '{accepted[0]}' in {language}.",
            f"{capitalize(accepted[0])}.",
        )
        made = (f"{accepted[0]} or {split(wrong)[0]}", f"{source}s", f"It is not {accepted[0]}.")
        # "agua" is Spanish, not Portuguese without its accent.
        foreign = [word for word in split(wrong) if word in map(remove_accents, accepted)]
        check = require(
            "short_answer",
            answers=accepted,
            also=[_ARTICLES[language], _GRAMMAR, _PHRASES.get(language, "")],
            **({"wrong": foreign} if foreign else {}),
        )
        instruction = request.format(source, language)
        yield SuiteRow("commands", instruction, unique(correct), (check,), unique((*split(wrong), *made)))


def make_sentence_translations(
    table: Iterable[tuple[str, str, str, str]], request: str
) -> Iterator[SuiteRow]:
    """Yield sentences to translate: sentence, language, accepted translations, wrong ones.

    `request` has places for the sentence and the language.
    """
    for source, language, answers, wrong in table:
        accepted = split(answers)
        correct = (accepted[0], f'"{accepted[0]}"', f"{language}: {accepted[0].rstrip('.')}")
        made = (
            source,
            " ".join(accepted[0].rstrip(".? ").split()[:-1]) + ".",
            f"{accepted[0]} {split(wrong)[0]}",
        )
        check = require("short_answer", answers=accepted, also=[_GRAMMAR, _PHRASES.get(language, "")])
        instruction = request.format(source, language)
        yield SuiteRow("commands", instruction, unique(correct), (check,), unique((*split(wrong), *made)))


def make_words(table: Iterable[tuple[str, str, str, str]]) -> Iterator[SuiteRow]:
    """Yield words to find: instruction, accepted words, a sentence that states one, wrong words."""
    for instruction, answers, sentence, wrong in table:
        accepted = split(answers)
        correct = (
            accepted[0],
            sentence.format(accepted[0]),
            f"{capitalize(accepted[0])}.",
            f"**{accepted[0]}**",
        )
        other = split(wrong)[0]
        made = (f"{accepted[0]} or {other}", sentence.format(other), f"It is not {accepted[0]}.")
        is_single = " one " in f" {instruction} "
        if is_number(accepted[0]):
            # Digits and words are different answers here.
            check = require("one_of", answers=accepted)
        else:
            single = {"single": True} if is_single else {}
            check = require("short_answer", answers=accepted, also=[_GRAMMAR], **single)
        yield SuiteRow("commands", instruction, unique(correct), (check,), unique((*split(wrong), *made)))


def make_rewrites(table: Iterable[tuple[str, str, str]]) -> Iterator[SuiteRow]:
    """Yield sentences to rewrite: instruction, accepted sentences, wrong ones."""
    for instruction, answers, wrong in table:
        accepted = split(answers)
        correct = (accepted[0], f"“{accepted[0]}”", f"Sentence: {accepted[0]}")
        made = (f"{accepted[0]} {accepted[0]}", instruction.split(": ", 1)[-1])
        check = require("one_of", answers=accepted)
        yield SuiteRow("commands", instruction, correct, (check,), unique((*split(wrong), *made)))


def make_sentences(
    table: Iterable[tuple[str, int, str, tuple[str, ...], tuple[str, ...]]],
) -> Iterator[SuiteRow]:
    """Yield sentences to write: instruction, number of sentences, topics, right and wrong answers.

    `&` joins topics, of each of which one word must occur; none of a topic that begins with `!` may.
    """
    for instruction, count, topics, correct, wrong in table:
        groups = [split(group) for group in topics.split(" & ") if not group.startswith("!")]
        absent = [word for group in topics.split(" & ") if group.startswith("!") for word in split(group[1:])]
        own = 0 if _ASKS_FOR_SPEECH.search(instruction) else 1
        mentions = (say("|".join(group), absent="|".join(absent), own=own) for group in groups)
        verbs = (require("verbs"),) if ASKS_FOR_SENTENCES.match(instruction) else ()
        advice = (require("advice"),) if _ASKS_HOW.search(instruction) else ()
        checks = (exactly("sentences", count), *verbs, *advice, *mentions)
        yield SuiteRow("commands", instruction, correct, checks, (*wrong, instruction), MEANING)


_ASKS_FOR_SPEECH: Final = re.compile(r"\bin which (?:somebody|a person)\b")
_ASKS_HOW: Final = re.compile(r"\bhow (?:to|does one)\b", re.IGNORECASE)


def make_questions(table: Iterable[tuple[str, str | float, str, str, str]]) -> Iterator[SuiteRow]:
    """Yield questions.

    Facts: question, accepted answers, a sentence that states one, wrong answers, words that may surround it.
    Numbers: question, value, units, a sentence that states it, wrong answers.
    """
    for row in table:
        yield _make_fact(*row) if isinstance(row[1], str) else _make_number(*row)  # type: ignore[arg-type]


def _make_fact(question: str, answers: str, sentence: str, wrong: str, also: str) -> SuiteRow:
    accepted, wrongs = _add_short_names(split(answers)), split(wrong)
    if question.startswith("Who"):
        accepted = list(unique([*accepted, *map(_write_initials, accepted)]))
    plurals = [f"{name}s" for name in accepted if name.islower() and name.isalpha() and name[-1] not in "sy"]
    correct = (capitalize(accepted[0]), capitalize(sentence.format(accepted[0])), f"**{accepted[0]}**.")
    made = (
        f"{accepted[0]} or {wrongs[0]}",
        capitalize(sentence.format(wrongs[0])),
        f"It is not {accepted[0]}.",
        f"Is it {accepted[0]}?",
    )
    names = [*accepted, *plurals]
    also += _SHADES if re.search(r"\bcolou?rs?\b", question) else ""
    check = require("short_answer", answers=names, **({"also": also.split()} if also else {}))
    return SuiteRow("questions", question, correct, (check,), unique((*wrongs, *made)))


def _add_short_names(names: Sequence[str]) -> list[str]:
    """Return the names with the abbreviations of weekdays and months among them."""
    return [
        *names,
        *unique([alias for name in names for alias in _SHORT_NAMES.get(name, ()) if alias not in names]),
    ]


def _write_initials(name: str) -> str:
    """Return a person's name with initials for the first names: "W. Shakespeare"."""
    *first_names, last = name.split()
    return " ".join([*(f"{word[0]}." if word[0].isupper() else word for word in first_names), last])


def _make_number(question: str, value: int, units: str, sentence: str, wrong: str) -> SuiteRow:
    names = split(units)
    spoken = spell_number(value)
    correct = (
        str(value),
        sentence.format(value),
        capitalize(f"{spoken} {names[0]}.") if names else f"{capitalize(spoken)}.",
        spoken,
    )
    made = (str(value + 1), f"{value} or {value + 1}", f"It is not {value}.", sentence.format(value - 1))
    more = {"also": [-value]} if "square root" in question else {}
    check = require("number", value=value, units=names, **more)
    return SuiteRow("questions", question, unique(correct), (check,), unique((*split(wrong), *made)))


def make_completions(table: Iterable[tuple[str, str, str]]) -> Iterator[SuiteRow]:
    """Yield texts to complete: instruction, accepted ends, wrong ends."""
    for instruction, answers, wrong in table:
        accepted, wrongs = split(answers), split(wrong)
        ends = [end for word in accepted for end in list_completions(instruction, word)]
        complete = [list_completions(instruction, word)[-1] for word in (accepted[0], wrongs[0])]
        correct = (accepted[0], f"{complete[0].rstrip('.')}.", f"**{accepted[0]}**")
        made = (f"{complete[1].rstrip('.')}.", f"{accepted[0]} or {wrongs[0]}", f"never {accepted[0]} again")
        check = require("one_of", answers=list(unique(ends)))
        yield SuiteRow("completion", instruction, correct, (check,), unique((*wrongs, *made)))


def make_sequences(table: Iterable[tuple[str, str, str]]) -> Iterator[SuiteRow]:
    """Yield sequences to continue: instruction, accepted answers, wrong ones."""
    for instruction, answers, wrong in table:
        accepted = _add_short_names(split(answers))
        names = split(accepted[0], ",")
        short_names = [_SHORT_NAMES[name][0] for name in names if _SHORT_NAMES.get(name)]
        if len(short_names) == len(names) > 1:
            accepted.append(", ".join(short_names))
        correct = [accepted[0], accepted[0].lower() + ".", f"**{accepted[0]}**"]
        series = instruction.partition(": ")[2]
        if " only" not in f" {instruction}":
            spoken = re.sub(r"\d+", lambda match: spell_number(int(match[0])), accepted[0])
            accepted = list(unique([*accepted, spoken, f"{series}, {accepted[0]}"]))
            correct += accepted[1:]
        made = (series, f"{accepted[0]}, {accepted[0]}", f"Not {accepted[0]}.")
        check = require("one_of", answers=accepted)
        yield SuiteRow("completion", instruction, unique(correct), (check,), unique((*split(wrong), *made)))


def list_completions(instruction: str, word: str) -> list[str]:
    """Return the accepted completions: the word alone, or after some or all of the preceding text."""
    beginning = instruction.partition(": ")[2]
    if "___" in beginning:
        return [word, beginning.replace("___", word)]
    text: Sequence[str] = [*beginning.split(), word]
    return [" ".join(text[-n:]) for n in range(1, len(text) + 1)]
