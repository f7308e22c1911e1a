"""Near misses: an instruction, its right answer, and the same answer with its content corrupted.

A judge that cannot tell a right answer from a near miss cannot judge the candidates of one model, which are
about as long and as well formed as each other. Answers to other questions are too easy: they differ in topic.

One thing is corrupted: a number, a fact (a word of a closed group, such as a color or a direction), an item
of a list, or the language of a translation. The wrong answer has as many words as the right one and nearly
its length, so neither decides.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Literal, get_args

from phases.datagen.seeds import Seed
from phases.datagen.word_groups import GROUPS, TRANSLATIONS
from phases.verifiers.infer import infer_checks
from phases.verifiers.number_words import NUMBER_WORDS
from phases.verifiers.registry import follows
from phases.verifiers.text import normalize, split_items, split_words

Corruption = Literal["number", "item", "language", "fact"]
CORRUPTIONS: Final[tuple[Corruption, ...]] = get_args(Corruption)
_MAX_LENGTH_RATIO: Final = 1.35
_MAX_DIFFERENCE: Final = 3
"""Characters by which short answers may differ."""

_DETERMINED: Final = re.compile(
    r"^(?:please |can you |could you |tell me,? )*(?:answer[^:]*: ?)?(?:what|which|who|where|when|why|how"
    r" (?:many|much|long|far|old|often)|is|are|does|do|can|name the|give the|say|translate|double|halve|add"
    r"|subtract|multiply|divide|count|sort|continue the (?:sequence|pattern|series)|[a-z]+ has|there are"
    r"|complete the (?:proverb|analogy|expression|equation|saying))\b",
    re.IGNORECASE,
)
"""Instructions with one right answer; another number or fact in free text may be right as well."""
_OPEN: Final = re.compile(
    r"\b(?:write|make|story|poem|message|you (?:like|think|want)|your|suggest|example|invent|for instance"
    r"|might|could be|a (?:good|fitting|possible)|tell me how|will it|should i)\b",
    re.IGNORECASE,
)
_ANY_ITEM: Final = re.compile(
    r"\b(?:adjectives|words|names|things|nouns|verbs|objects|ideas)\b", re.IGNORECASE
)
"""Lists of these may have nearly any item."""
_LANGUAGE: Final = re.compile(r"\b(French|Spanish|German|Italian)\b")


@dataclass(frozen=True)
class NearMiss:
    """An instruction with a right and a wrong answer."""

    instruction: str
    right: str
    wrong: str
    corruption: Corruption


def make_near_misses(seeds: Sequence[Seed], count: int, seed: int) -> list[NearMiss]:
    """Return up to `count` near misses of seeds, of each kind about as many as the seeds allow.

    Declined requests have none: a refusal states nothing that could be wrong.
    """
    rng = Random(f"{seed} near misses")
    by_kind: dict[Corruption, list[NearMiss]] = {corruption: [] for corruption in CORRUPTIONS}
    used: set[str] = set()
    for each in rng.sample(list(seeds), len(seeds)):
        for corruption in sorted(CORRUPTIONS, key=lambda kind: len(by_kind[kind])):
            near_miss = None if each.category == "refusal" else _corrupt(each, corruption, rng)
            if near_miss and each.instruction not in used:
                by_kind[corruption].append(near_miss)
                used.add(each.instruction)
    chosen: list[NearMiss] = []
    while len(chosen) < count and any(by_kind.values()):
        chosen += [by_kind[corruption].pop() for corruption in CORRUPTIONS if by_kind[corruption]]
    return chosen[:count]


def _corrupt(seed: Seed, corruption: Corruption, rng: Random) -> NearMiss | None:
    """Return the first corruption of a kind that still has the form and the length of the right answer."""
    make: dict[Corruption, Callable[[Seed, Random], Iterator[str]]] = {
        "number": _change_number,
        "item": _change_item,
        "language": _change_language,
        "fact": _change_fact,
    }
    is_determined = _DETERMINED.match(seed.instruction) and not _OPEN.search(seed.instruction)
    if corruption in {"number", "fact"} and not is_determined:
        return None
    all_checks = infer_checks(seed.instruction)
    # Another planet is a right answer too, if any two planets are asked for.
    if corruption == "fact" and any(check.kind in _LIST_CHECKS for check in all_checks):
        return None
    checks = [check for check in all_checks if check.kind not in _CONTENT_CHECKS]
    for wrong in make[corruption](seed, rng):
        is_new = normalize(wrong) != normalize(seed.response) and normalize(wrong) not in normalize(
            seed.instruction
        )
        if is_new and _have_same_length(seed.response, wrong) and follows(seed.instruction, checks, wrong):
            return NearMiss(seed.instruction, seed.response, wrong, corruption)
    return None


_LIST_CHECKS: Final = frozenset({"items", "comma_list", "bullets", "numbered_list", "lines", "json_array"})
_CONTENT_CHECKS: Final = frozenset({"number", "items", "language"})
"""Checks that a corrupted answer should fail."""


def _have_same_length(right: str, wrong: str) -> bool:
    difference = abs(len(right) - len(wrong))
    is_close = difference <= _MAX_DIFFERENCE or max(len(right), len(wrong)) <= _MAX_LENGTH_RATIO * min(
        len(right), len(wrong)
    )
    return is_close and len(split_words(right)) == len(split_words(wrong))


def _change_number(seed: Seed, rng: Random) -> Iterator[str]:
    """Yield the answer with another number; numbers of the instruction are left as they are."""
    instruction_words = {word.casefold() for word in split_words(seed.instruction)}
    pattern = re.compile(
        rf"(?<![\w.])(?:\d+|{'|'.join(sorted(NUMBER_WORDS, key=len, reverse=True))})(?![\w])", re.I
    )
    is_numbered = re.compile(r"^\s*\d+[.)]", re.MULTILINE).search(seed.response)
    for match in [] if is_numbered else pattern.finditer(seed.response):
        if match[0].casefold() in instruction_words | {"one"}:
            continue
        for step in rng.sample([-3, -2, -1, 1, 2, 3], 6):
            changed = _shift(match[0], step)
            if changed and changed.casefold() not in instruction_words:
                yield seed.response[: match.start()] + changed + seed.response[match.end() :]


def _shift(number: str, step: int) -> str | None:
    """Return a number that is larger by a step, in the same notation, or None if there is none."""
    if number.isdecimal():
        value = int(number) + step
        return str(value) if value > 0 and len(str(value)) == len(number) else None
    value = NUMBER_WORDS[number.casefold()] + step
    word = next((word for word, each in NUMBER_WORDS.items() if each == value), None)
    return word.capitalize() if word and number[:1].isupper() else word


def _change_item(seed: Seed, rng: Random) -> Iterator[str]:
    """Yield a list with one item replaced by one of another kind."""
    items = split_items(seed.response)
    is_list = len(items) > 1 and all(len(split_words(item)) == 1 for item in items)
    if not is_list or _ANY_ITEM.search(seed.instruction):
        return
    own = {group for group in GROUPS for item in items if item.casefold() in map(str.casefold, group)}
    others = [word for group in GROUPS if group not in own for word in group if len(group) > 4]  # noqa: PLR2004
    for item in rng.sample(items, len(items)):
        if not own:
            return
        similar = sorted(others, key=lambda word: (abs(len(word) - len(item)), rng.random()))
        for word in similar[:3]:
            yield _replace_word(seed.response, item, word)


def _change_language(seed: Seed, rng: Random) -> Iterator[str]:
    """Yield the translation into another language than the requested one."""
    requested = _LANGUAGE.search(seed.instruction)
    if not requested:
        return
    answer = normalize(seed.response)
    for row in TRANSLATIONS:
        if normalize(row[requested[1]]) == answer:
            ending = seed.response[len(seed.response.rstrip(".!")) :]
            for language in rng.sample(sorted(row), len(row)):
                word = row[language] if seed.response[:1].islower() else row[language].capitalize()
                yield word + ending


def _change_fact(seed: Seed, rng: Random) -> Iterator[str]:
    """Yield the answer with a word of a closed group replaced by another one of the group."""
    instruction_words = {word.casefold() for word in split_words(seed.instruction)}
    words = split_words(seed.response)
    for word in rng.sample(words, len(words)):
        for group in GROUPS:
            if word.casefold() in instruction_words or word.casefold() not in map(str.casefold, group):
                continue
            used = {each.casefold() for each in words}
            others = [other for other in group if other.casefold() not in used | instruction_words]
            for other in sorted(others, key=lambda other: (abs(len(other) - len(word)), rng.random()))[:3]:
                yield _replace_word(seed.response, word, other)


def _replace_word(text: str, word: str, other: str) -> str:
    """Return the text with the first occurrence of a word replaced, in the same case."""
    if word[:1].isupper():
        other = other[:1].upper() + other[1:]
    if word.isupper() and len(word) > 1:
        other = other.upper()
    return re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", lambda _: other, text, count=1)
