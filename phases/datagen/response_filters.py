"""Filters for generated responses: functions that return the name of the first problem, or None."""

import re

from phases.datagen.text_filters import (
    CHAT_TOKEN,
    JUNK,
    LABEL,
    MARKUP,
    find_first_problem,
    has_empty_item,
    has_equal_items,
    is_repetitive,
)
from phases.scoring.ngrams import compute_jaccard, list_words, reduce_to_words, shingle
from phases.verifiers.infer import infer_checks
from phases.verifiers.languages import STOPWORDS

_ASKS_FOR_PART = re.compile(
    r"\b(?:repeat|extract|find all|mention(?:s|ed)|capitals?"
    r"|uppercase|lowercase|upper|lower|twice|times|quot\w+|say|(?<!use )the words?)\b",
    re.IGNORECASE,
)
"""The response may be a part of the instruction, word for word."""
_ASKS_TO_REARRANGE = re.compile(
    _ASKS_FOR_PART.pattern
    + r"|\b(?:order|sort|arrange|rank|alphabetical\w*|reverse|backwards|choose|pick|select|odd|first|last"
    r"|second|third|letters?|separate\w*|join|combine|split|bullet\w*|numbered|json|lines?|or|title|rewrite|change|correct"
    r"|turn|make)\b",
    re.IGNORECASE,
)
"""The response may be words of the instruction in another order or form."""
_ASKS_FOR_OTHER_WORD = re.compile(
    r"\b(?:rhym\w+|opposite|antonym|synonym|same as|means|past tense of|plural of|feminine of)\b",
    re.IGNORECASE,
)
_ASKS_FOR_NEW_WORD = re.compile(
    r"(?:how (?:old|many|much|long|far|often|are|is|does|did|can)|why|when|who (?:is|was|are))\b[^:,'\"]*\?$",
    re.IGNORECASE,
)
_WORD_TO_USE = re.compile(r"\b(?<!not )use the words? ['\"](\w+)['\"]", re.IGNORECASE)
_ASKS_FOR_CHARACTERS = re.compile(
    r"\b(?:letters?|vowels?|consonants?|alphabet|numbers?|digits?|count)\b", re.IGNORECASE
)
"""The response may consist of single letters or digits."""
_ASKS_TO_CONTINUE = re.compile(
    r"^(?:please )?(?:continue|complete) the (?:sequence|list|pattern|series)\b[^:]*:", re.IGNORECASE
)
_ASKS_FOR_LONG_TEXT = re.compile(
    r"^(?:please )?(?:write|compose|draft|create|invent|tell)(?: me)? (?:an? )?(?:[\w-]+ )?(?:poem|story|tale"
    r"|letter|e-?mail|essay|article|dialogue|speech|report|review|conversation|fable|biography|blog post)\b"
    r"(?! (?:title|idea|name|heading))",
    re.IGNORECASE,
)
_FEWEST_WORDS_OF_TEXT = 5
_ASKS_TO_REPEAT = re.compile(r"\b(?:times|twice|repeat|chant|refrain)\b", re.IGNORECASE)
_ASKS_FOR_MARKUP = re.compile(
    r"\b(?:html|xml|svg|markup|web ?(?:page|site)|tags?|code|snippet)\b", re.IGNORECASE
)
_CUT_SHORT = re.compile(
    r"[,:;(\[{/&=+-]$|\s(?:and|or|the|a|an|of|to|with|because|is|are|was|for|from|by|at|as|my|your)$",
    re.IGNORECASE,
)
_SELF_REFERENCE = re.compile(
    r"\bas an? (?:AI|artificial intelligence|language model|assistant)\b", re.IGNORECASE
)
_ECHO_SIMILARITY = 0.8
_SEVERAL_WORDS = 3
_QUESTION_WORDS = frozenset(("what", "who", "where", "when", "why", "how", "which"))
_COMMON_WORDS = STOPWORDS["en"] | set(
    list_words("there here very also so too these those them me does do did s t m re ve been")
)


