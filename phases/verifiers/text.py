"""Splitting, normalizing and searching text: the primitives of the verifiers."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

QUOTES: Final = "\"'“”„‘’‚«»`"
CLOSING_MARKS: Final = r"(?:[\"'”’“»)\]*_`]|[ \u00a0\u202f]»)*"
"""Pattern of the quotes, brackets and emphasis that may follow the mark that ends a sentence."""
STRAIGHT_MARKS: Final = str.maketrans("‘’‐‑−", "''---")
"""Translation of typographic apostrophes, hyphens and minus signs into ASCII."""
CACHED_TEXTS: Final = 4096
"""Texts of which a function keeps its result: the checks of a prompt read the same response and answers."""

NUMBERED_LINE: Final = re.compile(r"(\d+)[.)]\s+(\S.*)")
BULLET_LINE: Final = re.compile(r"[-*•]\s+(\S.*)")
WORD_PART: Final = re.compile(r"\d+(?:[.,:]\d+)+|[^\W_]+")
"""The parts of words: `bird` and `s` of "bird's"."""

_PICTURES: Final = re.compile(
    "[ \t]*[\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\ufe0f\u200d\U0001f000-\U0001faff\U000e0020-\U000e007f]+"
)
_EMOTICON: Final = re.compile(r"[ \t]+[:;]-?[)(DP](?=\s|$)")
_WORD: Final = re.compile(
    r"(?<![^\W_])[^\W\d_](?:\.[^\W\d_])+(?![^\W_])|[^\W_]+(?:(?:['’‐‑-]|(?<=\d)[.,:](?=\d))[^\W_]+)*"
)
_SENTENCE_END: Final = re.compile(rf"[.!?…]+({CLOSING_MARKS})(?=\s|$)")
# "I." ends a sentence more often than it is an initial.
_ABBREVIATION: Final = re.compile(
    r"(?:\b(?i:mr|mrs|ms|dr|prof|st|vs|e\.g|i\.e|approx|esp|cf)|\b(?!I\.)[A-Z]|^\s*\d+)\.$"
)
_ABBREVIATION_BEFORE_SMALL_LETTER: Final = re.compile(
    r"\b(?:etc|pl|sg|masc|fem|lit|abbr|a\.m|p\.m|jr|sr|inc|ltd|co)\.$", re.IGNORECASE
)
_TIME_AT_START: Final = re.compile(
    r"^\s*(?:\w+,? )?(?:at|by|around|until|before|after|from|since) [\w:]+ [ap]\.m\.$", re.IGNORECASE
)
"""A time of day that begins a sentence, as in "At 3 a.m. I can buy noodles"."""
_ABBREVIATION_BEFORE_DIGIT: Final = re.compile(r"\b(?:no|ca?|approx)\.$", re.IGNORECASE)
_VERB_OF_SPEECH: Final = re.compile(r"(?:went|goes|said|says|cried|cries|shouted|asked) ")
"""A verb after an exclamation, as in "Boom! went the clouds"."""
_BRITISH_SPELLINGS: Final = {"grey": "gray", "colour": "color", "colours": "colors"}


def strip_pictures(text: str) -> str:
    """Return the text without emoji, emoticons and similar pictures, and without the spaces before them."""
    return _EMOTICON.sub("", _PICTURES.sub("", text))


def strip_latex(text: str) -> str:
    """Return the text with simple formulas in LaTeX as plain text."""
    if not re.search(r"[\\$_]", text):
        return text
    for pattern, plain in _LATEX:
        text = pattern.sub(plain, text)
    return text


_LATEX: Final = tuple(
    (re.compile(pattern), plain)
    for pattern, plain in (
        (r"\\(?:boxed|text|mathrm|mathbf|textbf)\{([^{}]*)\}", r"\1"),
        (r"\\(?:boxed|text|mathrm|mathbf|textbf)\{([^{}]*)\}", r"\1"),
        (r"\\d?frac\{([^{}]*)\}\{([^{}]*)\}", r"\1/\2"),
        (r"\\sqrt\{([^{}]*)\}", r"√\1"),
        (r"\\(?:times|cdot)\b", "×"),
        (r"\\div\b", "÷"),
        (r"\^?\{?\^?\\circ\}?", "°"),
        (r"\\(?:quad|,|;|!| )|\\[()\[\]]", " "),
        (r"\$\$?(?=\S)([^$\n]*[^$\s])\$\$?(?!\d)", r"\1"),
        (r"(?<=[A-Z])_\{?(\d+)\}?", r"\1"),
        (r"(?<=\d)\^\{(\d+)\}", r"^\1"),
    )
)


def split_words(text: str) -> list[str]:
    """Return the words of a text in NFC, so that an accent never separates two letters."""
    return list(_find_words(text))


@lru_cache(CACHED_TEXTS)
def _find_words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(unicodedata.normalize("NFC", text)))


def split_lines(text: str) -> list[str]:
    """Return the stripped lines of a text, without blank ones."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def split_paragraphs(text: str) -> list[str]:
    """Return the blocks of lines between blank lines."""
    return [block.strip() for block in re.split(r"\n\s*\n", text) if block.strip()]


