"""Verifiers: pure functions that say whether a response follows an instruction.

A check names one verifier and its arguments. Every verifier judges the whole response: the right answer
followed by a ramble fails. The docstring of a verifier is its semantics;
`tests/phases/verifiers/test_verifiers.py` holds examples that must pass and that must fail.

Terms used below: a *word* is a run of letters and digits, inner apostrophes and hyphens included, and the
inner points and commas of numbers (`1,000.50`) and initials (`p.m.`); a *line* is a line that is not blank;
a *paragraph* is a block of lines between blank lines; *normalised* text is Unicode NFC, case-folded, its
blanks collapsed, its apostrophes straight, without surrounding quotes and without final punctuation. A word
or phrase *occurs* where its runs of letters and digits follow one another, whatever the case and the marks
between them: `bird` occurs in "a bird's nest" and in "bird-watching", not in "birds".
"""

import inspect
import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

import msgspec

from phases.verifiers.arithmetic import value_of

VERIFIERS_VERSION: Final = 1
"""Version of the verdicts, those of `ifeval` included: raised by one when any verdict changes.

Recorded in every evaluation; evaluations under different versions are not compared, nor unfinished ones
continued. `tests/phases/verifiers/golden_verdicts.jsonl` holds recorded verdicts of this version.
"""

_VERSION_OF_HASH: Final[dict[int | str | None, int | str | None]] = {
    "fafdc7821b635087a12aae6b96b7ecc595039fd6cfdf2e37d480af358c1744a0": 1
}
"""Before there was a version, evaluations recorded a hash of the source code of the verifiers."""


def recorded_version(recorded: int | str | None) -> int | str | None:
    """Return the version of the verdicts that a record names: a hash that is not known stays as it is."""
    return _VERSION_OF_HASH.get(recorded, recorded)


class Check(msgspec.Struct, frozen=True):
    """A verifier by name, with its arguments."""

    kind: str
    arguments: dict[str, Any] = {}


def passes(check: Check, response: str) -> bool:
    """Say whether the whole response satisfies one check; blanks around it do not matter."""
    return VERIFIERS[check.kind](response.strip(), **check.arguments)


def failures(instruction: str, checks: Sequence[Check], response: str) -> tuple[str, ...]:
    """Return what is wrong with a response: names of failed checks; none when it follows the instruction.

    Besides the checks, three things are always wrong: `empty`; `echo`, the instruction repeated;
    `ramble`, traces of the prompt format or of chat tokens, or the same sentence or line over and over.
    """
    text = response.strip()
    if not text:
        return ("empty",)
    always = [
        name for name, wrong in (("echo", is_echo(instruction, text)), ("ramble", is_ramble(text))) if wrong
    ]
    return (*always, *(check.kind for check in checks if not passes(check, text)))


def follows(instruction: str, checks: Sequence[Check], response: str) -> bool:
    """Say whether a response follows its instruction; see `failures`."""
    return not failures(instruction, checks, response)


def validate(check: Check) -> None:
    """Raise ValueError where a check names no verifier or does not fit its arguments."""
    if check.kind not in VERIFIERS:
        raise ValueError(f"unknown check {check.kind!r}; expected one of {', '.join(sorted(VERIFIERS))}")
    try:
        inspect.signature(VERIFIERS[check.kind]).bind("", **check.arguments)
    except TypeError as error:
        raise ValueError(f"check {check.kind!r}: {error}") from None


# Reading text

_WORD: Final = re.compile(
    r"(?<![^\W_])[^\W\d_](?:\.[^\W\d_])+(?![^\W_])|[^\W_]+(?:(?:['’‐‑-]|(?<=\d)[.,:](?=\d))[^\W_]+)*"
)
_PART: Final = re.compile(r"\d+(?:[.,:]\d+)+|[^\W_]+")
"""What words are made of: `bird` and `s` of "bird's"."""
_CLOSING: Final = r"[\"'”’»)\]*_]*"
"""Marks that may follow the one that ends a sentence: quotes, brackets, emphasis."""
_SENTENCE_END: Final = re.compile(rf"[.!?…]+({_CLOSING})(?=\s|$)")
_ABBREVIATION: Final = re.compile(
    r"(?:\b(?i:mr|mrs|ms|dr|prof|st|vs|e\.g|i\.e|approx)|\b(?!I\.)[A-Z]|^\s*\d+)\.$"
)
"""After these a sentence goes on. "I." ends one more often than it is somebody's initial."""
_ABBREVIATION_OR_END: Final = re.compile(r"\b(?:etc|a\.m|p\.m|jr|sr|inc|ltd|co)\.$", re.IGNORECASE)
"""After these it goes on where no capital follows."""
_NUMBER_SIGN: Final = re.compile(r"\bno\.$", re.IGNORECASE)
"""After this it goes on where a digit follows: "No. 5"."""
_NUMBERED: Final = re.compile(r"(\d+)[.)]\s+(\S.*)")
_BULLET: Final = re.compile(r"[-*•]\s+(\S.*)")
_NUMBER: Final = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?")
_LEAKS: Final = re.compile(
    r"<\|[^|>]*\|>|</?s>|<(?:start|end)_of_turn>|\[/?INST\]|^\s*(?:Instruction|Response)\s*:", re.M
)
_QUOTES: Final = "\"'“”‘’«»`"
_TYPOGRAPHY: Final = str.maketrans("‘’‐‑−", "''---")
"""Apostrophes, hyphens and minus signs that editors put for the plain ones."""
_BRITISH: Final = {"grey": "gray", "colour": "color", "colours": "colors"}


def get_words(text: str) -> list[str]:
    """Return the words of a text, as written (in NFC, so that an accent is never a mark between letters)."""
    return _WORD.findall(unicodedata.normalize("NFC", text))