def find_response_problem(instruction: str, response: str, *, finished: bool, max_words: int) -> str | None:
    """Return why a response is unusable for any instruction, or None.

    Args:
        instruction: the instruction.
        response: the response without surrounding space.
        finished: whether the model ended it.
        max_words: word limit of the response.
    """
    return find_first_problem(
        {
            "empty response": lambda: not list_words(response),
            "unfinished response": lambda: not finished,
            "response length": lambda: len(response.split()) > max_words,
            "chat token in response": lambda: CHAT_TOKEN.search(response),
            "label in response": lambda: LABEL.search(response),
            "junk in response": lambda: JUNK.search(response.replace("<<", "").replace(">>", "")),
            "markup in response": lambda: (
                MARKUP.search(response.replace("<<", "").replace(">>", ""))
                and not asks_for_markup(instruction)
            ),
            "repetition in response": lambda: (
                (is_repetitive(response) or has_equal_items(response))
                and not _ASKS_TO_REPEAT.search(instruction)
            ),
            "item without text": lambda: has_empty_item(response),
            "echo of the instruction": lambda: is_echo(instruction, response),
            "nothing new in response": lambda: is_uninformative(instruction, response),
            "text of a few words": lambda: is_stub(instruction, response),
            "response cut short": lambda: _CUT_SHORT.search(response),
            "self-reference in response": lambda: _SELF_REFERENCE.search(response),
        }
    )


def asks_for_markup(instruction: str) -> bool:
    """Return whether a response may have tags, and needs code that other responses have too."""
    return _ASKS_FOR_MARKUP.search(instruction) is not None


def is_echo(instruction: str, response: str) -> bool:
    """Return whether a response mainly repeats the instruction."""
    if reduce_to_words(response).startswith(reduce_to_words(instruction)):
        return True
    return compute_jaccard(shingle(instruction), shingle(response)) >= _ECHO_SIMILARITY


def is_uninformative(instruction: str, response: str) -> bool:
    """Return whether a response adds nothing to its instruction.

    Examples are several words of which none is new, apart from common words and endings ("A star is a star"),
    a translation that repeats its source, only the word that had to be used, and a list of single letters or
    digits that the instruction does not ask for.
    """
    return (
        _lists_characters(instruction, response)
        or _has_only_required_words(instruction, response)
        or _repeats_word_of_question(instruction, response)
        or _adds_no_word(instruction, response)
    )


def is_stub(instruction: str, response: str) -> bool:
    """Return whether a response is far too short for the requested text ("a" as a poem)."""
    asks_for_text = _ASKS_FOR_LONG_TEXT.match(instruction) is not None
    may_be_short = any("at_most" in check.arguments for check in infer_checks(instruction))
    return asks_for_text and not may_be_short and len(list_words(response)) < _FEWEST_WORDS_OF_TEXT


def _lists_characters(instruction: str, response: str) -> bool:
    lines = [line.strip() for line in response.splitlines() if line.strip()]
    items = [re.sub(r"^(?:\d+[.)]|[-*•])\s+", "", line) for line in lines]
    are_characters = len(items) > 1 and all(len(item) == 1 for item in items)
    return are_characters and not _ASKS_FOR_CHARACTERS.search(instruction)


def _has_only_required_words(instruction: str, response: str) -> bool:
    required = {word.casefold() for word in _WORD_TO_USE.findall(instruction)}
    return bool(required) and len({*list_words(response), *required}) == len(required)


def _repeats_word_of_question(instruction: str, response: str) -> bool:
    """Return whether the answer to a question is one of the question's words ("How old are you?": "Old")."""
    words = list_words(response)
    is_repetition = len(words) == 1 and words[0] in list_words(instruction)
    return is_repetition and _ASKS_FOR_NEW_WORD.match(instruction) is not None


def _adds_no_word(instruction: str, response: str) -> bool:
    instruction_words, words = list_words(instruction), list_words(response)
    if _ASKS_FOR_OTHER_WORD.search(instruction):
        return set(words) <= {*instruction_words, "the", "a"}
    is_copied = f" {' '.join(words)} " in f" {' '.join(instruction_words)} "
    if re.search(r"\btranslat", instruction, re.IGNORECASE):
        return is_copied
    if _ASKS_TO_CONTINUE.match(instruction) and len(words) >= _SEVERAL_WORDS:
        return 2 * sum(word in instruction_words for word in words) >= len(words)
    if len(words) >= _SEVERAL_WORDS and is_copied and not _ASKS_FOR_PART.search(instruction):
        return True
    is_question = not _QUESTION_WORDS.isdisjoint(instruction_words[:1])
    min_words = 2 if is_question else _SEVERAL_WORDS
    if len(words) < min_words or _ASKS_TO_REARRANGE.search(instruction):
        return False
    known_stems = {_stem(word) for word in (*instruction_words, *_COMMON_WORDS)}
    return all(_stem(word) in known_stems for word in words)


def _stem(word: str) -> str:
    return re.sub(r"(?:'s|es|s)$", "", word)