def split_sentences(text: str) -> list[str]:
    """Return the sentences of a text.

    A sentence ends at a run of . ! ? or an ellipsis and any closing quotes, brackets or emphasis, if
    whitespace or the end of the paragraph follows. It does not end after a common abbreviation, a single
    capital other than I, or the number of a list item, nor at the end of a quotation that a small letter
    follows ("Stop!" he said). Text after the last end counts if it contains a word.
    """
    return list(_find_sentences(text))


@lru_cache(CACHED_TEXTS)
def _find_sentences(text: str) -> tuple[str, ...]:
    sentences = []
    for paragraph in split_paragraphs(text):
        start = 0
        for end in _SENTENCE_END.finditer(paragraph):
            sentence, rest = paragraph[start : end.end()], paragraph[end.end() :].lstrip()
            last_line = sentence.rsplit("\n", 1)[-1]
            if rest and _continues_sentence(last_line, end[1], rest.lstrip(QUOTES + "([")):
                continue
            sentences.append(sentence.strip())
            start = end.end()
        sentences.append(paragraph[start:].strip())
    return tuple(sentence for sentence in sentences if split_words(sentence))


def _continues_sentence(last_line: str, closing_marks: str, rest: str) -> bool:
    """Return whether a sentence continues after a mark that may end it.

    Args:
        last_line: the last line of the sentence so far.
        closing_marks: quotes, brackets and emphasis after the mark.
        rest: the text that follows, without opening quotes and brackets.
    """
    if set(closing_marks) & set(QUOTES) and rest[:1].islower():
        return True
    if _VERB_OF_SPEECH.match(rest):
        return True
    return bool(
        _ABBREVIATION.search(last_line)
        or _TIME_AT_START.match(last_line)
        or (_ABBREVIATION_BEFORE_SMALL_LETTER.search(last_line) and not rest[:1].isupper())
        or (_ABBREVIATION_BEFORE_DIGIT.search(last_line) and rest[:1].isdigit())
    )


def split_items(text: str) -> list[str]:
    """Return the items of a list: numbered or bulleted lines, other lines, or comma-separated parts.

    The first line is a heading if it ends with a colon. If any other line without a marker is among
    numbered or bulleted lines, the text is not a list and has no items.
    """
    lines = split_lines(text)
    layouts = (NUMBERED_LINE, BULLET_LINE)
    if (
        len(lines) > 1
        and lines[0].endswith(":")
        and not any(layout.fullmatch(lines[0]) for layout in layouts)
    ):
        lines = lines[1:]
    for layout in layouts:
        matches = [layout.fullmatch(line) for line in lines]
        if any(matches):
            return [match.groups()[-1].strip() for match in matches if match] if all(matches) else []
    if len(lines) > 1:
        return lines
    parts = re.split(r",|;|\band\b|\bor\b|&", "".join(lines).rstrip(".!"))
    return [part.strip() for part in parts if part.strip()]


@lru_cache(CACHED_TEXTS)
def normalize(text: str) -> str:
    """Return the text normalized: NFC, case-folded, straight marks, no outer quotes or final punctuation."""
    straight = unicodedata.normalize("NFC", text).translate(STRAIGHT_MARKS)
    folded = " ".join(straight.casefold().split())
    return folded.strip(QUOTES + " ").rstrip(".!?,;:…").strip(QUOTES + " ")


def strip_article(phrase: str) -> str:
    """Return a normalized phrase without a leading English article."""
    return re.sub(r"^(?:a|an|the)\s+", "", phrase)


def unify_spelling(phrase: str) -> str:
    """Return a normalized phrase with British spellings of colors replaced by American ones."""
    return " ".join(_BRITISH_SPELLINGS.get(word, word) for word in phrase.split())


def count_phrase(text: str, phrase: str) -> int:
    """Return how often a word or phrase occurs in a text."""
    wanted = WORD_PART.findall(unicodedata.normalize("NFC", phrase).casefold())
    parts = WORD_PART.findall(unicodedata.normalize("NFC", text).casefold())
    if not wanted:
        return text.count(phrase)
    return sum(parts[n : n + len(wanted)] == wanted for n in range(len(parts) - len(wanted) + 1))


def has_phrase(text: str, phrase: str) -> bool:
    """Return whether a word or phrase occurs in a text."""
    return count_phrase(text, phrase) > 0


def is_within(number: float, at_least: float | None, at_most: float | None) -> bool:
    """Return whether a number lies within the bounds, inclusive; None sets no bound."""
    return (at_least is None or number >= at_least) and (at_most is None or number <= at_most)
