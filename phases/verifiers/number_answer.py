"""Verifier of numeric answers: the requested value, with its unit, in digits or words, and no other value."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from phases.verifiers.arithmetic import evaluate_terms
from phases.verifiers.assertion import (
    ANSWER,
    has_competing_number,
    is_denied,
    replace_answers,
)
from phases.verifiers.number_text import read_numbers
from phases.verifiers.statements import (
    contradicts,
    is_courtesy_offer,
    is_related,
    list_new_stems,
    list_vocabulary,
    split_statements,
)
from phases.verifiers.stems import FUNCTION_WORDS, list_content_stems, stem
from phases.verifiers.text import CLOSING_MARKS, split_words

_NUMBER: Final = r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?(?![\d²³])"
_TOKEN: Final = re.compile(
    rf"(?P<number>{_NUMBER})"
    r"|(?P<operator>\*\*|[+*/^]|(?<![^\W\d_])-(?=\s*[\d(])|\bx\b(?=\s*\d)"
    r"|\b(?:plus|minus|times|multiplied by|divided by|over)\b)"
    r"|(?P<equals>=|\b(?:equals|is equal to|is|are|makes?|gives?|leaves)\b)"
    r"|(?P<break>\n|[.;:?!](?=\s|$)|[()]|\bso\b|\band\b|\bor\b|\bthen\b|\bbecause\b|\bsince\b)"
)
_OPERATOR_SIGNS: Final = {
    "plus": "+",
    "minus": "-",
    "times": "*",
    "x": "*",
    "multiplied by": "*",
    "divided by": "/",
    "over": "/",
    "**": "^",
}
_UNIT: Final = re.compile(r"[ \t]*-?[ \t]*([°%$£€]?[ \t]?[^\W\d_]+(?:[²³]|[23]\b|\^[23])?|[°%$£€])")
_CURRENCY_BEFORE: Final = re.compile(r"[$£€¥]\s*$")
_UNITLESS_WORDS: Final = frozenset(
    """
    altogether apiece come comes completes difference divided equals exactly figures full greater
    highest i.e larger largest left less lowest minus multiplied namely numbers pair pairs per plus
    precede precedes precisely product quotient remain remainder remaining remains respectively smaller
    smallest still sum times total whole x
    """.split()  # noqa: SIM905
)
"""Words that may follow a number and are not units."""
_UNITLESS_STEMS: Final = frozenset(map(stem, _UNITLESS_WORDS))
_MOST_NEW_WORDS: Final = 2
"""Content words that a clause with the value may have besides those of the instruction."""
_LARGEST_EXPONENT: Final = 20
_OTHER_SCALE: Final = r"(?:fahrenheit|kelvin|f|squared|cubed|per)\b"
"""Words that make another unit of the unit before them."""
_CONCLUSION: Final = re.compile(
    r"\b(?:so|therefore|thus|hence|(?:answer|total|result|sum) is|in total)\b"
    r"(?! (?:not quite|almost|nearly|just (?:under|over)|a (?:little|bit)|about|roughly|more|less)\b)"
    rf"[^.,(\d]{{0,40}}?({_NUMBER})"
)
_CLAUSE_BOUNDARY: Final = re.compile(r",(?!\d{3})|[;:()–—]|\b(?:because|since|which|while|so)\b")
_EQUATION: Final = re.compile(
    rf"(?:=|\b(?:is|are|equals|makes?|gives?)\b)\s+(?P<number>{_NUMBER})\s+(?P<unit>[^\W\d_]+)"
)
_FREE_REMARK: Final = re.compile(r"\([^()]*\)")


_POINTER: Final = re.compile(r"\b(?:it|its|that|this|they|them|he|him|she|her|i|we|us|you|one)\b")
_SUBJECT: Final = re.compile(
    rf"\W*(?:(?:so|and|then|leaving) )?(?:(?:the )?other |exactly |just )?{_NUMBER}"
    r" (?:of (?:them|these|those|which) )?(?:(?:will|would|must|can|should|still|then|now) )*"
    r"(?:are|is|were|was|be|remain|stay|go|have|\w+ed)\b"
)
"""The beginning of a claim about the requested number, as in "18 are still on the shelf"."""
_EQUAL_PART: Final = re.compile(
    r"(?<=\w), ([1-9]\d*) (?:of|for|on|in) each\b(?: (?:colou?r|kind|sort|type|side|hand|foot))?"
)

_OTHER_UNIT: Final = re.compile(
    r"(?<=\d), or \d+(?:,\d{3})* (second|minute|hour|day|week|month|year)s?\b", re.IGNORECASE
)
_MORE_THAN: Final = re.compile(
    r"(?<=\w), (?:just |only )?\d+ (?:more|fewer|less) than (?:an?|the|on|in) [^,.;\d]*"
)
"""A comparison, as in "4, 2 fewer than a guitar"."""
_SOME_OF_THEM: Final = re.compile(r"(?<=\w),? (?:and )?(\d+) of (?:which|them|these)\b[^,.;]*")
"""A part of the value, as in "12, 7 of which have 31 days"."""
_TWO_PARTS: Final = re.compile(
    r"(?<=\w)(?:,|:| [–—-]) ([1-9]\d*)((?: [^\W\d_]+){1,4}),? and ([1-9]\d*)((?: [^\W\d_]+){1,4})(?=\W*$)"
)
"""Two numbers with words at the end, as in "24, 12 before noon and 12 after"."""


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int

    @property
    def value(self) -> Fraction:
        return Fraction(self.text.replace(",", ""))


def is_number_answer(
    response: str,
    value: float,
    *,
    units: Sequence[str] | None = None,
    also: Sequence[float] = (),
    at_most_words: int | None = None,
    instruction: str = "",
) -> bool:
    """Return whether a response gives the value, in digits or words, and no other.

    - The value is alone, in a sentence that states it ("There are 48 eggs."), or as the result of a
      calculation ("6 × 8 = 48"). Numbers of the instruction and of calculations may be next to it.
    - Every calculation in the response is right: "7 times 6 is 48, or 6 less is 42" fails.
    - Any other number before the value fails, and so does one that competes with it ("41 or 42", "42, maybe
      43") or a different conclusion. Other numbers may explain it ("12 months, 4 seasons", "90 minutes (1.5
      hours)").
    - The value is neither denied nor asked.
    - The word after the value is one of the units, or no unit at all.

    Args:
        response: the complete response.
        value: the requested value.
        units: accepted units, such as `["metres", "m"]`; an empty sequence accepts none, and None any.
        also: values that may be given in addition, such as the other square root.
        at_most_words: most words, if the instruction limits them.
        instruction: the instruction.
    """
    is_too_long = at_most_words is not None and len(split_words(response)) > at_most_words
    text = _drop_other_unit(read_numbers(response), f"{instruction} {' '.join(units or [])}")
    text = _drop_parts(_drop_enumeration(text, value, instruction), value)
    statements = [each for each in split_statements(text) if not is_courtesy_offer(each)]
    is_data = re.match(r"\s*[\[{]", text) is not None
    if is_data or is_too_long or not statements or re.search(rf"\?{CLOSING_MARKS}$", statements[-1]):
        return False
    tokens = _tokenize(text)
    workings, is_right = _check_calculations(tokens)
    accepted = {Fraction(str(number)) for number in (value, *also)}
    workings |= {Fraction(pairs) for pairs in re.findall(r"\b(\d+) pairs\b", text) if 2 * int(pairs) == value}
    instruction_values = {
        token.value for token in _tokenize(read_numbers(instruction)) if token.kind == "number"
    }
    return (
        is_right
        and not contradicts(text, instruction)
        and _states_value(text, tokens, Fraction(str(value)), instruction_values, workings | accepted)
        and _has_unit(text, tokens, accepted, units)
        and not _equates_other_value(text, accepted | workings | instruction_values, accepted)
        and _is_only_conclusion(text, accepted, workings | instruction_values)
        and _are_related(statements, accepted, " ".join([instruction, *(units or [])]))
    )


def _is_only_conclusion(text: str, accepted: set[Fraction], workings: set[Fraction]) -> bool:
    """Return whether the value is neither denied nor one of several, and no other is concluded."""
    conclusions = {Fraction(match[1].replace(",", "")) for match in _CONCLUSION.finditer(text)}
    placed = replace_answers(text, [f"{float(number):f}" for number in accepted])
    return (
        conclusions <= accepted | workings
        and not is_denied(placed)
        and not has_competing_number(_drop_reason(_FREE_REMARK.sub("", placed)))
    )


def _drop_reason(text: str) -> str:
    """Return the text up to the reason after the answer, as in "80, since 78 is closer to 80 than to 70"."""
    claim = re.split(r"\b(?:because|since)\b", text, maxsplit=1)[0]
    return claim if ANSWER in claim else text


def _equates_other_value(text: str, known: set[Fraction], accepted: set[Fraction]) -> bool:
    """Return whether a clause with the value equates it with another one of the same unit.

    In "12 months and 13 days is 13 months", the value is not the result.
    """
    for clause in _CLAUSE_BOUNDARY.split(text):
        for match in _EQUATION.finditer(clause):
            before = clause[: match.start()]
            has_same_unit = re.search(rf"({_NUMBER})\s+{re.escape(match['unit'])}", before)
            result = Fraction(match["number"].replace(",", ""))
            if has_same_unit and result not in known and _has_accepted_number(before, accepted):
                return True
    return False


def _are_related(statements: Sequence[str], accepted: set[Fraction], topic: str) -> bool:
    """Return whether the statements with and after the value are about the topic, or calculate."""
    first = next(
        (n for n, statement in enumerate(statements) if _has_accepted_number(statement, accepted)), 0
    )
    vocabulary = list_vocabulary(topic)
    clauses = re.split(r",(?!\d{3})|[;:()–—]|\bbecause\b|\bsince\b|\bwhich\b", statements[first])
    claim = next((clause for clause in clauses if _has_accepted_number(clause, accepted)), clauses[0])
    # A lone 1 is mostly the word "one".
    digits = r"\d+" if Fraction(1) in accepted else r"\d+(?:,\d{3})+|\d{2,}|[02-9]"
    new = list_new_stems(re.sub(digits, " ", claim), vocabulary) - _UNITLESS_STEMS
    is_about_other = (
        bool(new)
        and not _SUBJECT.match(claim)
        and not (_POINTER.search(claim) or set(list_content_stems(claim)) & vocabulary)
    )
    if topic.strip() and (len(new) > _MOST_NEW_WORDS or is_about_other):
        return False
    return all(
        re.search(r"\d", statement) or is_related(statement, vocabulary)
        for statement in statements[first + 1 :]
    )


def _drop_enumeration(text: str, value: float, instruction: str) -> str:
    """Return the text without a list of given numbers, or of as many numbers as the value."""
    instruction_numbers = re.findall(r"\d+", read_numbers(instruction))
    for match in re.finditer(r"\d+(?:(?:, and |, | and | )\d+(?![\d.]*\d)){2,}", text):
        numbers = re.findall(r"\d+", match[0])
        rest = text[: match.start()] + text[match.end() :]
        is_listed = set(numbers) <= set(instruction_numbers) or len(numbers) == value
        if is_listed and any(float(n) == value for n in re.findall(r"\d+", rest)):
            return rest
    return text


def _drop_other_unit(text: str, topic: str) -> str:
    """Return the text without the value in a unit of time that was not asked for: "24, or 1,440 minutes"."""
    return _OTHER_UNIT.sub(lambda match: match[0] if match[1] in topic else "", text)


def _drop_parts(text: str, value: float) -> str:
    """Return the text without parts that make up the value, as in "64, 32 of each"."""
    text = _TWO_PARTS.sub(lambda match: match[0] if int(match[1]) + int(match[3]) != value else "", text)
    text = _MORE_THAN.sub("", text)
    text = _SOME_OF_THEM.sub(lambda match: "" if int(match[1]) < value else match[0], text)
    return _EQUAL_PART.sub(lambda match: match[0] if value % int(match[1]) else "", text)


def _tokenize(text: str) -> list[_Token]:
    """Return the numbers, operators and boundaries of a text; a dash without a number before it is none."""
    tokens: list[_Token] = []
    for match in _TOKEN.finditer(text):
        token = _Token(str(match.lastgroup), match[0], match.start(), match.end())
        if token.kind != "operator" or (tokens and tokens[-1].kind == "number"):
            tokens.append(token)
    return tokens


def _has_accepted_number(statement: str, accepted: set[Fraction]) -> bool:
    return any(token.kind == "number" and token.value in accepted for token in _tokenize(statement))


def _check_calculations(tokens: Sequence[_Token]) -> tuple[set[Fraction], bool]:
    """Return the numbers of calculations with a result, and whether all of them are right."""
    workings: set[Fraction] = set()
    run: list[_Token] = []
    for token in [*tokens, _Token("break", "", 0, 0)]:
        if token.kind != "break":
            run.append(token)
            continue
        numbers, is_right = _check_run(run)
        if not is_right:
            return workings, False
        workings |= numbers
        run = []
    return workings, True


def _check_run(run: Sequence[_Token]) -> tuple[set[Fraction], bool]:
    """Return the numbers of one chain such as `3 + 4 = 7`, and whether each of its sides is right."""
    sides: list[list[_Token]] = [[]]
    for token in run:
        if token.kind == "equals":
            sides.append([])
        else:
            sides[-1].append(token)
    values = [_evaluate(side) for side in sides]
    numbers: set[Fraction] = set()
    for n in range(len(sides) - 1):
        left, right = values[n], values[n + 1]
        is_conversion = left == 1 and len(sides[n]) == len(sides[n + 1]) == 1
        if is_conversion and right is not None:
            numbers |= {right}
        has_operator = any(token.kind == "operator" for token in (*sides[n], *sides[n + 1]))
        if left is None or right is None or not has_operator:
            continue
        # "3 plus 4 is 7, times 2 is 14" continues with the result.
        first_of_right = sides[n + 1][0].value
        if left not in (right, first_of_right):
            return numbers, False
        numbers |= {t.value for side in sides[n : n + 2] for t in side if t.kind == "number"}
    return numbers, True


def _evaluate(side: Sequence[_Token]) -> Fraction | None:
    """Return the value of numbers and operators in turn, or None if the tokens are not a calculation."""
    if len(side) % 2 == 0 or any((t.kind == "number") != (n % 2 == 0) for n, t in enumerate(side)):
        return None
    if any(
        power.text in ("^", "**") and not 0 <= side[n + 1].value <= _LARGEST_EXPONENT
        for n, power in enumerate(side)
    ):
        return None
    terms = [_OPERATOR_SIGNS.get(token.text, token.text).replace(",", "") for token in side]
    try:
        return evaluate_terms(terms)
    except (ZeroDivisionError, ValueError, OverflowError):
        return None


def _states_value(
    text: str,
    tokens: Sequence[_Token],
    value: Fraction,
    instruction_values: set[Fraction],
    workings: set[Fraction],
) -> bool:
    """Return whether the value is stated, not only as a term, before any other number."""
    stated = [
        token
        for n, token in enumerate(tokens)
        if token.kind == "number" and "operator" not in _list_neighbor_kinds(tokens, n)
    ]
    values = [token.value for token in stated]
    if value not in values:
        return False
    if value in instruction_values:
        return _is_chosen(text, stated, value)
    return all(number in instruction_values | workings for number in values[: values.index(value)])


def _list_neighbor_kinds(tokens: Sequence[_Token], position: int) -> list[str]:
    return [tokens[n].kind for n in (position - 1, position + 1) if 0 <= n < len(tokens)]


def _is_chosen(text: str, stated: Sequence[_Token], value: Fraction) -> bool:
    """Return whether the value is chosen among the numbers of the instruction: the last, or explained."""
    if stated[-1].value == value:
        return True
    rest = text[stated[0].end :]
    return stated[0].value == value and bool(
        re.match(
            r"\s*[:;–—]\s*[\d.]+ ?[*/+x^-]|\W*(?:is|are|because|since|as|which|has|\()|[^\d,]*[.!](?:\s|$)",
            rest,
        )
    )


def _has_unit(
    text: str, tokens: Sequence[_Token], accepted: set[Fraction], units: Sequence[str] | None
) -> bool:
    """Return whether the words after the value, each time it is stated, are a unit that was asked for."""
    if units is None:
        return True
    names = sorted((unit.casefold() for unit in units), key=len, reverse=True)
    # A later paragraph explains, and may say "per".
    starts = [token.start for token in tokens if token.kind == "number" and token.value in accepted]
    end = text.find("\n\n", starts[0]) if starts else -1
    for n, token in enumerate(tokens):
        if 0 <= end < token.start:
            break
        if not starts:
            break
        is_term = any(tokens[n + step].kind == "operator" for step in (-1, 1) if 0 <= n + step < len(tokens))
        is_remark = token.start > starts[0] and any(
            aside.start() < token.start < aside.end() for aside in _FREE_REMARK.finditer(text)
        )
        if token.kind != "number" or token.value not in accepted or is_term or is_remark:
            continue
        currency = _CURRENCY_BEFORE.search(text[: token.start])
        if currency and currency[0].strip() not in names:
            return False
        rest = text[token.end :]
        match = _UNIT.match(rest)
        if not match or match[1] in FUNCTION_WORDS | _UNITLESS_WORDS or match[1].endswith("ed"):
            continue
        written = rest.lstrip(" -")
        if not any(re.match(rf"{re.escape(name)}(?![^\W_])(?! {_OTHER_SCALE})", written) for name in names):
            return False
    return True
