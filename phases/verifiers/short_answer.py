"""Verifier of short answers: whether a response asserts an accepted answer, and only that one."""

import re
from collections.abc import Sequence
from typing import Final

from phases.verifiers.assertion import (
    ANSWER,
    DENIAL,
    is_asserted_alone,
    is_denied,
    is_number,
    replace_answers,
    spell_in_digits,
)
from phases.verifiers.statements import (
    EXPLANATION_START,
    contradicts,
    has_label,
    has_only_words_of,
    is_courtesy_offer,
    is_detail,
    is_related,
    list_new_stems,
    list_vocabulary,
    separate_sentences,
    split_statements,
    strip_emphasis,
    strip_hedges,
)
from phases.verifiers.stems import FUNCTION_WORDS, fold_text, list_content_stems
from phases.verifiers.text import CLOSING_MARKS, WORD_PART, has_phrase, split_words


def is_short_answer(
    response: str,
    answers: Sequence[str],
    *,
    wrong: Sequence[str] = (),
    also: Sequence[str] = (),
    at_most_words: int | None = None,
    single: bool = False,
    instruction: str = "",
) -> bool:
    """Return whether a response gives one of the accepted answers and no other.

    The first statement that contains an accepted answer must assert it:

    - The answer is not denied in its clause ("It is not 12", "I don't think it is Paris") and not retracted
      by a later one ("12, which is wrong"). "Paris, not Lyon" denies another answer and passes.
    - A numeric answer is the only number ("12 or 13", "12, 13" and "between 11 and 12" fail), apart from
      terms ("7 + 5 = 12") and numbers with another unit ("12 months or 365 days").
    - A name is not listed with other names ("Paris or Lyon", "oxygen and nitrogen", "Paris, Lyon, Nice"). Two
      names separated only by a comma pass, because the second may be an apposition ("Paris, France").
    - With an instruction, the clause of the answer has no words but those of the instruction and of `also`,
      and words that fit any answer: "ice cream" is not "ice", and "South Africa" is not "Africa". Remarks in
      parentheses and explanations ("..., which ...", "... because ...") are free.

    Further statements must be related to the instruction. A final question mark fails, unless the accepted
    answers have one.

    Args:
        response: the complete response.
        answers: accepted answers.
        wrong: words and phrases that must not occur outside of explanations.
        also: words that may occur in the clause of the answer.
        at_most_words: most words, if the instruction limits them.
        single: reject several accepted answers, if the instruction asks for one.
        instruction: the instruction; without it, the words of the clause are not restricted.
    """
    instruction = _join_initials(instruction)
    response = _join_initials(response)
    is_too_long = at_most_words is not None and len(split_words(response)) > at_most_words
    is_data = re.match(r"\s*[\[{]", response) is not None
    if is_data or is_too_long or (single and _count_distinct(response, answers) > 1):
        return False
    plain = separate_sentences(_join_names(strip_hedges(strip_emphasis(response)), instruction))
    text = replace_answers(plain, answers, wrong)
    if ANSWER not in text:
        return False
    text = _ALSO_KNOWN_AS.sub(ANSWER, text)
    text = _SPEED.sub("", _TITLE.sub("", _ELSEWHERE.sub("", text)))
    text = re.sub(rf"\((?:or|also|i\.e\.,?) (?:an? |the )?{ANSWER}[^()]*\)", "", text)
    if any(answer.rstrip().endswith("?") for answer in answers):
        text = re.sub(rf"{ANSWER}\s*\?", ANSWER, text)
    statements = split_statements(text)
    position = next((n for n, statement in enumerate(statements) if ANSWER in statement), None)
    if position is None:
        return False
    earlier, claim, later = statements[:position], statements[position], statements[position + 1 :]
    claim = _drop_asked_denials(claim, instruction)
    core = " ".join(_list_claim_clauses(claim))
    vocabulary = list_vocabulary(spell_in_digits(instruction), *also, "2")  # As in "one knife, two knives".
    # Sharing a word with a sentence does not make another sentence a remark about it.
    are_names = not any(re.search(r"[a-zà-ÿ]\s?[.?!]$", answer) for answer in answers)
    related = vocabulary | list_vocabulary(*answers) if are_names else frozenset()
    has_known_words = not instruction or (
        all(_is_lead_in(part, vocabulary) for part in earlier)
        and (
            _has_known_claim(claim, vocabulary, has_names=_NAME_AFTER.search(response) is not None)
            or _is_definition(claim, instruction)
            or _refers_back(claim, vocabulary)
        )
    )
    return (
        has_known_words
        and not re.search(rf"\?{CLOSING_MARKS}$|{ANSWER}'s\W*$", claim)
        and is_asserted_alone(claim, is_numeric=any(map(is_number, answers)))
        and not contradicts(claim, instruction)
        and not _names_other_holder(response, instruction, answers)
        and not any(has_phrase(core, phrase) for phrase in wrong)
        and all(
            _supports(statement, related | list_vocabulary(*later[:n]), vocabulary)
            for n, statement in enumerate(later)
        )
    )