def get_lines(text: str) -> list[str]:
    """Return the lines that are not blank, without blanks around them."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def get_paragraphs(text: str) -> list[str]:
    """Return the blocks of lines between blank lines."""
    return [block.strip() for block in re.split(r"\n\s*\n", text) if block.strip()]


def get_sentences(text: str) -> list[str]:
    """Return the sentences of a text.

    A sentence ends at a run of . ! ? or an ellipsis, with closing quotes, brackets or emphasis, before a
    blank or the end; not after a common abbreviation, a single capital but I, or the number of a list item,
    and not where a quotation ends and a small letter follows ("Stop!" he said). A blank line ends one too.
    What follows the last end counts when it holds a word.
    """
    found = []
    for paragraph in get_paragraphs(text):
        start = 0
        for end in _SENTENCE_END.finditer(paragraph):
            piece, rest = paragraph[start : end.end()], paragraph[end.end() :].lstrip()
            if rest and _goes_on(piece.rsplit("\n", 1)[-1], end[1], rest.lstrip(_QUOTES + "([")):
                continue
            found.append(piece.strip())
            start = end.end()
        found.append(paragraph[start:].strip())
    return [sentence for sentence in found if get_words(sentence)]


def _goes_on(line: str, closing: str, rest: str) -> bool:
    """Say whether a sentence goes on after a mark that may end one.

    Args:
        line: the sentence so far, from the beginning of its last line.
        closing: what quotes, brackets and emphasis follow the mark.
        rest: what follows the blanks after it, without opening quotes and brackets.
    """
    if set(closing) & set(_QUOTES) and rest[:1].islower():
        return True
    return bool(
        _ABBREVIATION.search(line)
        or (_ABBREVIATION_OR_END.search(line) and not rest[:1].isupper())
        or (_NUMBER_SIGN.search(line) and rest[:1].isdigit())
    )


def normalise(text: str) -> str:
    """Return the text in NFC, case-folded, blanks collapsed, without outer quotes and final marks.

    Apostrophes, hyphens and minus signs are the plain ones.
    """
    plain = unicodedata.normalize("NFC", text).translate(_TYPOGRAPHY)
    folded = " ".join(plain.casefold().split())
    return folded.strip(_QUOTES + " ").rstrip(".!?,;:…").strip(_QUOTES + " ")


def get_items(text: str) -> list[str]:
    """Return the items of a list: numbered or bulleted lines, else several lines, else parts between commas.

    A line before the others is their heading when it ends with a colon; any other line before, between or
    after numbered or bulleted lines makes it no list.
    """
    lines, layouts = get_lines(text), (_NUMBERED, _BULLET)
    if (
        len(lines) > 1
        and lines[0].endswith(":")
        and not any(layout.fullmatch(lines[0]) for layout in layouts)
    ):
        lines = lines[1:]
    for layout in layouts:
        marked = [layout.fullmatch(line) for line in lines]
        if any(marked):
            return [match.groups()[-1].strip() for match in marked if match] if all(marked) else []
    if len(lines) > 1:
        return lines
    parts = re.split(r",|;|\band\b|\bor\b|&", "".join(lines).rstrip(".!"))
    return [part.strip() for part in parts if part.strip()]


def _within(number: float, at_least: float | None, at_most: float | None) -> bool:
    return (at_least is None or number >= at_least) and (at_most is None or number <= at_most)


def _has_phrase(text: str, phrase: str) -> bool:
    """Say whether the words of the phrase follow one another in the text, whatever the case."""
    return _count_phrase(text, phrase) > 0


def _count_phrase(text: str, phrase: str) -> int:
    wanted, words = (
        _PART.findall(unicodedata.normalize("NFC", written).casefold()) for written in (phrase, text)
    )
    if not wanted:
        return text.count(phrase)
    return sum(words[n : n + len(wanted)] == wanted for n in range(len(words) - len(wanted) + 1))


# What is always wrong


def is_echo(instruction: str, response: str) -> bool:
    """Say whether the response holds the whole instruction (three words or more), case and marks aside."""
    asked = [word.casefold() for word in get_words(instruction)]
    said = [word.casefold() for word in get_words(response)]
    n = len(asked)
    return n >= 3 and any(said[i : i + n] == asked for i in range(len(said) - n + 1))  # noqa: PLR2004


def is_ramble(response: str) -> bool:
    """Say whether a response holds traces of the prompt format or chat tokens, or goes round in circles.

    In circles: all of several lines are the same, a sentence or line of four words or more occurs twice, or
    the text ends with the same two to eight words, or the same number, four times in a row.
    """
    if _LEAKS.search(response):
        return True
    lines = [normalise(line) for line in get_lines(response)]
    if len(lines) > 1 and len(set(lines)) == 1:
        return True
    for units in (get_lines(response), get_sentences(response)):
        long = [normalise(unit) for unit in units if len(get_words(unit)) >= 4]  # noqa: PLR2004
        if len(set(long)) < len(long):
            return True
    words = [word.casefold() for word in get_words(response)]
    tails = [words[-n:] for n in range(1, 9) if words[-4 * n :] == words[-n:] * 4]
    return any(len(set(tail)) > 1 or not tail[0].isalpha() for tail in tails if tail)


# Counts


def words(response: str, at_least: int | None = None, at_most: int | None = None) -> bool:
    """The number of words lies within the bounds, which are included."""
    return _within(len(get_words(response)), at_least, at_most)


def sentences(response: str, at_least: int | None = None, at_most: int | None = None) -> bool:
    """The number of sentences lies within the bounds, and the last one is ended by a mark."""
    ended = re.search(rf"[.!?…]{_CLOSING}$", response) is not None
    return ended and _within(len(get_sentences(response)), at_least, at_most)


def paragraphs(response: str, at_least: int | None = None, at_most: int | None = None) -> bool:
    """The number of paragraphs lies within the bounds."""
    return _within(len(get_paragraphs(response)), at_least, at_most)


def lines(response: str, at_least: int | None = None, at_most: int | None = None) -> bool:
    """The number of lines lies within the bounds."""
    return _within(len(get_lines(response)), at_least, at_most)


def bullets(response: str, count: int) -> bool:
    """Every line is a bullet (`- `, `* ` or `• `, nested or not), there are `count`, no two are the same."""
    marked = [_BULLET.fullmatch(line) for line in get_lines(response)]
    items = {normalise(match[1]) for match in marked if match}
    return all(marked) and len(marked) == len(items) == count


def numbered_list(response: str, count: int) -> bool:
    """Every line is numbered, `1.` or `1)` and so on without a gap, to `count`; no two items are the same."""
    marked = [_NUMBERED.fullmatch(line) for line in get_lines(response)]
    numbers = [int(match[1]) for match in marked if match]
    items = {normalise(match[2]) for match in marked if match}
    return all(marked) and numbers == list(range(1, count + 1)) and len(items) == count


def comma_list(
    response: str, count: int, allowed: Sequence[str] | None = None, at_most_words: int = 4
) -> bool:
    """One line of `count` different items between commas, each of few words; all are `allowed`, where given.

    A single `and` or `or` may stand before the last item, with or without a comma, and a full stop after it.
    """
    if len(get_lines(response)) != 1:
        return False
    *parts, last = response.removesuffix(".").split(",")
    *before, last = re.split(r"\s+(?:and|or)\s+", f" {last}", maxsplit=1)
    parts += before if any(map(str.strip, before)) else []
    return _are_items([normalise(part) for part in (*parts, last)], count, allowed, at_most_words)


def items(response: str, count: int, allowed: Sequence[str] | None = None, at_most_words: int = 25) -> bool:
    """A list of `count` different items in any layout: numbered, bulleted, one a line, or between commas.

    All items are `allowed`, where given; none has more than `at_most_words`.
    """
    return _are_items([normalise(item) for item in get_items(response)], count, allowed, at_most_words)


def _are_items(items: Sequence[str], count: int, allowed: Sequence[str] | None, at_most_words: int) -> bool:
    wanted = None if allowed is None else {_same_spelling(normalise(item)) for item in allowed}
    return (
        len(items) == len(set(items)) == count
        and all(1 <= len(get_words(item)) <= at_most_words for item in items)
        and (wanted is None or all(_same_spelling(_without_article(item)) in wanted for item in items))
    )


def _without_article(item: str) -> str:
    return re.sub(r"^(?:a|an|the)\s+", "", item)


def _same_spelling(item: str) -> str:
    return " ".join(_BRITISH.get(word, word) for word in item.split())


def alphabetical(response: str) -> bool:
    """The items of the list are in alphabetical order, whatever the case; there are at least two."""
    order = [normalise(item) for item in get_items(response)]
    return len(order) > 1 and order == sorted(order)


def sections(response: str, count: int, name: str = "Section") -> bool:
    """Each of `count` headings is a line that begins with `name` and the next number, and has text below."""
    headings = [
        (n, int(match[1]))
        for n, line in enumerate(get_lines(response))
        if (match := re.match(rf"\W*{re.escape(name)}\s+(\d+)\b", line, re.IGNORECASE))
    ]
    rows = len(get_lines(response))
    starts = [n for n, _ in headings] + [rows]
    return (
        [number for _, number in headings] == list(range(1, count + 1))
        and starts[0] == 0
        and all(after - start > 1 for start, after in pairwise(starts))
    )


def placeholders(response: str, at_least: int, at_most: int | None = None) -> bool:
    """The number of placeholders in square brackets, such as [name], none blank, lies within the bounds."""
    return _within(len(re.findall(r"\[[^\[\]\n]*[^\[\]\s][^\[\]\n]*\]", response)), at_least, at_most)


# Content


def one_of(response: str, answers: Sequence[str]) -> bool:
    """The response is, normalised, one of the answers, with or without an article before it."""
    accepted = {_same_spelling(_without_article(normalise(answer))) for answer in answers}
    return _same_spelling(_without_article(normalise(response))) in accepted


def short_answer(
    response: str, answers: Sequence[str], wrong: Sequence[str] = (), at_most_words: int = 15
) -> bool:
    """One line, at most one sentence, no question, of few words, that gives one of the answers and no other.

    One of the answers occurs and none of the wrong ones. It is not denied: nothing in its clause says no ("It
    is not 12", "I don't think it is Paris"), and no clause after it takes it back ("12, which is wrong");
    "Paris, not Lyon" denies another. It is not one of several. Beside an answer that is a number there is no
    other number ("12 or 13", "12, 13", "between 11 and 12") but as a term ("7 + 5 = 12") or of another unit
    ("12 months or 365 days"). No other name is listed with one that is a name ("Paris or Lyon", "oxygen and
    nitrogen", "Paris, Lyon, Nice"). Several of the answers may be given. What stands in apposition ("Paris,
    France") is no other answer, so that two names with nothing but a comma between them pass.
    """
    return (
        _is_brief(response, at_most_words)
        and any(_has_phrase(response, answer) for answer in answers)
        and not any(_has_phrase(response, answer) for answer in wrong)
        and _is_given(_marked(response, answers), numbers=any(map(_is_number, answers)))
    )


def number(response: str, value: float, at_most_words: int = 15) -> bool:
    """One line, at most one sentence and no question, of few words, that gives the value, in digits or words.

    The value is the last number, or the first one where an explanation follows it ("12 is 7 plus 5"). As in
    `short_answer` it is not denied and not one of several: "41 or 42" leaves it open, and is no answer.
    """
    if not _is_brief(response, at_most_words):
        return False
    marked = _marked(response, [f"{value:f}"])
    found = _VALUE.findall(_claimed(marked))
    given = found[-1:] == [_ANSWER] or _EXPLAINED.match(marked) is not None
    return given and _is_given(marked, numbers=True)


def _is_brief(response: str, at_most_words: int) -> bool:
    return (
        len(get_lines(response)) == 1
        and len(get_sentences(response)) <= 1
        and len(get_words(response)) <= at_most_words
        and not re.search(rf"\?{_CLOSING}$", response)
    )


# What a short answer says of the accepted answers, each of which is replaced by one mark

_ANSWER: Final = "\ue000"
_NAME: Final = r"[^\W\d_][^\s,;/()]*"
_HEDGE: Final = r"(?:maybe|perhaps|possibly|probably|either|even|about|around)"
_LEAD: Final = rf"(?:(?:{_HEDGE}|it's|its|it is|is it|they are|the answer is|an?|the|our|my|in|on|at)\b\s*)*"
"""What may stand before one of several answers: articles, prepositions, hedges."""
_LISTED: Final = rf"(?:\s*,\s*{_LEAD}{_NAME}(?:\s{_NAME}){{0,2}}?)*"
_VALUE: Final = re.compile(rf"{_ANSWER}|{_NUMBER.pattern}")
_JOINS: Final = re.compile(
    r"(?:\s*(?P<unit>[^\W\d_]+(?:\s[^\W\d_]+)?)(?=\s*[,;/.]|\s+(?:or|and|to)\b))?"
    rf"(?:[\s,;/.–—-]|\b(?:or|and|to|{_HEDGE}|it is|it's)\b)+"
)
"""What may stand between two numbers of which one is to be chosen, the unit of the first included."""
_TERM: Final = re.compile(r"\s*(?:[+*/×x÷^=-]\s*\d|plus\b|minus\b|times\b|divided\b|multiplied\b)")
_EXPLAINED: Final = re.compile(
    rf"\D*?{_ANSWER}(?:\s[^\W\d_]+){{0,2}}?\s*(?:=|\(|,? ?\b(?:is|are|because|since|as)\b)\s*[\w({_ANSWER}]"
)
_DENIES: Final = re.compile(
    r"\b(?:not|no|never|neither|none|cannot|hardly|doubt|wrong|false|incorrect|untrue)\b|n't\b"
)
_DENIES_NEXT: Final = re.compile(
    r"\b(?:nor|except|unlike|without|besides|apart from|(?:rather|other) than|instead of|anything but)\b"
)
_DENIES_NOTHING: Final = re.compile(
    r"\b(?:no|without(?: a| any)?) doubt\b|\bnot (?:only|just)\b|\bnone other than\b"
)
_CLAUSE_BEFORE: Final = re.compile(r",(?!\d{3})|[;:()–—]|\s-\s|(?<!anything )\bbut\b|\bbecause\b|\bsince\b")
_CLAUSE_AFTER: Final = re.compile(
    rf"{_CLAUSE_BEFORE.pattern}|\b(?:and|as|so|that|when|where|which|while|who|if|though|although)\b"
)
_TAKES_BACK: Final = frozenset(
    (
        *(
            "a",
            "am",
            "an",
            "answer",
            "be",
            "believe",
            "but",
            "can",
            "certain",
            "correct",
            "course",
            "definitely",
        ),
        *("do", "does", "i", "is", "it", "know", "my", "of", "quite", "really", "right"),
        *("so", "sure", "that", "the", "think", "this", "to", "true", "was", "which"),
    )
)
"""Of these words and a denial consists what denies an answer that went before."""


def _marked(response: str, answers: Sequence[str]) -> str:
    """Return a response in small letters, numbers in digits, with a mark in place of each accepted answer."""
    accepted = [_in_digits(answer) for answer in answers]
    values = {_float(answer) for answer in accepted if _NUMBER.fullmatch(answer)}
    marked = _NUMBER.sub(
        lambda found: _ANSWER if _float(found[0]) in values else found[0], _in_digits(response)
    )
    for answer in sorted(accepted, key=len, reverse=True):
        if parts := _PART.findall(answer):
            phrase = r"[\W_]+".join(map(re.escape, parts))
            marked = re.sub(rf"(?<![^\W_]){phrase}(?![^\W_])", _ANSWER, marked)
    return re.sub(rf"(?<={_ANSWER}) not (?=\w)", ", not ", marked)  # "Paris not Lyon"


def _in_digits(text: str) -> str:
    folded = unicodedata.normalize("NFC", text).translate(_TYPOGRAPHY).casefold().replace(_ANSWER, "")
    digits = _SPOKEN.sub(lambda found: f"{_of_words(found[0])}", folded)
    return re.sub(r"(?<=\w)-(?=\d)", " ", digits)


def _is_number(answer: str) -> bool:
    return _NUMBER.fullmatch(_in_digits(answer)) is not None


def _float(digits: str) -> float:
    return float(digits.replace(",", ""))


def _is_given(marked: str, *, numbers: bool) -> bool:
    """Say whether an accepted answer, which is a number or a name, is asserted, and alone."""
    several = _is_one_of_several_numbers if numbers else _is_one_of_several_names
    return not (_is_denied(marked) or several(_claimed(marked)))


def _claimed(marked: str) -> str:
    """Return a text without the clauses that deny something else than the accepted answers."""
    parts = re.split(f"({_CLAUSE_BEFORE.pattern})", marked)
    return "".join(part for part in parts if _ANSWER in part or not _DENIES.search(part))


def _is_denied(marked: str) -> bool:
    text = _DENIES_NOTHING.sub("", marked)
    for answer in re.finditer(_ANSWER, text):
        before = _CLAUSE_BEFORE.split(text[: answer.start()])[-1]
        after, *later = _CLAUSE_AFTER.split(text[answer.end() :])
        if _DENIES.search(before) or _DENIES_NEXT.search(before):
            return True
        if _DENIES.search(after) or any(map(_takes_back, later)):
            return True
    return False


def _takes_back(clause: str) -> bool:
    said = [word for word in re.findall(r"[\w']+|" + _ANSWER, clause) if not _DENIES.search(word)]
    return _DENIES.search(clause) is not None and _TAKES_BACK.issuperset(said)


def _is_one_of_several_numbers(marked: str) -> bool:
    for one, other in pairwise(_VALUE.finditer(marked)):
        if one[0] == other[0] or _ANSWER not in (one[0], other[0]):
            continue
        joined = _JOINS.fullmatch(marked[one.end() : other.start()])
        rest = marked[other.end() :]
        if not joined or _TERM.match(rest):
            continue
        of = re.match(r"\s*([^\W\d_]+(?:\s[^\W\d_]+)?)", rest)
        if not joined["unit"] or not of or joined["unit"] == of[1]:
            return True
    return False


def _is_one_of_several_names(marked: str) -> bool:
    for sign in re.finditer(r"\bor\b|/", marked):
        first = re.search(rf"{_ANSWER}{_LISTED}\s*,?\s*$", marked[: sign.start()])
        last = re.match(rf"\s*{_LEAD}{_ANSWER}", marked[sign.end() :])
        if (first is None) != (last is None):
            return True
    if re.search(rf"\bbetween\s+{_LEAD}(?:{_NAME}\s+and\s+{_LEAD})?{_ANSWER}", marked):
        return True
    parts = re.split(r"\s*(,|;|/|&|\band\b|\bor\b)\s*", re.sub(rf"^{_LEAD}", "", marked.rstrip(".!")))
    signs = set(parts[1::2])
    names = [item for item in parts[::2] if item and (_ANSWER in item or not re.search(r"\d", item))]
    others = [name for name in names if _ANSWER not in name]
    short = all(len(n.split()) <= 3 and not re.search(r"\b(?:is|are|was|were)\b", n) for n in names)  # noqa: PLR2004
    guessed = any(re.match(rf"{_HEDGE}\s+\w", name) for name in others)
    return short and bool(others) and (guessed or len(names) > 2 or signs != {","})  # noqa: PLR2004


def _of_words(spoken: str) -> int:
    """Return the value of number words that follow one another, such as "two hundred and forty-two"."""
    total = group = 0
    for word in re.findall(r"[a-z]+", spoken.casefold()):
        if word == "thousand":
            total, group = total + max(1, group) * 1000, 0
        elif word == "hundred":
            group = max(1, group) * 100
        else:
            group += NUMBERS.get(word, 0)  # "a" and "and" add nothing
    return total + group


def keywords(response: str, present: Sequence[str] = (), absent: Sequence[str] = ()) -> bool:
    """All `present` words or phrases occur, none of the `absent` do."""
    return all(_has_phrase(response, word) for word in present) and not any(
        _has_phrase(response, word) for word in absent
    )


def any_keyword(response: str, options: Sequence[str]) -> bool:
    """At least one of the words or phrases occurs."""
    return any(_has_phrase(response, word) for word in options)


def keyword_count(response: str, word: str, at_least: int | None = None, at_most: int | None = None) -> bool:
    """The number of times that the word occurs lies within the bounds."""
    return _within(_count_phrase(response, word), at_least, at_most)


def starts_with(response: str, text: str) -> bool:
    """The response begins with the text, whatever the case, as whole words, and goes on after it."""
    response, text = (written.translate(_TYPOGRAPHY) for written in (response, text))
    rest = response[len(text) :]
    return (
        response[: len(text)].casefold() == text.casefold()
        and not (text[-1:].isalnum() and rest[:1].isalnum())
        and bool(get_words(rest))
    )


def ends_with(response: str, text: str) -> bool:
    """The response ends with the text, case, final marks and quotes aside; words precede it."""
    wanted, said = normalise(text), normalise(response)
    before = said[: -len(wanted)]
    return said.endswith(wanted) and bool(get_words(before)) and not before[-1:].isalnum()


def yes_no(response: str, answer: str | None = None) -> bool:
    """The response is the word yes or no alone; one full stop or exclamation mark may follow.

    It is `answer`, where given.
    """
    said = re.fullmatch(r"(yes|no)[.!]?", response.casefold())
    return said is not None and answer in (None, said[1])


def quoted(response: str) -> bool:
    """The whole response stands in double quotes, straight or curly, with none inside."""
    return bool(re.fullmatch(r"\"[^\"]+\"|“[^“”]+”", response)) and bool(get_words(response))


def equals(response: str, text: str) -> bool:
    """The response is exactly the text; lines are compared without the blanks around them."""
    return get_lines(response) == get_lines(text)


# Form


def upper_case(response: str) -> bool:
    """There are letters and none is in lower case."""
    return response.isupper()


def lower_case(response: str) -> bool:
    """There are letters and none is in upper case."""
    return response.islower()


def title_case(response: str) -> bool:
    """Every word of more than three letters begins with a capital or a digit, and so does the first word."""
    found = get_words(response)
    capital = [word[0].isupper() or word[0].isdigit() for word in found]
    short = [sum(map(str.isalpha, word)) <= 3 for word in found]  # noqa: PLR2004 - of, the, it's
    return bool(found) and capital[0] and all(c or s for c, s in zip(capital, short, strict=True))


def json_object(
    response: str, keys: Sequence[str] = (), values: Mapping[str, object] | None = None, exact: bool = True
) -> bool:
    """The whole response is a JSON object with the keys, and no others where `exact` and keys are given.

    A fence of backticks around it is allowed. No value is a blank string or null; the `values` are as given,
    or one of those given in a list, strings compared normalised.
    """
    value = _json(response)
    if not isinstance(value, dict) or not value or any(map(_is_blank, value.values())):
        return False
    wanted = {*keys, *(values or {})}
    return (
        wanted <= set(value)
        and not (exact and wanted and set(value) - wanted)
        and all(
            _plain(value[key]) in [_plain(one) for one in (given if isinstance(given, list) else [given])]
            for key, given in (values or {}).items()
        )
    )


def json_array(response: str, count: int, allowed: Sequence[object] | None = None) -> bool:
    """The whole response is a JSON array of `count` different strings or numbers; a fence is allowed.

    No string is blank; all items are `allowed`, where given, strings compared normalised.
    """
    value = _json(response)
    if not isinstance(value, list) or any(map(_is_blank, value)):
        return False
    if any(isinstance(item, bool) or not isinstance(item, str | int | float) for item in value):
        return False
    items = [_plain(item) for item in value]
    wanted = None if allowed is None else [_plain(item) for item in allowed]
    return len(items) == len(set(items)) == count and (wanted is None or all(i in wanted for i in items))


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _plain(value: object) -> object:
    """Return a value such that equal ones count as the same: to Python, true equals 1."""
    if isinstance(value, bool):
        return str(value), bool
    return _same_spelling(normalise(value)) if isinstance(value, str) else value


def _json(response: str) -> object:
    fenced = re.fullmatch(r"```(?:json)?\s(.*)\s```", response, re.DOTALL | re.IGNORECASE)
    try:
        return json.loads(fenced[1] if fenced else response, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON, though Python reads it")


def language(response: str, code: str) -> bool:
    """The response is in the language, of the seven of `STOPWORDS`.

    It is the one whose common words make up a sixth of the words and are more than those of any other; where
    none is, the one that `langdetect` finds likeliest among the seven.
    """
    found = [word.casefold() for word in get_words(response)]
    shares = {name: sum(word in common for word in found) for name, common in STOPWORDS.items()}
    (most, name), (second, _) = sorted(((n, name) for name, n in shares.items()), reverse=True)[:2]
    if found and most * 6 >= len(found) and most > second:
        return name == code
    return _likeliest_language(response) == code


@lru_cache(maxsize=1)
def _languages() -> Any:
    """Return a detector factory for the seven languages alone: short texts are told apart far better."""
    from pathlib import Path

    from langdetect import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()
    factory.load_json_profile([Path(PROFILES_DIRECTORY, name).read_text() for name in sorted(STOPWORDS)])
    factory.set_seed(0)  # it samples: the same text is to give the same answer
    return factory


def _likeliest_language(text: str) -> str | None:
    from langdetect import LangDetectException

    detector = _languages().create()
    detector.append(text)
    try:
        return str(detector.detect())
    except LangDetectException:  # no letters
        return None


def refusal(response: str, expected: bool = True) -> bool:
    """The response declines to help, or, where not `expected`, does not.

    It declines when one of its first two sentences says so in the first person ("I can't", "I cannot", "I
    won't", "I'm unable", "I must decline", "I'm sorry, but"), or says that something cannot be helped with.
    """
    opening = " ".join(get_sentences(response)[:2]).casefold().translate(_TYPOGRAPHY)
    return (_REFUSALS.search(opening) is not None) == expected


_REFUSALS: Final = re.compile(
    r"\bi (?:can't|cannot|can not)\b(?! (?:wait|help but|believe|imagine|bear|stand|resist)\b)"
    r"|\bi (?:won't|will not|refuse)\b"
    r"|\b(?:i'm|i am) (?:unable|not able|not going to|not comfortable)\b"
    r"|\bi (?:must|have to) (?:decline|refuse)\b"
    r"|\b(?:i'm|i am) sorry, but\b|\bsorry, (?:but )?i (?:can|do|am|won't|will|must|have)|\bsorry, but i\b"
    r"|\b(?:can't|cannot|unable to) (?:help with|assist)\b"
)

STOPWORDS: Final = {
    code: frozenset(common.split())
    for code, common in {
        "en": """
            the of and to in is was it that for on are as with his they at be this have from or
            had by not  but what all were we when your can there an she he you its my their a i
            has will would
        """,
        "fr": """
            le la les de des du et à est en un une que qui dans pour pas sur au aux avec il elle
            nous vous  je tu ne se ce cette sont était plus mon ma son sa ses par mais ou où
            très c'est j'ai d'un l'on
        """,
        "es": """
            el la los las de del y a en es un una que por con no se su para al lo como más pero
            sus le ya  o este sí porque esta muy son está hay mi yo tu nos él ella era
        """,
        "de": """
            der die das und ist in den von zu mit sich des auf für nicht ein eine dem als auch
            es an er sie  wir ich du so war hat nach wie im am zum zur sind aber oder einen
            einem einer sehr
        """,
        "it": """
            il lo la i gli le di a da in con su per e è un una che non si del della dei nel
            nella al alla  sono come più ma anche o se mi ti ci io tu questo questa molto ha era
        """,
        "pt": """
            o a os as de do da dos das e em no na um uma que por com não se para ao mais mas
            como é são foi  ou quando muito nos já eu você ele ela está há seu sua isso este
            esta
        """,
        "nl": """
            de het een en van in is dat op te zijn met voor niet aan er om ook als dan maar bij
            of uit nog  naar heeft was hij ze wij ik je door over heel dit deze wordt
        """,
    }.items()
}

_SMALL: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
NUMBERS: Final = (
    {word: n for n, word in enumerate(_SMALL)}
    | {word: 10 * n for n, word in enumerate(_TENS, 2)}
    | {
        f"{tens}-{ones}": 10 * n + m
        for n, tens in enumerate(_TENS, 2)
        for m, ones in enumerate(_SMALL[1:10], 1)
    }
    | {"hundred": 100, "thousand": 1000}
)
"""English number words and what they stand for."""

_BELOW_100: Final = rf"(?:(?:{'|'.join(_TENS)})(?:[ -](?:{'|'.join(_SMALL[1:10])}))?|{'|'.join(_SMALL)})"
_BELOW_1000: Final = rf"(?:(?:(?:{_BELOW_100}|a) )?hundred(?: (?:and )?{_BELOW_100})?|{_BELOW_100})"
_SPOKEN: Final = re.compile(
    rf"\b(?:(?:(?:{_BELOW_1000}|a) )?thousand(?: (?:and )?{_BELOW_1000})?|{_BELOW_1000})\b", re.IGNORECASE
)
"""A number in words, such as "a hundred" or "two thousand and forty-two"."""

VERIFIERS: Final[dict[str, Callable[..., bool]]] = {
    verifier.__name__: verifier
    for verifier in (
        *(words, sentences, paragraphs, lines, bullets, numbered_list, comma_list, items, alphabetical),
        *(sections, placeholders, one_of, short_answer, number, keywords, any_keyword, keyword_count),
        *(starts_with, ends_with, yes_no, quoted, equals, upper_case, lower_case, title_case, json_object),
        *(json_array, language, refusal),
    )
}
"""Every verifier by name."""

# What an instruction itself says

_COUNT: Final = r"(\d+|" + "|".join(sorted((w for w in NUMBERS if w != "a"), key=len, reverse=True)) + r")"
_COURTESY: Final = r"^(?:(?:please|now|(?:can|could|would|will) you|(?:your task is|I want you) to)\b,? ?)+"
"""What may stand before an order."""
_UNIT: Final = {"word": "words", "sentence": "sentences", "paragraph": "paragraphs", "line": "lines"}
_QUOTED: Final = r"[\"'“‘]([^\"'”’]+)[\"'”’]"
_LANGUAGES: Final = {
    "english": "en", "french": "fr", "spanish": "es", "german": "de", "italian": "it", "portuguese": "pt",
    "dutch": "nl",
}  # fmt: skip


_LONG_ENOUGH_TO_KNOW: Final = 5
"""Words from which the language of a sentence can be told by its common words."""


def _value(text: str) -> int:
    return int(text) if text.isdigit() else NUMBERS[text.casefold()]


def _find(pattern: str, text: str) -> list[re.Match[str]]:
    return list(re.finditer(pattern, text, re.IGNORECASE))


@lru_cache(maxsize=2**14)  # of one instruction it is asked again and again: per candidate, per row
def infer_checks(instruction: str) -> tuple[Check, ...]:
    """Return the checks that the words of an instruction ask for; () where it asks for nothing checkable.

    It reads counts of words, sentences, paragraphs and lines; lists and their length; JSON and its keys; yes
    or no; case; words to use or to avoid; how to start and end; quotation marks; the language of the answer;
    alphabetical order; the items to be sorted; placeholders; sections; arithmetic. It errs on the side of
    finding nothing.
    """
    value = value_of(instruction)
    text = re.sub(_COURTESY, "", instruction, flags=re.IGNORECASE)
    found = [
        *([] if value is None else [Check("number", {"value": float(value)})]),
        *_infer_lengths(text),
        *_infer_lists(text),
        *_infer_json(text),
        *_infer_content(text),
        *_infer_form(text),
    ]
    return tuple(check for n, check in enumerate(found) if check not in found[:n])


def _infer_lengths(text: str) -> list[Check]:
    checks = []
    # "Name a fruit, then write a sentence" bounds a part of the answer, not the whole.
    if _find(r"\bthen\b|\band (?:say|explain|tell)\b", text):
        return []
    for unit, kind in _UNIT.items():
        if unit not in text.casefold():  # most instructions bound nothing: no need for all the patterns
            continue
        count = rf"{_COUNT}[- ](?:short |simple |complete |full )?{unit}s?\b"
        for match in _find(rf"between {_COUNT} and {_COUNT} {unit}s", text):
            checks.append(Check(kind, {"at_least": _value(match[1]), "at_most": _value(match[2])}))
        for match in _find(rf"(?:at most|no more than|up to|not more than) {count}", text):
            checks.append(Check(kind, {"at_most": _value(match[1])}))
        for match in _find(rf"(?:fewer|less) than {count}", text):
            checks.append(Check(kind, {"at_most": _value(match[1]) - 1}))
        for match in _find(rf"at least {count}", text):
            checks.append(Check(kind, {"at_least": _value(match[1])}))
        for match in _find(rf"more than {count}", text):
            if not re.search(r"(?:no|not) $", text[: match.start()], re.IGNORECASE):
                checks.append(Check(kind, {"at_least": _value(match[1]) + 1}))
        exactly = rf"(?:\b(?:in|with|of|using|write|exactly|only|just)(?: exactly| only| just)? ){count}"
        for match in _find(exactly, text):
            checks.append(Check(kind, {"at_least": _value(match[1]), "at_most": _value(match[1])}))
        if _find(
            rf"\b(?:in|with|write|using|only) (?:a|an|a single|only a|only one|just one)"
            rf" (?:short |simple |complete |full )?{unit}\b",
            text,
        ):
            checks.append(Check(kind, {"at_least": 1, "at_most": 1}))
    long = _find(r"^(?:write|tell)(?: me)? an? (?:\w+ )?(?:paragraph|story|essay)\b", text)
    if long and not any(check.kind == "sentences" for check in checks):
        checks.append(Check("sentences", {"at_least": 2}))
    return checks


_LAYOUTS: Final = {
    "numbered_list": r"\bnumbered list\b",
    "bullets": r"\bbullet(?:ed)? (?:points?|list)\b|\bbullets\b",
    "comma_list": r"\bseparated by commas\b|\bcomma[- ]separated\b",
    "json_array": r"\bJSON (?:array|list)\b",
    "lines": r"\b(?:one|each) (?:per|a|on (?:its own|a new|a separate|each)) line\b|\bon separate lines\b",
}
_NAMED: Final = (
    r"^(?:list|name|give|suggest|write down|mention|think of)(?: me)?(?: the names of)? "
    rf"{_COUNT} (?:different )?(?!of\b|to\b|plus\b|times\b|minus\b)([a-z]+)"
)
_SORTED: Final = r"^(?:(?:sort|order)\b[^:]*|(?:arrange|put)\b[^:]*\border\b[^:]*): ([^:]+)$"
_MORE: Final = r"\bthen\b|, and |\band (?:one|a|an|say|explain|describe)\b|[.:?!] \w|\bfor each\b"
"""A second clause ("..., then say why") asks for more than a list."""


def _infer_lists(text: str) -> list[Check]:
    if given := _find(_SORTED, text):
        listed = get_items(given[0][1])
        several = len(listed) == len(set(listed)) > 1
        return [Check("items", {"count": len(listed), "allowed": listed})] if several else []
    counted = re.sub(_LAYOUTS["lines"], "", text, flags=re.IGNORECASE)  # the "one" of "one per line"
    counts = {_value(match[1]) for match in _find(rf"\b{_COUNT}\b", counted)}
    if len(counts) != 1 or (count := counts.pop()) < 2:  # noqa: PLR2004 - one item is no list
        return []
    for kind, layout in _LAYOUTS.items():
        if _find(layout, text):
            bounds = {"at_least": count, "at_most": count} if kind == "lines" else {"count": count}
            return [Check(kind, bounds)]
    named = _find(_NAMED, text)
    if named and not _find(_MORE, text) and named[0][2].casefold().rstrip("s") not in _UNIT:
        return [Check("items", {"count": count})]
    return []


def _infer_json(text: str) -> list[Check]:
    if not _find(r"\bJSON (?:object|document|format|with)\b|\b(?:as|in|give me|return|write) JSON\b", text):
        return []
    listed = _find(r"\b(?:keys?|fields?) (.*)", text)
    if not listed:
        return [Check("json_object")]
    tail = re.split(r"[.;:]| for | about ", listed[0][1])[0]
    keys = re.findall(_QUOTED, listed[0][1]) or re.findall(r"\w+", tail)
    keys = [key for key in keys if key not in ("and", "called", "named", "please")]
    return [Check("json_object", {"keys": keys})] if keys else [Check("json_object")]


def _infer_content(text: str) -> list[Check]:
    checks = []
    if _find(r"\byes or no\b|\b['\"]yes['\"] or ['\"]no['\"]", text):
        checks.append(Check("yes_no"))
    words = rf"(?:the )?(?:words?|phrases?|names?)\s+((?:{_QUOTED}(?:,? (?:and|or) |, )?)+)"
    for match in _find(
        rf"\b(?:without|avoid|do not|don't|never|not) (?:using |use |mention(?:ing)? |say(?:ing)? )?{words}",
        text,
    ):
        checks.append(Check("keywords", {"absent": re.findall(_QUOTED, match[1])}))
    for match in _find(
        rf"\b(?:include|including|use|using|contains?|containing|mention|uses|includes) {words}", text
    ):
        before = text[: match.start()].casefold().rstrip()
        if not before.endswith(("without", "not", "don't", "never", "avoid")):
            checks.append(Check("keywords", {"present": re.findall(_QUOTED, match[1])}))
    repeat = rf"^(?:repeat|write|say) (?:the word )?[\"']?(\w+)[\"']? (?:(twice)|{_COUNT} times)\b"
    for match in _find(repeat, text):
        count = 2 if match[2] else _value(match[3])
        checks.append(Check("keyword_count", {"word": match[1], "at_least": count, "at_most": count}))
        checks.append(Check("words", {"at_least": count, "at_most": count}))
    for match in _find(rf"\buse (?:the word )?[\"'](\w+)[\"'] (?:(twice)|{_COUNT} times)\b", text):
        count = 2 if match[2] else _value(match[3])
        checks.append(Check("keyword_count", {"word": match[1], "at_least": count, "at_most": count}))
    opening = r"(?:the )?(?:exact )?(?:words?|phrase|sentence|text)?\s*"
    for match in _find(
        rf"\b(?:start|begin|starts|begins|starting|beginning)\b[^.?!'\"]{{0,25}}\bwith {opening}{_QUOTED}",
        text,
    ):
        checks.append(Check("starts_with", {"text": match[1]}))
    for match in _find(
        rf"\b(?:end|finish|ends|finishes|ending)\b[^.?!'\"]{{0,25}}\bwith {opening}{_QUOTED}", text
    ):
        checks.append(Check("ends_with", {"text": match[1]}))
    return checks


def _infer_form(text: str) -> list[Check]:
    checks = []
    if _find(
        r"\bin(?:to)? (?:all )?(?:capital letters|capitals|upper[- ]?case|all caps)\b|\bto upper[- ]?case",
        text,
    ):
        checks.append(Check("upper_case"))
    if _find(r"\bin(?:to)? (?:all |only )?(?:lower[- ]?case|small letters)\b|\bto lower[- ]?case", text):
        checks.append(Check("lower_case"))
    if _find(r"\b(?:in|inside|with|within) (?:double )?(?:quotes|quotation marks)\b", text):
        checks.append(Check("quoted"))
    given = _find(rf"\bwrite the (?:word|name|sentence|phrase) {_QUOTED} in \b", text)
    if given and checks:  # in capitals, in lower case, in quotation marks
        checks.append(Check("keywords", {"present": [given[0][1]]}))
    if _find(r"\balphabetical(?:ly)?\b", text):
        checks.append(Check("alphabetical"))
    for match in _find(rf"(?:at least )?{_COUNT} placeholders?\b", text):
        checks.append(Check("placeholders", {"at_least": _value(match[1])}))
    if _find(r"\bplaceholders? \[", text):
        checks.append(Check("placeholders", {"at_least": len(_find(r"\[[^\[\]]+\]", text))}))
    for match in _find(rf"\b{_COUNT} sections\b", text):
        named = _find(r"['\"]([a-z]+) 1['\"]", text)
        name = named[0][1] if named else "Section"
        checks.append(Check("sections", {"count": _value(match[1]), "name": name}))
    for match in _find(r"\bin ([a-z]+)\b", text):
        asked = _find(r"\b(?:sentences?|paragraphs?|story|poem|letter)\b[^.?!:]*$", text[: match.start()])
        if asked and (code := _LANGUAGES.get(match[1].casefold())) and not _find(r"\btranslat", text):
            checks.append(Check("language", {"code": code}))
    return [*checks, *_infer_translation(text)]


def _infer_translation(text: str) -> list[Check]:
    target = _find(r"\btranslat\w+\b.*?\b(?:in|to|into) ([a-z]+)\b", text)
    source = _find(rf"(?<!\w){_QUOTED}|: (.+)", text)
    if len(target) != 1 or len(source) != 1 or not (code := _LANGUAGES.get(target[0][1].casefold())):
        return []
    # Few words may hold none of the common ones by which a language is known.
    long = len(get_words(source[0][1] or source[0][2])) >= _LONG_ENOUGH_TO_KNOW
    return [Check("language", {"code": code})] if long else []
