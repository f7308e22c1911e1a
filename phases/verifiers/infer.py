"""Inferring the checks that the wording of an instruction asks for."""

import re
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


def _find_all(pattern: str, text: str) -> list[re.Match[str]]:
    return list(re.finditer(pattern, text, re.IGNORECASE))


@lru_cache(maxsize=2**14)  # of one instruction it is asked again and again: per candidate, per row
def infer_checks(instruction: str) -> tuple[Check, ...]:
    """Return the checks that the words of an instruction ask for; () where it asks for nothing checkable.

    It reads counts of words, sentences, paragraphs and lines; lists and their length; JSON and its keys; yes
    or no; case; words to use or to avoid; how to start and end; quotation marks; the language of the answer;
    alphabetical order; the items to be sorted; placeholders; sections; arithmetic. It errs on the side of
    finding nothing.
    """
    value = evaluate_instruction(instruction)
    text = re.sub(_COURTESY, "", instruction, flags=re.IGNORECASE)
    found = [
        *([] if value is None else [Check("number", {"value": float(value)})]),
        *_infer_lengths(text),
        *_infer_lists(text),
        *_infer_json(text),
        *_infer_content(text),
        *_infer_form(text),
    ]
    return tuple(check for n, check in enumerate(found) if check not in found[:n])


def _infer_lengths(text: str) -> list[Check]:
    checks = []
    # "Name a fruit, then write a sentence" bounds a part of the answer, not the whole.
    if _find_all(r"\bthen\b|\band (?:say|explain|tell)\b", text):
        return []
    for unit, kind in _UNITS.items():
        if unit not in text.casefold():  # most instructions bound nothing: no need for all the patterns
            continue
        count = rf"{_COUNT}[- ](?:short |simple |complete |full )?{unit}s?\b"
        for match in _find_all(rf"between {_COUNT} and {_COUNT} {unit}s", text):
            checks.append(Check(kind, {"at_least": parse_count(match[1]), "at_most": parse_count(match[2])}))
        for match in _find_all(rf"(?:at most|no more than|up to|not more than) {count}", text):
            checks.append(Check(kind, {"at_most": parse_count(match[1])}))
        for match in _find_all(rf"(?:fewer|less) than {count}", text):
            checks.append(Check(kind, {"at_most": parse_count(match[1]) - 1}))
        for match in _find_all(rf"at least {count}", text):
            checks.append(Check(kind, {"at_least": parse_count(match[1])}))
        for match in _find_all(rf"more than {count}", text):
            if not re.search(r"(?:no|not) $", text[: match.start()], re.IGNORECASE):
                checks.append(Check(kind, {"at_least": parse_count(match[1]) + 1}))
        exactly = rf"(?:\b(?:in|with|of|using|write|exactly|only|just)(?: exactly| only| just)? ){count}"
        for match in _find_all(exactly, text):
            checks.append(Check(kind, {"at_least": parse_count(match[1]), "at_most": parse_count(match[1])}))
        if _find_all(
            rf"\b(?:in|with|write|using|only) (?:a|an|a single|only a|only one|just one)"
            rf" (?:short |simple |complete |full )?{unit}\b",
            text,
        ):
            checks.append(Check(kind, {"at_least": 1, "at_most": 1}))
    long = _find_all(r"^(?:write|tell)(?: me)? an? (?:\w+ )?(?:paragraph|story|essay)\b", text)
    if long and not any(check.kind == "sentences" for check in checks):
        checks.append(Check("sentences", {"at_least": 2}))
    return checks


def _infer_lists(text: str) -> list[Check]:
    if given := _find_all(_ITEMS_TO_SORT, text):
        listed = split_items(given[0][1])
        several = len(listed) == len(set(listed)) > 1
        return [Check("items", {"count": len(listed), "allowed": listed})] if several else []
    counted = re.sub(_LAYOUTS["lines"], "", text, flags=re.IGNORECASE)  # the "one" of "one per line"
    counts = {parse_count(match[1]) for match in _find_all(rf"\b{_COUNT}\b", counted)}
    if len(counts) != 1 or (count := counts.pop()) < 2:  # noqa: PLR2004 - one item is no list
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
    if not _find_all(
        r"\bJSON (?:object|document|format|with)\b|\b(?:as|in|give me|return|write) JSON\b", text
    ):
        return []
    listed = _find_all(r"\b(?:keys?|fields?) (.*)", text)
    if not listed:
        return [Check("json_object")]
    tail = re.split(r"[.;:]| for | about ", listed[0][1])[0]
    keys = re.findall(_QUOTED, listed[0][1]) or re.findall(r"\w+", tail)
    keys = [key for key in keys if key not in ("and", "called", "named", "please")]
    return [Check("json_object", {"keys": keys})] if keys else [Check("json_object")]


