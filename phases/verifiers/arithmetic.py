"""The value of the arithmetic that an instruction asks for, where its words leave no doubt.

It reads a question ("What is 6 times 7?", "half of 30", "the sum of 2 and 9") and steps one after another
("Add 6 and 4, then multiply the result by 3."). What it does not read to the last word has no value.
"""

import operator
import re
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Final

_OPERATORS: Final[dict[str, Callable[[Fraction, Fraction], Fraction]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
_WORDED: Final = (
    (r"\bplus\b", "+"),
    (r"\bminus\b", "-"),
    (r"\btimes\b|\bmultiplied by\b|[x×](?= \d)", "*"),
    (r"\bdivided by\b|÷", "/"),
)
_N: Final = r"(\d+(?:\.\d+)?)"
_ASKED: Final = re.compile(
    r"(?:^|.*[:,] )(?:what is|what's|what does|how much is|calculate|compute|work out|find)"
    r" (.*?)(?: equal| make)?"
)
_NAMED: Final = (
    (rf"(?:the )?sum of {_N} and {_N}", "+"),
    (rf"(?:the )?difference (?:between|of) {_N} and {_N}", "-"),
    (rf"(?:the )?product of {_N} and {_N}", "*"),
    (rf"(?:the )?quotient of {_N} and {_N}", "/"),
)
_IT: Final = r"(?:the (?:result|answer|sum|number)|it|that|this)"
_STEPS: Final = (
    (rf"add {_N}(?: to {_IT})?", "+"),
    (rf"(?:subtract|take away) {_N}(?: from {_IT})?", "-"),
    (rf"multiply(?: {_IT})? by {_N}", "*"),
    (rf"divide(?: {_IT})? by {_N}", "/"),
)
_FIRST_STEPS: Final = (
    (rf"(?:add|sum) {_N} (?:and|to) {_N}", "+"),
    (rf"multiply {_N} (?:and|by|with) {_N}", "*"),
    (rf"divide {_N} by {_N}", "/"),
)

_TOLD: Final = (
    r"(?:give|say|write|tell me) (?:the|your) (?:result|answer)(?: as a (?:word|number)| in words)?"
)


def evaluate_instruction(instruction: str) -> Fraction | None:
    """Return the number that is asked for, or None where it is not sure."""
    text = " ".join(instruction.casefold().split()).rstrip(" ?.!=")
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    for worded, sign in _WORDED:
        text = re.sub(worded, sign, text)
    try:
        asked = _ASKED.fullmatch(text)
        return _expression(asked[1]) if asked else _steps(text)
    except ZeroDivisionError:
        return None


def _expression(text: str) -> Fraction | None:
    if (named := _of_two(_NAMED, text)) is not None:
        return named
    if found := re.fullmatch(rf"(half of|double|twice|the square of) {_N}|{_N} (squared)", text):
        value = Fraction(found[2] or found[3])
        return {"half of": value / 2, "double": 2 * value, "twice": 2 * value}.get(found[1], value * value)
    if found := re.fullmatch(rf"{_N} ?(?:%|percent) of {_N}", text):
        return Fraction(found[1]) * Fraction(found[2]) / 100
    if not re.fullmatch(rf"{_N}(?: ?[-+*/] ?{_N})+", text):
        return None
    return _evaluate(re.findall(r"[\d.]+|[-+*/]", text))


def _of_two(forms: Iterable[tuple[str, str]], text: str) -> Fraction | None:
    """Return what the form that the text has makes of its two numbers, or None where it has none of them."""
    for form, sign in forms:
        if found := re.fullmatch(form, text):
            return _OPERATORS[sign](Fraction(found[1]), Fraction(found[2]))
    return None


def _evaluate(parts: list[str]) -> Fraction:
    """Return the value of numbers with signs between them: times and divided by bind more."""
    numbers, signs = [Fraction(part) for part in parts[::2]], parts[1::2]
    for binding in ("*/", "+-"):
        while found := next((n for n, sign in enumerate(signs) if sign in binding), -1) + 1:
            sign = signs.pop(found - 1)
            numbers[found - 1 : found + 1] = [_OPERATORS[sign](numbers[found - 1], numbers[found])]
    return numbers[0]


def _steps(text: str) -> Fraction | None:
    clauses = re.split(r",? and then |,? then |, and |, | and (?=[a-z])", text.removeprefix("first "))
    value: Fraction | None = None
    for clause in clauses:
        value = _first(clause) if value is None else _next(value, clause)
        if value is None:
            return None
    return value


def _first(clause: str) -> Fraction | None:
    if (value := _of_two(_FIRST_STEPS, clause)) is not None:
        return value
    if found := re.fullmatch(rf"subtract {_N} from {_N}", clause):
        return Fraction(found[2]) - Fraction(found[1])
    if found := re.fullmatch(rf"(take|start with|begin with|double|halve) (?:the number )?{_N}", clause):
        value = Fraction(found[2])
        return {"double": 2 * value, "halve": value / 2}.get(found[1], value)
    return None


def _next(value: Fraction, clause: str) -> Fraction | None:
    for form, sign in _STEPS:
        if found := re.fullmatch(form, clause):
            return _OPERATORS[sign](value, Fraction(found[1]))
    if found := re.fullmatch(rf"(double|halve) {_IT}", clause):
        return 2 * value if found[1] == "double" else value / 2
    return value if re.fullmatch(_TOLD, clause) else None