_ALSO_KNOWN_AS: Final = re.compile(
    r"^(?!.*\b(?:not|never)\b)[^.,;:!?()\n]{1,40},? \(?"
    r"(?:i\.?e\.?,?|that is,?|aka|(?:better|also|commonly) known as|in other words,?)"
    rf" (?:an? |the )?{ANSWER}\)?"
)
"""Another name before the answer, as in "Sagarmatha, better known as Mount Everest"."""


_ROLES: Final = (
    "writer|author|playwright|dramatist|poet|bard|novelist|composer|pianist|musician|maestro|painter|artist"
    "|sculptor|inventor|genius|polymath|physicist|scientist|mathematician|astronomer|naturalist|explorer"
    "|navigator|sailor|seafarer|captain|admiral|astronaut|pilot|president|general|statesman|politician|city"
    "|town|capital|country|state|river|mountain|planet|peak|giant"
)
_TITLE: Final = re.compile(
    rf"(?:(?:an?|the|our) )?(?:(?!(?:no|not|never|of|by|and|or|with|for|from)\b)[\w-]+ ){{0,2}}"
    rf"\b(?:{_ROLES}),? (?={ANSWER})"
)
"""A description before a name, as in "the Genoese navigator Columbus"."""
_ELSEWHERE: Final = re.compile(
    rf"(?<={ANSWER}),? or (?:an? |the )?\w+(?: \w+)?"
    r" (?:in (?:some|many|other|parts|certain)|for (?!you|some|me)|if|when)\b[^.;,]*"
)
"""Another answer for another case, as in "lunch, or dinner in some regions"."""
_SPEED: Final = re.compile(r"(?<=\d)\s*(?:km|m|mi|miles)/(?:h|s|hour)\b")
_HOLDER: Final = re.compile(
    r"\b(?:an?|the)((?: [a-z]+){1,4}?) (?:of|in|for) (?:the )?([A-Z][\w'-]+(?: [A-Z][\w'-]+)*)"
)


def _names_other_holder(response: str, instruction: str, answers: Sequence[str]) -> bool:
    """Return whether what was asked of one name is said of another: "the capital of New Zealand"."""
    names = {word.casefold() for word in re.findall(r"(?<=[a-z] )[A-Z][\w'-]+", instruction)}
    known = names | {word for answer in answers for word in fold_text(answer).split()}
    instruction_stems = set(list_content_stems(instruction))
    return bool(names) and any(
        (stems := set(list_content_stems(what)))
        and stems <= instruction_stems
        and not known & set(fold_text(holder).split())
        for what, holder in _HOLDER.findall(response)
    )


def _join_initials(text: str) -> str:
    """Return the text with abbreviations such as "U.S.A." without their dots."""
    return re.sub(r"\b(?:[^\W\d_]\.){2,}(?=\W|$)", lambda match: match[0].replace(".", ""), text)


def _drop_asked_denials(claim: str, instruction: str) -> str:
    """Return a claim without the denials of the question, as in "Which bird cannot fly?"."""
    instruction_denials = {match[0] for match in DENIAL.finditer(fold_text(instruction))}
    return DENIAL.sub(lambda match: "" if match[0] in instruction_denials else match[0], claim)


def _is_lead_in(statement: str, vocabulary: frozenset[str]) -> bool:
    """Return whether a statement before the answer claims nothing."""
    return has_only_words_of(statement, vocabulary) and not (has_label(statement) or DENIAL.search(statement))


def _supports(statement: str, related: frozenset[str], vocabulary: frozenset[str]) -> bool:
    """Return whether a statement after the answer may explain it and does not deny it."""
    is_remark = is_related(statement, related) or has_only_words_of(statement, vocabulary)
    is_aside = re.fullmatch(r"\W*\([^()]*\)\W*", statement) is not None
    is_free = is_aside or is_remark or is_detail(statement) or is_courtesy_offer(statement)
    return (is_free or ANSWER in statement) and not is_denied(statement)


def _join_names(text: str, instruction: str) -> str:
    """Return the text with names of the instruction, such as "Romeo and Juliet", as one name."""
    for first, second in re.findall(r"(\w+) (?:and|or|&) (\w+)", instruction):
        text = re.sub(rf"\b{first} (?:and|or|&) {second}\b", f"{first} {second}", text, flags=re.IGNORECASE)
    return text


_PARENTHESES: Final = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_CLAUSE_WORDS: Final = (
    *(
        "because",
        "since",
        "which",
        "who",
        "where",
        "when",
        "while",
        "whereas",
        "although",
        "though",
        "meaning",
    ),
    *("rather than", "unlike", "not", "thanks to", "due to", "owing to", "such as"),
)
_CLAUSE_BOUNDARY: Final = re.compile(
    r"\s*(?:,(?!\d{3})|;|:|–|—|\s-\s|→|=>|=)\s*" rf"|\s+(?=(?:{'|'.join(_CLAUSE_WORDS)})\b)"
)


