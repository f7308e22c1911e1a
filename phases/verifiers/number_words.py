"""English numbers in words, and their values."""

import re
from fractions import Fraction
from typing import Final

_BELOW_TWENTY: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
NUMBER_WORDS: Final = (
    {word: n for n, word in enumerate(_BELOW_TWENTY)}
    | {word: 10 * n for n, word in enumerate(_TENS, 2)}
    | {
        f"{tens}-{ones}": 10 * n + m
        for n, tens in enumerate(_TENS, 2)
        for m, ones in enumerate(_BELOW_TWENTY[1:10], 1)
    }
    | {"hundred": 100, "thousand": 1000}
)
"""Number words and their values."""

_ONES: Final = "|".join(_BELOW_TWENTY[1:10])
_BELOW_100: Final = rf"(?:(?:{'|'.join(_TENS)})(?:[ -](?:{_ONES}))?|{'|'.join(_BELOW_TWENTY)})"
_BELOW_1000: Final = rf"(?:(?:(?:{_BELOW_100}|a) )?hundred(?: (?:and )?{_BELOW_100})?|{_BELOW_100})"
_DOZENS: Final = rf"(?:(?:half a|a|{_BELOW_100}) )?dozen"
_THOUSANDS: Final = rf"(?:(?:{_BELOW_1000}|a) )?thousand(?: (?:and )?{_BELOW_1000})?"
SPOKEN_NUMBER: Final = re.compile(rf"\b(?:{_DOZENS}|{_THOUSANDS}|{_BELOW_1000})\b", re.IGNORECASE)
"""A number in words, such as "a hundred", "two dozen" or "two thousand and forty-two"."""


def parse_spoken_number(spoken: str) -> int:
    """Return the value of a number in words, such as "two hundred and forty-two"."""
    total = group = 0
    for word in re.findall(r"[a-z]+", spoken.casefold()):
        if word == "dozen":
            group = 6 if "half" in spoken.casefold() else max(1, group) * 12
        elif word == "thousand":
            total, group = total + max(1, group) * 1000, 0
        elif word == "hundred":
            group = max(1, group) * 100
        else:
            group += NUMBER_WORDS.get(word, 0)  # "a" and "and" add nothing.
    return total + group


def spell_number(value: int) -> str:
    """Return an amount below a thousand, or a thousand, in words, such as "two hundred and forty-two"."""
    spoken = {number: word for word, number in NUMBER_WORDS.items()}
    hundreds, rest = divmod(value, 100)
    if value < 100 or hundreds >= 10:  # noqa: PLR2004
        return spoken.get(value, f"{value:,}")
    return f"{spoken[hundreds]} hundred" + (f" and {spoken[rest]}" if rest else "")


def replace_number_words(text: str) -> str:
    """Return a text with its numbers in words, such as "two hundred and forty-two", in digits."""
    return SPOKEN_NUMBER.sub(lambda match: str(parse_spoken_number(match[0])), text)


_SHARES: Final = {"half": Fraction(1, 2), "quarter": Fraction(1, 4), "quarters": Fraction(1, 4)}
_GLYPHS: Final = {"½": " 1/2", "¼": " 1/4", "¾": " 3/4"}
_MIXED_NUMBER: Final = re.compile(
    r"(?<![\w./])(?P<whole>\d+)(?: and)? (?:(?P<upper>\d)/(?P<lower>[2458]|10)(?![\w/.])"
    r"|(?<=and )(?:(?P<count>\d)|an?) (?P<share>half|quarters?)\b)"
)
"""A whole number with a fraction that has few decimals: "4 1/2" or "4 and a half"."""
_POINT: Final = re.compile(r"(?<![\w.])(\d+) point ((?:\d )*\d)\b")
_SIGN_WORD: Final = re.compile(r"(?<![\d)] )\b(?:minus|negative) (?=\d)")


def replace_fractions(text: str) -> str:
    """Return a text in small letters and digits with "4 and a half", "4 point 5" and "minus 4" in digits."""
    for glyph, fraction in _GLYPHS.items():
        text = text.replace(glyph, fraction)
    text = _MIXED_NUMBER.sub(_add_fraction, text)
    text = _POINT.sub(lambda match: f"{match[1]}.{match[2].replace(' ', '')}", text)
    return _SIGN_WORD.sub("-", text)


def _add_fraction(match: re.Match[str]) -> str:
    if match["share"]:
        fraction = _SHARES[match["share"]] * int(match["count"] or 1)
    else:
        fraction = Fraction(int(match["upper"]), int(match["lower"]))
    return f"{float(int(match['whole']) + fraction):g}"


def parse_count(text: str) -> int:
    """Return the value of digits or of a single number word."""
    return int(text) if text.isdecimal() else NUMBER_WORDS[text.casefold()]
