"""Verifiers of content: fixed answers, keywords, beginnings and endings, language and refusals."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from phases.verifiers.languages import detect_language, has_words_of_language
from phases.verifiers.loose import make_loose_variants
from phases.verifiers.statements import (
    has_only_words_of,
    is_related,
    list_new_stems,
    list_vocabulary,
    strip_emphasis,
)
from phases.verifiers.stems import list_content_stems
from phases.verifiers.text import (
    BULLET_LINE,
    CACHED_TEXTS,
    NUMBERED_LINE,
    QUOTES,
    STRAIGHT_MARKS,
    count_phrase,
    has_phrase,
    is_within,
    normalize,
    split_lines,
    split_paragraphs,
    split_words,
    strip_article,
    unify_spelling,
)

_ASKS_FOR_MARKS: Final = re.compile(r"\b(?:punctuation|question marks?)\b", re.IGNORECASE)
"""Words of an instruction that make the question mark a part of the answer."""
_ASKS_FOR_COMMAS: Final = re.compile(r"\b(?:commas?|punctuation|separated)\b", re.IGNORECASE)
_COMMA: Final = re.compile(r"(?<=[^\W\d_]),(?= [^\W\d_])")
"""A comma between words, as in "Thanks, Grandma"."""
_DENIES: Final = re.compile(r"\b(?:not|no|never|wrong|incorrect|instead of)\b|n't\b", re.IGNORECASE)
_REASON: Final = re.compile(
    r"\s*[;–—]\s*|:\s+|,\s*(?:so|because|since|for|which|meaning|as(?! well)|its|they say|though|although"
    r"|just as|just like|or so|each|the(?= [\w-]+ [\w-]+[^,]*$))\b"
)
_SAYING: Final = re.compile(r"\b(?:proverb|saying)\b", re.IGNORECASE)
_SENTENCE_WORDS: Final = 4
_ADDITION: Final = re.compile(
    r"(?:\s*\([^()]*\)|,\s*(?:i\.e\.|(?:as (?:the|they|we|in|you|people)|that is|of course|obviously"
    r"|naturally|for (?:example|instance)|i (?:think|guess|believe|suppose)|i(?:'|’)d say)\b)"
    r"[^,.;()]*)[.!]?$",
    re.IGNORECASE,
)
"""A remark at the end of an answer: in parentheses, or as in "day, as the saying goes"."""
_REMARK_WORDS: Final = 6
"""A shorter paragraph after an answer may be another answer."""
ASKS_FOR_ANSWER_ONLY: Final = re.compile(r"\bonly\b|\bnothing else\b|\bjust the\b", re.IGNORECASE)
"""Words of an instruction that allow nothing around the answer."""
_POINTER: Final = re.compile(
    r"(?:i think |i believe |i'd say |perhaps )?(?:it|that|this)(?:'s| is| would be| must be) "
    r"|(?:it|the \w+) ends (?:with|in) (?:the word )?",
    re.IGNORECASE,
)
_LINK: Final = re.compile(
    r":\s+|(?:(?<=\w)['’]s|\b(?:is|are|would be|as|goes|reads|runs|comes?|becomes|gives|leaves|makes"
    r"|spells))\b:?\s+"
)
_LABEL_WORDS: Final = "question mark full stop period comma version form corrected revised fixed combined"
"""Words of labels such as "Corrected version:"."""
_CONTRACTIONS: Final = (
    *((r"\bcan(?:'t| not)\b", "cannot"), (r"\bwon't\b", "will not"), (r"n't\b", " not"), (r"'re\b", " are")),
    *((r"'ll\b", " will"), (r"'ve\b", " have"), (r"\bi'm\b", "i am"), (r"(?<=\w)'s\b", " is")),
)
"""Contractions and their full forms, which are the same answer."""
_STEP: Final = re.compile(r"\s+(?:→|->|=>|=|↔|<->|⇒)\s+")
"""Between the steps to a result."""
_RESPELLED: Final = re.compile(
    r"(\w+)[\"'”’]*[:,;.][\"'”’]*\s+"
    r"(?:(?:so|(?:and |or )?(?:written )?in (?:all )?(?:capitals?|caps|upper ?case)(?: letters)?),?:? )?"
    r"[\"'“‘]?(\w+)\W*$",
    re.IGNORECASE,
)
"""A word and the same word again, as in 'Red is "rouge": ROUGE'."""
_PARTS: Final = re.compile(r"\s+[–—-]\s+|:\s+|\n+")
"""Between an answer and the same answer in a sentence."""
_SUITS: Final = re.compile(
    r"(.+?) (?:(?:would|could|might|should|will|also) )*(?:fits?|works?|goes|belongs|does it|completes it)"
    r"(?: (?:well|best|nicely|here|there|in|perfectly|fine|it|the gap|the blank))*[.!]?",
    re.IGNORECASE,
)
"""A sentence that calls an answer suitable, as in "Tart fits well"."""
_LETTERS: Final = " ".join("abcdefghijklmnopqrstuvwxyz")
_WORKING_WORDS: Final = 6
"""Most words of a line that shows a step before the result."""


def is_one_of(response: str, answers: Sequence[str], instruction: str = "") -> bool:
    """Return whether the normalized response is one of the answers, with or without a leading article.

    A remark in parentheses, lead-ins and closing remarks (see `loose`), and a label ("Past tense: ...", "The
    answer is ...") whose words are those of the instruction, are ignored, unless the instruction asks for the
    answer only. A question is a question: an
    answer with a question mark must not end with another mark, and no other answer may be asked. Contractions
    are the same as full forms.
    """
    text = strip_emphasis(response).strip()
    forms = [text]
    if instruction and not ASKS_FOR_ANSWER_ONLY.search(instruction):
        bare = _ADDITION.sub("", _drop_remarks(text, instruction))
        corrected = re.split(r"\s*(?:→|->|=>)\s*", bare, maxsplit=1)[-1]
        forms += [bare, corrected, *make_loose_variants(text), *strip_labels(bare, instruction)]
        forms += [match[1] for match in [_SUITS.fullmatch(text)] if match]
        forms += [part for form in (bare, text) for part in _take_sentence(form, instruction)]
    has_free_commas = bool(instruction) and not _ASKS_FOR_COMMAS.search(instruction)
    accepted = _make_keys(tuple(answers), without_commas=has_free_commas)
    if has_free_commas:
        forms = [_COMMA.sub("", form) for form in forms]
    is_free_mark = bool(instruction) and not _ASKS_FOR_MARKS.search(instruction)
    if len(forms) > 1 and _repeats_answer(_COMMA.sub("", text) if has_free_commas else text, accepted):
        return True
    return any(
        _match_key(form) in accepted
        or (is_free_mark and form[-1:].isalpha() and (_match_key(form)[0], True) in accepted)
        for form in forms
    )


def _repeats_answer(text: str, accepted: frozenset[tuple[str, bool]]) -> bool:
    """Return whether a text is an accepted answer and a longer one that contains it."""
    parts = _PARTS.split(text)
    keys = [_match_key(part) for part in parts]
    return len(keys) == 2 and accepted.issuperset(keys) and has_phrase(keys[1][0], keys[0][0])  # noqa: PLR2004


def _drop_remarks(text: str, instruction: str) -> str:
    """Return the text without the paragraphs after the first one that say something more about the matter."""
    first, *others = split_paragraphs(text) or [text]
    vocabulary = list_vocabulary(instruction)
    are_remarks = all(
        is_related(other, vocabulary)
        and len(list_new_stems(other, vocabulary)) > 1
        and len(split_words(other)) >= _REMARK_WORDS
        and "?" not in other
        for other in others
    )
    return first if are_remarks else text


def _take_sentence(text: str, instruction: str) -> list[str]:
    """Return the text without what precedes or follows a complete sentence, or words of the instruction.

    As in "wether -> weather: The weather is nice today.", "... is not gold; appearances deceive" and "312 in
    digits". Where one word is asked for, no remark follows a single word.
    """
    forms = []
    head, _, rest = text.rpartition(": ")
    if head and len(split_words(rest)) >= _SENTENCE_WORDS and not _DENIES.search(head):
        forms.append(rest)
    parts = _REASON.split(text, maxsplit=1)
    is_free = not re.search(r"\bone word\b", instruction)
    if len(parts) > 1 and (is_free or len(split_words(parts[0])) >= _SENTENCE_WORDS):
        forms.append(parts[0])
    saying = text.split(", but ", maxsplit=1)[0]
    if _SAYING.search(instruction) and len(split_words(saying)) >= _SENTENCE_WORDS:
        forms.append(saying)
    adjunct = re.search(r" (?:in|as|with) [^,.;:]+[.!]?$", text)
    if adjunct and has_only_words_of(adjunct[0], list_vocabulary(instruction)):
        forms.append(text[: adjunct.start()])
    return forms


def strip_labels(text: str, instruction: str) -> list[str]:
    """Return the text without each label that has only words of the instruction, as "The missing word is"."""
    vocabulary = list_vocabulary(instruction, _LABEL_WORDS)
    rests = [text[match.end() :] for match in [_POINTER.match(text)] if match]
    for match in _LINK.finditer(text):
        label = text[: match.start()]
        if label.strip() and has_only_words_of(label, vocabulary) and list_content_stems(label):
            rests.append(text[match.end() :].strip())
    return rests


@lru_cache(maxsize=4096)
def _make_keys(answers: tuple[str, ...], *, without_commas: bool) -> frozenset[tuple[str, bool]]:
    keys = frozenset(map(_match_key, answers))
    return frozenset((_COMMA.sub("", key), mark) for key, mark in keys) if without_commas else keys


@lru_cache(CACHED_TEXTS)
def _match_key(text: str) -> tuple[str, bool]:
    is_question = re.search(r"\?[\"'”’)\s]*$", text) is not None
    spaced = re.sub(r"\s*,\s*", ", ", re.sub(r"\s*(?:\.\.\.|…)\s*(?=\w)", " ", text))
    key = normalize(spaced)
    for pattern, full in _CONTRACTIONS:
        key = re.sub(pattern, full, key)
    return unify_spelling(strip_article(key)), is_question


def equals_text(response: str, text: str, ignore_case: bool = False, instruction: str = "") -> bool:
    """Return whether the response is the text, ignoring whitespace around its lines.

    Quotes, emphasis and a final mark around a line are ignored if the text itself has none. Unless the
    instruction asks for the result only, steps may lead to it ("rouge → ROUGE"), words of the instruction may
    state it ("The result is ROUGE"), and several lines may be a list.
    """
    forms = [response]
    if instruction and not ASKS_FOR_ANSWER_ONLY.search(instruction):
        forms += _unlist(response) if "\n" in text else _list_results(response, instruction)
    return any(_has_lines(form, text, ignore_case) for form in forms)


def _unlist(response: str) -> list[str]:
    """Return the lines of a list without their markers; none of another text."""
    for marker in (BULLET_LINE, NUMBERED_LINE):
        matches = [marker.fullmatch(line) for line in split_lines(response)]
        if all(matches):
            return ["\n".join(match.groups()[-1] for match in matches if match)]
    return []


def _list_results(response: str, instruction: str) -> list[str]:
    """Return what may be the result in a response that shows its steps, states it or adds a remark."""
    *steps, last = split_lines(response) or [""]
    if any(len(split_words(step)) > _WORKING_WORDS or _DENIES.search(step) for step in steps):
        return []
    result = _ADDITION.sub("", _STEP.split(strip_emphasis(last))[-1])
    respelled = _RESPELLED.search(result)
    is_same = respelled is not None and respelled[1].casefold() == respelled[2].casefold()
    rewritten = [respelled[2]] if respelled and is_same else []
    return [result, *rewritten, *strip_labels(result, f"{instruction} {_LETTERS}")]


def _has_lines(response: str, text: str, ignore_case: bool) -> bool:
    lines, expected = split_lines(response), split_lines(text)
    if ignore_case:
        lines, expected = [line.casefold() for line in lines], [line.casefold() for line in expected]
    return len(lines) == len(expected) and all(
        wanted in (line, line.strip("*_"), line.removesuffix("."), _strip_marks(line))
        for line, wanted in zip(lines, expected, strict=True)
    )


def take_last_step(response: str, instruction: str) -> str:
    """Return the last of the steps that a response shows, if the instruction allows them."""
    is_free = instruction and not ASKS_FOR_ANSWER_ONLY.search(instruction)
    return _STEP.split(response)[-1] if is_free else response


def _strip_marks(line: str) -> str:
    marks = QUOTES + "*_"
    return line.strip(marks).removesuffix(".").removesuffix("!").strip(marks)


def has_keywords(response: str, present: Sequence[str] = (), absent: Sequence[str] = ()) -> bool:
    """Return whether all `present` words or phrases occur and no `absent` one does."""
    return all(has_phrase(response, phrase) for phrase in present) and not any(
        has_phrase(response, phrase) for phrase in absent
    )


def has_any_keyword(response: str, options: Sequence[str]) -> bool:
    """Return whether at least one of the words or phrases occurs."""
    return any(has_phrase(response, phrase) for phrase in options)


def has_keyword_count(
    response: str, word: str, at_least: int | None = None, at_most: int | None = None
) -> bool:
    """Return whether the number of occurrences of the word lies within the bounds."""
    return is_within(count_phrase(response, word), at_least, at_most)


def starts_with(response: str, text: str) -> bool:
    """Return whether the response begins with the text as complete words, and continues.

    Case, and quotes and emphasis before the text, are ignored.
    """
    marks = QUOTES + "*_ "
    response = response.translate(STRAIGHT_MARKS).lstrip(marks)
    text = text.translate(STRAIGHT_MARKS).lstrip(marks)
    rest = response[len(text) :]
    return (
        response[: len(text)].casefold() == text.casefold()
        and not (text[-1:].isalnum() and rest[:1].isalnum())
        and bool(split_words(rest))
    )


def ends_with(response: str, text: str) -> bool:
    """Return whether the normalized response ends with the normalized text and has words before it."""
    ending, normalized = normalize(text), normalize(response)
    before = normalized[: -len(ending)]
    return normalized.endswith(ending) and bool(split_words(before)) and not before[-1:].isalnum()


def is_yes_or_no(response: str, answer: str | None = None) -> bool:
    """Return whether the response is yes or no (with `answer`: that one) and at most one . or ! after it.

    Quotes and emphasis around it are ignored.
    """
    bare = response.casefold().strip(QUOTES + "*_")
    match = re.fullmatch(r"(yes|no)[.!]?", bare)
    return match is not None and answer in (None, match[1])


def is_quoted(response: str) -> bool:
    """Return whether the complete response is in double quotes, straight or curly, with none inside."""
    return bool(re.fullmatch(r"\"[^\"]+\"|“[^“”]+”", response)) and bool(split_words(response))


def is_in_language(response: str, code: str, words: Sequence[str] = ()) -> bool:
    """Return whether the response is in the language with this code; see `languages.detect_language`.

    `words` are words of the language (see `mentions`) by which a short text is recognized that the detection
    may mistake for another language.
    """
    return detect_language(response) == code or has_words_of_language(response, code, words)