def _infer_content(text: str) -> list[Check]:
    checks = []
    if _find_all(r"\byes or no\b|\b['\"]yes['\"] or ['\"]no['\"]", text):
        checks.append(Check("yes_no"))
    words = rf"(?:the )?(?:words?|phrases?|names?)\s+((?:{_QUOTED}(?:,? (?:and|or) |, )?)+)"
    for match in _find_all(
        rf"\b(?:without|avoid|do not|don't|never|not) (?:using |use |mention(?:ing)? |say(?:ing)? )?{words}",
        text,
    ):
        checks.append(Check("keywords", {"absent": re.findall(_QUOTED, match[1])}))
    for match in _find_all(
        rf"\b(?:include|including|use|using|contains?|containing|mention|uses|includes) {words}", text
    ):
        before = text[: match.start()].casefold().rstrip()
        if not before.endswith(("without", "not", "don't", "never", "avoid")):
            checks.append(Check("keywords", {"present": re.findall(_QUOTED, match[1])}))
    repeat = rf"^(?:repeat|write|say) (?:the word )?[\"']?(\w+)[\"']? (?:(twice)|{_COUNT} times)\b"
    for match in _find_all(repeat, text):
        count = 2 if match[2] else parse_count(match[3])
        checks.append(Check("keyword_count", {"word": match[1], "at_least": count, "at_most": count}))
        checks.append(Check("words", {"at_least": count, "at_most": count}))
    for match in _find_all(rf"\buse (?:the word )?[\"'](\w+)[\"'] (?:(twice)|{_COUNT} times)\b", text):
        count = 2 if match[2] else parse_count(match[3])
        checks.append(Check("keyword_count", {"word": match[1], "at_least": count, "at_most": count}))
    opening = r"(?:the )?(?:exact )?(?:words?|phrase|sentence|text)?\s*"
    for match in _find_all(
        rf"\b(?:start|begin|starts|begins|starting|beginning)\b[^.?!'\"]{{0,25}}\bwith {opening}{_QUOTED}",
        text,
    ):
        checks.append(Check("starts_with", {"text": match[1]}))
    for match in _find_all(
        rf"\b(?:end|finish|ends|finishes|ending)\b[^.?!'\"]{{0,25}}\bwith {opening}{_QUOTED}", text
    ):
        checks.append(Check("ends_with", {"text": match[1]}))
    return checks


def _infer_form(text: str) -> list[Check]:
    checks = []
    if _find_all(
        r"\bin(?:to)? (?:all )?(?:capital letters|capitals|upper[- ]?case|all caps)\b|\bto upper[- ]?case",
        text,
    ):
        checks.append(Check("upper_case"))
    if _find_all(r"\bin(?:to)? (?:all |only )?(?:lower[- ]?case|small letters)\b|\bto lower[- ]?case", text):
        checks.append(Check("lower_case"))
    if _find_all(r"\b(?:in|inside|with|within) (?:double )?(?:quotes|quotation marks)\b", text):
        checks.append(Check("quoted"))
    given = _find_all(rf"\bwrite the (?:word|name|sentence|phrase) {_QUOTED} in \b", text)
    if given and checks:  # in capitals, in lower case, in quotation marks
        checks.append(Check("keywords", {"present": [given[0][1]]}))
    if _find_all(r"\balphabetical(?:ly)?\b", text):
        checks.append(Check("alphabetical"))
    for match in _find_all(rf"(?:at least )?{_COUNT} placeholders?\b", text):
        checks.append(Check("placeholders", {"at_least": parse_count(match[1])}))
    if _find_all(r"\bplaceholders? \[", text):
        checks.append(Check("placeholders", {"at_least": len(_find_all(r"\[[^\[\]]+\]", text))}))
    for match in _find_all(rf"\b{_COUNT} sections\b", text):
        named = _find_all(r"['\"]([a-z]+) 1['\"]", text)
        name = named[0][1] if named else "Section"
        checks.append(Check("sections", {"count": parse_count(match[1]), "name": name}))
    for match in _find_all(r"\bin ([a-z]+)\b", text):
        asked = _find_all(r"\b(?:sentences?|paragraphs?|story|poem|letter)\b[^.?!:]*$", text[: match.start()])
        if (
            asked
            and (code := _LANGUAGE_CODES.get(match[1].casefold()))
            and not _find_all(r"\btranslat", text)
        ):
            checks.append(Check("language", {"code": code}))
    return [*checks, *_infer_translation(text)]


def _infer_translation(text: str) -> list[Check]:
    target = _find_all(r"\btranslat\w+\b.*?\b(?:in|to|into) ([a-z]+)\b", text)
    source = _find_all(rf"(?<!\w){_QUOTED}|: (.+)", text)
    if len(target) != 1 or len(source) != 1 or not (code := _LANGUAGE_CODES.get(target[0][1].casefold())):
        return []
    # Few words may hold none of the common ones by which a language is known.
    long = len(split_words(source[0][1] or source[0][2])) >= _MIN_WORDS_FOR_LANGUAGE
    return [Check("language", {"code": code})] if long else []
