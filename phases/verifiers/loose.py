"""Loose variants of a response: without its lead-in and closing remark, and without emphasis.

Zhou et al. (arXiv 2311.07911) judge a response loosely by eight variants: without its first line, its last
line, or both, and each of these without asterisks. Here a line is dropped only if it is a remark: dropping
any line would turn a list with one item too many, or two competing answers, into a correct answer. A lead-in
on the same line ("Sure! Here are three planets: ..."), headings, code fences and the marks of quotations are
dropped as well, and so is the rest of a sentence that states the answer ("The result is 24."). A final full
stop may be missing.
"""

import re
from typing import Final

from phases.verifiers.languages import is_foreign
from phases.verifiers.statements import is_detail, strip_emphasis
from phases.verifiers.text import BULLET_LINE, NUMBERED_LINE, split_lines, split_sentences, split_words
from phases.verifiers.verbs import has_verbs

_COURTESIES: Final = (
    *(
        "sure(?: thing)?",
        "certainly",
        "of course",
        "absolutely",
        "okay",
        "ok",
        "great",
        "gladly",
        "no problem",
    ),
    *(
        r"(?:i(?:'|’)m |i am )?(?:more than |always )?(?:happy|glad|pleased|delighted) to \w+",
        "all right",
        "alright",
        "got it",
        "understood",
        "(?:good|great) question",
        "hello",
        "hi",
    ),
    *("hey", "thank(?:s| you) for asking", "yes", "well", "with pleasure", "(?:here|there) (?:you|we) go"),
    *(
        "my pleasure",
        "glad you asked",
        "easy",
        "no worries",
        "hmm+",
        "let(?:'|’)?s see",
        "let me (?:see|think)",
        "(?:how|what) about (?:this|these|that|the following)(?: (?:one|ones))?",
        r"that(?:'|’)?s (?:an? )?(?:easy|simple|quick|good|nice|fun)(?: one| question)?",
        "gerne",
        "natürlich",
        "klar",
        "bien sûr",
        "volontiers",
        "avec plaisir",
        "claro(?: que sí)?",
        "por supuesto",
        "con (?:mucho gusto|gusto|piacere)",
        "certo",
        "certamente",
        "volentieri",
    ),
)
_INTRODUCTIONS: Final = (
    "here(?:'s|’s| is| are)",
    "the following",
    "below (?:is|are)",
    "this is",
    "these are",
)
_PROMISES: Final = (
    r"(?:i(?:'|’)d|i(?:'|’)ll|i(?:'|’)m|i (?:would|can|will|am)|let me|happy to|glad to|allow me)\b"
)
_CLOSINGS: Final = (
    *("(?:i )?hope (?:this|that|it)", "let me know", "feel free", "is there anything", "would you like"),
    *("you(?:'|’)re welcome", "have a (?:nice|great|good)", "do you (?:want|need)", "enjoy", "good luck"),
    *("if you (?:need|want|have|would)", "i(?:'d| would|'m| am) (?:be )?happy to", "anything else"),
    *("hopefully", "hope ", "does (?:this|that) help", "(?:this|that) should", "just (?:let me know|ask)"),
    *(
        "happy to",
        "glad to",
        "cheers",
        "all the best",
        "(?:thanks|thank you)(?=[.!]?$)",
        "any(?: other)? questions",
    ),
)
_OTHER_REMARKS: Final = (
    *("as requested", "please let", "(?:please )?note", "that(?:'s| is) (?:it|all|the|my)", r"done\W*$"),
    *("these are", "this is (?:a|an|the|my)", "i(?:'|’)(?:d|ve|ll) ", "i (?:chose|picked|hope|would|have)"),
    *("as you (?:asked|requested|wished)", "(?:the|my) (?:answer|result|response|solution|translation|list)"),
    *("in response", "to answer", "you asked", "(?:this|that|it) (?:answers|meets|follows)"),
)


def _match_any_of(*phrases: str) -> str:
    return rf"(?:{'|'.join(phrases)})\b"


