"""Filters for generated instructions: functions that return the name of the first problem, or None."""

import re
from collections.abc import Collection, Sequence

from phases.datagen.number_filters import is_arithmetic_without_value
from phases.datagen.text_filters import (
    CHAT_TOKEN,
    INLINE_INPUT,
    JUNK,
    LABEL,
    MARKUP,
    find_first_problem,
    is_repetitive,
)
from phases.scoring.ngrams import list_words
from phases.verifiers.infer import infer_checks
from phases.verifiers.languages import STOPWORDS
from phases.verifiers.text import split_sentences

_MIN_WORDS = 2
_MAX_WORDS = 150
_MAX_LINES = 12
_ITEM = re.compile(r"\s*(?:[-*•]|\d+[.)]|[A-Za-z][.)])\s")
_MISSING_INPUT = re.compile(
    r"\b(?:following|below|above|given)\b"
    r"|\b(?:this|these|those) (?:\w+ )?(?:words?|sentences?|phrases?|texts?|passages?|articles?|paragraphs?"
    r"|tables?|graphs?|poems?|codes?|stor(?:y|ies)|questions?|items?|options?|lists?|numbers?|rows?)\b"
    r"|\bthe (?:\w+ )?(?:words?|sentences?|phrases?|blanks?|gaps?|questions?|options?|items?"
    r"|events|examples?|answers?|rules?)"
    r"(?=$|[.?!]|,? (?:in(?:to)?|to|with|using|by|correctly|and|so|that (?:is|are)|you (?:see|hear|read)) )"
    r"|\bthe (?:text|passage|article|paragraph|poem|code|story|dialogue|letter|email|title)"
    r"(?=$|[.?!,]|,? (?:in(?:to)?|to|and|then|using) )",
    re.IGNORECASE,
)
"""References to a text that should come with the instruction."""
_ABSENT = re.compile(
    r"\b(?:this|the|these|those|each|see) (?:\w+ )?(?:images?|pictures?|photos?|photographs?|videos?"
    r"|diagrams?|maps?|charts?|figures?|tables?|graphs?|illustrations?|audio|recording|box(?:es)?|ovals?|columns?|bar)\b"
    r"|\b(?:this|these|those) (?:\w+ )?(?:animals?|car|bag|person|man|woman|thing|place|object|house|book"
    r"|song|movie|film|game|island|appliance)\b"
    r"|^(?:what|where|when|why|how|who|which)(?: \w+)? (?:is|are|was|were|do|does|did|can|will|would)"
    r" (?:he|she|they|this|that|these|those)\b"
    r"|^(?:what|where|when|why|how|who) (?:is|was|does|did|do|can|will) it(?: \w+){0,2}\?$",
    re.IGNORECASE,
)
"""References to things that cannot come with a text, and pronouns without a noun."""
_NOT_WRITING = re.compile(
    r"^(?:what (?:is|are|was) your (?:name|age|job|address|phone|birthday)|how old are you|who are you"
    r"|where (?:do|did|are) you (?:live|from|come|born|grow))\b"
    r"|^(?:please )?(?:draw(?! up)|paint|sketch|colou?r in|listen|watch|look at|go|open)\b|\baloud\b",
    re.IGNORECASE,
)
"""Tasks that cannot be done in writing, and questions about the person who answers."""
_MIN_INPUT_WORDS = 4
_TO_COMPLETE = re.compile(
    r"^(?:please )?(?:complete|finish|fill in|continue|end) (?:in )?(?:(?:the|this|these|each|a|my) )?"
    r"(?:following )?(?:sentences?|proverbs?|sayings?|phrases?|analog(?:y|ies)|rhymes?|comparisons?|idioms?"
    r"|expressions?|lists?|missing \w+|blanks?|gaps?|words?)\b[^:]*[:.]\s*(.*)",
    re.IGNORECASE | re.DOTALL,
)
_BLANK = re.compile(r"_{1,4}|\.\.\.|…|\?$")
_ANSWER = re.compile(r"^(?:please )?(?:answer|reply|respond)\b[^:]*:\s*(.*)", re.IGNORECASE)
_OPEN_QUESTION = re.compile(r"(?:what|who|whom|whose|where|when|why|how|which)\b", re.IGNORECASE)
_INTO_ENGLISH = re.compile(r"\btranslat\w+\b.*\b(?:in|to|into) english\b", re.IGNORECASE)
_FOREIGN_WORDS = frozenset(word for code, words in STOPWORDS.items() if code != "en" for word in words)
_MIN_TEXT_SHARE = 0.6
"""Smallest share of letters, digits and spaces."""
_OPENING_WORDS = frozenset(
    list_words(
        """
        add answer arrange ask calculate capitalise capitalize change choose classify combine compare
        complete compose convert copy correct count create decide define describe design divide draft
        draw edit estimate evaluate explain express extract fill find finish fix form format generate
        give guess help identify imagine invent join list make match multiply name offer order outline
        paraphrase pick plan please predict print produce propose provide put rank read recommend reduce
        remove repeat replace reply rephrase return reverse rewrite round say select show simplify solve
        sort spell split start state subtract suggest summarise summarize take tell think translate turn
        use verify write are can could did do does has have how if is may should was were what when
        where which who whom whose why will would
        """
    )
)
"""Imperatives and question words that open an instruction; the seeds add theirs."""


