"""Filters for arithmetic: wrong equations, impossible results of word problems, and steps without a value."""

import itertools
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from phases.verifiers.arithmetic import evaluate_instruction, evaluate_terms
from phases.verifiers.number_words import NUMBER_WORDS

_NUMBER: Final = r"\d+(?:,\d{3})*(?:\.\d+)?"
_SIGNS: Final = {"plus": "+", "minus": "-", "times": "*", "multiplied by": "*", "divided by": "/"} | {
    sign: sign for sign in "+-*/"
}
_SIGN: Final = r"plus|minus|times|multiplied by|divided by|[-+*/]"
_EQUATION: Final = re.compile(
    rf"(?<![\w.,+*/=-])({_NUMBER}(?: (?:{_SIGN}) {_NUMBER})+) ?(?:is|are|equals|is equal to|makes|gives|=)"
    rf" ?(-?{_NUMBER})(?![\w%]|[.,]\d)(?! ?(?:{_SIGN}) \d)(?! (?:remainder|rest|r\b))"
)
_STEPS: Final = re.compile(
    r"^(?:please )?(?:first,? )?(?:add|subtract|multiply|divide|double|halve)\b", re.IGNORECASE
)
_ASKS_FOR_AMOUNT: Final = re.compile(r"[.,;!] how (?:many|much)\b[^?]*\?", re.IGNORECASE)
"""A question after the facts that answer it; other questions for amounts ask for knowledge."""
_CONVERSION: Final = re.compile(
    r"%|\b(?:percent|half|halves|third|quarter|twice|double|triple|dozen|pair|both|hours?|minutes?|seconds?|days?"
    r"|weeks?|months?|years?|k?g|k?m|cm|mm|met(?:er|re)s?|kilo\w+|cents?|even|odd|prime|digits?|letters?|words?"
    r"|vowels?|sides?|corners?|legs?|wheels?|between|remainder|squared?|sentences?|lines?)\b",
    re.IGNORECASE,
)
"""Words of problems that need other numbers than their own, or other operations than the basic four."""
_MOST_NUMBERS: Final = 3
_SERIES: Final = re.compile(
    r"\b(?:comes? next|next|continue|follows)\b[^:]*: ((?:-?\d+(?:, | and | ))+-?\d+)\W*$", re.IGNORECASE
)
_MIN_SERIES: Final = 3


def has_wrong_number(instruction: str, response: str) -> bool:
    """Return whether a response calculates wrongly, as far as its own or its instruction's words tell."""
    return (
        states_wrong_equation(response)
        or misses_word_problem(instruction, response)
        or misses_series(instruction, response)
    )


def states_wrong_equation(response: str) -> bool:
    """Return whether a response states a wrong result of numbers, such as "14 times 3 is 30"."""
    return any(
        not _is_value(terms, result) for terms, result in _EQUATION.findall(_normalize_signs(response))
    )


def misses_word_problem(instruction: str, response: str) -> bool:
    """Return whether no number of a response can result from the numbers of a word problem.

    Only problems of up to three numbers that need no other ones are judged.
    """
    if not _ASKS_FOR_AMOUNT.search(instruction) or _CONVERSION.search(instruction):
        return False
    instruction_numbers, response_numbers = _list_numbers(instruction), _list_numbers(response)
    if not 1 <= len(instruction_numbers) <= _MOST_NUMBERS or not response_numbers:
        return False
    results = set(response_numbers) - set(instruction_numbers) or set(response_numbers)
    return results.isdisjoint(_list_results(instruction_numbers))


def misses_series(instruction: str, response: str) -> bool:
    """Return whether a response does not continue a series of numbers with a constant step or factor."""
    match = _SERIES.search(instruction)
    listed_numbers = _list_numbers(match[1]) if match else []
    answered = _list_numbers(response)
    if len(listed_numbers) < _MIN_SERIES or not answered:
        return False
    steps = {later - earlier for earlier, later in itertools.pairwise(listed_numbers)}
    factors = {later / earlier for earlier, later in itertools.pairwise(listed_numbers) if earlier}
    following = [listed_numbers[-1] + step for step in steps if len(steps) == 1]
    following += [listed_numbers[-1] * factor for factor in factors if len(factors) == 1]
    return bool(following) and not set(following) & set(answered)


def is_arithmetic_without_value(instruction: str) -> bool:
    """Return whether an instruction asks for steps of arithmetic that have no clear result."""
    return (
        _STEPS.search(instruction) is not None
        and len(_list_numbers(instruction)) > 1
        and not re.search(r"[:'\"“]", instruction)
        and evaluate_instruction(instruction) is None
    )


def _normalize_signs(text: str) -> str:
    text = re.sub(r"[×✕]|(?<=\d )x(?= \d)", "*", text.casefold()).replace("÷", "/").replace("−", "-")
    return re.sub(r"(?<=\d)([+*])(?=\d)", r" \1 ", text)


def _is_value(terms: str, result: str) -> bool:
    """Return whether terms have a value, which may be rounded to the decimals of the result."""
    tokens = [_SIGNS.get(token, token.replace(",", "")) for token in re.findall(rf"{_NUMBER}|{_SIGN}", terms)]
    try:
        value = evaluate_terms(tokens)
    except ZeroDivisionError:
        return False
    decimals = len(result.partition(".")[2])
    return abs(value - Fraction(result.replace(",", ""))) <= Fraction(1, 2 * 10**decimals)


def _list_numbers(text: str) -> list[Fraction]:
    words = re.findall(rf"{_NUMBER}|[a-z]+(?:-[a-z]+)?", text.casefold())
    numbers = [Fraction(word.replace(",", "")) for word in words if word[0].isdigit()]
    return numbers + [Fraction(NUMBER_WORDS[word]) for word in words if word in NUMBER_WORDS]


def _list_results(numbers: Sequence[Fraction]) -> set[Fraction]:
    """Return what the basic operations make of the numbers, each used at most once, or the only number."""
    results = set(numbers[:1]) if len(numbers) == 1 else set()
    for count in range(2, len(numbers) + 1):
        for chosen in itertools.permutations(numbers, count):
            values = {chosen[0]}
            for number in chosen[1:]:
                values = {result for value in values for result in _combine(value, number)}
            results |= values
    return results


def _combine(one: Fraction, other: Fraction) -> list[Fraction]:
    results = [one + other, one - other, other - one, one * other]
    results += [one / other] if other else []
    return results + ([other / one] if one else [])