_INLINE_LEAD_IN: Final = re.compile(
    rf"(?:{_match_any_of(*_COURTESIES)}[^.!:\n]{{0,40}}[.!:,]+\s+)?{_match_any_of(*_INTRODUCTIONS)}[^:\n]{{0,120}}:\s*"
    rf"|{_match_any_of(*_COURTESIES)}[^.!:,\n]{{0,40}}(?:, {_PROMISES}[^.!?:\n]{{0,50}})?[.!:]+\s+"
    rf"|{_PROMISES} (?:say|go with|suggest|pick|choose|answer)\b:?\s+"
    r"|[^\W\d_][^\n:.!?;,\"“]{0,60}:\s+(?=\S)"
    r"|(?:(?:my|the) )?(?:final |correct |short )?(?:answer|response|output|result|solution|suggestion|pick)"
    r"(?: is| would be)?\s*:\s*",
    re.IGNORECASE,
)
_LEAD_IN: Final = re.compile(
    rf"\W*{_match_any_of(*_COURTESIES, *_INTRODUCTIONS, *_OTHER_REMARKS)}", re.IGNORECASE
)
_CLOSING: Final = re.compile(rf"\W*{_match_any_of(*_CLOSINGS, *_OTHER_REMARKS)}", re.IGNORECASE)
_CLOSING_SENTENCE: Final = re.compile(rf"(?<=[.!?:])\s+{_match_any_of(*_CLOSINGS)}[^\n]*$", re.IGNORECASE)
_EXPLANATION: Final = re.compile(
    r"\W*(?:(?:it|this|that) (?:\w+ )?(?:means?|refers|suggests|teaches|implies|reminds|expresses|warns)\b"
    r"|(?:the|this) (?:\w+ )?(?:word|proverb|saying|phrase|expression|idiom|correction|original|verb"
    r"|subject|adjectives?|meaning|sentence|mistake|errors?|spelling|pronouns?|noun|analogy|relationship|pattern|version)\b"
    r"|i(?:(?:'|’)ve| have)? (?:changed|removed|corrected|replaced|fixed|added|used|put|swapped|made|moved)\b"
    r"|in other words\b|(?:explanation|note|meaning)\b)"
    r"|[-*•]\s+[\"“'‘*]",
    re.IGNORECASE,
)
"""Beginning of a sentence about the answer, or of a list of its parts."""
_FENCE: Final = re.compile(r"```\w*\s*\n(.*?)\n?\s*```", re.DOTALL)
_RULE: Final = re.compile(r"^[ \t]*(?:-{3,}|\*{3,}|_{3,})[ \t]*\n?", re.MULTILINE)
_ASIDE: Final = re.compile(r"[*_]?\(.+\)[*_]?")
_HEADING: Final = re.compile(r"#{1,6}\s+\S.*")
_QUOTATION: Final = re.compile(r"^> ?", re.MULTILINE)
_FEWEST_MARKED_LINES: Final = 2


def make_loose_variants(response: str, *, has_predicate: bool = True) -> list[str]:
    """Return the response and its loose variants, without duplicates and blank ones.

    Args:
        response: the complete response.
        has_predicate: whether the answer may be the predicate of a sentence, as in "The result is 24.".
    """
    text = _RULE.sub("", response).strip()
    variants = [text]
    for shorten in (*_SHORTENINGS, *([_take_predicate] if has_predicate else [])):
        variants += [shorten(variant) for variant in variants]
        variants = list(dict.fromkeys(variants))
    variants += [form.strip() for each in variants for form in (each.replace("*", ""), strip_emphasis(each))]
    variants += [f"{variant}." for variant in variants if _lacks_full_stop(variant)]
    return [variant for variant in dict.fromkeys(variants) if variant]


def _lacks_full_stop(text: str) -> bool:
    """Return whether a text is a sentence without its last mark, and no fragment."""
    words = split_words(text)
    is_sentence = len(words) >= _SENTENCE_WORDS and text[-1:].isalnum()
    return is_sentence and (has_verbs(text) or is_foreign(words))


