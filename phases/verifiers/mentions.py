"""Verifiers of topics: whether a response says something about the topic beyond the instruction's words.

A topic is a list of words. A word of the list matches its inflections: `bake` matches "bakes", "baked",
"baking" and "baker"; `egg` matches "eggs" but not "eggplant". A word that ends with `*` matches every word
that begins with it, and words with spaces between them match in sequence.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from phases.verifiers.form import parse_json
from phases.verifiers.stems import FUNCTION_WORDS, fold_text, stem
from phases.verifiers.text import split_words

_ENDINGS: Final = r"(?:'?s|es|'|ed|d|ing|ings|er|ers|r|rs|est|ly|y|ier|iest|ions?|ations?|ments?)?"
_MIN_LETTERS_TO_INFLECT: Final = 3
"""Shorter words, such as "up" or "it", have no inflections."""
_SAYING_LITTLE: Final = FUNCTION_WORDS | frozenset(
    (
        *("aren't", "can't", "cannot", "couldn't", "didn't", "doesn't", "don't", "ever", "every"),
        *("few", "go", "goes", "going", "i'd", "i'll", "i'm", "i've", "isn't", "it's", "know", "let"),
        *("let's", "likes", "look", "lot", "need", "never", "often", "put", "said", "say", "says", "see"),
        *("she'd", "something", "still", "tell", "thank", "that's", "there's", "thing", "things"),
        *("use", "used", "want", "wants", "wasn't", "we'll", "we're", "won't", "wouldn't", "you'll"),
        "you're",
    )
)
"""English words that say little about a topic."""


_SUBJECT: Final = re.compile(r"\W*(?:an? |the )?([^\W\d_]+) (?:is|are|means|was|were)\b")
_PRONOUNS: Final = FUNCTION_WORDS | {"something", "someone", "somebody", "definition"}
_COMPARISON: Final = re.compile(
    r"\b(?:(?:taste|look|feel|sound|smell)s? (?:just |almost )?like|than|as \w+ as) (?:an? |the )?[\w-]+"
)
_RULING_OUT: Final = re.compile(
    r"\b(?:no|not|non|never|nor|neither|nothing|cannot|avoid\w*|without|less|fewer|limit\w*|reduc\w*|skip\w*|stop\w*"
    r"|instead|refrain\w*|off|out|away|quit|cut|ban\w*|prohibit\w*|forb\w+|prevent\w*|minimi[sz]e\w*|quiet\w*"
    r"|silen\w*|mute\w*|whisper\w*|soft\w*|low|keep|keeps|too|danger\w*|unsafe|risk\w*|caution|beware|careful\w*|warning"
    r"|worse|rather than|only|before|until|outside|resist\w*|discourag\w*)\b|n't\b"
)


def has_mentions(
    response: str,
    *,
    words: Sequence[str] = (),
    absent: Sequence[str] = (),
    denied: Sequence[str] = (),
    at_least: int = 1,
    share: float = 0.0,
    own: int = 0,
    instruction: str = "",
) -> bool:
    """Return whether a response is text (no JSON) that mentions its topic and says more than the instruction.

    Args:
        response: the complete response.
        words: the words of the topic; `at_least` different ones must occur.
        absent: words of which none may occur.
        denied: words that may occur only in a sentence that rules something out; see `mentions_only_denied`.
        at_least: how many different words of the topic must occur.
        share: least share of the content words (those that are not function words) that belong to the topic.
        own: how many different content words must not be words of the instruction: an answer that only
            repeats the instruction says nothing.
        instruction: the instruction.
    """
    text = fold_text(response)
    if isinstance(parse_json(response), dict | list):
        return False
    if (absent and find_topic_word(text, absent)) or not mentions_only_denied(text, denied):
        return False
    if words and len(set(_find_matches(text, words))) < at_least:
        return False
    content = list_content_words(response)
    on_topic = sum(matches_topic(word, words) for word in content)
    if share and (not content or on_topic < share * len(content)):
        return False
    instruction_words = list_content_words(instruction) if own else ()
    new = {stem(word) for word in content if not matches_topic(word, instruction_words)}
    return len(new - {stem(word) for word in instruction_words}) >= own


def defines_term(response: str, terms: Sequence[str]) -> bool:
    """Return whether a definition is one of the terms: another noun is not what it says something is.

    "Love is a strong feeling" defines love. A definition without its subject, or with a pronoun, an -ing form
    or a phrase as its subject, is one of the term.
    """
    text = fold_text(response)
    subject = _SUBJECT.match(text)
    is_other = subject is not None and subject[1] not in _PRONOUNS and not subject[1].endswith("ing")
    return not is_other or find_topic_word(text, terms) is not None


def mentions_only_denied(text: str, words: Sequence[str]) -> bool:
    """Return whether every sentence that mentions one of the words also rules something out.

    A comparison with it ("taste like sweets") does not mention it.
    "Never leave the child alone" and "No loud voices" do so, "Leave the child alone" does not.
    """
    clauses = re.split(r"[.!?;\n]", _COMPARISON.sub(" ", fold_text(text))) if words else ()
    return all(_RULING_OUT.search(clause) for clause in clauses if find_topic_word(clause, words))


def list_content_words(text: str) -> list[str]:
    """Return the folded words of a text that are not function words."""
    return [word for word in map(fold_text, split_words(text)) if word not in _SAYING_LITTLE]


def matches_topic(word: str, topic: Sequence[str]) -> bool:
    """Return whether a word matches a word of a topic."""
    return bool(topic) and next(_find_matches(fold_text(word), topic), None) is not None


def find_topic_word(text: str, topic: Sequence[str]) -> str | None:
    """Return the first word of a topic that occurs in a text, or None."""
    position = next(_find_matches(fold_text(text), topic), None) if topic else None
    return None if position is None else topic[position]


def name_topic_word(text: str, topic: Sequence[str]) -> str | None:
    """Return the word of a topic that the complete text is, inflected or not, or None."""
    folded = fold_text(text)
    return next(
        (word for word in topic if _get_shared_letters(word) in folded and _compile(word).fullmatch(folded)),
        None,
    )


def _find_matches(text: str, topic: Sequence[str]) -> Iterator[int]:
    """Yield the position in the topic of each match, from left to right; matches do not overlap."""
    matches = sorted(
        (match.start(), position, match.end())
        for position, letters in enumerate(map(_get_shared_letters, topic))
        if letters in text
        for match in _compile(topic[position]).finditer(text)
    )
    last_end = 0
    for start, position, end in matches:
        if start >= last_end:
            yield position
            last_end = end


@lru_cache(maxsize=2**15)
def _get_shared_letters(word: str) -> str:
    """Return the letters that all inflections of a word share.

    Most words of a topic do not occur in an answer, and their patterns are never compiled.
    """
    first, *others = fold_text(word).removesuffix("*").split()
    return (
        first if others or len(first) < _MIN_LETTERS_TO_INFLECT else first.removesuffix("y").removesuffix("e")
    )


@lru_cache(maxsize=2**15)
def _compile(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_]){_inflect(fold_text(word))}(?![^\W_])")


def _inflect(word: str) -> str:
    """Return a pattern of the inflections of a word or phrase."""
    if word.endswith("*"):
        return re.escape(word[:-1]) + r"[^\W_]*"
    *before, last = (re.escape(part) for part in word.split())
    if len(last) >= _MIN_LETTERS_TO_INFLECT and last[-1].isalpha():
        if last[-1] == "y" and last[-2] not in "aeiou":
            last = rf"{last[:-1]}(?:y(?:'s|ing)?|ie[sdr]|iest|ily)"
        elif last[-1] == "e":
            last = rf"{last[:-1]}(?:e{_ENDINGS}|ing|ings|y|ions?|ations?)"
        elif last[-1] in "bdgklmnprtvz" and last[-2] in "aeiou":
            last = rf"{last}{last[-1]}?{_ENDINGS}"
        else:
            last = rf"{last}{_ENDINGS}"
    return r"[\W_]+".join([*before, last])
