"""Infer the checks that the wording of an instruction asks for."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from phases.verifiers.arithmetic import evaluate_instruction
from phases.verifiers.number_words import NUMBER_WORDS, parse_count
from phases.verifiers.quantities import blank_amounts, find_amounts, parse_number
from phases.verifiers.quantity_patterns import LINES_OF_VERSE, NUMBER, UNITS, VERSE
from phases.verifiers.registry import Check
from phases.verifiers.text import split_items, split_words

_COUNT: Final = r"(\d+|" + "|".join(sorted(NUMBER_WORDS, key=len, reverse=True)) + r")"
_QUOTED: Final = r"[\"'“‘]([^\"'”’]+)[\"'”’]"
_REQUESTED: Final = (
    r"(?:^|[.:;,?!(] ?)(?:(?:please|can|could|you|answer|reply|respond|say|tell|me|state|write|give|just|only"
    r"|simply|with|by|in|an?|simple|single|either|this|the|that|question|questions|words?|your|must|should|be|do|it|is|use"
    r"|using)[ ,]+)*['\"‘“]?$"
)
"""Text before words that are requested as the complete answer: only words of request."""
_REASON: Final = (
    r"^[^.?!:]*\b(?:then|reason|explanation)\b"
    r"|\b(?:and|then|also|[.!?:]) ?(?:say|tell|give|explain|describe|justify|add)\b"
)
"""Text after "yes or no" that asks for more."""
_COURTESY: Final = r"^(?:(?:please|now|(?:can|could|would|will) you|(?:your task is|I want you) to)\b,? ?)+"
"""Polite words before a request."""
_KIND_OF_UNIT: Final = {"word": "words", "sentence": "sentences", "paragraph": "paragraphs", "line": "lines"}
"""The kind of check that counts each unit of length."""
_MOST_WORDS_OF_SENTENCE: Final = 15
_SECOND_STEP: Final = r"\bthen\b|\band (?:say|explain|tell)\b"
_LAYOUTS: Final = {
    "numbered_list": r"\bnumbered list\b",
    "bullets": r"\bbullet(?:ed)? (?:points?|list)\b|\bbullets\b",
    "comma_list": r"\bseparated? (?:them )?(?:by|with|using) commas\b|\bcomma[- ]separated\b",
    "json_array": r"\bJSON (?:array|list)\b",
    "lines": r"\b(?:one|each) (?:per|a|on (?:its own|a new|a separate|each)) line\b|\bon separate lines\b",
}
"""Kinds of check for a list and the words that ask for its layout."""
_NAMED_ITEMS: Final = (
    r"^(?:list|name|give|suggest|write down|mention|think of|tell me|I need|I want|come up with)(?: me)?"
    r"(?: the names of)?(?: an? list of)?(?: all)?(?: the| any| exactly| only| just)?"
    r"(?: between| from| at most| up to| (?:no|not) more than| (?:fewer|less) than)? "
    rf"({NUMBER}) (?:(?:to|or|and) {NUMBER} )?(?:different )?"
    r"(?!of\b|to\b|or\b|and\b|plus\b|times\b|minus\b|more\b)([a-z]+)"
)
_RANGE: Final = (
    rf"\b({NUMBER})(?: to | or )({NUMBER})\b|\b(\d+)[-–](\d+)\b|\bbetween ({NUMBER}) and ({NUMBER})\b"
)
_OPEN_COUNT: Final = (
    r"(?:\b(?:at (?:the )?(?:least|most)|(?:more|fewer|less) than|up to|about|around|roughly|approximately"
    r"|over|under|maximum of|minimum of|max\.?|min\.?)) $"
)
"""Words before a number that make the length of a list inexact."""
_MOST_COUNT: Final = r"(?:\b(?:at (?:the )?most|(?:no|not) more than|up to|maximum of|max\.?)) $"
_BELOW_COUNT: Final = r"(?<!no )(?<!not )\b(?:fewer|less) than $"
_MOST_END: Final = r"^(?: \w+){0,3}? (?:or (?:fewer|less)|at most|maximum)\b"
"""Words around a number that is the greatest length of a list, or the first one that is too great."""
_OPEN_END: Final = (
    r"^\+|^(?: \w+){0,3}? (?:or (?:more|so|fewer|less)|at (?:least|most)|if you can|maximum|minimum)\b"
)
_RESTRICTION: Final = (
    rf"(?<!list)(?<!array)(?<!lines)(?<!bullets)(?<!points)(?<!\bup)(?<!no more)(?<!not more)(?<!\bme fewer)"
    r"(?<!name fewer)(?<!list fewer)"
    r" (?:with|having|than|over|under|before|after|since"
    rf"|(?:that|which|who) (?:have|has|cost|weigh)) (?:more than |at least |exactly )?{NUMBER}\b"
    r"| (?:from|in|of) (?:the )?\d{4}\b"
)
"""A number that tells which items are meant: "animals with four legs"."""
_MOST_LENGTHS: Final = 8
"""Lengths of a list that are distinguished; a wider range is not checked."""
_PART_IN_FORM: Final = (
    r"\b(?:(?:with|and|has|put) (?:an?|one|two|three|some) (?:\w+ )?words?|title|heading|headline|first|last"
    r"|second|third|final|each|every|names|nouns?|verbs?|adjectives?|keywords?|initials?|important"
    r"|letter of)\b[^.?!;:]{0,25}$"
)
"""Before a form, such as capitals, what names the part of the answer that has it."""
_EACH: Final = r"^[^'\"“‘]*\b(?:each|every|all|both)\b"
_EACH_OF_SEVERAL: Final = (
    r"\b(?:each|every|all|both|words?|names?|verbs?|nouns?|adjectives?|first|second|third|last|next|one of"
    r"|[a-z]+s (?:that|which))\b[^.?!'\":;]{0,30}$"
)
"""Before a beginning or an ending, what names parts of the answer that have it."""
_ITEMS_TO_SORT: Final = (
    r"^(?:(?:sort|order)\b[^:]*|(?:arrange|put)\b[^:]*\b(?:order|from \w+ to|first)\b[^:]*): ([^:]+)$"
)
_ASCENDING: Final = (
    r"\b(?:ascending|increasing|(?:small|low|little|least)(?:er|est)? (?:numbers? )?(?:first|to)"
    r"|in (?:numerical )?order(?= of (?:size|value)|:))\b"
)
_DESCENDING: Final = (
    r"\b(?:descending|decreasing|(?:large|big|bigg|high|great)(?:e?r|e?st)? (?:numbers? )?(?:first|to))\b"
)
_SECOND_CLAUSE: Final = (
    r"\bthen\b|, and |\band (?:one|a|an|say|explain|describe|the|their|its|give|tell|write|why|how|what)\b"
    r"|[.:?!] \w|\b(?:for|of|about|by|from) each\b"
    r"|\bwith (?:their|its|an? (?:\w+ )?(?:description|explanation|example|reason|definition))\b"
)
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
    checks = []
    for amount in find_amounts(text):
        check = Check(_KIND_OF_UNIT[amount.unit], dict(amount.bounds))
        if amount.item:
            nested = {"kind": check.kind, "arguments": check.arguments}
            check = Check("each", {"unit": amount.item, "checks": [nested]})
        checks.append(check)
    if (verses := _find_all(VERSE, text)) and not checks and not _find_all(_SECOND_CLAUSE, text):
        lines = LINES_OF_VERSE[verses[0][1].casefold()]
        checks.append(Check("lines", {"at_least": lines, "at_most": lines}))
    asks_for_prose = _find_all(
        r"^(?:write|tell)(?: me)? an? (?:\w+ )?(?:paragraph|story|essay)\b"
        r"(?! (?:title|idea|name|heading|plan))(?![^.?!:;]*\bor an? )",
        text,
    )
    if asks_for_prose and not any(map(_is_short, checks)) and not _find_all(_SECOND_STEP, text):
        checks.append(Check("sentences", {"at_least": 2}))
    return checks


def _is_short(check: Check) -> bool:
    """Return whether a limit of sentences is given, or one of lines or words may leave a single sentence."""
    most = check.arguments.get("at_most")
    limits = {"words": _MOST_WORDS_OF_SENTENCE, "lines": 1}
    return check.kind == "sentences" or (most is not None and most <= limits.get(check.kind, 0))


def _infer_lists(text: str) -> list[Check]:
    if matches := _find_all(_ITEMS_TO_SORT, text):
        items = split_items(matches[0][1])
        is_list = len(items) == len(set(items)) > 1
        return [Check("items", _order_items(text, items))] if is_list else []
    layout = next((kind for kind, words in _LAYOUTS.items() if _find_all(words, text)), None)
    named = _find_all(_NAMED_ITEMS, text)
    lengths = _read_list_lengths(text) if layout or named else None
    if lengths and layout:
        return _list_lengths(layout, lengths)
    if lengths and named and not _find_all(_SECOND_CLAUSE, text):
        # "Name two cities in one sentence" asks for no list, and "Give me five words" is a length.
        is_length = named[0][2].casefold().rstrip("s") in UNITS and bool(find_amounts(text))
        is_prose = is_length or _find_all(r"\b(?:sentence|paragraph|line)s?\b", text)
        return [] if is_prose else _list_lengths("items", lengths)
    return []


def _order_items(text: str, items: list[str]) -> dict[str, Any]:
    """Return the arguments of a check for items to sort; the order is known for numbers alone."""
    arguments: dict[str, Any] = {"count": len(items), "allowed": items}
    if not all(re.fullmatch(r"-?\d+", item) for item in items):
        return arguments
    ascends = bool(_find_all(_ASCENDING, text))
    if ascends == bool(_find_all(_DESCENDING, text)):
        return arguments
    return arguments | {"allowed": sorted(items, key=int, reverse=not ascends), "in_order": True}


def _read_list_lengths(text: str) -> range | None:
    """Return the lengths that a list may have, or None if the instruction does not say."""
    # The "one" of "one per line" is not a length, and neither is an amount such as "of two words each".
    counted = blank_amounts(re.sub(_LAYOUTS["lines"], "", text, flags=re.IGNORECASE))
    counted = re.sub(_RESTRICTION, "", counted, flags=re.IGNORECASE)
    if ranges := _find_all(_RANGE, counted):
        counted = re.sub(_RANGE, "", counted, flags=re.IGNORECASE)
        low, high = sorted(parse_number(group) for group in ranges[0].groups() if group)
        is_only_number = len(ranges) == 1 and not _find_all(rf"\b{NUMBER}\b", counted)
        lengths = range(max(1, low), high + 1)
        return lengths if is_only_number and len(lengths) <= _MOST_LENGTHS else None
    numbers = _find_all(rf"\b{NUMBER}\b", counted)
    if len(numbers) != 1:
        return None
    start, end = numbers[0].span()
    before, after, count = counted[:start], counted[end:], parse_number(numbers[0][0])
    lengths = range(count, count + 1)
    if _find_all(_BELOW_COUNT, before):
        lengths = range(1, count)
    elif _find_all(_MOST_COUNT, before) or _find_all(_MOST_END, after):
        lengths = range(1, count + 1)
    elif _find_all(_OPEN_COUNT, before) or _find_all(_OPEN_END, after):
        return None
    return lengths if count > 1 and len(lengths) <= _MOST_LENGTHS else None  # One item is not a list.


def _list_lengths(kind: str, lengths: range) -> list[Check]:
    """Return the check of a list with one of these lengths."""
    if kind == "lines":
        return [Check("lines", {"at_least": lengths[0], "at_most": lengths[-1]})]
    options = [Check(kind, {"count": count}) for count in lengths]
    if len(options) == 1:
        return options
    nested = [[{"kind": option.kind, "arguments": option.arguments}] for option in options]
    return [Check("any_of", {"options": nested})]


def _infer_json(text: str) -> list[Check]:
    asks_for_json = r"\bJSON (?:object|document|format|with)\b|\b(?:as|in|give me|return|write) JSON\b"
    matches = _find_all(asks_for_json, text)
    if not matches or _find_all(
        r"\b(?:what|explain|define|why|difference)\b[^.:;]*$", text[: matches[0].start()]
    ):
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
    for match in _find_all(r"\byes['\"’”]? or ['\"‘“]?no\b", text):
        is_requested = _find_all(_REQUESTED, text[: match.start()])
        if is_requested and not _find_all(_REASON, text[match.end() :]):
            checks.append(Check("yes_no"))
    return [*checks, *_infer_keywords(text), *_infer_repetitions(text), *_infer_ends(text)]


def _infer_keywords(text: str) -> Iterator[Check]:
    quoted = rf"((?:{_QUOTED}(?:,? (?:and|or) |, )?)+)"
    phrases = rf"(?:(?:the|both) )?(?:words?|phrases?|names?)\s+{quoted}"
    avoid = (
        r"\b(?:without|avoid|avoiding|do not|don't|never|not) (?:using |use |mention(?:ing)? |say(?:ing)? )?"
    )
    avoid_quoted = r"\b(?:without|avoid|do not|don't|never|not) (?:using|use|mention(?:ing)?|say(?:ing)?) "
    for match in (*_find_all(avoid + phrases, text), *_find_all(avoid_quoted + quoted, text)):
        yield Check("keywords", {"absent": re.findall(_QUOTED, match[1])})
    use = (
        r"\b(?:include|including|use|using|contains?|containing|mention|uses|includes|with) "
        r"(?:[^.?!;:'\"“‘]{1,40} and )?"
    )
    other = (
        r"(?:without|not|don't|never|avoid"
        r"|(?:start|begin|end|finish|clos|conclud|open|rhym|replac)\w*\b[^.?!'\"]{0,25})$"
    )
    for match in _find_all(use + phrases, text):
        if not _find_all(other, text[: match.start()].rstrip()):
            words = re.findall(_QUOTED, match[1])
            is_choice = _find_all(rf"[\"'”’],? or {_QUOTED}", match[1])
            yield (
                Check("any_keyword", {"options": words})
                if is_choice
                else Check("keywords", {"present": words})
            )


def _infer_repetitions(text: str) -> Iterator[Check]:
    times = rf"(?:(twice)|{_COUNT} times)\b"
    for match in _find_all(rf"^(?:repeat|write|say) (?:the word )?[\"']?(\w+)[\"']? {times}", text):
        count = 2 if match[2] else parse_count(match[3])
        yield Check("keyword_count", {"word": match[1], "at_least": count, "at_most": count})
        yield Check("words", {"at_least": count, "at_most": count})
    bounded = rf"(exactly |only |at least |at most |no more than |up to )?{times}(?! or more)"
    use = r"(?:use|using|mention|include|including|contain|repeat|have|has|with)(?:s|ing)?"
    for match in _find_all(rf"\b{use} (?:the word )?[\"'](\w+)[\"'] {bounded}", text):
        count = 2 if match[3] else parse_count(match[4])
        bound = (match[2] or "").strip().casefold()
        limits = {"at_least": count, "at_most": count}
        if bound == "at least":
            del limits["at_most"]
        elif bound in {"at most", "no more than", "up to"}:
            del limits["at_least"]
        yield Check("keyword_count", {"word": match[1], **limits})


def _infer_ends(text: str) -> Iterator[Check]:
    phrase = rf"(?:the )?(?:exact )?(?:words?|phrase|sentence|text)?\s*{_QUOTED}"
    start = r"\b(?:start|begin|starts|begins|starting|beginning)\b[^.?!'\"]{0,25}\bwith "
    alternative = rf"(?!,? or {_QUOTED})"
    end = r"\b(?:end|finish|ends|finishes|ending|closes?|closing|concludes?)\b[^.?!'\"]{0,25}\bwith "
    for kind, verbs in (("starts_with", start), ("ends_with", end)):
        for match in _find_all(verbs + phrase + alternative, text):
            # "Ten words that start with 's'": a letter, or each of several, and not the answer.
            is_part = _find_all(_EACH_OF_SEVERAL, text[: match.start()]) or _find_all(_EACH, match[0])
            if len(match[1]) > 1 and not is_part:
                yield Check(kind, {"text": match[1]})


def _infer_form(text: str) -> list[Check]:
    checks = []
    into = r"\b(?:in(?:to)? (?:all |only )?|using (?:all |only ))"
    capitals = rf"{into}(?:capital letters|capitals|upper[- ]?case|all caps)\b|\bto upper[- ]?case"
    small = rf"{into}(?:lower[- ]?case|small letters)\b|\bto lower[- ]?case"
    quotes = r"\b(?:in|inside|with|within) (?:double )?(?:quotes|quotation marks)\b"
    if _limits_answer(capitals, text) and not _find_all(small, text):
        checks.append(Check("upper_case"))
    if _limits_answer(small, text) and not _find_all(capitals, text):
        checks.append(Check("lower_case"))
    if _limits_answer(quotes, text):
        checks.append(Check("quoted"))
    # "Write the word 'dog' in capital letters."
    phrase = _find_all(rf"\bwrite the (?:word|name|sentence|phrase) {_QUOTED} in \b", text)
    if phrase and checks:
        checks.append(Check("keywords", {"present": [phrase[0][1]]}))
    if _find_all(r"\balphabetical(?:ly)?\b", text):
        checks.append(Check("alphabetical"))
    return [*checks, *_infer_structure(text), *_infer_language(text), *_infer_translation(text)]


def _limits_answer(form: str, text: str) -> bool:
    """Return whether an instruction asks for a form, and not only of a part of the answer."""
    matches = _find_all(form, text)
    return bool(matches) and not _find_all(_PART_IN_FORM, text[: matches[0].start()])


def _infer_structure(text: str) -> Iterator[Check]:
    # Searching for any number in front of these words takes long.
    if not _find_all(r"placeholder|sections", text):
        return
    for match in _find_all(rf"(?:at least )?{_COUNT} placeholders?\b", text):
        yield Check("placeholders", {"at_least": parse_count(match[1])})
    if _find_all(r"\bplaceholders? \[", text):
        yield Check("placeholders", {"at_least": len(_find_all(r"\[[^\[\]]+\]", text))})
    for match in _find_all(rf"\b{_COUNT} sections\b", text):
        before = text[: match.start()]
        if _find_all(_OPEN_COUNT, before) or _find_all(rf"{NUMBER}(?: to | or |-|–| and )$", before):
            continue
        heading = _find_all(r"['\"]([a-z]+) 1['\"]", text)
        name = heading[0][1] if heading else "Section"
        yield Check("sections", {"count": parse_count(match[1]), "name": name})


def _infer_language(text: str) -> Iterator[Check]:
    if _find_all(r"\btranslat", text):
        return
    codes = set()
    for match in _find_all(r"\bin ([a-z]+)\b(?![- ](?:speaking|class|lesson|school|food|cooking))", text):
        code = _LANGUAGE_CODES.get(match[1].casefold())
        before = text[: match.start()]
        is_text = _find_all(r"\b(?:sentences?|paragraphs?|story|poem|letter)\b[^.?!:]*$", before)
        # "Describe Paris in German.", but not "Describe life in German villages."
        is_open = _find_all(
            r"^(?:write |(?:describe|explain|introduce|write about|tell me about)\b[^.?!:]*)$", before
        )
        is_end = re.match(
            r"\W*$|[.,:;!?]| (?:in|using|with|to|about|the|an?|how|why|what|one|two|three|four|five|\d)\b",
            text[match.end() :],
        )
        is_part = _find_all(r"\bwith (?:an?|one|two) (?:\w+ )?(?:sentence|paragraph)s? $", before)
        if code and not is_part and (is_text or (is_open and is_end)):
            codes.add(code)
    # "A sentence in French and one in German" has two languages.
    if len(codes) == 1:
        yield Check("language", {"code": codes.pop()})


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
