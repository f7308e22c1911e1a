"""Defects that make a generated text unusable, as an instruction or as a response."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import groupby

from phases.scoring.ngrams import compute_distinct_share, list_words, reduce_to_words
from phases.verifiers.text import split_sentences

CHAT_TOKEN = re.compile(
    r"<\|[^|<>\n]{1,40}\|>|<(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>|</?s>|<(?:bos|eos|pad|unk)>"
)
LABEL = re.compile(
    r"\b(?:Instruction|Response|Human|User|Assistant|System|Task ?\d*)\s*:|^\s*(?:Input|Output|Q|A)\s*:"
    r"|^#+ *(?:Instruction|Response|Input|Output|Question|Answer|Human|User|Assistant|System|Task)\b",
    re.MULTILINE,
)
"""Labels of turns and records, which show that a text runs on into the next one."""
MARKUP = re.compile(r"</?\w+[^<>]*>")
JUNK = re.compile(r"https?://|www\.|\ufffd|[\x00-\x08\x0b-\x1f\x7f]|_{5,}|\\[a-z]+\{")
"""Links, control characters and blanks to fill in."""
INLINE_INPUT = re.compile(r":\s*\S.*|[\"'“‘(]\w[^\"'”’)]*[\"'”’)]")
"""Input text within an instruction: after a colon, in quotes or in brackets."""
_MAX_WORD_RUN = 3
_MAX_LINE_COUNT = 2
"""Limits: repetitions of a word in a row, and occurrences of a line."""
_ITEM_MARK = re.compile(r"^\s*(?:\d+[.)]|[-*•])(?:\s+|$)")
_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_MIN_STATEMENT_WORDS = 3
"""A sentence or an item of a list with this many words is not repeated by a good text."""
_MIN_ITEMS = 3
_MIN_DISTINCT_SHARE = 0.5
_MIN_WORDS_TO_REPEAT = 8

Predicates = Mapping[str, Callable[[], object]]
"""For each problem, in order of precedence, a function with a true result if the text has it."""


def find_first_problem(predicates: Predicates) -> str | None:
    """Return the name of the first problem that a text has, or None."""
    return next((name for name, has_problem in predicates.items() if has_problem()), None)


def is_repetitive(text: str) -> bool:
    """Return whether a text repeats a word, a line or a statement, or has few distinct 3-grams."""
    words = list_words(text)
    lines = Counter(line.strip() for line in text.splitlines() if line.strip())
    if max(lines.values(), default=0) > _MAX_LINE_COUNT:
        return True
    if any(len(list(run)) > _MAX_WORD_RUN for _, run in groupby(words)):
        return True
    statements = list_statements(text)
    if len(set(statements)) < len(statements):
        return True
    return len(words) >= _MIN_WORDS_TO_REPEAT and compute_distinct_share([text]) < _MIN_DISTINCT_SHARE


def list_statements(text: str) -> list[str]:
    """Return the words of each sentence and item of a text, without tags, code and short ones."""
    lines = MARKUP.sub("\n", _CODE.sub(" ", text)).splitlines()
    sentences = [reduce_to_words(s) for line in lines for s in split_sentences(_ITEM_MARK.sub("", line))]
    return [sentence for sentence in sentences if len(sentence.split()) >= _MIN_STATEMENT_WORDS]


def has_equal_items(text: str) -> bool:
    """Return whether a list of short lines names an item twice."""
    items = [reduce_to_words(_ITEM_MARK.sub("", line)) for line in text.splitlines() if line.strip()]
    is_list = len(items) >= _MIN_ITEMS and all(len(item.split()) < _MIN_STATEMENT_WORDS for item in items)
    return is_list and len(set(items)) < len(items)


def has_empty_item(text: str) -> bool:
    """Return whether an item of a list has no text."""
    lines = text.splitlines()
    return len(lines) > 1 and any(line.strip() and not _ITEM_MARK.sub("", line).strip() for line in lines)
