"""Numeric answers as text with digits and plain signs, and sums in words as sums."""

import re
from functools import lru_cache
from typing import Final

from phases.verifiers.assertion import spell_in_digits
from phases.verifiers.number_words import NUMBER_WORDS, replace_fractions
from phases.verifiers.statements import strip_emphasis, strip_hedges
from phases.verifiers.text import CACHED_TEXTS

_POWERS: Final = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", (f"^{digit}" for digit in range(10)), strict=True))
_SIGNS: Final = str.maketrans({"√": " ", "±": " ", "×": "*", "·": "*", "÷": "/", "−": "-"})
_SPACED_THOUSANDS: Final = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:[ \u00a0\u202f'’]\d{3})+(?![\d.,]*\d)")
_LIST_NUMBER: Final = re.compile(r"^[ \t]*\d{1,2}[.)][ \t]+(?=\S)", re.MULTILINE)
_FOR_EACH: Final = re.compile(
    r" (?:per|for each|for every|an?) (?:side|team|person|head|child|friend|piece|player)\b"
)
_EQUALS: Final = re.compile(
    r"\b(?:(?:is|are) (?:equal to|equivalent to|the same as)|equals to"
    r"|(?:rounds?|rounded|comes|amounts|adds? up|adds|works? out|sums? up|sums?|come)(?: up| down| out)?"
    r" (?:to|at|as)|leaves(?= \d))\b"
)
"""Words that say that a calculation has a result."""
_MULTIPLES: Final = {
    "sixes" if word == "six" else f"{word}s": value
    for word, value in NUMBER_WORDS.items()
    if 1 < value <= 12  # noqa: PLR2004
}
_TIMES: Final = re.compile(rf"(\d+) ({'|'.join(_MULTIPLES)})(?= (?:is|are|makes?|gives?|equals?|=))")
"""A product such as "nine nines are 81"."""
_TERMS: Final = re.compile(
    r"\b((?:the|all|both|these|those|our) )\d+ ?"
    r"(?=(?:numbers?|terms?|values?|figures?|amounts?|lengths?|sides?|together|up)\b|,)"
)
"""A count of the numbers that are given, as in "the three numbers add up to 25"."""
_CONDITION: Final = re.compile(
    r",? (?:if|provided(?: that)?|assuming(?: that)?|as long as) [^.,;:!?\d]+(?=[.,;:!?]|$)"
)
"""A condition of the answer, as in "180 kilometres if it keeps its speed"."""
_PARTS: Final = re.compile(
    r"\ba (?:half|third|quarter|tenth|fifth|hundredth) (?:of (?:it|that) )?is [\d.]+, so (?:an? \w+ is )?"
    r"|\b\d+ (?:on|for|in|per) (?:each|every|either) \w+, (?:so )?"
    r"(?=\d+ (?:altogether|in all|(?:in )?total)\b)"
)
"""A part before the whole, as in "4 on each side, 8 altogether"."""


@lru_cache(CACHED_TEXTS)
def read_numbers(text: str) -> str:
    """Return the text with numbers in digits, plain signs, and sums such as "7 and 5 make 12" as sums."""
    text = _LIST_NUMBER.sub("", text) if len(_LIST_NUMBER.findall(text)) > 1 else text
    text = _SPACED_THOUSANDS.sub(lambda match: re.sub(r"\D", "", match[0]), text)
    powers = re.sub(r"(?<=\d)[⁰¹²³⁴-⁹]", lambda match: _POWERS[match[0]], strip_hedges(strip_emphasis(text)))
    spelled = replace_fractions(spell_in_digits(powers).translate(_SIGNS))
    spelled = re.sub(r"(?<=[a-z])/[a-z]+\b", "", spelled)  # As in "kilometres per hour".
    spelled = _EQUALS.sub("is", spelled)
    spelled = _FOR_EACH.sub("", spelled)
    spelled = re.sub(r"\b(?:twice|double) (\d+)", r"2 * \1", spelled)
    spelled = _TIMES.sub(lambda match: f"{match[1]} * {_MULTIPLES[match[2]]}", spelled)
    spelled = re.sub(r"(\d+(?:\.\d+)?) ?(?:%|percent) (?:of|\*|x) ?(?=\d)", r"\1 / 100 * ", spelled)
    spelled = re.sub(
        r"\b(\d+) \w+s of (\d+)((?: \w+)?)(?= (?:makes?|gives?|is|are|equals?)\b)", r"\1 * \2", spelled
    )
    spelled = _PARTS.sub("", _CONDITION.sub("", _TERMS.sub(r"\1", spelled)))
    spelled = re.sub(r"\b1 (?=(?:half|third|quarter|fourth|fifth|sixth|eighth|tenth)\b)", "a ", spelled)
    return re.sub(r"(\d+) and (\d+)(?= (?:makes?|gives?|is|are|equals?)\b)", r"\1 + \2", spelled)
