"""Evaluate the arithmetic that an instruction asks for, if its wording is unambiguous.

The grammar covers questions ("What is 6 times 7?", "half of 30", "the sum of 2 and 9") and consecutive steps
("Add 6 and 4, then multiply the result by 3."). An instruction with any other word has no value.
"""

import operator
import re
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Final

from phases.verifiers.number_words import replace_number_words

_OPERATORS: Final[dict[str, Callable[[Fraction, Fraction], Fraction]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
}
_OPERATOR_WORDS: Final = (
    (r"\bplus\b", "+"),
    (r"\bminus\b", "-"),
    (r"\btimes\b|\bmultiplied (?:by|with)\b|(?<=[\d) ])[x×](?= ?[\d(])", "*"),
    (r"\bdivided by\b|÷", "/"),
)
_OPERATION: Final = re.compile(
    r"[-+*/^×÷%]|\b(?:plus|minus|times|x|multipl\w+|divid\w+|sum|difference|product|quotient|half|halve|third"
    r"|quarter|double|twice|triple|squared?|cubed|power|percent|add|subtract|take|start|begin|go|fit)\b|\dx"
)
"""A sign or a word that any arithmetic has."""
_NUMBER: Final = r"(\d+(?:\.\d+)?)"
_FORM_OF_ANSWER: Final = re.compile(
    r"[.?!,] (?:please )?(?:(?:answer|reply|respond|write|give|say|state|use)\b[ ,]*)?"
    r"(?:\b(?:me|only|just|the|your|it|this|final|answer|result|with|in|as|using|an?|one|single|full|complete|short|words?|sentence|digits?|figures?"
    r"|numbers?|nothing else|exactly|at most|no more than|two|please)\b[ ,]*)+$"
)
"""A last clause such as "Answer in words.", which says nothing about the value."""
_QUESTION: Final = re.compile(
    r"(?:^|.*[:,] )(?:please )?(?:what (?:is|does|do|are)|what's|how much (?:is|are|do|does)|calculate"
    r"|compute|work out|find|determine|evaluate|solve|give(?: me)?) (?:the (?:result|value) of )?"
    r"(.*?)(?: equal| make)?"
)
_STEPS_OF_QUESTION: Final = re.compile(
    r"what (?:number |result )?(?:(?:do|would|will) (?:you|i|we) get|does one get|is the result|is left"
    r"|remains) (?:when|if) (?:you|i|we|one) (.*)"
)
_HOW_OFTEN: Final = re.compile(
    rf"how (?:often|many \*) (?:does|will|can) {_NUMBER} (?:go|fit) into {_NUMBER}"
)
_PARENTHESES: Final = re.compile(r"\(([^()]*)\)")
_NAMED_OPERATIONS: Final = (
    (rf"(?:the )?sum of {_NUMBER} and {_NUMBER}", "+"),
    (rf"(?:the )?difference (?:between|of) {_NUMBER} and {_NUMBER}", "-"),
    (rf"(?:the )?product of {_NUMBER} and {_NUMBER}", "*"),
    (rf"(?:the )?quotient of {_NUMBER} and {_NUMBER}", "/"),
)
_EXPRESSIONS: Final = (
    (r",? (?:in|as) (?:an? )?(?:words?|digits?|figures|numbers?|numerals?)$", ""),
    (rf"^half of {_NUMBER}$", r"\1 / 2"),
    (rf"^a third of {_NUMBER}$", r"\1 / 3"),
    (rf"^a quarter of {_NUMBER}$", r"\1 / 4"),
    (rf"^(?:double|twice) {_NUMBER}$", r"2 * \1"),
    (rf"^triple {_NUMBER}$", r"3 * \1"),
    (rf"^the square of {_NUMBER}$|^{_NUMBER} squared$", r"\1\2 ^ 2"),
    (rf"^{_NUMBER} to the power of (\d)$", r"\1 ^ \2"),
    (rf"^{_NUMBER} cubed$|^{_NUMBER} to the third power$", r"\1\2 ^ 3"),
    (rf"^{_NUMBER} ?(?:%|percent) of {_NUMBER}$", r"\1 * \2 / 100"),
)
"""Forms of a question, with the expressions that they ask for."""
_FIRST_STEPS: Final = (
    (rf"(?:add|sum)(?: up| together)? {_NUMBER} (?:and|to) {_NUMBER}(?: together)?", "+"),
    (rf"multiply {_NUMBER} (?:and|by|with) {_NUMBER}", "*"),
    (rf"divide {_NUMBER} by {_NUMBER}", "/"),
)
_DIFFERENCE: Final = re.compile(rf"(?:subtract|take(?: away)?) {_NUMBER}(?: away)? from {_NUMBER}")
_RESULT: Final = (
    r"(?:the (?:result|answer|sum|product|difference|quotient|number)|it|that|this"
    r"|what (?:is left|remains|you (?:get|have)))"
)
_LATER_STEPS: Final = (
    (rf"add {_NUMBER}(?: to {_RESULT})?", "+"),
    (rf"(?:subtract|take away|take) {_NUMBER}(?: away)?(?: from {_RESULT})?", "-"),
    (rf"multiply(?: {_RESULT})? by {_NUMBER}", "*"),
    (rf"divide(?: {_RESULT})? by {_NUMBER}", "/"),
)
_REQUEST_FOR_RESULT: Final = (
    r"(?:give|say|write|tell me) (?:the|your) (?:result|answer)(?: as a (?:word|number)| in words)?"
)


def evaluate_instruction(instruction: str) -> Fraction | None:
    """Return the number that an instruction asks for, or None if its wording is not fully understood."""
    text = " ".join(instruction.casefold().split()).rstrip(" ?.!=")
    if not _OPERATION.search(text):
        return None
    text = _FORM_OF_ANSWER.sub("", text).rstrip(" ?.!=")
    text = replace_number_words(re.sub(r"(?<=\d),(?=\d{3}\b)", "", text))
    for words, sign in _OPERATOR_WORDS:
        text = re.sub(words, sign, text)
    try:
        if steps := _STEPS_OF_QUESTION.fullmatch(text):
            return _evaluate_steps(steps[1])
        if division := _HOW_OFTEN.fullmatch(text):
            return Fraction(division[2]) / Fraction(division[1])
        question = _QUESTION.fullmatch(text)
        value = _evaluate_expression(question[1] if question else text)
        return _evaluate_steps(text) if value is None else value
    except ZeroDivisionError:
        return None


def _evaluate_expression(text: str) -> Fraction | None:
    if (value := _evaluate_operation(_NAMED_OPERATIONS, text)) is not None:
        return value
    while inner := _PARENTHESES.search(text):
        if (value := _evaluate_expression(inner[1])) is None or value < 0 or value.denominator > 1:
            return None
        text = text.replace(inner[0], str(value))
    for form, expression in _EXPRESSIONS:
        text = re.sub(form, expression, text)
    if match := re.fullmatch(rf"(?:the )?sum of ({_NUMBER}(?:, {_NUMBER})+,? and {_NUMBER})", text):
        text = re.sub(r",? and |, ", " + ", match[1])
    if not re.fullmatch(rf"{_NUMBER}(?: ?[-+*/^] ?{_NUMBER})+", text):
        return None
    return evaluate_terms(re.findall(r"[\d.]+|[-+*/^]", text))


def _evaluate_operation(forms: Iterable[tuple[str, str]], text: str) -> Fraction | None:
    """Return the value of an operation on two numbers, or None if the text has none of the forms."""
    for form, sign in forms:
        if match := re.fullmatch(form, text):
            return _OPERATORS[sign](Fraction(match[1]), Fraction(match[2]))
    return None


def evaluate_terms(tokens: list[str]) -> Fraction:
    """Return the value of alternating numbers and signs; powers bind most tightly, sums least."""
    numbers = [Fraction(token) for token in tokens[::2]]
    signs = tokens[1::2]
    for precedence in ("^", "*/", "+-"):
        position = 0
        while position < len(signs):
            if signs[position] not in precedence:
                position += 1
                continue
            operate = _OPERATORS[signs.pop(position)]
            numbers[position : position + 2] = [operate(numbers[position], numbers[position + 1])]
    return numbers[0]


def _evaluate_steps(text: str) -> Fraction | None:
    clauses = re.split(r",? and then |,? then |, and |, | and (?=[a-z])", text.removeprefix("first "))
    value = _evaluate_first_step(clauses[0])
    for clause in clauses[1:]:
        if value is None:
            return None
        value = _evaluate_later_step(value, clause)
    return value


def _evaluate_first_step(clause: str) -> Fraction | None:
    if (value := _evaluate_operation(_FIRST_STEPS, clause)) is not None:
        return value
    if match := _DIFFERENCE.fullmatch(clause):
        return Fraction(match[2]) - Fraction(match[1])
    if match := re.fullmatch(rf"multiply {_NUMBER} by itself", clause):
        return Fraction(match[1]) ** 2
    if match := re.fullmatch(rf"(?:take|start with|begin with) ({_NUMBER} [-+*/] {_NUMBER})", clause):
        return _evaluate_expression(match[1])
    form = rf"(take|start with|begin with|double|halve|square) (?:the number )?{_NUMBER}"
    if match := re.fullmatch(form, clause):
        number = Fraction(match[2])
        return {"double": 2 * number, "halve": number / 2, "square": number**2}.get(match[1], number)
    return None


def _evaluate_later_step(value: Fraction, clause: str) -> Fraction | None:
    for form, sign in _LATER_STEPS:
        if match := re.fullmatch(form, clause):
            return _OPERATORS[sign](value, Fraction(match[1]))
    if match := re.fullmatch(rf"(double|halve) {_RESULT}", clause):
        return 2 * value if match[1] == "double" else value / 2
    return value if re.fullmatch(_REQUEST_FOR_RESULT, clause) else None
