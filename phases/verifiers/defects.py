"""Defects that fail every response: echoing the instruction and rambling."""

import re
from functools import lru_cache
from typing import Final

from phases.verifiers.form import parse_json
from phases.verifiers.text import CACHED_TEXTS, normalize, split_lines, split_sentences, split_words

_PROMPT_FORMAT: Final = re.compile(
    r"<\|[^|>]*\|>|</?s>|<(?:start|end)_of_turn>|\[/?INST\]|^\s*(?:Instruction|Response)\s*:", re.M
)
_NEXT_QUESTION: Final = re.compile(r"\n\s*(?:Question|Q)\s*:.*\n\s*(?:Answer|A)\s*:", re.I)
_NEXT_LIST: Final = re.compile(r"(?:[^\d\s][.!?][\"”*]*|^\W*\d+\W*)\n\s*1[.)] ")
_PRODUCT_AT_END: Final = re.compile(r"\d\s*[-+*/×·x÷=]\s*\d+\W*$")
"""Terms such as "2 × 2 × 2 × 2" are not a repetition."""
_ECHO_WORDS: Final = 3
"""A shorter instruction may occur in a correct answer."""
_REPEATED_UNIT_WORDS: Final = 4
"""A shorter line or sentence may legitimately occur twice."""


_LONG_SENTENCE_WORDS: Final = 15
_DIFFERENT_WORDS: Final = 0.5
"""Least share of different words in a long sentence that does not ramble."""
_REPEATED_WORDS: Final = 4
"""Words in a row that a long sentence does not say twice."""


def is_echo(instruction: str, response: str) -> bool:
    """Return whether the response repeats the complete instruction (three words or more), ignoring case."""
    instruction_words = [word.casefold() for word in split_words(instruction)]
    words = [word.casefold() for word in split_words(response)]
    n = len(instruction_words)
    return n >= _ECHO_WORDS and any(
        words[start : start + n] == instruction_words for start in range(len(words) - n + 1)
    )


@lru_cache(CACHED_TEXTS)
def is_ramble(response: str) -> bool:
    """Return whether a response contains prompt format or chat tokens, or repeats itself.

    It repeats itself if all of its lines (two or more) are equal (except for a line and the same in
    capitals), if a sentence or line of four words or more occurs twice, if it ends with the same two to eight
    words, or the same number, four times in a row, or if a long sentence says the same few words again ("the
    one that comes after it and the one after that").
    Another question with its answer, and a numbered list after a finished sentence, are rambles as well.
    """
    data = parse_json(response)
    if isinstance(data, dict):  # A question and its answer may share words.
        return any(is_ramble(value) for value in data.values() if isinstance(value, str))
    is_next_turn = any(each.search(response) for each in (_PROMPT_FORMAT, _NEXT_QUESTION, _NEXT_LIST))
    if is_next_turn or any(map(_repeats_words, split_sentences(response))):
        return True
    lines = [normalize(line) for line in split_lines(response)]
    are_cases = {line.isupper() for line in split_lines(response)}
    is_recased = len(lines) == len(are_cases) == 2  # noqa: PLR2004 - as in "casa, CASA"
    if len(lines) > 1 and len(set(lines)) == 1 and not is_recased:
        return True
    for units in (split_lines(response), split_sentences(response)):
        long = [normalize(unit) for unit in units if len(split_words(unit)) >= _REPEATED_UNIT_WORDS]
        if len(set(long)) < len(long):
            return True
    words = [word.casefold() for word in split_words(response)]
    if _PRODUCT_AT_END.search(response):
        return False
    tails = [words[-n:] for n in range(1, 9) if words[-4 * n :] == words[-n:] * 4]
    return any(len(set(tail)) > 1 or not tail[0].isalpha() for tail in tails if tail)


def _repeats_words(sentence: str) -> bool:
    words = [word.casefold() for word in split_words(sentence)]
    if len(words) < _LONG_SENTENCE_WORDS:
        return False
    runs = [tuple(words[n : n + _REPEATED_WORDS]) for n in range(len(words) - _REPEATED_WORDS + 1)]
    various = [run for run in runs if len(set(run)) > 1]
    return len(set(words)) < _DIFFERENT_WORDS * len(words) or len(set(various)) < len(various)
