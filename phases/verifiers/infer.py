"""Inferring the checks that the wording of an instruction asks for."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from phases.verifiers.arithmetic import evaluate_instruction
from phases.verifiers.number_words import NUMBER_WORDS, parse_count
from phases.verifiers.registry import Check
from phases.verifiers.text import split_items, split_words

_COUNT: Final = r"(\d+|" + "|".join(sorted(NUMBER_WORDS, key=len, reverse=True)) + r")"
_QUOTED: Final = r"[\"'“‘]([^\"'”’]+)[\"'”’]"
_COURTESY: Final = r"^(?:(?:please|now|(?:can|could|would|will) you|(?:your task is|I want you) to)\b,? ?)+"
"""Polite words before a request."""
_UNITS: Final = {"word": "words", "sentence": "sentences", "paragraph": "paragraphs", "line": "lines"}
"""Units of length and the kinds of check that count them."""
_LAYOUTS: Final = {
    "numbered_list": r"\bnumbered list\b",
    "bullets": r"\bbullet(?:ed)? (?:points?|list)\b|\bbullets\b",
    "comma_list": r"\bseparated by commas\b|\bcomma[- ]separated\b",
    "json_array": r"\bJSON (?:array|list)\b",
    "lines": r"\b(?:one|each) (?:per|a|on (?:its own|a new|a separate|each)) line\b|\bon separate lines\b",
}
"""Kinds of check for a list and the words that ask for its layout."""
_NAMED_ITEMS: Final = (
    r"^(?:list|name|give|suggest|write down|mention|think of)(?: me)?(?: the names of)? "
    rf"{_COUNT} (?:different )?(?!of\b|to\b|plus\b|times\b|minus\b)([a-z]+)"
)
_ITEMS_TO_SORT: Final = r"^(?:(?:sort|order)\b[^:]*|(?:arrange|put)\b[^:]*\border\b[^:]*): ([^:]+)$"
_SECOND_CLAUSE: Final = r"\bthen\b|, and |\band (?:one|a|an|say|explain|describe)\b|[.:?!] \w|\bfor each\b"
"""A second clause ("..., then say why") asks for more than a list."""
_LANGUAGE_CODES: Final = {
    "english": "en",
    "french": "fr",
    "spanish": "es",
    "german": "de",
    "italian": "it",
    "portuguese": "pt",
    "dutch": "nl",
}
_MIN_WORDS_FOR_LANGUAGE: Final = 5
"""A shorter translation may contain no common word by which its language is detected."""


# Data generation asks again for the same instruction: per candidate and per row.
@lru_cache(maxsize=2**14)
def infer_checks(instruction: str) -> tuple[Check, ...]:
    """Return the checks that the wording of an instruction asks for, without duplicates.

    Recognized are: numbers of words, sentences, paragraphs and lines; lists and their length; JSON and its
    keys; yes or no; letter case; words to use or to avoid; beginnings and endings; quotation marks; the
    language of the answer; alphabetical order; items to sort; placeholders; sections; arithmetic. Ambiguous
    wording yields no check.
    """
    value = evaluate_instruction(instruction)
    text = re.sub(_COURTESY, "", instruction, flags=re.IGNORECASE)
    checks = [
        *([] if value is None else [Check("number", {"value": float(value)})]),
        *_infer_lengths(text),
        *_infer_lists(text),
        *_infer_json(text),
        *_infer_content(text),
        *_infer_form(text),
    ]
    return tuple(check for n, check in enumerate(checks) if check not in checks[:n])


def _infer_lengths(text: str) -> list[Check]:
    # "Name a fruit, then write a sentence" limits only a part of the answer.
    if _find_all(r"\bthen\b|\band (?:say|explain|tell)\b", text):
        return []
    # Looking for the unit first skips expensive patterns for most instructions.
    checks = [
        check
        for unit, kind in _UNITS.items()
        if unit in text.casefold()
        for check in _infer_length(text, unit, kind)
    ]
    asks_for_prose = _find_all(r"^(?:write|tell)(?: me)? an? (?:\w+ )?(?:paragraph|story|essay)\b", text)
    if asks_for_prose and not any(check.kind == "sentences" for check in checks):
        checks.append(Check("sentences", {"at_least": 2}))
    return checks


def _infer_length(text: str, unit: str, kind: str) -> Iterator[Check]:
    """Yield checks of the given kind that count a unit, such as `sentence`."""
    count = rf"{_COUNT}[- ](?:short |simple |complete |full )?{unit}s?\b"
    for match in _find_all(rf"between {_COUNT} and {_COUNT} {unit}s", text):
        yield Check(kind, {"at_least": parse_count(match[1]), "at_most": parse_count(match[2])})
    for match in _find_all(rf"(?:at most|no more than|up to|not more than) {count}", text):
        yield Check(kind, {"at_most": parse_count(match[1])})
    for match in _find_all(rf"(?:fewer|less) than {count}", text):
        yield Check(kind, {"at_most": parse_count(match[1]) - 1})
    for match in _find_all(rf"at least {count}", text):
        yield Check(kind, {"at_least": parse_count(match[1])})
    for match in _find_all(rf"more than {count}", text):
        if not re.search(r"(?:no|not) $", text[: match.start()], re.IGNORECASE):
            yield Check(kind, {"at_least": parse_count(match[1]) + 1})
    exactly = rf"(?:\b(?:in|with|of|using|write|exactly|only|just)(?: exactly| only| just)? ){count}"
    for match in _find_all(exactly, text):
        yield Check(kind, {"at_least": parse_count(match[1]), "at_most": parse_count(match[1])})
    single = (
        r"\b(?:in|with|write|using|only) (?:a|an|a single|only a|only one|just one)"
        rf" (?:short |simple |complete |full )?{unit}\b"
    )
    if _find_all(single, text):
        yield Check(kind, {"at_least": 1, "at_most": 1})


def _infer_lists(text: str) -> list[Check]:
    if matches := _find_all(_ITEMS_TO_SORT, text):
        items = split_items(matches[0][1])
        is_list = len(items) == len(set(items)) > 1
        return [Check("items", {"count": len(items), "allowed": items})] if is_list else []
    # The "one" of "one per line" is not a count.
    counted = re.sub(_LAYOUTS["lines"], "", text, flags=re.IGNORECASE)
    counts = {parse_count(match[1]) for match in _find_all(rf"\b{_COUNT}\b", counted)}
    if len(counts) != 1 or (count := counts.pop()) < 2:  # noqa: PLR2004 - a single item is not a list
        return []
    for kind, layout in _LAYOUTS.items():
        if _find_all(layout, text):
            bounds = {"at_least": count, "at_most": count} if kind == "lines" else {"count": count}
            return [Check(kind, bounds)]
    named = _find_all(_NAMED_ITEMS, text)
    if named and not _find_all(_SECOND_CLAUSE, text) and named[0][2].casefold().rstrip("s") not in _UNITS:
        return [Check("items", {"count": count})]
    return []


def _infer_json(text: str) -> list[Check]:
    asks_for_json = r"\bJSON (?:object|document|format|with)\b|\b(?:as|in|give me|return|write) JSON\b"
    if not _find_all(asks_for_json, text):
        return []
    after_keys = _find_all(r"\b(?:keys?|fields?) (.*)", text)
    if not after_keys:
        return [Check("json_object")]
    unquoted = re.split(r"[.;:]| for | about ", after_keys[0][1])[0]
    keys = re.findall(_QUOTED, after_keys[0][1]) or re.findall(r"\w+", unquoted)
    keys = [key for key in keys if key not in ("and", "called", "named", "please")]
    return [Check("json_object", {"keys": keys})] if keys else [Check("json_object")]


def _infer_content(text: str) -> list[Check]:
    checks = []
    if _find_all(r"\byes or no\b|\b['\"]yes['\"] or ['\"]no['\"]", text):
        checks.append(Check("yes_no"))
    return [*checks, *_infer_keywords(text), *_infer_repetitions(text), *_infer_ends(text)]


def _infer_keywords(text: str) -> Iterator[Check]:
    phrases = rf"(?:the )?(?:words?|phrases?|names?)\s+((?:{_QUOTED}(?:,? (?:and|or) |, )?)+)"
    avoid = r"\b(?:without|avoid|do not|don't|never|not) (?:using |use |mention(?:ing)? |say(?:ing)? )?"
    for match in _find_all(avoid + phrases, text):
        yield Check("keywords", {"absent": re.findall(_QUOTED, match[1])})
    use = r"\b(?:include|including|use|using|contains?|containing|mention|uses|includes) "
    for match in _find_all(use + phrases, text):
        before = text[: match.start()].casefold().rstrip()
        if not before.endswith(("without", "not", "don't", "never", "avoid")):
            yield Check("keywords", {"present": re.findall(_QUOTED, match[1])})


def _infer_repetitions(text: str) -> Iterator[Check]:
    times = rf"(?:(twice)|{_COUNT} times)\b"
    for match in _find_all(rf"^(?:repeat|write|say) (?:the word )?[\"']?(\w+)[\"']? {times}", text):
        count = 2 if match[2] else parse_count(match[3])
        yield Check("keyword_count", {"word": match[1], "at_least": count, "at_most": count})
        yield Check("words", {"at_least": count, "at_most": count})
    for match in _find_all(rf"\buse (?:the word )?[\"'](\w+)[\"'] {times}", text):
        count = 2 if match[2] else parse_count(match[3])
        yield Check("keyword_count", {"word": match[1], "at_least": count, "at_most": count})


def _infer_ends(text: str) -> Iterator[Check]:
    phrase = rf"(?:the )?(?:exact )?(?:words?|phrase|sentence|text)?\s*{_QUOTED}"
    start = r"\b(?:start|begin|starts|begins|starting|beginning)\b[^.?!'\"]{0,25}\bwith "
    for match in _find_all(start + phrase, text):
        yield Check("starts_with", {"text": match[1]})
    end = r"\b(?:end|finish|ends|finishes|ending)\b[^.?!'\"]{0,25}\bwith "
    for match in _find_all(end + phrase, text):
        yield Check("ends_with", {"text": match[1]})


def _infer_form(text: str) -> list[Check]:
    checks = []
    capitals = (
        r"\bin(?:to)? (?:all )?(?:capital letters|capitals|upper[- ]?case|all caps)\b|\bto upper[- ]?case"
    )
    if _find_all(capitals, text):
        checks.append(Check("upper_case"))
    if _find_all(r"\bin(?:to)? (?:all |only )?(?:lower[- ]?case|small letters)\b|\bto lower[- ]?case", text):
        checks.append(Check("lower_case"))
    if _find_all(r"\b(?:in|inside|with|within) (?:double )?(?:quotes|quotation marks)\b", text):
        checks.append(Check("quoted"))
    # "Write the word 'dog' in capital letters."
    phrase = _find_all(rf"\bwrite the (?:word|name|sentence|phrase) {_QUOTED} in \b", text)
    if phrase and checks:
        checks.append(Check("keywords", {"present": [phrase[0][1]]}))
    if _find_all(r"\balphabetical(?:ly)?\b", text):
        checks.append(Check("alphabetical"))
    return [*checks, *_infer_structure(text), *_infer_language(text), *_infer_translation(text)]


def _infer_structure(text: str) -> Iterator[Check]:
    for match in _find_all(rf"(?:at least )?{_COUNT} placeholders?\b", text):
        yield Check("placeholders", {"at_least": parse_count(match[1])})
    if _find_all(r"\bplaceholders? \[", text):
        yield Check("placeholders", {"at_least": len(_find_all(r"\[[^\[\]]+\]", text))})
    for match in _find_all(rf"\b{_COUNT} sections\b", text):
        heading = _find_all(r"['\"]([a-z]+) 1['\"]", text)
        name = heading[0][1] if heading else "Section"
        yield Check("sections", {"count": parse_count(match[1]), "name": name})


def _infer_language(text: str) -> Iterator[Check]:
    if _find_all(r"\btranslat", text):
        return
    for match in _find_all(r"\bin ([a-z]+)\b", text):
        code = _LANGUAGE_CODES.get(match[1].casefold())
        before = text[: match.start()]
        if code and _find_all(r"\b(?:sentences?|paragraphs?|story|poem|letter)\b[^.?!:]*$", before):
            yield Check("language", {"code": code})


def _infer_translation(text: str) -> list[Check]:
    targets = _find_all(r"\btranslat\w+\b.*?\b(?:in|to|into) ([a-z]+)\b", text)
    sources = _find_all(rf"(?<!\w){_QUOTED}|: (.+)", text)
    if len(targets) != 1 or len(sources) != 1:
        return []
    code = _LANGUAGE_CODES.get(targets[0][1].casefold())
    source = sources[0][1] or sources[0][2]
    if not code or len(split_words(source)) < _MIN_WORDS_FOR_LANGUAGE:
        return []
    return [Check("language", {"code": code})]


def _find_all(pattern: str, text: str) -> list[re.Match[str]]:
    return list(re.finditer(pattern, text, re.IGNORECASE))