def _list_claim_clauses(statement: str) -> list[str]:
    """Return the clauses of a statement that claim something, without remarks and explanations."""
    clauses = _CLAUSE_BOUNDARY.split(_PARENTHESES.sub(" ", statement))
    claims = []
    has_answer = False
    for clause in clauses:
        is_explanation = (
            EXPLANATION_START.match(clause)
            or DENIAL.search(clause)
            or re.match(r"\s*\d", clause)
            or _is_remark(clause)
        )
        if not has_answer or not is_explanation:
            claims.append(clause)
        has_answer = has_answer or ANSWER in clause
    return claims


def _is_remark(clause: str) -> bool:
    """Return whether a clause after the answer is no other name, by a word such as "for"."""
    words = WORD_PART.findall(fold_text(clause))
    if len(words) < 2 or words[0] in _ALTERNATIVE_STARTS:  # noqa: PLR2004
        return False
    return bool(_REMARK_WORDS & set(words)) or words[0].endswith(("ed", "ing", "ly"))


_ALTERNATIVE_STARTS: Final = frozenset(
    ("and", "or", "but", "nor", "maybe", "perhaps", "possibly", "either", "even")
)
_REMARK_WORDS: Final = (
    FUNCTION_WORDS - _ALTERNATIVE_STARTS - {"a", "an", "the", "another", "other", "also", "s"}
)


_NAME_AFTER: Final = re.compile(r"\b(?:in|on|at|by|from|near|with|for) (?:the )?[A-Z]")
"""A preposition with a name, which may make another answer: "Paris in Texas"."""


def _refers_back(claim: str, vocabulary: frozenset[str]) -> bool:
    """Return whether a claim says something of the answer and what was asked: "Saturn has the best ones."."""
    is_about = _ABOUT_ANSWER.fullmatch(claim.strip()) is not None and not DENIAL.search(claim)
    return is_about and len(list_new_stems(claim.replace(ANSWER, ""), vocabulary)) <= _MOST_NEW_STEMS


_ABOUT_ANSWER: Final = re.compile(
    rf"(?:an? |the )?{ANSWER} (?:is|are|was|were|has|have|had|does|do|did)\b"
    r"[^,;:]*\b(?:ones?|it|them|that|this)\b\W*"
)


_PREPOSITION: Final = re.compile(
    r" (?:in|on|at|around|during|from|by|near|with|for|through|via|under|after)\b"
)


def _has_known_claim(statement: str, vocabulary: frozenset[str], *, has_names: bool = True) -> bool:
    """Return whether the claims of a statement have no words but those of a vocabulary.

    After the answer and a word of the vocabulary ("Shakespeare wrote it ..."), a statement may end with a
    time or a place ("... in 1597") or go on about the question ("..., spectacular rings"). A phrase without
    names may also follow the answer alone ("oxygen from the air").
    """
    has_answer = False
    for clause in _list_claim_clauses(statement):
        if DENIAL.search(clause) and ANSWER not in clause:
            continue
        if has_answer and ANSWER not in clause and _goes_on(clause, vocabulary):
            continue
        has_answer = has_answer or ANSWER in clause
        start, _, end = clause.partition(ANSWER)
        adjunct = re.search(rf"(?<=[\w{ANSWER}]){_PREPOSITION.pattern}", end)
        has_year = re.search(r" (?:in|between|around|from|about|c\.) [^,;]*\d", end)
        if has_year:
            end = end[: has_year.start()]
        elif adjunct and set(list_content_stems(start + end[: adjunct.start()])) & vocabulary:
            end = end[: adjunct.start()]
        elif not (start.strip() or has_names) and _PREPOSITION.match(end):
            end = ""
        elif purpose := re.match(r" (?:in order )?to \w", end):
            end = end[: purpose.start()]
        if not has_only_words_of(f"{start} {end}".replace(ANSWER, " "), vocabulary):
            return False
    return True


def _is_definition(claim: str, instruction: str) -> bool:
    """Return whether a claim defines the answer by what was asked: "A thermometer is a device that ...".

    It has the words of the question, but for one in three ("instrument"), and at most two others.
    """
    definition = _DEFINITION.fullmatch(claim.strip())
    if definition is None:
        return False
    instruction_stems, stems = set(list_content_stems(instruction)), set(list_content_stems(definition[1]))
    return (
        len(instruction_stems - stems) <= len(instruction_stems) // 3
        and len(stems - instruction_stems) <= _MOST_NEW_STEMS
    )


_DEFINITION: Final = re.compile(
    rf"(?:an? |the )?{ANSWER} (?:is|are|was|were) "
    r"((?:an?|the) (?:[\w-]+ ){1,3}(?:that|which|who|used)\b[^,;:]+)",
    re.IGNORECASE,
)
_MOST_NEW_STEMS: Final = 2


def _goes_on(clause: str, vocabulary: frozenset[str]) -> bool:
    """Return whether a clause after the answer has a word of the question and at most one new one."""
    is_known = bool(set(list_content_stems(clause)) & vocabulary)
    return is_known and len(list_new_stems(clause, vocabulary)) <= 1


def _count_distinct(response: str, answers: Sequence[str]) -> int:
    """Return how many of the answers occur that do not contain one another."""
    present = [answer for answer in answers if has_phrase(response, answer)]
    return sum(not any(a != b and has_phrase(b, a) for b in present) for a in present)