_SENTENCE_WORDS: Final = 5


def _drop_first_line(text: str) -> str:
    lines = text.split("\n")
    return (
        "\n".join(lines[1:]).strip() if len(lines) > 1 and _is_remark(lines[0], lines[1:], _LEAD_IN) else text
    )


def _drop_last_line(text: str) -> str:
    lines = text.split("\n")
    return (
        "\n".join(lines[:-1]).strip()
        if len(lines) > 1 and _is_remark(lines[-1], lines[:-1], _CLOSING)
        else text
    )


def _is_remark(line: str, others: list[str], remark: re.Pattern[str]) -> bool:
    line = line.strip()
    if not line or line.startswith("```"):
        return not line
    if _is_marked(line):
        return False
    if _HEADING.fullmatch(line) or _ASIDE.fullmatch(line):
        return True
    # A line without a marker next to a list with markers is not an item.
    marked = sum(_is_marked(other) for other in split_lines("\n".join(others)))
    return line.rstrip("*_").endswith(":") or marked >= _FEWEST_MARKED_LINES or bool(remark.match(line))


def _is_marked(line: str) -> bool:
    return bool(NUMBERED_LINE.fullmatch(line.strip()) or BULLET_LINE.fullmatch(line.strip()))


def _drop_inline_lead_in(text: str) -> str:
    match = _INLINE_LEAD_IN.match(text)
    return text[match.end() :].strip() if match and not _DENIAL.search(match[0]) else text


_DENIAL: Final = re.compile(r"\b(?:not|never|wrong|incorrect|false|mistaken)\b", re.IGNORECASE)


def _drop_closing(text: str) -> str:
    return _CLOSING_SENTENCE.sub("", text).strip()


def _drop_explanation(text: str) -> str:
    """Return the text without the sentences at its end that are about the answer, as "It means that ..."."""
    lines = text.split("\n")
    while len(lines) > 1 and (not lines[-1].strip() or _explains(lines[-1])):
        lines.pop()
    last = lines[-1]
    sentences = split_sentences(last)
    while len(sentences) > 1 and _EXPLANATION.match(sentences[-1]):
        last = last[: last.rindex(sentences.pop())].rstrip()
    return "\n".join([*lines[:-1], last]).strip()


def _explains(line: str) -> bool:
    plain = strip_emphasis(line).strip()
    return is_detail(plain) or bool(_EXPLANATION.match(plain))


_STATED: Final = re.compile(
    r"(?:so |thus |therefore,? )?(?:the|this|that|it|its|my)\b[^.:!?;,\n]{0,60}?"
    r"(?:'s|\b(?:is|are|would be|becomes|gives|equals))\b:? +([^.!?\n]+)[.!]?",
    re.IGNORECASE,
)
_STATED_FIRST: Final = re.compile(
    r"[\"“']?([^.:!?,\n\"”]+?)[\"”']? (?:is|are|would be)"
    r" (?:what (?:you|we|one) gets?|(?:the|my) (?:result|answer|word|solution)\b[^.:!?;,\n]{0,40})[.!]?",
    re.IGNORECASE,
)


def _take_predicate(text: str) -> str:
    """Return the answer that a single sentence states: "The result is 24."."""
    match = _STATED.fullmatch(text) or _STATED_FIRST.fullmatch(text)
    return match[1].strip() if match else text


def _unfence(text: str) -> str:
    match = _FENCE.search(text)
    return match[1].strip() if match else text


def _unmark(text: str) -> str:
    """Return a quotation without its marks, and a single item without its bullet."""
    if all(line.startswith(">") for line in text.splitlines()):
        return _QUOTATION.sub("", text).strip()
    bullet = BULLET_LINE.fullmatch(text)
    return bullet[1].strip() if bullet else text


_SHORTENINGS: Final = (
    _drop_first_line,
    _drop_inline_lead_in,
    _drop_last_line,
    _drop_closing,
    _drop_explanation,
    _unfence,
    _unmark,
)
