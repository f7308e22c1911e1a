"""Claims of short answers: whether a clause that has the answer says what was asked, and little else."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from phases.verifiers.assertion import ANSWER, DENIAL
from phases.verifiers.statements import (
    EXPLANATION_START,
    has_only_words_of,
    is_known,
    list_new_stems,
)
from phases.verifiers.stems import FUNCTION_WORDS, META_WORDS, fold_text, list_content_stems, stem
from phases.verifiers.text import WORD_PART
from phases.verifiers.verbs import has_verbs, may_be_verb

_PARENTHESES: Final = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_CLAUSE_WORDS: Final = (
    r"because|since|until|which|who|where|when|while|whereas|although|though|meaning"
    r"|rather than|unlike|not|thanks to|due to|owing to|such as|(?:as|so) long as|till"
)
_CLAUSE_BOUNDARY: Final = re.compile(
    rf"\s*(?:,(?!\d{{3}})|;|:|–|—|\s-\s|→|=>|=)\s*|(?<!\beven)\s+(?=(?:{_CLAUSE_WORDS})\b)"
)
_CONCESSION: Final = re.compile(
    r"\s*(?:(?:al|even )?though|contrary to|despite|in spite of|surprisingly|unlike|whatever|while"
    r"|once|when|as soon as|(?:[^\W\d_]+ )?by then|after (?:the|their|its|some|a|an))\b"
)
"""The beginning of a clause before the answer that answers nothing: "Contrary to what many believe, ..."."""
_ADVERBS: Final = frozenset(("actually", "alas", "indeed", "naturally", "obviously"))
_WORDING: Final = frozenset(
    "accent capital formal informal noun pronunciation slang spelling term terms title titles word".split()  # noqa: SIM905
)
_ALTERNATIVE_STARTS: Final = frozenset(
    ("and", "or", "but", "nor", "maybe", "perhaps", "possibly", "either", "even")
)
_REMARK_WORDS: Final = (
    FUNCTION_WORDS - _ALTERNATIVE_STARTS - {"a", "an", "the", "another", "other", "also", "s"}
)
_NAME_AFTER: Final = re.compile(r"\b(?:in|on|at|by|from|near|with|for) (?:the )?[A-Z]")
"""A preposition with a name, which may make another answer: "Paris in Texas"."""
_ABOUT_ANSWER: Final = re.compile(
    rf"(?:an? |the )?{ANSWER} (?:is|are|was|were|has|have|had|does|do|did)\b"
    r"[^,;:]*\b(?:1|ones?|it|them|that|this)\b\W*"
)
_DESCRIBED: Final = re.compile(rf"((?:the|an?|our|my|your) [^,;:.–—]+), (?:an? |the )?\"?{ANSWER}\W*")
_PREPOSITION: Final = re.compile(
    r" (?:in|on|at|around|during|from|by|near|with|for|through|via|under|after)\b"
)
_ALL_OTHERS: Final = re.compile(r"\b(?:every|any|all) others?\b|\bthe rest\b")
_ANSWER_FIRST: Final = re.compile(
    rf"(?:(?:an?|the|its|our|their|your) )?[\"']?{ANSWER}[\"']? ([^,;:{ANSWER}]+)"
)
_OTHER_CASES: Final = re.compile(
    rf"(?<={ANSWER})[\"']?(?: (?:do|does|is|are))?\s*[,;–—-]?[\"']?\s*"
    r"\b(?:but|while|whereas|(?:al|even )?though)"
    rf" (?:some|a few|certain|other|others|not all|an? \w+ (?:1|one)\b(?=[^.;!?]*{ANSWER}))\b"
    rf"(?! (?:people|experts|sources)\b)[^.;!?]*[.!]?\W*$"
)
"""A contrast with other cases, as in "Cows do, although some cheeses come from sheep"."""
_CALL: Final = re.compile(
    r"\b(?:call|name|term|dub)(?:s|ed)? (?:it|that|them|this|(?:such|somebody|someone)(?: \w+){0,2})$"
)
_NAMES: Final = rf"(?: [\w{ANSWER}-]+){{1,2}}"
_OTHERS_BY_CONTRAST: Final = re.compile(
    rf"(?<={ANSWER}),? (?:(?:al|even )?though|while|whereas){_NAMES}(?:,{_NAMES})*,? and"
    rf"(?! (?:it|that|this|now|so)\b)(?P<end>(?: [\w'{ANSWER}-]+){{2,8}})\W*$"
)
_MADE: Final = frozenset(
    "authored composed created designed developed discovered invented made painted produced written".split()  # noqa: SIM905
)
_SHORT_FOR: Final = frozenset(("abbreviation", "acronym", "name", "short", "stand", "stands", "term", "word"))
_CONCLUSION: Final = re.compile(
    rf"(?P<before>[^,;:{ANSWER}]*?\w)"
    rf"(?P<joint>(?: (?:to|into|as|in|at|on|by|with|from|for|through|under|called|named|by the name of))?"
    r"(?: (?:an?|the|its|my|our|their|your))?)"
    rf" (?P<quote>[\"'])?{ANSWER}[\"']?"
    r"(?P<after> (?:then|there|over there|nowadays|today)| (?:for|with|by) (?:it|that|this)"
    rf"| that [^,;:{ANSWER}]+)?"
)
_OTHER_RELATION: Final = re.compile(
    r"\b(?:and|or|but|before|after|than|like|near|close|second|which|who|similar"
    r"|opposite|contrary|compared|instead|former|replica|copy|almost|nearly|unless|if)\b"
)
_RELATIVE: Final = re.compile(r"(?<!\bin)(?<!\bof)(?<!\bfor)(?<!\bat)(?<!\bon)(?<!\bto) that\b")
_CHOICES: Final = frozenset(
    (
        "consult",
        "depend",
        "depends",
        "point",
        "points",
        "reach",
        "rely",
        "relies",
        "turn",
        "turns",
        "use",
        "uses",
    )
)
"""Verbs of people who choose what was asked for."""
_PRONOUNS: Final = frozenset(("it", "such", "that", "them", "these", "this", "those", "there"))
_PEOPLE: Final = frozenset(("1", "people", "they", "we", "you"))
_MOST_NEW_STEMS_OF_PEOPLE: Final = 1
_DEFINITION: Final = re.compile(
    rf"(?:an? |the )?{ANSWER} (?:is|are|was|were) "
    r"((?:an?|the) (?:[\w-]+ ){1,3}(?:that|which|who|used)\b[^,;:]+)",
    re.IGNORECASE,
)
_MOST_NEW_STEMS: Final = 2


def drop_contrast(statement: str) -> str:
    """Return a statement without what its end says of several others: "..., although goats and hens ..."."""
    if other_cases := _OTHER_CASES.search(statement):
        is_claim = has_verbs(other_cases[0])
        return (
            statement[: other_cases.start()] if is_claim and not DENIAL.search(other_cases[0]) else statement
        )
    others = _OTHERS_BY_CONTRAST.search(statement)
    return statement[: others.start()] if others and has_verbs(others["end"]) else statement


def list_claim_clauses(statement: str) -> list[str]:
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
        is_concession = _CONCESSION.match(clause) and ANSWER not in clause
        if not (is_concession or (has_answer and is_explanation)):
            claims.append(clause)
        has_answer = has_answer or ANSWER in clause
    return claims


def _is_remark(clause: str) -> bool:
    """Return whether a clause after the answer is no other name, by a word such as "for" or "spelling"."""
    words = WORD_PART.findall(fold_text(clause))
    if len(words) == 1 and (words[0].endswith("ly") or words[0] in _ADVERBS):
        return True
    if _WORDING & set(words) and not _ALTERNATIVE_STARTS & set(words):
        return True
    if len(words) < 2 or words[0] in _ALTERNATIVE_STARTS:  # noqa: PLR2004
        return False
    return bool(_REMARK_WORDS & set(words)) or words[0].endswith(("ed", "ing", "ly"))


def refers_back(claim: str, vocabulary: frozenset[str]) -> bool:
    """Return whether a claim says something of the answer and what was asked: "Saturn has the best ones."."""
    claim = re.sub(rf"[\"'](?={ANSWER})|(?<={ANSWER})[\"']", "", claim.strip())
    is_about = _ABOUT_ANSWER.fullmatch(claim) is not None and not DENIAL.search(claim)
    return is_about and len(list_new_stems(claim.replace(ANSWER, ""), vocabulary)) <= _MOST_NEW_STEMS


def is_described(claim: str, vocabulary: frozenset[str]) -> bool:
    """Return whether a claim describes the answer by what was asked: "The sixth planet, Saturn."."""
    described = _DESCRIBED.fullmatch(claim.strip())
    if described is None or DENIAL.search(claim) or _OTHER_RELATION.search(described[1]):
        return False
    return (
        bool(set(list_content_stems(described[1])) & vocabulary)
        and len(list_new_stems(described[1], vocabulary)) <= _MOST_NEW_STEMS
    )


def has_known_claim(statement: str, vocabulary: frozenset[str], response: str) -> bool:
    """Return whether the claims of a statement have no words but those of a vocabulary.

    After the answer and a word of the vocabulary ("Shakespeare wrote it ..."), a statement may end with a
    time or a place ("... in 1597") or go on about the question ("..., spectacular rings"). A phrase without
    names may also follow the answer alone ("oxygen from the air"). A clause that ends with the answer may
    have two other words; see `_concludes`.
    """
    has_answer = False
    has_names = _NAME_AFTER.search(response) is not None
    for clause in list_claim_clauses(statement):
        if DENIAL.search(clause) and ANSWER not in clause:
            continue
        if has_answer and ANSWER not in clause and _goes_on(clause, vocabulary):
            continue
        if not has_answer and (
            _concludes(clause, vocabulary, response) or _is_subject(clause, vocabulary, response)
        ):
            has_answer = True
            continue
        has_answer = has_answer or ANSWER in clause
        start, _, end = clause.partition(ANSWER)
        adjunct = re.search(_PREPOSITION.pattern, end)
        if adjunct and has_names and not adjunct.start():
            adjunct = None
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


def _concludes(clause: str, vocabulary: frozenset[str], response: str) -> bool:
    """Return whether a clause about the question ends with the answer: "Astronomers use telescopes.".

    It has a verb, a word of the question or a pronoun for it, and at most two other words. It neither names
    anything else nor compares the answer with it.
    """
    clause = clause.strip(" \"'.!,:").removesuffix(" instead")
    conclusion = _CONCLUSION.fullmatch(clause)
    if conclusion is None or _OTHER_RELATION.search(clause):
        return False
    before, joint = conclusion["before"], conclusion["joint"].strip()
    words = WORD_PART.findall(before)
    if not (conclusion["quote"] or _may_precede(words, joint, vocabulary)):
        return False  # As in "a mountain lion" and "stolen by Leonardo".
    if _RELATIVE.search(before) and any(
        first == "that" and may_be_verb(second) for first, second in pairwise(words)
    ):
        return False  # As in "a fruit that is used in wine".
    names = {word.casefold() for word in re.findall(r"(?<=[\w,;] )[A-Z]\w+", response)}
    if any(word in names and not is_known(word, vocabulary) for word in words):
        return False
    new_stems = list_new_stems(re.sub(r"\d+", "", f"{before} {conclusion['after'] or ''}"), vocabulary)
    pointers = {*words, *WORD_PART.findall(conclusion["after"] or "")} & (_PRONOUNS | _CHOICES)
    is_about = bool(pointers) or any(
        is_known(word, vocabulary) for word in words if word not in FUNCTION_WORDS
    )
    most = _MOST_NEW_STEMS if is_about else _MOST_NEW_STEMS_OF_PEOPLE
    return has_verbs(before) and len(new_stems) <= most and (is_about or bool(_PEOPLE & set(words)))


def _is_subject(clause: str, vocabulary: frozenset[str], response: str) -> bool:
    """Return whether a clause about the question begins with the answer: "Lions bear that title.".

    It has at most one other word, or two with a pronoun.
    """
    match = _ANSWER_FIRST.fullmatch(clause.strip(" \"'.!,:"))
    if match is None or _OTHER_RELATION.search(clause) or DENIAL.search(clause):
        return False
    rest = match[1]
    words = set(WORD_PART.findall(rest))
    names = {word.casefold() for word in re.findall(r"(?<=[\w,;] )[A-Z]\w+", response)}
    has_pronoun = bool(_PRONOUNS & words) or _ALL_OTHERS.search(rest) is not None
    shared = set(list_content_stems(rest)) & vocabulary
    is_about = has_pronoun or bool(META_WORDS & words) or len(shared) > 1
    is_named = any(word in names and not is_known(word, vocabulary) for word in words)
    most = _MOST_NEW_STEMS if has_pronoun else 1
    return is_about and not is_named and has_verbs(rest) and len(list_new_stems(rest, vocabulary)) <= most


def _may_precede(words: Sequence[str], joint: str, vocabulary: frozenset[str]) -> bool:
    """Return whether the words of a clause and a preposition or article may precede the answer."""
    preposition = joint.split(" ", maxsplit=1)[0]
    if preposition in {"with", "from"}:
        subject = next((word for word in words if word not in FUNCTION_WORDS | _PEOPLE), "")
        return bool(_PEOPLE & set(words[:1])) or is_known(subject, vocabulary)
    if _CALL.search(" ".join(words)):
        return True
    is_made = words[-1] in _MADE or stem(words[-1]) in vocabulary
    if joint == "by the name of":
        return True
    allowed = {"": may_be_verb(words[-1]), "by": is_made, "for": words[-1] in _SHORT_FOR}
    return allowed.get(preposition, True)


def is_definition(claim: str, instruction: str) -> bool:
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


def _goes_on(clause: str, vocabulary: frozenset[str]) -> bool:
    """Return whether a clause after the answer has a word of the question and at most one new one."""
    is_known = bool(set(list_content_stems(clause)) & vocabulary)
    return is_known and len(list_new_stems(clause, vocabulary)) <= 1