def collect_opening_words(instructions: Sequence[str]) -> frozenset[str]:
    """Return the words that may open an instruction: the usual ones and those of the given instructions."""
    return _OPENING_WORDS | {words[0] for text in instructions if (words := list_words(text))}


def find_instruction_problem(text: str, opening_words: Collection[str] = _OPENING_WORDS) -> str | None:
    """Return why a text is not a usable instruction, or None.

    Args:
        text: the instruction.
        opening_words: lower-case words with which an instruction or one of its clauses may open.
    """
    count = len(text.split())
    return find_first_problem(
        {
            "instruction length": lambda: not _MIN_WORDS <= count <= _MAX_WORDS,
            "instruction of several lines": lambda: not _has_layout(text),
            "chat token in instruction": lambda: CHAT_TOKEN.search(text),
            "label in instruction": lambda: LABEL.search(text),
            "junk in instruction": lambda: _has_junk(text),
            "instruction without its input": lambda: text.endswith(":") or is_missing_input(text),
            "instruction beyond a text": lambda: _NOT_WRITING.search(text),
            "nothing to complete or to answer": lambda: has_nothing_to_do(text),
            "arithmetic without a value": lambda: is_arithmetic_without_value(text),
            "translation into its own language": lambda: (
                _INTO_ENGLISH.search(text) and _has_english_input(text)
            ),
            "repetition in instruction": lambda: is_repetitive(text),
            "not an instruction": lambda: not _is_request(text, opening_words),
        }
    )


def find_problem_in_group(
    text: str, needs_input: bool, common_checks: frozenset[str] | None, *, opening_words: Collection[str]
) -> str | None:
    """Return why a text is not a usable instruction like those of its group, or None.

    Args:
        text: the instruction.
        needs_input: whether all examples of the group come with a text to work on.
        common_checks: the group's, as `find_common_checks` returns them.
        opening_words: see `find_instruction_problem`.
    """
    if problem := find_instruction_problem(text, opening_words):
        return problem
    if needs_input and not has_input(text):
        return "instruction without its input"
    if not _has_common_checks(text, common_checks):
        return "another kind of instruction"
    return None


def find_common_checks(examples: Sequence[str]) -> frozenset[str] | None:
    """Return the kinds of checks that all examples share, or None if an example has no checks."""
    kinds = [frozenset(check.kind for check in infer_checks(text)) for text in examples]
    return frozenset.intersection(*kinds) if all(kinds) else None


def _has_common_checks(text: str, common: frozenset[str] | None) -> bool:
    """Return whether an instruction is as verifiable as the examples of its group."""
    if common is None:
        return True
    kinds = {check.kind for check in infer_checks(text)}
    return bool(kinds) and common <= kinds


def _has_layout(text: str) -> bool:
    """Return whether a text is one line, or its first line announces the others, or these are items."""
    first, *others = text.splitlines()
    if len(others) >= _MAX_LINES:
        return False
    return first.rstrip().endswith(":") or all(_ITEM.match(line) for line in others)


def is_missing_input(instruction: str) -> bool:
    """Return whether an instruction refers to a text, picture or thing that does not come with it."""
    if _ABSENT.search(instruction):
        return True
    return bool(_MISSING_INPUT.search(instruction)) and not INLINE_INPUT.search(instruction)


def has_input(instruction: str) -> bool:
    """Return whether an instruction comes with a text to work on: in quotes, after a colon or a sentence."""
    further_sentences = split_sentences(instruction)[1:]
    return bool(INLINE_INPUT.search(instruction)) or any(
        len(text.split()) >= _MIN_INPUT_WORDS for text in further_sentences
    )


def has_open_quote(text: str) -> bool:
    """Return whether a quotation is not closed; an apostrophe opens none."""
    opening_quotes = len(re.findall(r"(?<!\w)'(?=\w)", text))
    closed = len(re.findall(r"(?<=[\w.,?!])'(?!\w)", text))
    return opening_quotes > closed or text.count('"') % 2 == 1


def has_nothing_to_do(instruction: str) -> bool:
    """Return whether the text to complete is complete, or the question to answer is not a question."""
    if completion := _TO_COMPLETE.match(instruction):
        text = completion[1]
        return not text or (text[-1] in ".!" and not _BLANK.search(text))
    if answer := _ANSWER.match(instruction):
        question = answer[1]
        if "yes or no" in instruction.casefold() and _OPEN_QUESTION.match(question):
            return True
        return "?" not in question and "true" not in instruction.casefold()
    return False


def _has_junk(text: str) -> bool:
    text_share = sum(c.isalnum() or c.isspace() for c in text) / len(text)
    return (
        bool(JUNK.search(text) or MARKUP.search(text))
        or text_share < _MIN_TEXT_SHARE
        or text[-1] in ",;("
        or has_open_quote(text)
    )


def _has_english_input(instruction: str) -> bool:
    english_words = STOPWORDS["en"] - _FOREIGN_WORDS
    return any(set(list_words(text)) & english_words for text in INLINE_INPUT.findall(instruction))


def _is_request(text: str, opening_words: Collection[str]) -> bool:
    if not (text[0].isupper() or text[0] in "\"'"):
        return False
    if text.endswith("?"):
        return True
    clauses = re.split(r"[,:.] ", text)
    return any((words := list_words(clause)) and words[0] in opening_words for clause in clauses)
